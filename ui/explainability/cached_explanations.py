"""Cached reads and summaries of explanations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.explanations import shap_summary
from core.data.comparability import explain_incomparable
from core.reports import report_rows, shap_jobs
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
def explain_unlike(cache_key: str, a: str, b: str, names: tuple[str, str]) -> tuple[str, ...]:
    """Every reason why two explanations can't be compared; () if both explain the same rows of the same columns."""
    one, two = read_explanation(cache_key, a), read_explanation(cache_key, b)
    mine, theirs = (report_rows.rows_of_explanation(session.target(), each.folder) for each in (one, two))
    reasons = explain_incomparable(names, replace(mine, count=one.rows), replace(theirs, count=two.rows))
    shared = [column for column in one.data if column in two.data]
    if reasons or (shared and one.data[shared].equals(two.data[shared])):
        return reasons
    return (f"{names[0]} and {names[1]} explain rows with other {'values' if shared else 'columns'}.",)


@st.cache_data(ttl="30m", max_entries=16, show_spinner=False)
def paired_differences(cache_key: str, a: str, b: str) -> dict[str, shap_summary.ShapEstimate]:
    """b − a of the features that both have, paired, for two explanations that can be compared."""
    one, two = read_explanation(cache_key, a), read_explanation(cache_key, b)
    shared = [str(column) for column in two.values if column in one.values]
    first, second = (each.values[shared].to_numpy(dtype=float) for each in (one, two))
    return shap_summary.importance_difference(first, second, shared)


def shap_array(shap: ShapResult) -> Any:
    """The SHAP values as an array of rows by features."""
    return shap.values.to_numpy(dtype=float)


@st.cache_resource(ttl="30m", max_entries=4, show_spinner="Loading the model …")
def load_model(cache_key: str, uri: str) -> Any:
    """The XGBoost booster, to predict a changed row."""
    return shap_jobs.load_model(session.target(), uri)
