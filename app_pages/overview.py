"""Overview: where the workspace stands, what waits for whom, and one button that runs everything."""

from __future__ import annotations

import streamlit as st

from app_pages import _session, _show
from core import datasets, identity, jobs, registry, workflow
from core.errors import NotFound


@st.fragment(run_every=2)
def running(run: str) -> None:
    with _show.errors_shown():
        try:
            now = workflow.progress(_session.clients(), run)
        except NotFound as error:
            _show.show_error(error)
            return
        done = {step for step, _ in now.steps}
        at = now.steps[-1] if now.steps else ("starting", "")
        share = 1.0 if now.done and not now.error else len(done) / (len(workflow.STEPS) + 1)
        label = "Workflow failed" if now.error else "Workflow complete" if now.done else f"Workflow: {at[0]}"
        with st.status(label, state="error" if now.error else "complete" if now.done else "running", expanded=not now.done):
            st.progress(share)
            for step, text in now.steps:
                st.markdown(f"**{step}** {text}")
            if now.error:
                st.error(now.error, icon=":material/error:")
        if now.done:
            if st.session_state.get("followed") == run:
                st.session_state["followed"] = None
                st.rerun()
        else:
            st.session_state["followed"] = run


def next_step(waiting: list[registry.Version], versions: list[registry.Version], rebalanced: list[jobs.Job], tuned: list[jobs.Job]) -> None:
    person = _session.identity()
    with st.container(border=True, height="stretch"):
        st.markdown(f"**Next for you, {person.name}**")
        if identity.may(person, "decide"):
            if waiting:
                st.markdown(f"{len(waiting)} version{'s wait' if len(waiting) > 1 else ' waits'} for your decision.")
                _show.link("registry", f"Look at {waiting[0].group} v{waiting[0].version}", package=waiting[0].arn)
            else:
                st.markdown("No version waits for a decision.")
        elif not identity.may(person, "launch"):
            st.markdown("You may look at everything here.")
            _show.link("registry", "Compare the versions")
        elif not rebalanced:
            st.markdown(
                "Start with the data: take the bundled credit-default rows or upload a table, and rebalance it. Or run the whole workflow."
            )
            _show.link("data", "Rebalance data")
        elif not tuned:
            st.markdown("The data is rebalanced. Tune a model on it.")
            _show.link("tuning", "Tune a model", data=rebalanced[0].name)
        elif not versions:
            st.markdown("A model is tuned. Measure its bias and register it.")
            _show.link("tuning", "Register the best model", job=tuned[0].name)
        else:
            st.markdown("The versions are registered. See what mitigation did to the groups, and to quality.")
            _show.link("registry", "Compare the versions")


def workflow_button(first: bool) -> None:
    person = _session.identity()
    with st.container(border=True, height="stretch"):
        st.markdown("**The whole workflow**")
        st.caption(
            "30,000 credit-default rows: rebalance, train a baseline, tune, measure bias, explain, register, compare. About a minute."
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            trials = st.number_input("Trials", 1, 100, 10, width=110)
            parallel = st.number_input("In parallel", 1, 10, 2, width=110)
            allowed = identity.may(person, "launch")
            if st.button(
                "Run the whole workflow", type="primary" if first else "secondary", icon=":material/play_arrow:", disabled=not allowed
            ):
                with _show.errors_shown():
                    most, at_once = int(trials), min(int(parallel), int(trials))
                    st.query_params["run"] = workflow.start_in_background(_session.clients(), person, max_jobs=most, max_parallel=at_once)
                    st.rerun()


st.title("Overview")
with _show.errors_shown(stop=True):
    clients = _session.clients()
    stored = datasets.list_datasets(clients)
    work = [*jobs.listed(clients, "processing"), *jobs.listed(clients, "tuning"), *jobs.listed(clients, "training")]
    versions = registry.versions(clients)
waiting = [version for version in versions if version.status == registry.PENDING]
active = [job for job in work if job.status not in jobs.FINAL]
with st.container(horizontal=True):
    st.metric("Data sets", len(stored), border=True)
    st.metric("Jobs running", len(active), border=True)
    st.metric("Versions", len(versions), border=True)
    st.metric("Waiting for a decision", len(waiting), border=True)
if "run" in st.query_params:
    running(st.query_params["run"])
left, right = st.columns(2)
with left:
    rebalanced = [job for job in work if job.name.startswith("governance-rebalance") and job.status == "Completed"]
    next_step(waiting, versions, rebalanced, [job for job in work if job.kind == "tuning" and job.status == "Completed"])
with right:
    workflow_button(first=not versions)
if versions:
    st.subheader("Versions")
    for version in versions[:6]:
        with st.container(horizontal=True, vertical_alignment="center"):
            _show.link("registry", f"{version.group} v{version.version} · {version.description.partition(':')[0]}", package=version.arn)
            _show.state(version.status)
            st.caption(f"{version.created:%Y-%m-%d %H:%M} UTC")
if work:
    st.subheader("Latest jobs")
    newest = sorted(work, key=lambda job: job.created, reverse=True)[:12]
    st.dataframe(_show.listing(newest), hide_index=True, height="content", alt="The latest jobs", column_config=_show.TIMES)
