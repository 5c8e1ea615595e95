"""The form that chooses a data set and says what its columns are for."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import datasets

SOURCES = {"bundled": "Credit default (bundled)", "upload": "Upload a CSV", "stored": "A data set of this workspace"}
Choice = datasets.Dataset | tuple[datasets.Checked, str]
"""A data set that lies in S3 already, or a checked table with its name."""


@st.cache_data(ttl="1h", max_entries=4, show_spinner="Reading the table …")
def read(content: bytes | None, name: str) -> pd.DataFrame:
    return datasets.bundled() if content is None else datasets.read_csv(content, name=name)


def choose() -> Choice | None:
    """Draw the form; None while something is missing or wrong (the page says what)."""
    source = st.segmented_control("Data", list(SOURCES), default="bundled", format_func=SOURCES.__getitem__, required=True, key="source")
    with _show.errors_shown():
        if source == "stored":
            return _stored()
        if source == "upload":
            file = st.file_uploader("CSV with a header line, UTF-8, at most 500 MB", type=["csv", "gz"])
            if file is None:
                return None
            frame, name, roles = read(file.getvalue(), file.name), file.name.removesuffix(".gz").removesuffix(".csv"), None
        else:
            frame, name, roles = read(None, "credit-default"), "credit-default", datasets.BUNDLED_ROLES
        return _form(frame, name, roles or datasets.detect(frame))
    return None


def stored(choice: Choice) -> datasets.Dataset:
    """The chosen data set in S3; uploads it where it isn't there yet."""
    if isinstance(choice, datasets.Dataset):
        return choice
    return datasets.upload(_session.clients(), _session.identity(), *choice)


def _stored() -> datasets.Dataset | None:
    found = {f"{d.name}, {d.rows:,} rows, {d.created}": d for d in datasets.list_datasets(_session.clients())}
    if not found:
        st.info("No data set was uploaded yet. Take the bundled one, or upload a CSV.", icon=":material/info:")
        return None
    dataset = found[st.selectbox("Data set", list(found))]
    roles = dataset.roles
    st.caption(
        f"Label {roles.label} (favourable: {roles.favourable}), facet {roles.facet} = {roles.facet_value}, group {roles.group or 'none'}."
    )
    return dataset


def _form(frame: pd.DataFrame, name: str, guess: datasets.Roles) -> Choice:
    names = [str(column) for column in frame.columns]
    one, two, three = st.columns(3)
    key = f"{name}-{len(frame)}"
    label = one.selectbox("Label", names, index=names.index(guess.label), key=f"label-{key}", help="What the model predicts; two values.")
    favourable = one.selectbox(
        "Favourable value", **_values(frame, label, guess.favourable), key=f"good-{key}-{label}", help="What people wish for."
    )
    facet = two.selectbox(
        "Facet", names, index=names.index(guess.facet), key=f"facet-{key}", help="The column by which groups are compared."
    )
    value = two.selectbox(
        "Facet value",
        **_values(frame, facet, guess.facet_value),
        key=f"value-{key}-{facet}",
        help="The group that may be at a disadvantage.",
    )
    group = three.selectbox(
        "Group",
        [None, *names],
        index=1 + names.index(guess.group) if guess.group in names else 0,
        key=f"group-{key}",
        format_func=lambda g: g or "none",
    )
    ignored = three.multiselect("Ignored columns", names, default=[c for c in guess.ignored if c in names], key=f"ignored-{key}")
    rest = [c for c in names if c not in {label, facet, group, *ignored}]
    categorical = st.multiselect("Categorical columns", rest, default=[c for c in guess.categorical if c in rest], key=f"categorical-{key}")
    with st.expander(f"The table: {len(frame):,} rows, {len(names)} columns", icon=":material/table:"):
        st.dataframe(frame.head(200), hide_index=True, alt=f"First rows of {name}")
    roles = datasets.Roles(label, favourable, facet, value, group, tuple(categorical), tuple(ignored))
    return datasets.check(frame, roles), name


def _values(frame: pd.DataFrame, column: str, wanted: Any) -> dict[str, Any]:
    values = [v.item() if hasattr(v, "item") else v for v in sorted(frame[column].dropna().unique(), key=str)[:200]]
    return {"options": values, "index": next((i for i, v in enumerate(values) if str(v) == str(wanted)), 0)}
