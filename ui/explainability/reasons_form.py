"""The tab of reasons and proxies: a job's result, or the form that starts one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.analysis.tables.prohibited_bases import JURISDICTIONS
from core.costs import cost_estimates
from core.jobs.rebalancing_jobs import RebalancedData
from core.reports import reasons_jobs
from core.reports.clarify_jobs import ROW_FILES
from ui import cache, session
from ui.components import errors, links, markdown, tabs
from ui.explainability import reasons_report
from ui.shared import cost_line, job_outcome, model_choice

FEATURE, WORDS, NEW = "feature", "words that an applicant is told", "a new one"
NO_LAW = "no law in particular"


def reasons_tab() -> None:
    """The newest job's result, another one's, or the form."""
    started = {job.name: job.created for job in cache.cached_read(reasons_jobs.list_jobs, _linked_job())}

    def format_name(name: str) -> str:
        return name if name == NEW else f"{started[name]:%Y-%m-%d %H:%M} UTC · {name.removeprefix(f'{reasons_jobs.JOB_NAME_PREFIX}-')}"

    chosen = links.url_selectbox("reasons", [*started, NEW], "Reasons and proxies", format_func=format_name) if started else NEW
    if chosen == NEW:
        show_form()
    else:
        job_outcome.show_processing_job(chosen, lambda: reasons_report.show_reasons(chosen))


def _linked_job() -> str | None:
    linked = st.query_params.get("reasons")
    return None if linked == NEW else linked


def show_form() -> None:
    """Choose a model, edit the words, and start the job."""
    st.markdown("Why does a model decline, do its reasons hold, and which features stand for protected groups?")
    asked = model_choice.select_model_and_rows("reasons")
    if asked is None:
        return
    training_job, data = asked
    one, two = st.columns(2)
    with one:
        laws = [*JURISDICTIONS, NO_LAW]
        law = st.selectbox(
            "By the law of",
            laws,
            key="reasons-law",
            help="Its prohibited bases are never a reason. US credit has a form of its own for the notice.",
        )
    with two:
        threshold = st.number_input("Threshold", 0.0, 1.0, 0.5, 0.01, key="reasons-threshold", help="A prediction above it is 1.")
    jurisdiction = "" if law == NO_LAW else law
    groups = edit_groups(data, jurisdiction)
    label, icon = "Find reasons and proxies", ":material/play_arrow:"
    pressed = st.button(label, type="primary", icon=icon, disabled=not session.allowed_or_explain("launch"))
    cost_line.show_expected_cost(cost_estimates.plan_reasons(session.target().settings, data.uri(ROW_FILES["test"])))
    if pressed:
        with errors.show_raised_errors(), st.spinner("Starting the job …"):
            name = reasons_jobs.launch_job(
                session.target(), session.identity(), training_job, data, groups, threshold=threshold, jurisdiction=jurisdiction
            )
            tabs.open_tab("reasons", reasons=name)


def edit_groups(data: RebalancedData, jurisdiction: str) -> dict[str, list[str]]:
    """Words -> features, as the person edits what ``propose_groups`` says."""
    proposed = cache.cached_read(reasons_jobs.propose_groups, data, jurisdiction)
    table = pd.DataFrame([(feature, words) for words, features in proposed.items() for feature in features], columns=[FEATURE, WORDS])
    st.markdown("**What an applicant is told.** Features with the same words are one reason.")
    edited = st.data_editor(table, key=f"reasons-groups-{data.job}-{jurisdiction}", hide_index=True, disabled=[FEATURE], height=280)
    if prohibited := reasons_jobs.prohibited_columns(data, jurisdiction):
        st.caption(markdown.escape_markdown(f"Never a reason: {', '.join(prohibited)}."))
    found: dict[str, list[str]] = {}
    for feature, words in zip(edited[FEATURE], edited[WORDS].fillna(""), strict=True):
        found.setdefault(str(words).strip(), []).append(str(feature))
    return found
