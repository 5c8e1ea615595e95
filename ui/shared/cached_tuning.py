"""Cached reads of jobs that have ended: these don't change, so their trials, curves and reports are read once."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.analysis.performance.xgboost_report_json import XgboostReport
from core.analysis.trials.trials_json import TrialsReport
from core.data.comparability import JudgedRows
from core.jobs import jobs, judged_rows, training_data, training_jobs, xgboost_report_jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.tuning import tuning_jobs
from core.reports import trial_bias_jobs
from core.views.tuning import tuning_charts as views
from ui import session


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading the trials …")
def _cached_trials(cache_key: str, name: str) -> list[tuning_jobs.Trial]:
    return tuning_jobs.list_trials(session.target(), name)


def read_trials(name: str, definition: str = "") -> pd.DataFrame:
    """The trials of a tuning job that has ended; those of one of its definitions, where it has several."""
    return tuning_jobs.trials_to_frame(
        [trial for trial in _cached_trials(session.cache_key(), name) if definition in {"", trial.definition}]
    )


def tie_sentence(name: str) -> str:
    """That all trials of a tuning job that has ended have the same objective, so none is the best; "" otherwise."""
    return tuning_jobs.tie_sentence(_cached_trials(session.cache_key(), name))


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading what the trials trained on …")
def _cached_data(cache_key: str, kind: jobs.JobKind, name: str) -> RebalancedData | None:
    return training_data.find_rebalancing(session.target(), jobs.describe_job(session.target(), kind, name))


def data_of_tuning(name: str) -> RebalancedData | None:
    """The rebalancing whose rows a tuning job trained on; None if it trained on other data."""
    return _cached_data(session.cache_key(), "tuning", name)


def data_of_training(name: str) -> RebalancedData | None:
    """The rebalancing whose rows a training job trained on; None if it trained on other data."""
    return _cached_data(session.cache_key(), "training", name)


@st.cache_data(ttl="1h", max_entries=64, show_spinner=False)
def _cached_validation_rows(cache_key: str, name: str, definition: str) -> JudgedRows:
    target = session.target()
    return judged_rows.rows_of_tuning(target, tuning_jobs.describe_job(target, name), definition)


def validation_rows(name: str, definition: str = "") -> JudgedRows:
    """The validation rows by which the trials of a tuning job, or of one of its definitions, are ranked."""
    return _cached_validation_rows(session.cache_key(), name, definition)


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading the measurement …")
def _cached_bias(cache_key: str, job: str) -> TrialsReport:
    return trial_bias_jobs.read_result(session.target(), job)


def read_bias_measurement(job: str) -> TrialsReport:
    """The result of a completed bias measurement of all trials."""
    return _cached_bias(session.cache_key(), job)


@st.cache_data(ttl="1h", max_entries=64, show_spinner="Reading the log …")
def _cached_curves(cache_key: str, name: str) -> pd.DataFrame:
    return training_jobs.read_curves(session.target(), name)


def read_curves(name: str) -> pd.DataFrame:
    """The metrics of each round of a training job that has ended."""
    return _cached_curves(session.cache_key(), name)


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading the report …")
def _cached_report(cache_key: str, html_uri: str) -> XgboostReport:
    return xgboost_report_jobs.read_report_at(session.target(), html_uri)


def read_xgboost_report(html_uri: str) -> XgboostReport:
    """The figures of the XGBoost report whose HTML page is at ``html_uri``."""
    return _cached_report(session.cache_key(), html_uri)


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Computing the importance of each hyperparameter …")
def hyperparameter_importance(trials: pd.DataFrame, parameters: list[str], maximize: bool) -> pd.DataFrame:
    """How much of the objective's variance each hyperparameter explains, in these trials."""
    return views.importance_table(trials, parameters, maximize=maximize)
