"""Two tuning jobs side by side: histories, best trials, what was set differently."""

from __future__ import annotations

from itertools import islice

import pandas as pd
import streamlit as st

from core.data.comparability import describe_judged_rows, explain_incomparable
from core.jobs.jobs import FINAL_STATUSES, Job
from core.jobs.tuning import tuning_history, tuning_jobs
from core.views.registry import performance_charts
from core.views.shared.figure_style import shorten_middle
from core.views.tuning import tuning_charts as views
from core.views.tuning import tuning_sentences as words
from ui import session
from ui.components import charts, links, markdown
from ui.shared import cached_tuning

MAX_SEARCHED = 8
"""Among how many other jobs one is looked for that can be compared with the chosen one."""


def show_tuning_comparison(job: Job, filtered: pd.DataFrame) -> None:
    """Choose another tuning job and compare. The filter applies to this job's trials only."""
    others = [other.name for other in tuning_jobs.list_jobs(session.target()) if other.name != job.name and other.status in FINAL_STATUSES]
    if not others:
        st.markdown("No other tuning job has ended yet. Clone this one's settings, change something, and compare.")
        return
    like = _find_like(job, others)
    others = like + [name for name in others if name not in like]
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
    elif reasons := _explain_unlike(job, other):
        said = " ".join(map(markdown.escape_markdown, reasons))
        st.warning(f"**The two jobs can't be compared.** {said} Each is shown alone.", icon=":material/difference:")
        if data := cached_tuning.data_of_tuning(job.name):
            links.page_link(
                "tuning", f"Tune on the rows of {names[0]} with the settings of {names[1]}", tab="new", clone=other.name, data=data.job
            )
        for column, (each, trials) in zip(st.columns(2, gap="large"), ((job, filtered), (other, theirs)), strict=True):
            with column:
                _show_alone(each, trials, metric, maximize)
    else:
        bests = [float(t["objective"].max() if maximize else t["objective"].min()) for t in (filtered, theirs)]
        said = words.comparison_sentence(names, bests, [len(filtered), len(theirs)], objective=metric, maximize=maximize)
        st.markdown(f"{said} Both were judged on the same validation rows.")
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


def _explain_unlike(job: Job, other: Job) -> tuple[str, ...]:
    """Every reason why the trials of two jobs can't be compared; () if all were judged on the same validation rows."""
    first, second = (cached_tuning.validation_rows(one.name, _definition(one)) for one in (job, other))
    return explain_incomparable((shorten_middle(job.name), shorten_middle(other.name)), first, second)


def _find_like(job: Job, others: list[str]) -> list[str]:
    """The first of the other jobs whose trials were judged on the same validation rows, among the first few; [] if none were."""
    mine = cached_tuning.validation_rows(job.name, _definition(job))
    like = (each for each in others[:MAX_SEARCHED] if not explain_incomparable(("", ""), mine, cached_tuning.validation_rows(each)))
    return list(islice(like, 1))


def _definition(job: Job) -> str:
    """The name of the job's first definition, whose trials are shown; "" where it has only one."""
    found = tuning_jobs.list_definitions(job)
    return str(found[0].get("DefinitionName", "")) if found else ""


def _show_alone(job: Job, trials: pd.DataFrame, metric: str, maximize: bool) -> None:
    """A job's best trial and history, with the rows that judged it."""
    name = shorten_middle(job.name)
    st.subheader(markdown.escape_markdown(name))
    rows = cached_tuning.validation_rows(job.name, _definition(job))
    st.caption(markdown.escape_markdown(f"{describe_judged_rows(name, rows)}."))
    st.markdown(words.best_trial_sentence(trials, objective=metric, maximize=maximize))
    figure = charts.cached_figure(views.history_figure, trials, objective=metric, maximize=maximize)
    table = views.history_table(trials, maximize=maximize)
    charts.show_chart(figure, table, alt=f"{metric} of each trial and the best so far, {name}", key=f"alone-{job.name}")
