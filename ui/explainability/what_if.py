"""What the model predicts when one row is changed, within the values that occur."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.tables.value_names import ValueNames
from core.reports import shap_jobs
from core.reports.shap_jobs import ShapRequest, ShapResult
from core.views.explainability import shap_charts as views
from core.views.explainability import shap_sentences as words
from core.views.shared.number_text import format_number, named_value_text
from ui import session
from ui.components import markdown
from ui.explainability import cached_explanations

MAX_OPTIONS, MAX_CHANGES = 12, 8
"""Up to how many values a list is offered instead of a slider, and how many features can be changed at a time."""


def outcome_label(about: ShapRequest, prediction: float, threshold: float) -> str:
    """The predicted label in words."""
    label = int(prediction > threshold)
    name = about.value_names.describe(about.label, label) if about.favourable is not None else f"{about.label} = {label}"
    return name if about.favourable is None else f"{name}, the {'favourable' if label == about.favourable else 'unfavourable'} outcome"


@st.fragment
def show_what_if(name: str, about: ShapRequest, row: int, threshold: float, explanation: ShapResult) -> None:
    """Change values of the row, and show what the model then predicts."""
    booster = cached_explanations.load_model(session.cache_key(), about.model_uri)
    original = explanation.data.iloc[[row]].reset_index(drop=True)
    strongest = list(views.waterfall_table(explanation.values.iloc[row].to_numpy(dtype=float), explanation.data.iloc[row])["feature"])
    key = f"{name}-{row}"
    picked = st.multiselect("Features to change", strongest, strongest[:4], max_selections=MAX_CHANGES, key=f"change-{key}")
    changed = original.copy()
    for place, column in zip(range(len(picked)), _columns_of_four(len(picked)), strict=True):
        with column:
            feature = picked[place]
            changed[feature] = value_input(
                feature,
                explanation.data[feature],
                original[feature].iloc[0],
                f"{key}-{feature}",
                feature in about.sensitive,
                about.value_names,
            )
    differing = [f for f in picked if _is_other_value(changed[f].iloc[0], original[f].iloc[0])]
    singles = [original.assign(**{feature: changed[feature].iloc[0]}) for feature in differing]
    before, after, *alone = shap_jobs.predict_rows(booster, pd.concat([original, changed, *singles], ignore_index=True))
    if abs(before - float(explanation.predictions.iloc[row])) > 1e-5:
        st.warning(
            "The model in S3 gives this row another prediction than the explanation does, so it isn't the model that was explained.",
            icon=":material/warning:",
        )
    sides = (outcome_label(about, before, threshold), outcome_label(about, after, threshold))
    with st.container(horizontal=True):
        st.metric("Prediction", format_number(before, 4), border=True)
        colour: Literal["inverse", "normal"] = "inverse" if about.is_higher_unfavourable else "normal"
        st.metric(
            "What if",
            format_number(after, 4),
            f"{100 * (after - before):+.2f} points" if differing else None,
            delta_color=colour,
            border=True,
        )
    changes = {f: (_text_of(f, original, about.value_names), _text_of(f, changed, about.value_names)) for f in differing}
    st.markdown(markdown.escape_markdown(words.change_sentence(changes, before, after, threshold, sides)))
    if len(differing) > 1:
        rows = [(f, *changes[f], round(p, 4), round(100 * (p - before), 2)) for f, p in zip(differing, alone, strict=True)]
        table = pd.DataFrame(rows, columns=["changed alone", "was", "what if", "prediction", "points"])
        st.dataframe(table, hide_index=True, alt="Prediction with each change alone")
    st.caption(
        f"You can choose values that occur in the {explanation.rows:,} rows explained. The other columns stay as they are, even if no "
        "person could be like that. This shows what the model predicts, not what would happen to a person."
    )


def _is_other_value(one: Any, other: Any) -> bool:
    return bool(one != other) and not (pd.isna(one) and pd.isna(other))


def _columns_of_four(count: int) -> list[Any]:
    return [column for _ in range(-(-count // 4)) for column in st.columns(4)][:count]


def _text_of(feature: str, row: pd.DataFrame, names: ValueNames) -> str:
    return named_value_text(feature, row[feature].iloc[0], names)


def value_input(feature: str, column: pd.Series, value: Any, key: str, sensitive: bool, names: ValueNames) -> Any:
    """A widget that offers the values that occur: a list if they are few or stand for words, else a slider over their range; NaN, where
    some row lacks one."""
    label = markdown.escape_markdown(f"{feature} (sensitive)" if sensitive else feature)
    seen = np.unique(column.dropna().to_numpy())
    if len(seen) == 0:
        st.caption(f"{label}: no value in any row.")
        return value
    gaps, empty = bool(column.isna().any()), bool(pd.isna(value))
    whole = bool((seen % 1 == 0).all())  # a column with gaps has whole numbers as fractions
    options: list[Any] = [int(v) if whole else float(v) for v in seen]
    if len(seen) <= MAX_OPTIONS or names.is_coded(feature):
        options += [None] if gaps else []
        at = options.index(None if empty else value)
        chosen = st.selectbox(label, options, at, key=key, format_func=lambda one: named_value_text(feature, one, names))
        return np.nan if chosen is None else chosen
    low, high = options[0], options[-1]
    start = options[len(options) // 2] if empty else type(low)(value)
    without = gaps and st.toggle(f"{label} is empty", empty, key=f"{key}-empty")
    number = st.slider(label, low, high, start, step=1 if whole else (high - low) / 200, key=key, disabled=without)
    return np.nan if without else number
