"""Imports a Clarify report that this product did not make, from a file or from S3, and lists the kept ones."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.errors import GovernanceError
from core.registry import model_packages
from core.reports import imported_reports
from core.reports.imported_reports import ImportedReport, OpenedReport
from ui import session
from ui.components import errors, links, markdown, tables, tabs, times

KINDS = {"bias": "bias metrics", "explainability": "SHAP values"}


@st.cache_data(ttl="1m", max_entries=16, show_spinner="Reading the report …")
def open_report(cache_key: str, uri: str) -> OpenedReport:
    """A report in S3, cached for a minute."""
    return imported_reports.open_report(session.target(), uri)


@st.cache_data(ttl="15s", max_entries=4, show_spinner="Reading the list …")
def list_imported_reports(cache_key: str) -> list[ImportedReport]:
    """The reports that were kept here, cached for 15 seconds."""
    return imported_reports.list_reports(session.target())


def show_import_tab(page: str, show_report: Callable[[OpenedReport], None]) -> None:
    """The form; the report that ``?report=`` names, drawn by ``show_report``; the list. ``page``: bias or explainability."""
    wanted = st.query_params.get("report")
    with st.expander("Open a report", icon=":material/upload_file:", expanded=wanted is None):
        import_form(page)
    if wanted is not None:
        with errors.show_raised_errors():
            found = open_report(session.cache_key(), wanted)
            show_report_heading(page, found)
            show_report(found)
    with errors.show_raised_errors():
        show_kept_reports(page)


def import_form(page: str) -> None:
    """Opens a report from a file, or from S3."""
    st.caption(f"The analysis.json of any Clarify job. The page shows its {KINDS[page]} and lists what the report leaves out.")
    left, right = st.columns(2, gap="large")
    with left:
        file = st.file_uploader("A file, at most 20 MB", type="json", max_upload_size=20, key=f"import-file-{page}")
        allowed = session.is_allowed("upload")
        if not allowed:
            st.caption(f"The {session.identity().role} role can't keep a file here, but can open one in S3.")
        pressed = st.button("Keep and open", icon=":material/upload_file:", disabled=file is None or not allowed, key=f"import-keep-{page}")
        if pressed and file is not None:
            with errors.show_raised_errors():
                uri = imported_reports.keep_report(session.target(), session.identity(), file.getvalue(), file.name)
                list_imported_reports.clear()
                tabs.open_tab("import", report=uri)
    with right:
        words = "A URI, a folder, or the name of a processing job."
        text = st.text_input("In S3", placeholder="s3://bucket/folder/analysis.json", help=words, key=f"import-uri-{page}")
        if st.button("Open", icon=":material/folder_open:", disabled=not text.strip(), key=f"import-open-{page}"):
            with errors.show_raised_errors():
                tabs.open_tab("import", report=imported_reports.resolve_uri(session.target(), text))


def show_report_heading(page: str, opened_report: OpenedReport) -> None:
    """Where the report is, who kept it, which version has it; a button that keeps a copy of one that may still change."""
    kept = opened_report.import_record
    if kept is not None:
        st.caption(
            f"{markdown.escape_markdown(kept.source)}, kept by {markdown.escape_markdown(kept.kept_by)}, "
            f"{times.utc_text(kept.kept_at)} · SHA-256 `{opened_report.sha256}`"
        )
    else:
        st.caption(
            f"{markdown.escape_markdown(opened_report.uri)}, as it is now; the file may still change · SHA-256 `{opened_report.sha256}`"
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        link_owning_version(opened_report.uri)
        other = "explainability" if page == "bias" else "bias"
        if (
            opened_report.raw.get("explanations")
            if page == "bias"
            else {*opened_report.raw} & {"pre_training_bias_metrics", "post_training_bias_metrics"}
        ):
            links.page_link(other, f"Its {KINDS[other]}", report=opened_report.uri)
        if kept is None and session.is_allowed("upload") and st.button("Keep a copy", icon=":material/save:", key="import-copy"):
            uri = imported_reports.keep_report(session.target(), session.identity(), opened_report.content, opened_report.uri)
            list_imported_reports.clear()
            tabs.open_tab("import", report=uri)
        st.download_button(
            "JSON",
            opened_report.content,
            f"analysis-{opened_report.sha256[:12]}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="import-json",
        )


def link_owning_version(uri: str) -> None:
    """A link to the version that the URL names, if the report is one of that version's."""
    arn = st.query_params.get("package")
    if not arn:
        return
    try:
        version = model_packages.find_version(session.target(), arn)
        if version is not None and imported_reports.is_report_of_version(session.target(), uri, arn):
            links.page_link("registry", f"The report of {version.label}", package=arn)
            return
    except GovernanceError as error:
        errors.show_error(error)
        return
    st.warning("The version that the link names doesn't have this report.", icon=":material/link_off:")


def show_kept_reports(page: str) -> None:
    """The list of kept reports, to open one."""
    found = [one for one in list_imported_reports(session.cache_key()) if (one.has_bias if page == "bias" else one.has_shap)]
    st.subheader("Kept reports")
    if not found:
        st.caption(f"No report with {KINDS[page]} is kept yet.")
        return
    rows = [
        {"source": one.source, "kept by": one.kept_by, "created": pd.Timestamp(one.kept_at), "bytes": one.size_bytes, "SHA-256": one.sha256}
        for one in found
    ]
    picked = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=tables.TIME_COLUMNS,
        key=f"imported-{page}",
        alt="Imported reports that are kept",
    )
    for row in picked["selection"]["rows"][:1]:
        links.page_link(page, f"Open {found[row].source}", report=found[row].uri)
    if len(found) >= imported_reports.MAX_LISTED:
        st.caption(f"The newest {imported_reports.MAX_LISTED} are listed; others open by their link.")
