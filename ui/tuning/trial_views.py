"""The trials of an ended tuning job, as charts and tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.jobs.jobs import Job
from core.jobs.tuning import tuning_jobs
from core.views.shared.figure_style import shorten_middle
from core.views.tuning import tuning_charts as views
from core.views.tuning import tuning_sentences as words
from core.views.tuning.trial_filter import tuned_parameters
from ui.components import charts, errors, links, tables, tabs
from ui.shared import cached_tuning
from ui.tuning import filter_bar, job_comparison, training_job, trial_bias_view

VIEWS = {
    "history": ":material/show_chart: History",
    "hyperparameters": ":material/tune: Hyperparameters",
    "bias": ":material/diversity_3: Bias of every trial",
    "timeline": ":material/view_timeline: Timeline",
    "trials": ":material/list: Trials",
    "compare": ":material/compare_arrows: Compare",
}


def show_trial_views(job: Job) -> None:
    """All views of the trials behind one filter; only the open one is drawn. Of several definitions one is shown at a time."""
    table = cached_tuning.read_trials(job.name)
    names = [str(one.get("DefinitionName", "")) for one in tuning_jobs.list_definitions(job)]
    if len(names) > 1:
        if of_trial := [name for name in names if st.query_params.get("trial") in set(cached_tuning.read_trials(job.name, name)["name"])]:
            st.query_params["definition"] = of_trial[0]
        definition = links.url_selectbox("definition", names, "Definition")
        job, table = tuning_jobs.restrict_to_definition(job, definition), cached_tuning.read_trials(job.name, definition)
    if table.empty:
        st.info("The job has no trials, so there is nothing to show.", icon=":material/info:")
        return
    shown = filter_bar.choose_filter(table, job.name).apply(table)
    panels = tabs.url_tabs("tuning", VIEWS, "trials" if "trial" in st.query_params else None, name="view")
    for view, tab in zip(VIEWS, panels, strict=True):
        if tab.open:
            with tab, errors.show_raised_errors():
                if shown.empty:
                    st.info("No trial passes the filter. Show all trials, or widen it.", icon=":material/filter_alt:")
                else:
                    _show_view(view, job, shown, table)


def _show_view(view: str, job: Job, filtered: pd.DataFrame, all_trials: pd.DataFrame) -> None:
    metric, maximize = tuning_jobs.first_objective(job)
    if view == "bias":
        trial_bias_view.show_trial_bias(job, filtered, all_trials)
    elif view == "compare":
        job_comparison.show_tuning_comparison(job, filtered)
    elif view == "trials":
        show_trials(job, filtered, all_trials)
    elif view == "timeline":
        st.markdown(words.timeline_sentence(filtered))
        columns = ["number", "name", "status", "started", "ended"]
        charts.show_chart(
            charts.cached_figure(views.timeline_figure, filtered), filtered[columns], alt="When each trial ran", key="timeline"
        )
    elif filtered["objective"].isna().all():
        st.info(
            "No trial has an objective value, so there is nothing to show. Under **Trials** each failed one says why.",
            icon=":material/info:",
        )
    elif view == "history":
        st.markdown(
            words.best_trial_sentence(filtered, objective=metric, maximize=maximize, **trial_bias_view.interval_of_best(job, filtered))
        )
        figure = charts.cached_figure(views.history_figure, filtered, objective=metric, maximize=maximize)
        charts.show_chart(
            figure, views.history_table(filtered, maximize=maximize), alt=f"{metric} of each trial and the best so far", key="history"
        )
    else:
        _show_hyperparameters(filtered, metric, maximize)


def _show_hyperparameters(filtered: pd.DataFrame, metric: str, maximize: bool) -> None:
    tuned = tuned_parameters(filtered)
    columns = ["number", *tuned, "objective"]
    st.subheader("All together")
    st.markdown(words.best_ranges_sentence(filtered, tuned, maximize=maximize))
    charts.show_chart(
        charts.cached_figure(views.parallel_coordinates_figure, filtered, tuned, objective=metric),
        filtered[columns],
        alt="Trials across hyperparameters",
        key="parallel",
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Importance")
        weights = cached_tuning.hyperparameter_importance(filtered[["objective", *tuned]], tuned, maximize)
        st.markdown(words.importance_sentence(weights, int(filtered["objective"].notna().sum())))
        if not weights.empty:
            charts.show_chart(
                charts.cached_figure(views.importance_figure, weights), weights, alt="Importance of each hyperparameter", key="importance"
            )
    with right:
        st.subheader("One by one")
        figure = charts.cached_figure(views.slices_figure, filtered, tuned, objective=metric)
        charts.show_chart(
            figure, filtered[columns], alt="Objective against each hyperparameter; the later a trial, the darker", key="slices"
        )


def show_trials(job: Job, filtered: pd.DataFrame, all_trials: pd.DataFrame) -> None:
    """The trials as a table; the one chosen there, or in the URL, with its curves, log, report and registration."""
    _, maximize = tuning_jobs.first_objective(job)
    ordered = filtered.sort_values("objective", ascending=not maximize, na_position="last")

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
        column_order=["number", "objective", "status", *tuned_parameters(ordered), "name", "started", "ended", "reason"],
        column_config={**tables.TIME_COLUMNS, "name": st.column_config.TextColumn("training job", width="medium")},
        height=min(36 * (len(ordered) + 1), 400),
    )
    st.download_button(
        "Trials as CSV",
        lambda: tables.table_to_csv(ordered.astype(object)),
        f"{job.name}-trials.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    every = all_trials.sort_values("objective", ascending=not maximize, na_position="last")
    numbers = dict(zip(every["name"], every["number"], strict=True))
    name = links.url_selectbox(
        "trial", every["name"].tolist(), "Trial", format_func=lambda n: f"trial {numbers[n]} · {shorten_middle(n, 44)}"
    )
    st.subheader(f"Trial {numbers[name]}")
    if name == job.raw.get("BestTrainingJob", {}).get("TrainingJobName") and not cached_tuning.tie_sentence(job.name):
        st.caption("This is the best trial. It is shown below as the best model.")
    else:
        training_job.show_training_job(name)
