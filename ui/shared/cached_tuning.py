"""What the tuning page reads and keeps: jobs that have ended don't change, so their trials, curves and reports are read once."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session
from core import evaluation, jobs, training, trial_bias, tuning
from core.rebalancing import Rebalanced
from core.views import tuning as views


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading the trials …")
def _trials(target: str, name: str) -> list[tuning.Trial]:
    return tuning.trials(_session.clients(), name)


def trials(name: str, definition: str = "") -> pd.DataFrame:
    """The trials of a tuning job that has ended; those of one of its definitions, where it has several."""
    return tuning.frame([trial for trial in _trials(_session.target(), name) if definition in {"", trial.definition}])


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading what the trials trained on …")
def _data(target: str, kind: jobs.Kind, name: str) -> Rebalanced | None:
    return evaluation.data_of(_session.clients(), jobs.describe(_session.clients(), kind, name))


def data(name: str) -> Rebalanced | None:
    """The rebalancing whose rows a tuning job trained on; None where it's other data."""
    return _data(_session.target(), "tuning", name)


def data_of_training(name: str) -> Rebalanced | None:
    """The rebalancing whose rows a training job trained on; None where it's other data."""
    return _data(_session.target(), "training", name)


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading the measurement …")
def _bias(target: str, job: str) -> dict[str, Any]:
    return trial_bias.read(_session.clients(), job)


def bias(job: str) -> dict[str, Any]:
    """What a measurement that has completed found."""
    return _bias(_session.target(), job)


@st.cache_data(ttl="1h", max_entries=64, show_spinner="Reading the log …")
def _curves(target: str, name: str) -> pd.DataFrame:
    return training.curves(_session.clients(), name)


def curves(name: str) -> pd.DataFrame:
    """The metrics of each round of a training job that has ended."""
    return _curves(_session.target(), name)


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Reading the report …")
def _report(target: str, uri: str) -> dict[str, Any]:
    found: dict[str, Any] = _session.clients().read_json(uri)
    return found


def report(page: str) -> dict[str, Any]:
    """The figures of the XGBoost report whose HTML page is at ``page``."""
    return _report(_session.target(), page.removesuffix(".html") + ".json")


@st.cache_data(ttl="1h", max_entries=32, show_spinner="Weighing the hyperparameters …")
def importance(trials: pd.DataFrame, parameters: list[str], maximize: bool) -> pd.DataFrame:
    """How much of the objective's variance each hyperparameter explains, in these trials."""
    return views.importance_table(trials, parameters, maximize=maximize)
