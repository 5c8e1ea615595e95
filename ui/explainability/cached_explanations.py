"""Cached reads and summaries of explanations."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.explanations import shap_summary
from core.reports import shap_jobs
from core.reports.shap_jobs import ShapRequest, ShapResult
from ui import session


@st.cache_resource(ttl="30m", max_entries=6, show_spinner="Reading the SHAP values …")
def read_explanation(cache_key: str, job: str) -> ShapResult:
    """The SHAP values of a job. Callers must not change them."""
    return shap_jobs.read_job_result(session.target(), job)


@st.cache_data(ttl="30m", max_entries=16, show_spinner=False)
def read_about(cache_key: str, job: str) -> ShapRequest:
    """What a job explains: model, rows, label, sensitive columns."""
    return shap_jobs.read_request(session.target(), job)


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Summarising …")
def importance_and_direction(cache_key: str, job: str) -> tuple[dict[str, shap_summary.ShapEstimate], dict[str, shap_summary.ShapEstimate]]:
    """Mean |SHAP| of every feature; and for the twelve greatest the rank correlation of the feature with its SHAP value."""
    shap = read_explanation(cache_key, job)
    values = shap_array(shap)
    found = shap_summary.feature_importance(values, list(shap.values.columns))
    place = {name: column for column, name in enumerate(shap.values.columns)}
    push = {
        n: shap_summary.rank_correlation(values[:, place[n]], pd.to_numeric(shap.data[n], errors="coerce").to_numpy(float))
        for n in list(found)[:12]
    }
    return found, push


@st.cache_data(ttl="30m", max_entries=16, show_spinner=False)
def paired_differences(cache_key: str, a: str, b: str) -> dict[str, shap_summary.ShapEstimate] | None:
    """b − a, paired; None if the two explain different rows."""
    one, two = read_explanation(cache_key, a), read_explanation(cache_key, b)
    if not one.data.equals(two.data):
        return None
    return shap_summary.importance_difference(shap_array(one), shap_array(two), list(two.values.columns))


def shap_array(shap: ShapResult) -> Any:
    """The SHAP values as an array of rows by features."""
    return shap.values.to_numpy(dtype=float)


@st.cache_resource(ttl="30m", max_entries=4, show_spinner="Loading the model …")
def load_model(cache_key: str, uri: str) -> Any:
    """The XGBoost booster, to predict a changed row."""
    return shap_jobs.load_model(session.target(), uri)
