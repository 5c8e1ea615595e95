"""Links between pages, and widgets whose values are in the URL."""

from __future__ import annotations

import zlib
from typing import Any

import streamlit as st

from core.references import Reference, ReferenceKind
from ui.components.markdown import escape_markdown
from ui.navigation import PAGE_ICONS, page_path


def url_toggle(label: str, name: str, *, value: bool) -> bool:
    """A switch whose state is in the URL's ``?name=``."""
    key = f"toggle-{name}"

    def write_to_url() -> None:
        st.query_params[name] = "yes" if st.session_state[key] else "no"

    return st.toggle(label, value=st.query_params.get(name, "yes" if value else "no") == "yes", key=key, on_change=write_to_url)


def page_link(page: str, label: str, **query: str) -> None:
    """A link to a page of this app; ``query`` goes into its URL."""
    st.page_link(page_path(page), label=escape_markdown(label), icon=PAGE_ICONS[page], query_params=query or None)


REFERENCE_PAGES: dict[ReferenceKind, tuple[str, dict[str, str]]] = {
    "data": ("data", {}),
    "new rebalancing": ("data", {"tab": "new"}),
    "rebalancing": ("data", {"job": "ID"}),
    "new tuning job": ("tuning", {"data": "ID"}),
    "tuning job": ("tuning", {"job": "ID"}),
    "training job": ("tuning", {"training": "ID"}),
    "bias report": ("bias", {"job": "ID"}),
    "explanation": ("explainability", {"job": "ID"}),
    "reasons": ("explainability", {"tab": "reasons", "reasons": "ID"}),
    "versions": ("registry", {}),
    "version": ("registry", {"package": "ID"}),
    "decisions": ("decisions", {}),
    "decision": ("decisions", {"package": "ID"}),
}
"""Kind of thing -> the page that shows it, and the query that opens the page there; ID stands for the thing's id."""


def find_page(reference: Reference) -> tuple[str, dict[str, str]]:
    """The page that shows a thing, and the query that opens the page at it."""
    page, query = REFERENCE_PAGES[reference.kind]
    return page, {name: reference.id if value == "ID" else value for name, value in query.items()}


def reference_link(reference: Reference, label: str) -> None:
    """A link to the page that shows a thing."""
    page, query = find_page(reference)
    page_link(page, label, **query)


def set_query(**query: str) -> None:
    """Replace the query of the page's URL by ``query``; the chosen identity (``?as=``) stays."""
    for name in set(st.query_params) - set(query) - {"as"}:
        del st.query_params[name]
    st.query_params.update(query)


def show_empty_state(text: str, page: str, label: str) -> None:
    """Say that nothing exists yet, and link to what to do next."""
    with st.container(border=True):
        st.markdown(text)
        page_link(page, label)


def url_selectbox(name: str, options: list[str], label: str, **arguments: Any) -> str:
    """A select box whose value is in the URL's ``?name=``, so that a link opens the page at the same place."""
    wanted = st.query_params.get(name)
    if wanted is not None and wanted not in options:
        st.warning(f"The link names {escape_markdown(wanted)}, which doesn't exist here. Choose another one.", icon=":material/link_off:")
        del st.query_params[name]
    labels = "\n".join(map(arguments.get("format_func", str), options))
    key = f"chosen-{name}-{wanted if wanted in options else ''}-{zlib.crc32(labels.encode())}"  # a new widget when a label changes
    value: str = st.selectbox(label, options, index=options.index(wanted) if wanted in options else 0, key=key, **arguments)
    if value != (wanted if wanted in options else options[0]):
        st.query_params[name] = value
        st.rerun()
    return value
