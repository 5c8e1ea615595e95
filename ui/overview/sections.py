"""The parts of the overview: next step, running jobs, waiting versions, last decisions, newest versions and jobs."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.aws.read_snapshot import ReadSnapshot
from core.errors import GovernanceError
from core.governance import foreign_versions, policy_adoption
from core.jobs import jobs
from core.registry import model_packages
from core.workflow import next_step, workspace_summary
from ui import cache, session
from ui.components import badges, errors, links, markdown, tables, times

MAX_SHOWN = 5


@st.cache_data(ttl="3s", max_entries=4, show_spinner="Reading the workspace …")
def read_overview(cache_key: str, _snapshot: ReadSnapshot) -> workspace_summary.WorkspaceSummary:
    """The workspace summary, cached for three seconds."""
    return workspace_summary.read_summary(_snapshot)


@st.cache_data(ttl="2s", max_entries=4, show_spinner=False)
def read_latest_jobs(cache_key: str) -> tuple[jobs.Job, ...]:
    """The newest jobs of each kind, cached for two seconds."""
    return workspace_summary.list_latest_jobs(session.target())


@st.cache_data(ttl="10m", max_entries=64, show_spinner="Checking the gates …")
def read_failing_gates(cache_key: str, arn: str, version: int, rules: str, _snapshot: ReadSnapshot) -> workspace_summary.BlockingGates:
    """The gates that block a version now. ``version`` (its last event) and ``rules`` (the policy's SHA-256) are part of the cache key."""
    return workspace_summary.find_blocking_gates(_snapshot, arn)


def count_or_dash(summary: workspace_summary.WorkspaceSummary, part: str, value: int) -> int | str:
    """A number, or a dash if its part couldn't be read."""
    return "–" if part in summary.unreadable else value


def show_next_step(summary: workspace_summary.WorkspaceSummary, snapshot: ReadSnapshot) -> None:
    """The next step for the signed-in person, with a link."""
    person = session.identity()
    step = next_step.suggest_next_step(person, summary, partial(_is_own_job, snapshot))
    with st.container(border=True, height="stretch"):
        st.markdown(f"**Next for you, {markdown.escape_markdown(person.name)}**")
        st.markdown(markdown.escape_markdown(step.text))
        links.reference_link(step.reference, step.label)


def _is_own_job(snapshot: ReadSnapshot, job: jobs.Job) -> bool:
    """Whether this product started a job; assumed of a job that can't be read."""
    try:
        return jobs.is_product_job(cache.cached_read_from(snapshot, jobs.describe_job, job.kind, job.name))
    except GovernanceError:
        return True


def show_running_jobs(summary: workspace_summary.WorkspaceSummary, following: bool) -> None:
    """The running jobs, read every two seconds while there are any, or while a run of the workflow is watched (``following``)."""
    if summary.running_jobs or following:
        st.fragment(run_every=2)(_refresh_running_jobs)({job.name for job in summary.running_jobs})


def _refresh_running_jobs(before: set[str]) -> None:
    with errors.show_raised_errors():
        active = [job for job in read_latest_jobs(session.cache_key()) if job.status not in jobs.FINAL_STATUSES]
        if {job.name for job in active} != before:
            read_overview.clear()
            st.rerun()
        if active:
            st.subheader("Running now")
        for job in active[:MAX_SHOWN]:
            with st.container(horizontal=True, vertical_alignment="center"):
                badges.show_state(job.status)
                show_job_link(job)
                times.show_relative_time(job.created, "started")
                if progress := workspace_summary.trial_progress(job):
                    done, most = progress
                    st.progress(done / most, text=f"{done} of {most} trials", width=220)
        if len(active) > MAX_SHOWN:
            st.caption(f"{len(active) - MAX_SHOWN} more.")


def show_job_link(job: jobs.Job) -> None:
    """A job's name, as a link if a page shows the job."""
    reference = next_step.job_reference(job)
    if reference is None:
        st.markdown(markdown.escape_markdown(job.name))
    else:
        links.reference_link(reference, job.name)


@st.fragment(parallel=True)
def show_waiting_versions(summary: workspace_summary.WorkspaceSummary, snapshot: ReadSnapshot) -> None:
    """Waiting versions, each with the gates that block it: as recorded at the last decision, or checked now and cached."""
    with errors.show_raised_errors():
        st.subheader("Waiting for a decision")
        if not summary.waiting:
            st.caption("No version waits for a decision. A data scientist submits a version on the decisions page.")
        for version, state in summary.waiting[:MAX_SHOWN]:
            with st.container(border=True):
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    links.page_link("decisions", version.label, package=version.arn)
                    badges.show_state(state.status)
                    times.show_relative_time(state.history[-1].time, f"by {markdown.escape_markdown(state.history[-1].actor['name'])}")
                failing = workspace_summary.recorded_blocking_gates(state)
                if failing is None:
                    rules = cache.cached_read_from(snapshot, policy_adoption.load_in_force)
                    failing = read_failing_gates(session.cache_key(), version.arn, state.last_event, rules.sha256, snapshot)
                show_failing_gates(failing)
        if len(summary.waiting) > MAX_SHOWN:
            links.page_link("decisions", f"{len(summary.waiting) - MAX_SHOWN} more")


def show_failing_gates(failing: workspace_summary.BlockingGates) -> None:
    """The blocking gates in a sentence."""
    when = f"when judged {times.relative_time(failing.recorded_at)}" if failing.recorded_at else "now"
    if not failing.titles:
        st.markdown(f":material/check_circle: Every required gate passes {when}.")
        return
    count = len(failing.titles)
    st.markdown(
        f":material/cancel: **{count} required gate{'s' if count > 1 else ''} fail{'' if count > 1 else 's'}** {when}: "
        f"{markdown.escape_markdown('; '.join(failing.titles))}."
    )


def show_last_decisions(summary: workspace_summary.WorkspaceSummary) -> None:
    """The last events of the log."""
    st.subheader("Last decisions")
    if not summary.events:
        st.caption("Nothing has been decided yet. The first event will be the first submission.")
    for event, text in workspace_summary.describe_events(summary.events):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if ":model-package/" in event.subject:
                links.page_link("decisions", text, package=event.subject)
            else:
                st.markdown(markdown.escape_markdown(text))
            times.show_relative_time(event.time)


def show_newest_versions(summary: workspace_summary.WorkspaceSummary) -> None:
    """The newest versions, each with its state."""
    st.subheader("Versions")
    newest = sorted(summary.versions, key=lambda held: held[0].created, reverse=True)
    for version, state in newest[:MAX_SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            links.page_link("registry", f"{version.label}{f' · {version.role}' if version.role else ''}", package=version.arn)
            badges.show_state(foreign_versions.status_label(version.status, state))
            times.show_relative_time(version.created)
    if len(newest) > MAX_SHOWN:
        links.page_link("registry", f"{len(newest) - MAX_SHOWN} more")


def link_other_groups(summary: workspace_summary.WorkspaceSummary, snapshot: ReadSnapshot) -> None:
    """A link to groups in which others register versions; or why they can't be listed, unless the page has shown this for the versions."""
    try:
        own = cache.cached_read_from(snapshot, model_packages.list_own_groups)
        others = [name for name in cache.cached_read_from(snapshot, model_packages.list_groups) if name not in own]
    except GovernanceError as error:
        if error.message not in {shown.message for shown in summary.unreadable.values()}:
            errors.show_error(error)
        return
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        links.page_link("registry", f"Versions in other groups: {others[0]}{more}", group=others[0])


def show_latest_jobs(summary: workspace_summary.WorkspaceSummary) -> None:
    """The newest jobs that have ended, and all of them as a table."""
    st.subheader("Latest jobs")
    done = [job for job in summary.jobs if job.status in jobs.FINAL_STATUSES]
    for job in done[:MAX_SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_job_link(job)
            badges.show_state(job.status)
            times.show_relative_time(job.created)
    with st.expander(f"All {len(done)} as a table", icon=":material/table:"):
        config = {**tables.TIME_COLUMNS, "took": st.column_config.NumberColumn("took (s)", format="%.0f")}
        table = tables.jobs_table(done)
        table["took"] = [(job.ended - job.created).total_seconds() if job.ended else None for job in done]
        st.dataframe(pd.DataFrame(table), hide_index=True, height="content", alt="The latest jobs", column_config=config)
