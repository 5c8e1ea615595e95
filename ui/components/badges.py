"""What every page shows in one way: errors, charts with their table, empty states, jobs, links."""

from __future__ import annotations

import pickle
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app_pages import _session
from core import identity, jobs
from core.errors import GovernanceError

ICONS = {
    "overview": ":material/home:",
    "data": ":material/balance:",
    "tuning": ":material/tune:",
    "lineage": ":material/account_tree:",
    "registry": ":material/fact_check:",
    "bias": ":material/diversity_3:",
    "explainability": ":material/lightbulb:",
    "decisions": ":material/gavel:",
    "settings": ":material/settings:",
}
P, T = ParamSpec("P"), TypeVar("T")
BAR = {"displaylogo": False, "modeBarButtons": [["toImage"]]}
STATES = {
    "Completed": ("green", ":material/check_circle:", "Completed"),
    "InProgress": ("blue", ":material/progress_activity:", "In progress"),
    "Stopping": ("orange", ":material/stop_circle:", "Stopping"),
    "Stopped": ("gray", ":material/stop_circle:", "Stopped"),
    "Failed": ("red", ":material/error:", "Failed"),
    "Approved": ("green", ":material/verified:", "Approved"),
    "Rejected": ("red", ":material/block:", "Rejected"),
    "PendingManualApproval": ("orange", ":material/hourglass_top:", "Waiting for a decision"),
    "registered": ("gray", ":material/app_registration:", "Registered"),
    "submitted": ("orange", ":material/hourglass_top:", "Submitted, to be validated"),
    "validated": ("blue", ":material/fact_check:", "Validated, to be approved"),
    "approved": ("green", ":material/verified:", "Approved"),
    "approved with conditions": ("green", ":material/verified:", "Approved with conditions"),
    "rejected": ("red", ":material/block:", "Rejected"),
    "withdrawn": ("gray", ":material/undo:", "Withdrawn"),
    "retired": ("gray", ":material/inventory_2:", "Retired"),
    "expired": ("red", ":material/event_busy:", "Approval expired"),
    "void": ("red", ":material/gpp_bad:", "Void"),
    "made elsewhere": ("gray", ":material/input:", "Made elsewhere"),
    "approved elsewhere": ("orange", ":material/input:", "Approved outside this product"),
    "rejected elsewhere": ("gray", ":material/input:", "Rejected outside this product"),
}
TIMES = {
    name: st.column_config.DatetimeColumn(f"{name} (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC")
    for name in ("created", "started", "ended")
}


def show_error(error: GovernanceError) -> None:
    """What happened, to what, and what the user can do about it."""
    st.error(f"**{_unmarked(error.what)}**" + (f"  \n{_unmarked(error.remedy)}" if error.remedy else ""), icon=":material/error:")


def show_errors(errors: Iterable[GovernanceError]) -> None:
    """Each of them once."""
    for error in {(error.what, error.remedy): error for error in errors}.values():
        show_error(error)


@contextmanager
def errors_shown(*, stop: bool = False) -> Iterator[None]:
    """Show an error of the product's family where it occurs; with ``stop`` the rest of the page isn't shown."""
    try:
        yield
    except GovernanceError as error:
        _session.forget(error)
        show_error(error)
        if stop:
            st.stop()


def of(found: T | None, draw: Callable[[T], None]) -> None:
    """Draw what was found; nothing where it couldn't be read, which the page has said above."""
    if found is not None:
        draw(found)


def plain(text: str) -> str:
    """Text of a user's for Markdown to show as it was written: nothing of it is markup, a link or an image."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])", r"\\\1", text)


def _unmarked(text: str) -> str:
    """A message for Markdown: what would be emphasis, code, a link, a formula or a tag in it stays text."""
    return re.sub(r"([\\*`\[\]$<~])", r"\\\1", text.strip())


def allowed(action: str) -> bool:
    """Whether who is signed in may do this."""
    return identity.may(_session.identity(), action)


def may(action: str) -> bool:
    """Whether who is signed in may do this; says so on the page where not."""
    person = _session.identity()
    if identity.may(person, action):
        return True
    st.info(f"The role {person.role} can look, not {action}. Choose another identity in the sidebar.", icon=":material/lock:")
    return False


def drawn(make: Callable[P, go.Figure], *arguments: P.args, **named: P.kwargs) -> go.Figure:
    """The figure ``make(…)``: made once for the same content, not at every rerun of a page. Not to be changed."""
    return _drawn(f"{make.__module__}.{make.__qualname__}", pickle.dumps((arguments, named)), lambda: make(*arguments, **named))


@st.cache_resource(ttl="10m", max_entries=64, show_spinner=False)
def _drawn(what: str, content: bytes, _make: Callable[[], go.Figure]) -> go.Figure:
    return _make()


def chart(fig: go.Figure, table: pd.DataFrame, *, alt: str, key: str) -> None:
    """A figure that can be kept as a PNG, and under it the same figures as a table, which can be kept as a CSV."""
    st.plotly_chart(fig, alt=alt, key=key, config=BAR | {"toImageButtonOptions": {"filename": key, "scale": 2}})
    twin(table, alt=alt)


def twin(table: pd.DataFrame, *, alt: str, label: str = "As a table") -> None:
    """The table beside a picture."""
    with st.expander(label, icon=":material/table:"):
        st.dataframe(table, hide_index=True, alt=alt)


def state(status: str) -> None:
    """A job's or package's state as a badge."""
    colour, icon, words = STATES.get(status, ("gray", ":material/help:", status))
    st.badge(words, color=colour, icon=icon)  # type: ignore[arg-type]


def words(status: str) -> str:
    """A state in words."""
    return STATES.get(status, ("", "", status))[2]


def made_elsewhere(job: jobs.Job) -> bool:
    """Says of a job that is called like this product's, and isn't, that its results aren't to be shown here."""
    if jobs.own(job):
        return False
    st.info(
        f"**{plain(job.name)} was not made by this product**, though it is called so: it leaves no result that this page knows. "
        "Choose another one above, or start one.",
        icon=":material/input:",
    )
    return True


def link(page: str, label: str, **query: str) -> None:
    """A link to another page of this app, open at what ``query`` names."""
    st.page_link(f"app_pages/{page}.py", label=label, icon=ICONS[page], query_params=query or None)


def sections(page: str, tabs: Mapping[str, str], default: str | None = None, *, name: str = "tab") -> Any:
    """Tabs (name in the URL → label) of which only the open one is drawn. Links, the back button and ``turn_to`` open one by ``?name=``."""
    key, linked = f"{page}-{name}", st.query_params.get(name)
    moved = linked in tabs and linked != st.session_state.get(f"{key}-shown")
    opening = linked if linked in tabs else default
    if opening and (moved or key not in st.session_state):
        st.session_state[key] = tabs[opening]
    panels = st.tabs(list(tabs.values()), key=key, on_change="rerun")
    opened = next(one for one, panel in zip(tabs, panels, strict=True) if panel.open)
    st.session_state[f"{key}-shown"] = opened
    if linked != opened:
        st.query_params[name] = opened
    return panels


def turn_to(tab: str, **query: str) -> None:
    """Draw this page anew at its ``tab``, with ``query`` in the URL."""
    at(tab=tab, **query)
    st.rerun()


def at(**query: str) -> None:
    """Put ``query`` into the page's URL, and nothing else; who is signed in stays there."""
    for name in set(st.query_params) - set(query) - {"as"}:
        del st.query_params[name]
    st.query_params.update(query)


def empty(text: str, page: str, label: str) -> None:
    """Say that there's nothing yet, and link to what to do next."""
    with st.container(border=True):
        st.markdown(text)
        link(page, label)


def chosen(name: str, options: list[str], label: str, **arguments: Any) -> str:
    """A select box in step with the URL's ``?name=``: a link opens the page at the same place."""
    wanted = st.query_params.get(name)
    if wanted is not None and wanted not in options:
        st.warning(f"The link names {plain(wanted)}, which isn't here. Choose another one.", icon=":material/link_off:")
        del st.query_params[name]
    labels = "\n".join(map(arguments.get("format_func", str), options))
    key = f"chosen-{name}-{wanted if wanted in options else ''}-{zlib.crc32(labels.encode())}"  # drawn anew where a label has changed
    value: str = st.selectbox(label, options, index=options.index(wanted) if wanted in options else 0, key=key, **arguments)
    if value != (wanted if wanted in options else options[0]):
        st.query_params[name] = value
        st.rerun()
    return value


@st.fragment(run_every=2)
def watch(kind: jobs.Kind, name: str) -> None:
    """The state of a running job, looked up every two seconds; the page is drawn anew when it ends."""
    with errors_shown():
        job = jobs.describe(_session.clients(), kind, name)
        if job.status in jobs.FINAL:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            state(job.status)
            since = (pd.Timestamp.now(tz="UTC") - pd.Timestamp(job.created)).total_seconds()
            st.caption(f"{name}, for {since:,.0f} s. You may leave this page: the job goes on.")


def failed(job: jobs.Job) -> None:
    """Why a job has no result, and its log."""
    with st.container(horizontal=True):
        state(job.status)
    st.error(f"**{job.name} ended {job.status}.**  \n{_unmarked(job.reason or 'No reason was given.')}", icon=":material/error:")
    if job.kind != "tuning":
        log(job.kind, job.name)


def log(kind: str, name: str) -> None:
    """A job's log."""
    with st.expander("Log", icon=":material/terminal:"), errors_shown():
        lines = _log(_session.target(), kind, name)
        st.code("\n".join(lines[-400:]) or "Nothing was printed.", language=None, height=280)


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def _log(target: str, kind: str, name: str) -> list[str]:
    """The lines of a job that has ended."""
    return jobs.logs(_session.clients(), "training" if kind == "training" else "processing", name)


def listing(found: list[jobs.Job]) -> pd.DataFrame:
    """Jobs as a table."""
    return pd.DataFrame(
        [{"job": j.name, "kind": j.kind, "state": words(j.status), "started": j.created, "ended": j.ended} for j in found],
        columns=["job", "kind", "state", "started", "ended"],
    )
