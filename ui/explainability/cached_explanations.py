"""What the explainability page reads and sums up, kept between reruns."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session
from core import explainability
from core.analysis import explanations_summary as summary
from core.explainability import About, Shap


@st.cache_resource(ttl="30m", max_entries=6, show_spinner="Reading the SHAP values …")
def result(target: str, job: str) -> Shap:
    return explainability.result(_session.clients(), job)


@st.cache_data(ttl="30m", max_entries=16, show_spinner=False)
def about(target: str, job: str) -> About:
    return explainability.about(_session.clients(), job)


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Summing up …")
def overall(target: str, job: str) -> tuple[dict[str, summary.Estimate], dict[str, summary.Estimate]]:
    """Mean |SHAP| of every feature, and for the greatest which way they push."""
    shap = result(target, job)
    values = arrays(shap)
    found = summary.importance(values, list(shap.values.columns))
    place = {name: column for column, name in enumerate(shap.values.columns)}
    push = {
        n: summary.association(values[:, place[n]], pd.to_numeric(shap.data[n], errors="coerce").to_numpy(float)) for n in list(found)[:12]
    }
    return found, push


@st.cache_data(ttl="30m", max_entries=16, show_spinner=False)
def differences(target: str, a: str, b: str) -> dict[str, summary.Estimate] | None:
    """b − a, paired; None where the two were not explained on the same rows."""
    one, two = result(target, a), result(target, b)
    if not one.data.equals(two.data):
        return None
    return summary.difference(arrays(one), arrays(two), list(two.values.columns))


def arrays(shap: Shap) -> Any:
    return shap.values.to_numpy(dtype=float)


@st.cache_resource(ttl="30m", max_entries=4, show_spinner="Loading the model …")
def model(target: str, uri: str) -> Any:
    """The booster itself, to predict a row anew."""
    return explainability.booster(_session.clients(), uri)
