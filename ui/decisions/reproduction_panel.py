"""Whether a version was made again from its data set: the newest result, and the button that starts a job for it."""

from __future__ import annotations

import streamlit as st

from core.aws.read_snapshot import ReadSnapshot
from core.governance import reproducing
from core.governance.version_state import State
from core.jobs import jobs
from core.jobs.jobs import Job
from core.registry.registry_types import Package
from ui import cache, session
from ui.components import errors, markdown, running_jobs

OUTCOME_ICONS = {True: ":material/check_circle:", False: ":material/error:", None: ":material/remove:"}


def show_reproduction(package: Package, state: State, newest: Job | None, snapshot: ReadSnapshot) -> None:
    """``newest``: the newest job that makes or made the version again, in any state; ``snapshot``: what the page has read."""
    st.markdown("**Made again from the data set**")
    if newest is not None and newest.status not in jobs.FINAL_STATUSES:
        running_jobs.watch_job("processing", newest.name)
        return
    if newest is not None and newest.status == "Completed":
        with errors.show_raised_errors():
            _show_result(package.arn, newest.name, snapshot)
    elif newest is not None:
        running_jobs.show_failed_job(cache.cached_read(jobs.describe_job, "processing", newest.name))
    else:
        st.caption("Nobody has made this version again yet. A job can: it starts from the data set and the recorded settings alone.")
    if session.is_allowed("reproduce"):
        label = "Reproduce again" if newest else "Reproduce"
        key = f"reproduce-{package.arn}-{state.last_event}"
        st.button(label, icon=":material/replay:", key=key, on_click=_start, args=(package.arn,))


def _show_result(arn: str, job: str, snapshot: ReadSnapshot) -> None:
    found = cache.cached_read_from(snapshot, reproducing.read_result, arn, job)
    made_with = ", ".join(f"{name} {version}" for name, version in found.result["made_with"].items())
    if found.is_reproduced:
        st.success("The version was made again, and it is the same.", icon=":material/verified:")
    else:
        st.error(f"**The version wasn't reproduced.** {markdown.escape_markdown(' '.join(found.problems))}", icon=":material/gpp_bad:")
    for part in found.result["parts"]:
        st.markdown(f"{OUTCOME_ICONS[part['agrees']]} **{part['part'].capitalize()}**: {markdown.escape_markdown(part['found'])}")
    st.caption(markdown.escape_markdown(f"Job {job}, with {made_with}."))


def _start(arn: str) -> None:
    with errors.show_raised_errors():
        reproducing.start_reproduction(session.target(), session.identity(), arn)
