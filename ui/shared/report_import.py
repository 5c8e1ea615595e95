"""Import: a Clarify report that this product did not make, from a file or from S3; the list of those that are kept."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from app_pages import _session, _show, _when
from core import imports, registry
from core.errors import GovernanceError
from core.imports import Imported, Opened

KINDS = {"bias": "bias metrics", "explainability": "SHAP values"}


@st.cache_data(ttl="1m", max_entries=16, show_spinner="Reading the report …")
def opened(target: str, uri: str) -> Opened:
    return imports.opened(_session.clients(), uri)


@st.cache_data(ttl="15s", max_entries=4, show_spinner="Reading the list …")
def listed(target: str) -> list[Imported]:
    return imports.listed(_session.clients())


def draw(page: str, show: Callable[[Opened], None]) -> None:
    """The form, the report that ``?report=`` names drawn by ``show``, the list. ``page``: bias or explainability."""
    wanted = st.query_params.get("report")
    with st.expander("Open a report", icon=":material/upload_file:", expanded=wanted is None):
        form(page)
    if wanted is not None:
        with _show.errors_shown():
            found = opened(_session.target(), wanted)
            heading(page, found)
            show(found)
    with _show.errors_shown():
        table(page)


def form(page: str) -> None:
    """From a file, or from where it lies in S3."""
    st.caption(f"The analysis.json of a Clarify job, whoever ran it: its {KINDS[page]} are shown, and what it doesn't say is said.")
    left, right = st.columns(2, gap="large")
    with left:
        file = st.file_uploader("A file, at most 20 MB", type="json", max_upload_size=20, key=f"import-file-{page}")
        allowed = _show.allowed("upload")
        if not allowed:
            st.caption(f"The role {_session.identity().role} can't keep a file here; it can open one in S3.")
        if st.button("Keep and open", icon=":material/upload_file:", disabled=file is None or not allowed, key=f"import-keep-{page}"):
            with _show.errors_shown():
                uri = imports.keep(_session.clients(), _session.identity(), file.getvalue(), file.name)  # type: ignore[union-attr]
                listed.clear()
                _show.turn_to("import", report=uri)
    with right:
        words = "A URI, a folder, or the name of a processing job."
        text = st.text_input("In S3", placeholder="s3://bucket/folder/analysis.json", help=words, key=f"import-uri-{page}")
        if st.button("Open", icon=":material/folder_open:", disabled=not text.strip(), key=f"import-open-{page}"):
            with _show.errors_shown():
                _show.turn_to("import", report=imports.located(_session.clients(), text))


def heading(page: str, found: Opened) -> None:
    """Where it lies, who kept it, whose it is; a way to keep one that may change where it lies."""
    kept = found.kept
    if kept is not None:
        st.caption(f"{_show.plain(kept.source)}, kept by {_show.plain(kept.by)}, {_when.exact(kept.when)} · SHA-256 `{found.sha256}`")
    else:
        st.caption(f"{_show.plain(found.uri)}, as it lies there now: it may change · SHA-256 `{found.sha256}`")
    with st.container(horizontal=True, vertical_alignment="center"):
        owner(found.uri)
        other = "explainability" if page == "bias" else "bias"
        if found.raw.get("explanations") if page == "bias" else {*found.raw} & {"pre_training_bias_metrics", "post_training_bias_metrics"}:
            _show.link(other, f"Its {KINDS[other]}", report=found.uri)
        if kept is None and _show.allowed("upload") and st.button("Keep a copy", icon=":material/save:", key="import-copy"):
            uri = imports.keep(_session.clients(), _session.identity(), found.content, found.uri)
            listed.clear()
            _show.turn_to("import", report=uri)
        st.download_button(
            "JSON",
            found.content,
            f"analysis-{found.sha256[:12]}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="import-json",
        )


def owner(uri: str) -> None:
    """A link to the version that the page's link names, where the report is one of its own."""
    arn = st.query_params.get("package")
    if not arn:
        return
    try:
        version = registry.version(_session.clients(), arn)
        if version is not None and imports.holders(_session.clients(), uri, arn):
            _show.link("registry", f"The report of {version.label}", package=arn)
            return
    except GovernanceError as error:
        _show.show_error(error)
        return
    st.warning("The version that the link names doesn't have this report.", icon=":material/link_off:")


def table(page: str) -> None:
    """Those that are kept, to open one."""
    found = [one for one in listed(_session.target()) if (one.bias if page == "bias" else one.shap)]
    st.subheader("Kept reports")
    if not found:
        st.caption(f"No report with {KINDS[page]} was kept yet.")
        return
    rows = [
        {"source": one.source, "kept by": one.by, "created": pd.Timestamp(one.when), "bytes": one.bytes, "SHA-256": one.sha256}
        for one in found
    ]
    picked = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_show.TIMES,
        key=f"imported-{page}",
        alt="Imported reports that are kept",
    )
    for row in picked["selection"]["rows"][:1]:
        _show.link(page, f"Open {found[row].source}", report=found[row].uri)
    if len(found) >= imports.LISTED:
        st.caption(f"The newest {imports.LISTED} are listed; others open by their link.")
