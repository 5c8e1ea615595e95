"""Every trial of a tuning job measured for bias: performance against disparity, and the alternatives to the best trial."""

from __future__ import annotations

from typing import TypedDict

import pandas as pd
import streamlit as st

from core.analysis.bias.metric_registry import POST_TRAINING
from core.analysis.tables.value_names import ValueNames
from core.analysis.trials import pareto_front
from core.analysis.trials.trials_json import TrialsReport
from core.costs import cost_estimates
from core.data import column_roles
from core.jobs.jobs import FINAL_STATUSES, Job
from core.jobs.tuning import tuning_jobs
from core.registry import version_registration
from core.reports import trial_bias_jobs
from core.views.tuning import pareto_charts as views
from core.views.tuning import tuning_sentences
from ui import cache, session
from ui.components import charts, links, markdown, running_jobs, tables
from ui.shared import cached_tuning, cost_line, mitigation_notes, threshold_choice
from ui.tuning import training_job

MAX_ALTERNATIVES = 5
"""Alternatives shown in words."""


def show_trial_bias(job: Job, filtered: pd.DataFrame, all_trials: pd.DataFrame) -> None:
    """The measurement, or its state, or the button that starts it. ``filtered`` are those of ``all_trials`` that pass the filter."""
    now = cache.cached_read(trial_bias_jobs.find_newest_job, job.name)
    if now is not None and now.status not in FINAL_STATUSES:
        running_jobs.watch_job("processing", now.name)
    elif now is not None and now.status == "Completed":
        _show_measurement(job, now, filtered, all_trials)
    else:
        if now is not None:
            running_jobs.show_failed_job(now)
        st.markdown(
            "Two trials that predict equally well can treat people differently. One job scores the validation rows with every trial's "
            "model, and measures performance and disparity, each with its interval."
        )
        label = "Measure every trial for bias" if now is None else "Measure again"
        pressed = st.button(label, type="primary", icon=":material/diversity_3:", disabled=not session.allowed_or_explain("launch"))
        data = cached_tuning.data_of_tuning(job.name)
        cost_line.show_expected_cost(
            cost_estimates.plan_trial_bias(session.target().settings, data.uri(trial_bias_jobs.ROWS_FILE) if data else "")
        )
        if pressed:
            trial_bias_jobs.launch_job(session.target(), session.identity(), job.name)
            st.rerun()


class BestInterval(TypedDict, total=False):
    """The best trial's interval and the number of rows, as ``best_trial_sentence`` takes them; empty where they aren't known."""

    interval: tuple[float, float]
    rows: int


def interval_of_best(job: Job, filtered: pd.DataFrame) -> BestInterval:
    """The interval of the best trial's objective and the number of rows, if it was measured and is among ``filtered``."""
    now = cache.cached_read(trial_bias_jobs.find_newest_job, job.name)
    metric, _ = tuning_jobs.first_objective(job)
    name = views.performance_for_objective(metric)
    if now is None or now.status != "Completed" or metric.endswith(":error") or name not in views.PERFORMANCE_LABELS:
        return {}
    report = cached_tuning.read_bias_measurement(now.name)
    best = next((trial for trial in report["trials"] if trial["name"] == report["reference"]), None)
    if best is None or report["reference"] not in set(filtered["name"]):
        return {}
    low, high = best["performance"][name]["low"], best["performance"][name]["high"]
    return {} if low is None or high is None else {"interval": (low, high), "rows": report["rows"]}


def _show_measurement(job: Job, measurement_job: Job, filtered: pd.DataFrame, all_trials: pd.DataFrame) -> None:
    report = cached_tuning.read_bias_measurement(measurement_job.name)
    numbers = dict(zip(all_trials["name"], all_trials["number"], strict=True))
    one, two, three = st.columns(3)
    wanted = list(views.PERFORMANCE_LABELS)
    start = wanted.index(views.performance_for_objective(tuning_jobs.first_objective(job)[0]))
    performance = one.selectbox("Performance", wanted, start, format_func=views.PERFORMANCE_LABELS.__getitem__, key="trial-performance")
    measures = sorted(report["trials"][0]["facets"][0]["measures"], key=lambda name: name != "DPPL")
    measure = two.selectbox("Disparity", measures, format_func=lambda name: POST_TRAINING[name].description, key="trial-disparity")
    value_names = ValueNames.from_json(report.get("value_names"))
    facets = [value_names.describe(facet["name"], facet["value"]) for facet in report["facets"]]
    facet = three.selectbox("Facet", range(len(facets)), format_func=facets.__getitem__, key="trial-facet")
    measured = views.trials_table(report, performance=performance, measure=measure, facet=facet, numbers=numbers)
    kept = measured[measured["name"].isin(filtered["name"]) | measured["reference"]].copy()
    kept["front"] = pareto_front.is_on_front(
        views.metric_direction(performance) * kept["performance"], kept["distance"].where(~kept["one_sided"])
    )
    who = views.compared_groups(report, value_names, facet)
    st.markdown(views.best_trial_sentence(kept, who, performance=performance, measure=measure))
    alt = f"{views.PERFORMANCE_LABELS[performance]} of each trial against its {measure} from parity, with the Pareto front"
    figure = charts.cached_figure(views.pareto_figure, kept, performance=performance, measure=measure)
    picked = st.plotly_chart(
        figure,
        alt=alt,
        key="trial-scatter",
        on_select="rerun",
        selection_mode="points",
        config={"displaylogo": False, "displayModeBar": False},
    )
    twin = views.pareto_table(kept, performance=performance, measure=measure)
    tables.table_twin(twin, alt=alt)
    best = kept[kept["reference"]]
    if not best.empty:
        names = {point["customdata"][0] for point in picked["selection"]["points"] if point.get("customdata")}
        for row in views.list_trial_rows(kept[kept["name"].isin(names) & ~kept["reference"]]):
            st.caption("Chosen in the chart")
            _show_alternative(
                job,
                row,
                views.alternative_sentence(row, views.list_trial_rows(best)[0], who, performance=performance, measure=measure),
                "picked",
            )
    _show_alternatives(job, kept, who, performance, measure)
    st.caption(
        f"n = {report['rows']:,} validation rows, threshold {report['threshold']:g}; 95 % intervals (docs/intervals.md; "
        f"{report['resamples']:,} draws where no formula gives them, seed {report['seed']}). "
        f"The best trial was chosen on these very rows, and of {len(measured)} trials "
        "one in twenty seems beyond noise by chance. Once a trial is registered, it is judged on the test rows. "
        "Distance from parity: the metric's magnitude; for a ratio, how far the smaller rate falls short of the larger."
    )
    for sentence in [*_facets_left_out(job, report, value_names), *report.get("rows_left_out", [])]:
        st.caption(markdown.escape_markdown(sentence))
    if report["left_out"]:
        with st.expander(f"{len(report['left_out'])} trials left out", icon=":material/info:"):
            st.dataframe(pd.DataFrame(report["left_out"]), hide_index=True, alt="Trials left out, with the reason")
    with st.container(horizontal=True):
        st.download_button(
            "All figures as CSV",
            lambda: session.target().files.read(trial_bias_jobs.trials_csv_uri(session.target(), measurement_job.name)),
            f"{measurement_job.name}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "This table as CSV",
            lambda: tables.table_to_csv(twin),
            f"{job.name}-{performance}-{measure}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        links.page_link("data", "Where these rows come from", job=report["rebalancing_job"])
    cost_line.show_cost_by_name("processing", measurement_job.name)
    running_jobs.show_job_log("processing", measurement_job.name)


def _facets_left_out(job: Job, report: TrialsReport, names: ValueNames) -> list[str]:
    """Which chosen facets the trials weren't measured by, in a sentence; none if they all were."""
    data = cached_tuning.data_of_tuning(job.name)
    chosen = column_roles.chosen_facets(data.roles) if data else []
    said = tuning_sentences.unmeasured_facets_sentence(chosen, [(facet["name"], facet["value"]) for facet in report["facets"]], names)
    return [said] if said else []


def _show_alternatives(job: Job, kept: pd.DataFrame, people: views.ComparedGroups, performance: str, measure: str) -> None:
    st.subheader("Less discriminatory alternatives")
    mitigation_notes.show_short_note()
    with st.expander("What each jurisdiction says", icon=":material/gavel:"):
        mitigation_notes.show_full_notes()
    found = views.fairer_alternatives(kept)
    if found.empty:
        st.markdown("No trial reduces disparity without being dominated by another trial.")
        return
    if session.is_allowed("register"):
        training_job.group_input(job.name, cached_tuning.data_of_tuning(job.name))
    best = views.list_trial_rows(kept[kept["reference"]])[0]
    for row in views.list_trial_rows(found.head(MAX_ALTERNATIVES)):
        _show_alternative(job, row, views.alternative_sentence(row, best, people, performance=performance, measure=measure), "front")
    if len(found) > MAX_ALTERNATIVES:
        st.caption(f"{len(found) - MAX_ALTERNATIVES} more lie on the front; they are in the table above.")


def _show_alternative(job: Job, row: views.TrialRow, text: str, key: str) -> None:
    """What another trial would cost and bring, with a button that registers it."""
    with st.container(border=True):
        st.markdown(text)
        with st.container(horizontal=True):
            label, name = f"Register trial {row['number']} instead", str(row["name"])
            if st.button(
                label, icon=":material/app_registration:", key=f"{key}-instead-{name}", disabled=not session.is_allowed("register")
            ):
                _register_trial(job, name)
            if st.button(f"Look at trial {row['number']}", icon=":material/search:", type="tertiary", key=f"{key}-look-{name}"):
                _open_trial(name)


def _register_trial(job: Job, trial: str) -> None:
    """Register it in the group that was chosen for the tuning job's alternatives."""
    data = cached_tuning.data_of_tuning(job.name)
    if data is not None:
        group = st.session_state.get(f"registry-group-{job.name}") or version_registration.propose_group(
            session.target().settings, data.dataset.name
        )
        training_job.start_evaluation(trial, data, version_registration.check_group_name(group), threshold_choice.kept_threshold())
        _open_trial(trial)


def _open_trial(trial: str) -> None:
    st.query_params.update({"trial": trial, "view": "trials"})
    st.rerun()
