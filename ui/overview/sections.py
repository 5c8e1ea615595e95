"""The parts of the overview: what runs, what waits for whom, what was decided, the workflow's live steps."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _costs, _kept, _session, _show, _when
from core import costs, identity, jobs, registry, workflow, workspace
from core.errors import GovernanceError, NotFound
from core.governance import elsewhere, policy

SHOWN = 5
MARKS = {
    "to do": ":material/radio_button_unchecked:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
}


@st.cache_data(ttl="3s", max_entries=4, show_spinner="Looking at the workspace …")
def glance(target: str) -> workspace.Glance:
    return workspace.glance(_session.clients())


@st.cache_data(ttl="2s", max_entries=4, show_spinner=False)
def latest(target: str) -> tuple[jobs.Job, ...]:
    return workspace.running_and_latest(_session.clients())


@st.cache_data(ttl="10m", max_entries=64, show_spinner="Checking the gates …")
def judged(target: str, arn: str, version: int, rules: str) -> workspace.Failing:
    return workspace.judge(_session.clients(), arn)


def known(now: workspace.Glance, part: str, value: int) -> int | str:
    """A figure; a dash where what it counts couldn't be read."""
    return "–" if part in now.unread else value


def next_step(now: workspace.Glance) -> None:
    person = _session.identity()
    step = workspace.next_step(person, now, _own)
    with st.container(border=True, height="stretch"):
        st.markdown(f"**Next for you, {_show.plain(person.name)}**")
        st.markdown(_show.plain(step.text))
        _show.link(step.place.page, step.label, **step.place.query)


def _own(job: jobs.Job) -> bool:
    """Whether a job is this product's; one that can't be looked at counts as such."""
    try:
        return jobs.own(_kept.lately(jobs.describe, job.kind, job.name))
    except GovernanceError:
        return True


def workflow_button(first: bool) -> None:
    person = _session.identity()
    with st.container(border=True, height="stretch"):
        st.markdown("**The whole workflow**")
        st.caption("30,000 credit-default rows: rebalance, train a baseline, tune, measure bias, explain, register, compare.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            trials = st.number_input("Trials", 1, 100, 10, width=110)
            parallel = st.number_input("In parallel", 1, 10, 2, width=110)
            kind, allowed = "primary" if first else "secondary", identity.may(person, "launch")
            if st.button("Run the whole workflow", type=kind, icon=":material/play_arrow:", disabled=not allowed):  # type: ignore[arg-type]
                with _show.errors_shown():
                    most, at_once = int(trials), min(int(parallel), int(trials))
                    st.query_params["run"] = workflow.start_in_background(_session.clients(), person, max_jobs=most, max_parallel=at_once)
                    st.rerun()
        if allowed:
            _workflow_costs(int(trials))
        else:
            st.caption(f"The role {person.role} can't launch jobs.")


@st.fragment(parallel=True)
def _workflow_costs(trials: int) -> None:
    _costs.expected(costs.workflow(_session.clients().settings, trials))


@st.fragment(run_every=2)
def steps(run: str) -> None:
    """A run of the whole workflow, step by step, each linked to its result."""
    with _show.errors_shown():
        try:
            now = workflow.progress(_session.clients(), run)
        except NotFound as error:
            _show.show_error(error)
            return
        states = now.states()
        label = "Workflow failed" if now.error else "Workflow complete" if now.done else "Workflow running"
        state = "error" if now.error else "complete" if now.done else "running"
        box = st.status(label, state=state, expanded=not now.done)  # type: ignore[arg-type]
        with box.container():  # to leave the box itself would call it complete
            st.progress(sum(s.state == "done" for s in states) / len(states))
            for s in states:
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    took = f" · {s.seconds:,.0f} s" if s.seconds is not None else ""
                    text = f"{s.state}{took}" + (f" · {_show.plain(s.text)}" if s.text else "")
                    st.markdown(f"{MARKS[s.state]} **{s.name}** {text}")
                    if s.state == "done" and s.place:
                        _show.link(s.place[0], "open", **s.place[1])
            if now.error:
                st.error(_show.plain(now.error), icon=":material/error:")
            elif not now.done and now.silent() > 600:
                st.warning(f"Nothing was heard for {now.silent() / 60:.0f} minutes. If its process has ended, start anew.")
        if now.done:
            if st.session_state.get("followed") == run:
                st.session_state["followed"] = None
                glance.clear()
                st.rerun()
        else:
            st.session_state["followed"] = run


def running(now: workspace.Glance, following: bool) -> None:
    """The jobs that run, looked up every two seconds while there are any, or may be soon: ``following`` a run of the workflow."""
    if now.running or following:
        st.fragment(run_every=2)(_running)({job.name for job in now.running})


def _running(before: set[str]) -> None:
    with _show.errors_shown():
        active = [job for job in latest(_session.target()) if job.status not in jobs.FINAL]
        if {job.name for job in active} != before:
            glance.clear()
            st.rerun()
        if active:
            st.subheader("Running now")
        for job in active[:SHOWN]:
            with st.container(horizontal=True, vertical_alignment="center"):
                _show.state(job.status)
                linked(job)
                _when.caption(job.created, "started")
                if progress := workspace.progress(job):
                    done, most = progress
                    st.progress(done / most, text=f"{done} of {most} trials", width=220)
        if len(active) > SHOWN:
            st.caption(f"{len(active) - SHOWN} more.")


def linked(job: jobs.Job) -> None:
    """A job's name, as a link where a page shows it."""
    place = workspace.place(job)
    if place is None:
        st.markdown(_show.plain(job.name))
    else:
        _show.link(place.page, job.name, **place.query)


@st.fragment(parallel=True)
def waiting(now: workspace.Glance) -> None:
    """Versions in the queue with the gates that stand in their way: as recorded when they were judged, or judged now and kept."""
    with _show.errors_shown():
        st.subheader("Waiting for a decision")
        if not now.waiting:
            st.caption("Nothing is in the queue. A version gets there when its data scientist submits it.")
        for version, state in now.waiting[:SHOWN]:
            with st.container(border=True):
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    _show.link("decisions", version.label, package=version.arn)
                    _show.state(state.status)
                    _when.caption(state.history[-1].time, f"by {_show.plain(state.history[-1].actor['name'])}")
                failing = workspace.recorded(state)
                if failing is None:
                    rules, _ = _kept.lately(policy.in_force)
                    failing = judged(_session.target(), version.arn, state.version, rules.sha256)
                gates(failing)
        if len(now.waiting) > SHOWN:
            _show.link("decisions", f"{len(now.waiting) - SHOWN} more")


def gates(failing: workspace.Failing) -> None:
    when = f"when judged {_when.ago(failing.recorded)}" if failing.recorded else "now"
    if not failing.titles:
        st.markdown(f":material/check_circle: Every required gate passes {when}.")
        return
    count = len(failing.titles)
    st.markdown(
        f":material/cancel: **{count} required gate{'s' if count > 1 else ''} fail{'' if count > 1 else 's'}** {when}: "
        f"{_show.plain('; '.join(failing.titles))}."
    )


def decided(now: workspace.Glance) -> None:
    """The last events of the log."""
    st.subheader("Last decisions")
    if not now.events:
        st.caption("Nothing has been decided yet: the first event is the first submission.")
    for event, text in workspace.described(now.events):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if ":model-package/" in event.subject:
                _show.link("decisions", text, package=event.subject)
            else:
                st.markdown(_show.plain(text))
            _when.caption(event.time)


def versions(now: workspace.Glance) -> None:
    """The newest versions, each with how it stands."""
    st.subheader("Versions")
    newest = sorted(now.versions, key=lambda held: held[0].created, reverse=True)
    for version, state in newest[:SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show.link("registry", f"{version.label}{f' · {version.role}' if version.role else ''}", package=version.arn)
            _show.state(elsewhere.label(version.status, state))
            _when.caption(version.created)
    if len(newest) > SHOWN:
        _show.link("registry", f"{len(newest) - SHOWN} more")


def other_groups() -> None:
    """A way to the versions of the account's other groups; where these may not be listed, the versions have said so."""
    try:
        others = [name for name in _kept.lately(registry.groups) if name != _session.clients().settings.group]
    except GovernanceError:
        return
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        _show.link("registry", f"Versions in other groups: {others[0]}{more}", group=others[0])


def latest_jobs(now: workspace.Glance) -> None:
    st.subheader("Latest jobs")
    done = [job for job in now.jobs if job.status in jobs.FINAL]
    for job in done[:SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            linked(job)
            _show.state(job.status)
            _when.caption(job.created)
    with st.expander(f"All {len(done)} as a table", icon=":material/table:"):
        config = {**_show.TIMES, "took": st.column_config.NumberColumn("took (s)", format="%.0f")}
        table = _show.listing(done)
        table["took"] = [(job.ended - job.created).total_seconds() if job.ended else None for job in done]
        st.dataframe(pd.DataFrame(table), hide_index=True, height="content", alt="The latest jobs", column_config=config)
