"""The form that chooses a data set and says what its columns are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import identity
from core.analysis.leaks import leak_findings
from core.analysis.tables import role_proposals, table_profile
from core.analysis.tables.number_formats import DECIMAL_MARKS, DecimalMark
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Treatment
from core.analysis.tables.value_names import ValueNames
from core.data import bundled_data, column_roles, csv_reader, datasets, file_formats, table_check, table_problems, threshold_facets
from core.views.data import leak_sentences
from ui import session
from ui.components import errors, links, markdown, times
from ui.data import column_form, missing_form, table_findings

SOURCES = {
    "bundled": "Credit default (bundled)",
    "upload": "Upload a CSV",
    "s3": "A CSV in S3",
    "stored": "A data set of this workspace",
}
MAX_FACET_VALUES = 50
"""Of columns with more different values, none is offered as a further facet."""
DatasetChoice = datasets.Dataset | tuple[table_check.CheckedTable, str]
"""A data set that is in S3 already, or a checked table with its name."""


@st.cache_resource(ttl="30m", max_entries=4, show_spinner="Reading the table …")
def read_table(key: str, name: str, decimal: DecimalMark | None, encoding: str | None, _content: bytes | None) -> TableReading:
    """The table under ``key``, with everything that was found about it. Callers must not change it."""
    if key == "bundled":
        return column_roles.examine_if_needed(bundled_data.read_bundled())
    return column_roles.examine_if_needed(csv_reader.read_csv(_content or b"", name=name, decimal=decimal, encoding=encoding))


@st.cache_resource(ttl="10m", max_entries=4, show_spinner="Reading from S3 …")
def fetch_table(cache_key: str, uri: str, decimal: DecimalMark | None, encoding: str | None, _person: identity.Identity) -> TableReading:
    """A table in S3, with everything that was found about it. Callers must not change it."""
    table = datasets.fetch_csv(session.target(), _person, uri, decimal=decimal, encoding=encoding)
    return column_roles.examine_if_needed(table)


@st.cache_resource(ttl="30m", max_entries=4, show_spinner="Checking every column …")
def check_table(key: str, decimal: DecimalMark | None, roles: column_roles.ColumnRoles, _table: TableReading) -> table_check.CheckedTable:
    """The table checked against the roles; cached under ``key``."""
    return table_check.check_table(_table, roles)


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Looking for leaks …")
def find_leaks(key: str, decimal: DecimalMark | None, roles: column_roles.ColumnRoles, _checked: table_check.CheckedTable) -> list[str]:
    """What the checked table gives away, in sentences; cached under ``key``."""
    names = datasets.coded_value_names(_checked.coding, _checked.frame.columns)
    return leak_sentences.describe_leaks(leak_findings.find_leaks(_checked.frame, _checked.roles.label), _checked.roles.label, names)


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Describing the columns …")
def describe_columns(
    key: str, decimal: DecimalMark | None, label: str, favourable: Any, facet: str, _frame: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A profile of each column, and of each group of the facet."""
    return table_profile.summarise_columns(_frame), table_profile.summarise_groups(_frame, label, favourable, facet)


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Counting values …")
def count_values(key: str, decimal: DecimalMark | None, _frame: pd.DataFrame) -> dict[str, int]:
    """Column -> its number of different values; cached under ``key``."""
    return {str(name): int(_frame[name].nunique()) for name in _frame.columns}


def choose_dataset() -> DatasetChoice | None:
    """The form; None while something is missing or wrong, which the page then says."""
    st.session_state.setdefault("source", "stored" if "dataset" in st.query_params else "bundled")
    source = st.radio("Data", list(SOURCES), format_func=SOURCES.__getitem__, horizontal=True, key="source")
    with errors.show_raised_errors():
        if source == "stored":
            return _select_stored_dataset()
        if source == "upload":
            file = st.file_uploader("CSV (also .gz) or parquet with a header, at most 500 MB")
            if file is None:
                return None
            key, (decimal, encoding) = f"upload-{file.file_id}", _choose_reading()
            return _roles_form(key, file.name, decimal, read_table(key, file.name, decimal, encoding, file.getvalue()))
        if source == "s3":
            uri = st.text_input(
                "S3 URI", placeholder="s3://bucket/folder/table.csv", key="s3-uri", help="Read with the target's credentials."
            )
            if not uri:
                return None
            person = session.identity()
            identity.require_permission(person, "upload", resource=uri)
            decimal, encoding = _choose_reading()
            return _roles_form(uri, uri.rpartition("/")[2], decimal, fetch_table(session.cache_key(), uri, decimal, encoding, person))
        return _roles_form("bundled", "credit-default", None, read_table("bundled", "credit-default", None, None, None))
    return None


def _choose_reading() -> tuple[DecimalMark | None, str | None]:
    """The decimal mark and the encoding, where a person chooses them."""
    left, right = st.columns([1, 2])
    decimal = left.segmented_control(
        "Decimal mark",
        DECIMAL_MARKS,
        format_func={".": "1.5", ",": "1,5"}.__getitem__,
        key="decimal",
        help="Needed only where numbers read two ways: 1,500 is fifteen hundred, or one and a half.",
    )
    encoding = right.selectbox(
        "Encoding",
        [None, *file_formats.ENCODINGS],
        format_func=lambda one: one or "as the file looks",
        key="encoding",
        help="Needed only where letters such as é and ß are misspelt below.",
    )
    return decimal, encoding


def ensure_uploaded(choice: DatasetChoice) -> datasets.Dataset:
    """The chosen data set in S3; uploads it if needed."""
    if isinstance(choice, datasets.Dataset):
        return choice
    return datasets.upload_dataset(session.target(), session.identity(), *choice)


def _select_stored_dataset() -> datasets.Dataset | None:
    found = {d.uri: d for d in datasets.list_datasets(session.target())}
    if not found:
        st.info("No data set was uploaded yet. Use the bundled one, or upload a CSV.", icon=":material/info:")
        return None
    names = {uri: f"{d.name} · {d.roles.facet} · {d.rows:,} rows · {times.relative_time(d.created)}" for uri, d in found.items()}
    dataset = found[links.url_selectbox("dataset", list(found), "Data set", format_func=names.__getitem__)]
    st.caption(roles_in_words(dataset.roles, datasets.value_names(dataset)))
    return dataset


def roles_in_words(roles: column_roles.ColumnRoles, names: ValueNames) -> str:
    """Label, facets and group in one line."""
    facets = [names.describe(column, value) for column, value in ((roles.facet, roles.facet_value), *roles.further_facets)]
    label = f"Label {roles.label} (favourable: {names.describe(roles.label, roles.favourable)})"
    text = f"{label}, facet {', '.join(facets)}, group {roles.group or 'none'}."
    return markdown.escape_markdown(text)


def _roles_form(key: str, file: str, decimal: DecimalMark | None, table: TableReading) -> DatasetChoice | None:
    typed = st.text_input(
        "Facets by a threshold",
        placeholder="age <= 25",
        key=f"thresholds-{key}",
        help="Groups by a number: each becomes a facet with the values yes and no, which can be chosen below. Several with commas between "
        "them. Models aren't given these columns.",
    )
    table = threshold_facets.add_typed_facets(table, typed)
    sources = threshold_facets.threshold_sources(table)
    frame, key_of_table = table.frame, f"{key} {typed}"
    names = [str(column) for column in frame.columns]
    if key == "bundled":
        proposed_label, proposed_facet = bundled_data.BUNDLED_ROLES.label, bundled_data.BUNDLED_ROLES.facet
    else:
        proposed_label, proposed_facet = column_roles.propose_label_and_facet(table)
    proposed_name = Path(file.removesuffix(".gz")).stem
    name = st.text_input("Name of the data set", proposed_name, key=f"name-{key}").strip() or proposed_name
    st.caption(f"{len(frame):,} rows, {len(names)} columns. Label, facet and treatments are proposed; change what is wrong.")
    one, two, three = st.columns(3)
    label = one.selectbox(
        "Label", names, index=names.index(proposed_label), key=f"label-{key}", help="What the model predicts; two values."
    )
    table_problems.require_two_values(frame, label)
    favourable = _choose_favourable(one, key, frame, label)
    facet = two.selectbox(
        "Facet", names, index=names.index(proposed_facet), key=f"facet-{key}", help="The column by which groups are compared."
    )
    if favourable is None:
        st.info(
            markdown.escape_markdown(f"Which value of {label} is good for the person? No word in the table decides it: choose it above."),
            icon=":material/help:",
        )
        return None
    lowest = role_proposals.propose_facet_value(frame, label, favourable, facet)
    value = two.selectbox(
        "Facet value",
        **_value_options(frame, facet, threshold_facets.GROUP_VALUE if facet in sources else lowest),
        key=f"value-{key}-{facet}-{label}-{favourable}",
        help="The group that may be at a disadvantage. Proposed: the one with the lowest share of favourable labels.",
    )
    st.markdown(markdown.escape_markdown(table_profile.consequence_sentence(label, favourable, facet, value)))
    if (key, label, facet) == ("bundled", bundled_data.BUNDLED_ROLES.label, bundled_data.BUNDLED_ROLES.facet):
        detected = replace(bundled_data.BUNDLED_ROLES, favourable=favourable, facet_value=value)
    else:
        detected = column_roles.detect_roles(table, label=label, favourable=favourable, facet=facet, facet_value=value)
    group = three.selectbox(
        "Group",
        [None, *names],
        index=1 + names.index(detected.group) if detected.group in names else 0,
        key=f"group-{key}",
        format_func=lambda g: g or "none",
        help="For conditional disparity (CDDL): the difference within each group of this column. Many values are binned.",
    )
    named = {label, facet, *([group] if group else [])}
    treatments = column_form.choose_treatments(key, table, named)
    open_columns = [c for c in names if c not in treatments]
    left_out = [c for c in detected.ignored if c in open_columns]
    ignored = three.multiselect(
        "Ignored columns", open_columns, default=left_out, key=f"ignored-{key}-{label}-{facet}", help="Left out of the data set."
    )
    rest = [c for c in names if c not in {*named, *ignored} and treatments.get(c) != "leave out"]
    numbers = [c for c in rest if c in open_columns and frame[c].dtype.kind in "iuf"]
    left, right = st.columns([2, 1])
    categorical = left.multiselect(
        "Numbers that are codes",
        numbers,
        default=[c for c in detected.categorical if c in numbers],
        key=f"categorical-{key}-{label}-{facet}",
        help="Categories, which are never interpolated. Other numbers are amounts; text is categories, unless it has an order.",
    )
    distinct = count_values(key_of_table, decimal, frame)
    few = [c for c in rest if distinct[c] <= MAX_FACET_VALUES]
    further = right.multiselect(
        "Further facets",
        [(c, v) for c in few for v in _value_options(frame, c, None)["options"]],
        format_func=lambda pair: f"{pair[0]} = {pair[1]}",
        key=f"further-{key}",
        help="Their bias is measured before and after rebalancing too.",
    )
    ordered = column_form.choose_orders(key, frame, [c for c in rest if c not in categorical], distinct)
    chosen: dict[str, Treatment] = {**treatments, **dict.fromkeys(ignored, "leave out"), **dict.fromkeys(categorical, "categorical")}
    others: list[tuple[Treatment, list[str]]] = [("continuous", numbers), ("keep", left_out)]  # what was proposed, and was taken back
    for treatment, columns in others:
        chosen = {**dict.fromkeys([c for c in columns if c not in dict(ordered)], treatment), **chosen}
    base = column_roles.ColumnRoles(label, favourable, facet, value, group, further_facets=tuple(further), ordered=ordered)
    roles = column_roles.apply_treatments(table, base, chosen)
    features = [c for c in names if c not in {label, facet, *roles.ignored}]
    roles = replace(roles, missing=missing_form.choose_missing(key, frame, features, roles.categorical, dict(ordered)))
    table_findings.show_profile(name, frame, facet, *describe_columns(key_of_table, decimal, label, favourable, facet, frame))
    notes, place = table_check.notes_in_words(table, roles), st.container()
    try:
        checked = check_table(key, decimal, roles, table)
        notes = checked.notes
    finally:
        with place:
            table_findings.show_findings(table_check.find_undecided(table, roles), notes)
    table_findings.show_codes(checked.coding)
    table_findings.show_leaks(find_leaks(key, decimal, roles, checked))
    return checked, name


def _choose_favourable(place: DeltaGenerator, key: str, frame: pd.DataFrame, label: str) -> Any | None:
    """The label's value that is good for the person; None until it is chosen, where no word decides it."""
    options = _value_options(frame, label, None)["options"]
    proposed = role_proposals.propose_favourable(label, options)
    if key == "bundled" and label == bundled_data.BUNDLED_ROLES.label:
        proposed = bundled_data.BUNDLED_ROLES.favourable
    return place.selectbox(
        "Favourable value",
        options,
        index=options.index(proposed) if proposed in options else None,
        placeholder="Choose the good outcome",
        key=f"good-{key}-{label}",
        help="The outcome that people hope for. It's proposed where a word such as paid, approved or default says it.",
    )


def _value_options(frame: pd.DataFrame, column: str, wanted: Any) -> dict[str, Any]:
    values = [v.item() if hasattr(v, "item") else v for v in sorted(frame[column].dropna().unique(), key=str)[:200]]
    return {"options": values, "index": next((i for i, v in enumerate(values) if str(v) == str(wanted)), 0)}
