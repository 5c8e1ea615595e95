"""Tables: the values of a chart, lists of jobs, columns of times, CSV downloads."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import pandas as pd
import streamlit as st

from core.jobs import jobs
from ui.components.badges import state_label


def csv_download_button(label: str, name: str, headings: Iterable[Hashable], rows: Iterable[Iterable[Any]]) -> None:
    """A button that downloads a table as CSV, safe to open in a spreadsheet. The file is made when the button is pressed."""
    first, rest = [str(heading) for heading in headings], [list(row) for row in rows]

    def content() -> bytes:
        from core.safe_csv import safe_csv_bytes

        return safe_csv_bytes(first, rest)

    st.download_button(label, content, f"{name}.csv", "text/csv", icon=":material/download:", key=f"csv-{name}", on_click="ignore")


def table_to_csv(table: pd.DataFrame) -> bytes:
    """A table as a CSV that a spreadsheet opens without running a formula."""
    from core.safe_csv import safe_csv_bytes

    return safe_csv_bytes(map(str, table.columns), table.itertuples(index=False))


TIME_COLUMNS = {
    name: st.column_config.DatetimeColumn(f"{name} (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC")
    for name in ("when", "created", "started", "ended")
}


def table_twin(table: pd.DataFrame, *, alt: str, label: str = "As a table") -> None:
    """The values of a chart as a table, folded."""
    with st.expander(label, icon=":material/table:"):
        st.dataframe(table, hide_index=True, alt=alt)


def jobs_table(listed_jobs: list[jobs.Job]) -> pd.DataFrame:
    """Jobs as a table."""
    return pd.DataFrame(
        [{"job": j.name, "kind": j.kind, "state": state_label(j.status), "started": j.created, "ended": j.ended} for j in listed_jobs],
        columns=["job", "kind", "state", "started", "ended"],
    )
