"""All groups of a bias report in one table: facets, group variable and intersections, in JSON, HTML and PDF."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

from core.reports.bias_report import parse_report
from engine.containers.clarify import main


def applicants(n: int = 900) -> pd.DataFrame:
    random = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "paid": random.choice(["yes", "no"], n, p=[0.6, 0.4]),
            "sex": random.choice(["f", "m"], n),
            "region": random.choice(["north", "south", "islands"], n, p=[0.6, 0.37, 0.03]),
            "age": np.round(random.uniform(18, 75, n), 1),
            "granted": random.choice(["yes", "no"], n),
        }
    )
    frame.loc[frame["sex"] == "f", "granted"] = random.choice(["yes", "no"], int((frame["sex"] == "f").sum()), p=[0.2, 0.8])
    frame.loc[:4, "region"] = None
    return frame


def config(facets: list[dict[str, Any]], **governance: Any) -> dict[str, Any]:
    return {
        "dataset_type": "text/csv",
        "label": "paid",
        "predicted_label": "granted",
        "label_values_or_threshold": ["yes"],
        "facet": facets,
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "RD"]}},
        "governance": governance,
    }


def run(root: Path, settings: dict[str, Any], frame: pd.DataFrame) -> tuple[Path, dict[str, Any]]:
    folder = root / "opt/ml/processing"
    (folder / "input/config").mkdir(parents=True)
    (folder / "input/data").mkdir()
    (folder / "input/config/analysis_config.json").write_text(json.dumps(settings))
    frame.to_csv(folder / "input/data/data.csv", index=False)
    main(root, {})
    return folder / "output", json.loads((folder / "output/analysis.json").read_text(), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    facets = [
        {"name_or_index": "sex", "value_or_threshold": ["f"]},
        {"name_or_index": "region", "value_or_threshold": ["islands"]},
        {"name_or_index": "age", "value_or_threshold": [25]},
    ]
    return run(
        tmp_path_factory.mktemp("groups"),
        config(facets, value_names={"values": {"sex": {"f": "women", "m": "men"}}, "nouns": ["sex"]}),
        applicants(),
    )


def test_all_values_of_all_facets_and_their_pairs_are_in_one_table(done: tuple[Path, dict[str, Any]]) -> None:
    frame, table = applicants(), parse_report(done[1]).group_table
    assert table is not None
    frame["age"] = np.where(frame["age"] > 25, "> 25", "≤ 25")
    groups = {group.name: group for group in table.groups}
    assert list(groups)[:7] == ["women", "men", "region = islands", "region = north", "region = south", "age ≤ 25", "age > 25"]
    for names in ([*"s"], [*"sr"], [*"sa"], [*"ra"]):
        columns = [{"s": "sex", "r": "region", "a": "age"}[name] for name in names]
        for values, part in frame.groupby(columns):
            texts = [
                {"f": "women", "m": "men"}.get(v, f"{c} {v}" if c == "age" else f"{c} = {v}") for c, v in zip(columns, values, strict=True)
            ]
            group = groups[" and ".join(texts)]
            rest = frame.dropna(subset=columns).drop(part.index)
            assert (group.rows, group.rest) == (len(part), len(rest))
            if len(columns) == 1 or len(part) >= 30:
                accepted = [(one["granted"] == "yes").mean() for one in (part, rest)]
                assert group.selection_rate is not None
                assert group.selection_rate.value == pytest.approx(accepted[0])
                assert group.disparities["DPPL"].value == pytest.approx(accepted[1] - accepted[0])
            else:
                assert "fewer than 30 rows" in group.why
    assert table.without_value == {"sex": 0, "region": 5, "age": 0}


def test_a_facets_own_metrics_agree_with_its_row_of_the_table(done: tuple[Path, dict[str, Any]]) -> None:
    report = parse_report(done[1])
    assert report.group_table is not None
    rows = {(group.columns, group.values): group for group in report.group_table.groups}
    for facet in report.facets:
        row = rows[(facet.facet,), (facet.value,)]
        for name, figure in row.disparities.items():
            assert figure.value == pytest.approx((facet.pre_training | facet.post_training)[name].value)


def test_html_and_pdf_show_the_table_and_say_how_sure_it_is(done: tuple[Path, dict[str, Any]]) -> None:
    html = (done[0] / "report.html").read_text()
    pdf = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO((done[0] / "report.pdf").read_bytes())).pages).split())
    for text in (html, pdf):
        assert "Selected less often than all others, by more than noise: women" in text
        assert "Bonferroni" in text
        assert "women and region = north" in text
        assert "fewer than 30 rows" in text


def test_the_group_variable_is_crossed_with_the_facets(tmp_path: Path) -> None:
    settings = config([{"name_or_index": "sex", "value_or_threshold": ["f"]}], group_bins=[30, 50]) | {"group_variable": "age"}
    _, analysis = run(tmp_path, settings, applicants())
    columns = {tuple(group["columns"]) for group in analysis["governance"]["group_table"]["groups"]}
    assert columns == {("sex",), ("age",), ("sex", "age")}


def test_each_threshold_of_a_facet_has_its_own_groups_in_the_table(tmp_path: Path) -> None:
    """A facet may be listed with several thresholds: none of them is left out, and those of one column aren't crossed."""
    frame = applicants()
    facets = [
        {"name_or_index": name, "value_or_threshold": [value]} for name, value in (("age", 25), ("sex", "f"), ("age", 40), ("age", 25.0))
    ]
    output, analysis = run(tmp_path, config(facets), frame)
    report = parse_report(analysis)
    assert report.group_table is not None
    rows = {(group.columns, group.values): group for group in report.group_table.groups}
    for limit in (25, 40):
        above = frame["age"] > limit
        assert rows[("age",), (f"≤ {limit}",)].rows == (~above).sum()
        own = next(facet for facet in report.facets if facet.value.startswith(f"({limit}.0,"))
        (name, figure), *_ = rows[("age",), (own.value,)].disparities.items()
        assert figure.value == pytest.approx((own.pre_training | own.post_training)[name].value)
        women = frame["sex"] == "f"
        assert next(g.rows for g in report.group_table.groups if g.name == f"age > {limit} and sex = f") == (above & women).sum()
    assert not [group for group in report.group_table.groups if group.columns == ("age", "age")]
    assert "age ≤ 40" in (output / "report.html").read_text()


def test_a_threshold_facet_is_not_crossed_with_its_own_column(tmp_path: Path) -> None:
    frame = applicants().assign(young=lambda one: np.where(one["age"] <= 25, "yes", "no"))
    settings = config([{"name_or_index": "young", "value_or_threshold": ["yes"]}], group_bins=[30, 50], derived={"young": "age"})
    _, analysis = run(tmp_path, settings | {"group_variable": "age", "excluded_columns": ["young"]}, frame)
    assert {tuple(group["columns"]) for group in analysis["governance"]["group_table"]["groups"]} == {("young",), ("age",)}
