"""Two tuning jobs side by side: histories, best trials, what was set differently."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.jobs.jobs import FINAL_STATUSES, Job
from core.jobs.tuning import tuning_history, tuning_jobs
from core.views.registry import performance_charts
from core.views.shared.figure_style import shorten_middle
from core.views.tuning import tuning_charts as views
from core.views.tuning import tuning_sentences as words
from ui import session
from ui.components import charts, links
from ui.shared import cached_tuning


def show_tuning_comparison(job: Job, filtered: pd.DataFrame) -> None:
    """Choose another tuning job and compare. The filter applies to this job's trials only."""
    others = [other.name for other in tuning_jobs.list_jobs(session.target()) if other.name != job.name and other.status in FINAL_STATUSES]
    if not others:
        st.markdown("No other tuning job has ended yet. Clone this one's settings, change something, and compare.")
        return
    other = tuning_jobs.describe_job(session.target(), links.url_selectbox("with", others, "Compare with"))
    first, *more = tuning_jobs.list_definitions(other)
    theirs = cached_tuning.read_trials(other.name, first.get("DefinitionName", "") if more else "")
    metric, maximize = tuning_jobs.first_objective(job)
    names = [shorten_middle(job.name), shorten_middle(other.name)]
    if tuning_jobs.first_objective(other) != (metric, maximize):
        st.warning(
            f"{other.name} was tuned for {tuning_jobs.first_objective(other)[0]}, this one for {metric}: the values can't be compared.",
            icon=":material/warning:",
        )
    elif theirs.empty or theirs["objective"].isna().all() or filtered["objective"].isna().all():
        st.info("One of the two has no trial with an objective.", icon=":material/info:")
    else:
        bests = [float(t["objective"].max() if maximize else t["objective"].min()) for t in (filtered, theirs)]
        st.markdown(
            words.comparison_sentence(names, bests, [len(filtered), len(theirs)], objective=metric, maximize=maximize)
            + " "
            + _same_rows_sentence(job, other)
        )
        jobs = {job.name: filtered, other.name: theirs}
        twin = pd.concat([views.history_table(t, maximize=maximize).assign(job=n) for n, t in jobs.items()])
        figure = charts.cached_figure(views.overlay_figure, jobs, objective=metric, maximize=maximize)
        charts.show_chart(figure, twin, alt=f"{metric} of each trial and the best so far, of both jobs", key="overlay")
        st.subheader("The best trials")
        found = {name: _best_trial(table, maximize) for name, table in zip(names, jobs.values(), strict=True)}
        st.dataframe(performance_charts.values_table(found, heading="of the best trial"), hide_index=True, alt="The best trial of each job")
    st.subheader("What was set differently")
    both = dict(zip(names, (tuning_history.settings_as_text(job), tuning_history.settings_as_text(other)), strict=True))
    every = st.toggle("Also show equal settings", key="compare-all")
    table = performance_charts.values_table(both, only_differences=not every, heading="setting")
    if table.empty:
        st.markdown("Nothing. The two jobs have the same settings.")
    else:
        st.dataframe(table, hide_index=True, alt="Settings of both tuning jobs")


def _best_trial(table: pd.DataFrame, maximize: bool) -> dict[str, object]:
    row = table.sort_values("objective", ascending=not maximize).iloc[0]
    return {
        "trial": int(row["number"]),
        **{str(k): v for k, v in row.items() if k not in {"number", "created", "started", "ended", "reason"}},
    }


def _same_rows_sentence(job: Job, other: Job) -> str:
    """Whether both were judged on the same validation rows."""
    found = [cached_tuning.data_of_tuning(one.name) for one in (job, other)]
    if any(data is None for data in found):
        return "Whether both were judged on the same validation rows is unknown."
    a, b = (data.manifest["split"]["row_ids_sha256"]["validation"] for data in found if data is not None)
    inputs = {data.manifest["input"]["sha256"] for data in found if data is not None}
    if a == b and len(inputs) == 1:
        return "Both were judged on the same validation rows."
    return "They were judged on **different** validation rows, so part of the difference comes from the rows."
