"""The list of all versions of a group."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.governance import foreign_versions
from core.governance.validity import read_states
from core.governance.version_state import State
from core.registry.registry_types import Version
from ui import cache
from ui.components import badges, errors, links, tables

LIST_STEP = 100


def version_title(version: Version) -> str:
    """``v3 · mitigated``; ``v3 (loans) · mitigated`` where the group isn't named after the data set."""
    name = version.label.removeprefix(f"{version.group} ") if version.group else version.label
    return f"{name} · {version.role}" if version.role else name


def list_limit() -> int:
    """How many versions are listed; “Older versions” adds more."""
    return int(st.session_state.get("versions-most", LIST_STEP))


def show_version_list(listed_versions: list[Version]) -> None:
    """All versions; two of them may be chosen for a comparison."""
    st.markdown(
        f"{len(listed_versions):,} version{'s' if len(listed_versions) != 1 else ''} shown, the newest first. Choose one or two "
        "rows to open them."
    )
    states: dict[str, State] = {}
    with errors.show_raised_errors():  # if the log can't be read, the registry's own states are listed
        states = cache.cached_read(read_states, tuple(version.arn for version in listed_versions))
    rows = [
        {
            "version": str(version.version) if version.group else version.label,
            "role": version.role,
            "data set": version.dataset,
            "state": badges.state_label(foreign_versions.status_label(version.status, states[version.arn]) if states else version.status),
            "created": version.created,
            "training job": version.training_job,
            "description": "" if version.role else version.description,
        }
        for version in listed_versions
    ]
    table = pd.DataFrame(rows)
    picked = st.dataframe(
        table,
        column_order=[str(column) for column in table if column == "version" or (table[column] != "").any()],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=tables.TIME_COLUMNS,
        key="versions-list",
        alt="Versions of the group",
    )
    chosen = [listed_versions[row] for row in picked["selection"]["rows"]][:2]
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) == 2:
            a, b = sorted(chosen, key=lambda version: version.version)
            links.page_link("registry", f"Compare {version_title(a)} and {version_title(b)}", package=b.arn, other=a.arn)
        elif chosen:
            links.page_link("registry", f"Open {version_title(chosen[0])}", package=chosen[0].arn)
        if len(listed_versions) >= list_limit() and st.button("Older versions", icon=":material/expand_more:"):
            st.session_state["versions-most"] = list_limit() + LIST_STEP
            st.rerun()
