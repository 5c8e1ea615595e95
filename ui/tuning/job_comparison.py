"""Two tuning jobs side by side: histories, best trials, what was set differently."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _session, _show, _tuning_cached
from core import tuning, tuning_history
from core.jobs import FINAL, Job
from core.views import comparison
from core.views import tuning as views
from core.views import tuning_words as words
from core.views.style import short


def show(job: Job, shown: pd.DataFrame) -> None:
    """Choose another tuning job and compare; the filter holds for this job's trials."""
    others = [other.name for other in tuning.list_jobs(_session.clients()) if other.name != job.name and other.status in FINAL]
    if not others:
        st.markdown("There is no other tuning job that has ended. Clone this one's settings, change something, and compare.")
        return
    other = tuning.describe(_session.clients(), _show.chosen("with", others, "Compare with"))
    first, *more = tuning.definitions(other)
    theirs = _tuning_cached.trials(other.name, first.get("DefinitionName", "") if more else "")
    metric, maximize = tuning.objective(job)
    names = [short(job.name), short(other.name)]
    if tuning.objective(other) != (metric, maximize):
        st.warning(
            f"{other.name} was tuned for {tuning.objective(other)[0]}, this one for {metric}: the values can't be compared.",
            icon=":material/warning:",
        )
    elif theirs.empty or theirs["objective"].isna().all() or shown["objective"].isna().all():
        st.info("One of the two has no trial with an objective.", icon=":material/info:")
    else:
        bests = [float(t["objective"].max() if maximize else t["objective"].min()) for t in (shown, theirs)]
        st.markdown(
            words.compared(names, bests, [len(shown), len(theirs)], objective=metric, maximize=maximize) + " " + _same_rows(job, other)
        )
        jobs = {job.name: shown, other.name: theirs}
        twin = pd.concat([views.history_table(t, maximize=maximize).assign(job=n) for n, t in jobs.items()])
        figure = _show.drawn(views.overlay, jobs, objective=metric, maximize=maximize)
        _show.chart(figure, twin, alt=f"{metric} of each trial and the best so far, of both jobs", key="overlay")
        st.subheader("The best trials")
        found = {name: _best(table, maximize) for name, table in zip(names, jobs.values(), strict=True)}
        st.dataframe(comparison.values_table(found, heading="of the best trial"), hide_index=True, alt="The best trial of each job")
    st.subheader("What was set differently")
    both = dict(zip(names, (tuning_history.settings(job), tuning_history.settings(other)), strict=True))
    every = st.toggle("Also what is the same", key="compare-all")
    table = comparison.values_table(both, only_differences=not every, heading="setting")
    if table.empty:
        st.markdown("Nothing: the two differ by chance alone.")
    else:
        st.dataframe(table, hide_index=True, alt="Settings of both tuning jobs")


def _best(table: pd.DataFrame, maximize: bool) -> dict[str, object]:
    row = table.sort_values("objective", ascending=not maximize).iloc[0]
    return {"trial": int(row["number"]), **{k: v for k, v in row.items() if k not in {"number", "created", "started", "ended", "reason"}}}


def _same_rows(job: Job, other: Job) -> str:
    """Whether both were judged on the same validation rows."""
    found = [_tuning_cached.data(one.name) for one in (job, other)]
    if any(data is None for data in found):
        return "Whether both were judged on the same validation rows is unknown."
    a, b = (data.manifest["split"]["row_ids_sha256"]["validation"] for data in found if data is not None)
    inputs = {data.manifest["input"]["sha256"] for data in found if data is not None}
    if a == b and len(inputs) == 1:
        return "Both were judged on the same validation rows."
    return "They were judged on **different** validation rows, so part of the difference is the rows'."
