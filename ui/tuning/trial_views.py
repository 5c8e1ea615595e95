"""A tuning job that has ended: its trials in pictures, its best model."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _model, _show, _trial_bias, _tuning_cached, _tuning_compare, _tuning_filter
from core import tuning
from core.governance.pack import table as csv
from core.jobs import Job
from core.views import tuning as views
from core.views import tuning_words as words
from core.views.style import short
from core.views.trial_filter import parameters

VIEWS = {
    "history": ":material/show_chart: History",
    "hyperparameters": ":material/tune: Hyperparameters",
    "bias": ":material/diversity_3: Bias of every trial",
    "timeline": ":material/view_timeline: Timeline",
    "trials": ":material/list: Trials",
    "compare": ":material/compare_arrows: Compare",
}


def pictures(job: Job) -> None:
    """All views of the trials behind one filter; only the open one is drawn. Of several definitions one is shown at a time."""
    table = _tuning_cached.trials(job.name)
    names = [str(one.get("DefinitionName", "")) for one in tuning.definitions(job)]
    if len(names) > 1:
        if of_trial := [name for name in names if st.query_params.get("trial") in set(_tuning_cached.trials(job.name, name)["name"])]:
            st.query_params["definition"] = of_trial[0]
        definition = _show.chosen("definition", names, "Definition")
        job, table = tuning.of_definition(job, definition), _tuning_cached.trials(job.name, definition)
    if table.empty:
        st.info("No trial was made: there is nothing to draw.", icon=":material/info:")
        return
    shown = _tuning_filter.chosen(table, job.name).apply(table)
    tabs = _show.sections("tuning", VIEWS, "trials" if "trial" in st.query_params else None, name="view")
    for view, tab in zip(VIEWS, tabs, strict=True):
        if tab.open:
            with tab, _show.errors_shown():
                if shown.empty:
                    st.info("No trial passes the filter. Show all trials, or widen it.", icon=":material/filter_alt:")
                else:
                    _draw(view, job, shown, table)


def _draw(view: str, job: Job, shown: pd.DataFrame, table: pd.DataFrame) -> None:
    metric, maximize = tuning.objective(job)
    if view == "bias":
        _trial_bias.show(job, shown, table)
    elif view == "compare":
        _tuning_compare.show(job, shown)
    elif view == "trials":
        trials(job, shown, table)
    elif view == "timeline":
        st.markdown(words.timeline(shown))
        columns = ["number", "name", "status", "started", "ended"]
        _show.chart(_show.drawn(views.timeline, shown), shown[columns], alt="When each trial ran", key="timeline")
    elif shown["objective"].isna().all():
        st.info("No trial here has an objective: there is nothing to draw. The failed ones say why under Trials.", icon=":material/info:")
    elif view == "history":
        st.markdown(words.history(shown, objective=metric, maximize=maximize, **_trial_bias.interval_of_best(job, shown)))
        figure = _show.drawn(views.history, shown, objective=metric, maximize=maximize)
        _show.chart(figure, views.history_table(shown, maximize=maximize), alt=f"{metric} of each trial and the best so far", key="history")
    else:
        _hyperparameters(shown, metric, maximize)


def _hyperparameters(shown: pd.DataFrame, metric: str, maximize: bool) -> None:
    tuned = parameters(shown)
    columns = ["number", *tuned, "objective"]
    st.subheader("All together")
    st.markdown(words.slices(shown, tuned, maximize=maximize))
    _show.chart(
        _show.drawn(views.parallel, shown, tuned, objective=metric), shown[columns], alt="Trials across hyperparameters", key="parallel"
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Importance")
        weights = _tuning_cached.importance(shown[["objective", *tuned]], tuned, maximize)
        st.markdown(words.importance(weights, int(shown["objective"].notna().sum())))
        if not weights.empty:
            _show.chart(_show.drawn(views.importance, weights), weights, alt="Importance of each hyperparameter", key="importance")
    with right:
        st.subheader("One by one")
        figure = _show.drawn(views.slices, shown, tuned, objective=metric)
        _show.chart(figure, shown[columns], alt="Objective against each hyperparameter; the later a trial, the darker", key="slices")


def trials(job: Job, shown: pd.DataFrame, table: pd.DataFrame) -> None:
    """The trials as a table; the one chosen there, or in the URL, with its curves, log, report and way into the registry."""
    _, maximize = tuning.objective(job)
    ordered = shown.sort_values("objective", ascending=not maximize, na_position="last")

    def choose() -> None:
        rows: Any = st.session_state["tuning-trials"]["selection"]["rows"]
        if rows:
            st.query_params["trial"] = str(ordered["name"].iloc[rows[0]])

    st.dataframe(
        ordered,
        hide_index=True,
        alt="Trials, the best first; choose one to see it below",
        key="tuning-trials",
        on_select=choose,
        selection_mode="single-row",
        column_order=["number", "objective", "status", *parameters(ordered), "name", "started", "ended", "reason"],
        column_config={**_show.TIMES, "name": st.column_config.TextColumn("training job", width="medium")},
        height=min(36 * (len(ordered) + 1), 400),
    )
    st.download_button(
        "Trials as CSV",
        lambda: csv(ordered.columns, ordered.astype(object).itertuples(index=False)),
        f"{job.name}-trials.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    every = table.sort_values("objective", ascending=not maximize, na_position="last")
    numbers = dict(zip(every["name"], every["number"], strict=True))
    name = _show.chosen("trial", every["name"].tolist(), "Trial", format_func=lambda n: f"trial {numbers[n]} · {short(n, 44)}")
    st.subheader(f"Trial {numbers[name]}")
    if name == job.raw.get("BestTrainingJob", {}).get("TrainingJobName"):
        st.caption("This is the best trial: it stands below as the best model.")
    else:
        _model.show(name)
