"""What the model says when one row is changed, within the values that were seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app_pages import _session, _shap, _show
from core import explainability
from core.explainability import About, Shap
from core.views import shap as views
from core.views import shap_words as words
from core.views.style import number

FEW, MOST = 12, 8
"""Values that are chosen from a list, and features that can be changed at a time."""


def outcome(known: About, prediction: float, threshold: float) -> str:
    """The predicted label in words."""
    label = int(prediction > threshold)
    name = f"{known.label} = {known.words.get(label, label)}"
    return name if known.favourable is None else f"{name}, the {'favourable' if label == known.favourable else 'unfavourable'} outcome"


@st.fragment
def show(name: str, known: About, row: int, threshold: float, mine: Shap) -> None:
    booster = _shap.model(_session.target(), known.model_uri)
    original = mine.data.iloc[[row]].reset_index(drop=True)
    strongest = list(views.waterfall_table(mine.values.iloc[row].to_numpy(dtype=float), mine.data.iloc[row])["feature"])
    key = f"{name}-{row}"
    picked = st.multiselect("Features to change", strongest, strongest[:4], max_selections=MOST, key=f"change-{key}")
    changed = original.copy()
    for place, column in zip(range(len(picked)), _grid(len(picked)), strict=True):
        with column:
            feature = picked[place]
            changed[feature] = control(
                feature, mine.data[feature], original[feature].iloc[0], f"{key}-{feature}", feature in known.sensitive
            )
    differing = [feature for feature in picked if changed[feature].iloc[0] != original[feature].iloc[0]]
    singles = [original.assign(**{feature: changed[feature].iloc[0]}) for feature in differing]
    before, after, *alone = explainability.predict(booster, pd.concat([original, changed, *singles], ignore_index=True))
    if abs(before - float(mine.predictions.iloc[row])) > 1e-5:
        st.warning(
            "The model in S3 predicts this row otherwise than the explanation says: it isn't the one explained.", icon=":material/warning:"
        )
    sides = (outcome(known, before, threshold), outcome(known, after, threshold))
    with st.container(horizontal=True):
        st.metric("Prediction", number(before, 4), border=True)
        colour = "inverse" if known.unfavourable_raises else "normal"
        st.metric(
            "What if", number(after, 4), f"{100 * (after - before):+.2f} points" if differing else None, delta_color=colour, border=True
        )
    changes = {f: (f"{original[f].iloc[0]:g}", f"{changed[f].iloc[0]:g}") for f in differing}
    st.markdown(_show.plain(words.of_change(changes, before, after, threshold, sides)))
    if len(differing) > 1:
        rows = [(f, *changes[f], round(p, 4), round(100 * (p - before), 2)) for f, p in zip(differing, alone, strict=True)]
        table = pd.DataFrame(rows, columns=["changed alone", "was", "what if", "prediction", "points"])
        st.dataframe(table, hide_index=True, alt="Prediction with each change alone")
    st.caption(
        f"Values within those of the {mine.rows:,} rows explained. The other columns stay as they are, even where a person could not be "
        "like that. It shows what this model answers, not what would happen to somebody."
    )


def _grid(count: int) -> list[Any]:
    return [column for _ in range(-(-count // 4)) for column in st.columns(4)][:count]


def control(feature: str, column: pd.Series, value: Any, key: str, sensitive: bool) -> Any:
    """A widget that offers the values seen: a list where these are few, else a slider over their range."""
    label = f"{feature} (sensitive)" if sensitive else feature
    seen = np.unique(column.dropna().to_numpy())
    if len(seen) == 0 or pd.isna(value):
        st.caption(f"{label}: no value in this row.")
        return value
    if len(seen) <= FEW:
        options = seen.tolist()
        return st.selectbox(label, options, options.index(value), key=key, format_func=lambda v: f"{v:g}")
    low, high = seen[0].item(), seen[-1].item()
    return st.slider(label, low, high, type(low)(value), step=1 if isinstance(low, int) else (high - low) / 200, key=key)
