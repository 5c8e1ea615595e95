"""Names of columns, values and groups that are Markdown, HTML or addresses: no page makes a link, an image or markup of them."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from google.protobuf.message import Message
from paths import APP
from streamlit.testing.v1 import AppTest

from core.cli.main import main
from engine import lifecycle

HOST = "http://pixel.invalid"
LABEL, FACET = f"![paid]({HOST}/paid.png)", f"[sex]({HOST}/sex)"
YES, WOMEN = f"yes ![y]({HOST}/y.png)", f"![f]({HOST}/f.png)"
PLAIN = {"spec", "alt", "id", "value", "default", "options", "raw_data", "url", "query_string", "placeholder", "set_value"}
"""Fields of Streamlit's messages that are shown as they are, or not at all; the options of a select box are, those of a radio aren't."""
MARKDOWN = re.compile(r"(?<!\\)\[(?:sex|paid|f|m|y)(?<!\\)\]\(|(?<!\\):red\[|(?<!\\)\$x|(?<!\\)<(?:img|a)\b")
ADDRESS = re.compile(r"https?://pixel|www\.pixel|me@pixel")
"""What remark, which Streamlit draws Markdown with, makes a link of, once backslashes are gone."""
TABS = {
    "overview": [{}],
    "data": [{"tab": "results"}, {"tab": "sets"}, {"tab": "new"}],
    "tuning": [{"tab": "results", "view": view} for view in ("history", "hyperparameters", "bias", "trials")] + [{"tab": "single"}],
    "registry": [{"view": view} for view in ("Quality", "Bias", "Threshold", "Explanation", "All versions")],
    "bias": [{"tab": "results", "view": view} for view in ("Metrics", "Difference", "Groups", "Threshold")] + [{"tab": "new"}],
    "explainability": [{"tab": "results"}, {"tab": "new"}],
    "lineage": [{}],
    "decisions": [{}],
    "settings": [{}],
}


def table(rows: int = 500) -> pd.DataFrame:
    random = np.random.default_rng(3)
    sex = random.choice([WOMEN, f"[m]({HOST}/m)", f"<img src={HOST}/x.png>"], rows, p=[0.4, 0.35, 0.25])
    income = random.normal(40, 10, rows).round(2)
    paid = random.random(rows) < 1 / (1 + np.exp(-(income - 40) / 8 + (sex == WOMEN)))
    job = random.choice([f"<a href='{HOST}/a'>a</a>", "$x$ :red[b] www.pixel.invalid", "me@pixel.invalid"], rows)
    return pd.DataFrame(
        {
            LABEL: np.where(paid, YES, f"no {HOST}/n"),
            FACET: sex,
            f"![age]({HOST}/age.png)": random.integers(18, 80, rows),
            f"<img src={HOST}/inc.png>": income,
            f"job {HOST}/job": job,
        }
    )


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    table().to_csv(folder / "hostile.csv", index=False)
    command = ["demo", "--data", folder / "hostile.csv", "--label", LABEL, "--favourable", YES, "--facet", FACET, "--facet-value", WOMEN]
    try:
        assert main([*map(str, command), "--max-jobs", "1", "--workspace", str(folder / "ws")]) == 0
        yield folder / "ws"
    finally:
        lifecycle.stop(folder / "ws")


def texts(message: Message, kind: str) -> list[tuple[str, str]]:
    """(field, text) of every text in an element that Streamlit draws as Markdown."""
    found = []
    for field, value in message.ListFields():
        plain = field.name in PLAIN and (kind, field.name) != ("radio", "options")
        for one in value if isinstance(value, pa.Scalar) or hasattr(value, "append") else [value]:
            if isinstance(one, Message):
                found += texts(one, kind)
            elif isinstance(one, str) and not plain:
                found.append((f"{kind}.{field.name}", one))
    return found


def elements(block):
    for child in block.children.values():
        if (proto := getattr(child, "proto", None)) is not None:
            yield getattr(child, "type", ""), proto
        if hasattr(child, "children"):
            yield from elements(child)


def drawn(test: AppTest) -> list[tuple[str, str]]:
    found = []
    for kind, proto in elements(test._tree):
        if kind in {"code", "json", "plotly_chart", "echarts_chart", "arrow_data_frame", "dataframe", "text_input", "text_area"}:
            continue
        found += texts(proto, kind)
        if kind == "table":  # its cells are Markdown
            cells = pa.ipc.open_stream(io.BytesIO(proto.arrow_data.data)).read_pandas().reset_index()
            found += [("table", str(cell)) for cell in [*cells.columns, *cells.to_numpy().ravel()]]
    return found


@pytest.mark.parametrize("page", TABS)
def test_no_page_makes_markup_links_or_images_of_a_tables_names(workspace, page, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_WORKSPACE", str(workspace))
    seen = []
    for query in TABS[page]:
        test = AppTest.from_file(APP, default_timeout=100)
        test.query_params.update(query)
        test.run()
        if page != "overview":
            test.switch_page(f"pages/{page}.py").run()
        assert not test.exception
        seen += drawn(test)
    if page in {"data", "bias", "explainability", "registry"}:
        assert any("pixel" in text for _, text in seen)
    assert [(field, text) for field, text in seen if MARKDOWN.search(text)] == []
    assert [(field, text) for field, text in seen if ADDRESS.search(text.replace("\\", ""))] == []


def test_a_table_that_is_being_uploaded_is_shown_as_it_is(workspace, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_WORKSPACE", str(workspace))
    test = AppTest.from_file(APP, default_timeout=100).run()
    test.switch_page("pages/data.py").run()
    test.query_params["tab"] = "new"
    test.run()
    test.radio(key="source").set_value("upload").run()
    test.file_uploader[0].upload("hostile.csv", table().to_csv(index=False).encode()).run()
    assert not test.exception
    seen = drawn(test)
    assert any("pixel" in text for _, text in seen)
    assert [(field, text) for field, text in seen if MARKDOWN.search(text) or ADDRESS.search(text.replace("\\", ""))] == []
