"""Several rebalancings side by side, before one is chosen."""

from __future__ import annotations

import streamlit as st

from app_pages import _reports, _session, _show
from app_pages._rebalanced import result
from core import datasets, jobs, rebalancing
from core.analysis.bias import PRE_TRAINING
from core.views import methods as views
from core.views.rebalancing import people

MOST = 10


def draw(found: list[jobs.Job]) -> None:
    names = [job.name for job in found]
    if not names:
        st.markdown("Nothing was rebalanced yet. Choose several methods at once under **New rebalancing**.")
        return
    linked = [name for name in st.query_params.get("compare", "").split(",") if name]
    if gone := [name for name in linked if name not in names]:
        st.warning(f"The link names {_show.plain(', '.join(gone))}, which isn't here.", icon=":material/link_off:")
    default = [name for name in linked if name in names]
    if len(default) < 2 and ",".join(linked) != st.session_state.get("compared"):
        default = list(dict.fromkeys([*default, *(job.name for job in found if job.status == "Completed")]))[:4]
    chosen = st.multiselect("Rebalancings", names, default=default, max_selections=MOST, key=f"compare-{','.join(linked)}")
    st.session_state["compared"] = st.query_params["compare"] = ",".join(chosen)
    states = {job.name: job for job in found}
    if any(states[name].status not in jobs.FINAL for name in chosen):
        waiting(chosen)
    for name in chosen:
        if states[name].status in {"Failed", "Stopped"}:
            _show.failed(jobs.describe(_session.clients(), "processing", name))
    done = {name: result(_session.target(), name) for name in chosen if states[name].status == "Completed" and _reports.ours(name)}
    if len(done) < 2:
        st.info("Choose at least two that have completed.", icon=":material/info:")
    else:
        _side_by_side(done)


def _side_by_side(done: dict[str, rebalancing.Rebalanced]) -> None:
    if len({(d.manifest["input"]["sha256"], d.manifest["split"]["row_ids_sha256"]["test"]) for d in done.values()}) > 1:
        st.warning("Not all of these split the same rows in the same way, so their figures differ for that too.", icon=":material/warning:")
    manifests = {_short(name): d.manifest for name, d in done.items()}
    st.markdown(_show.plain(views.sentence(manifests)).replace("\\*\\*", "**"))
    every = sorted(PRE_TRAINING, key=lambda name: (name not in {"DPL", "CI"}, name))
    table = views.table(manifests, rebalancing.METHODS, every)
    st.dataframe(table, hide_index=True, height="content", alt="Rebalancings side by side")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("⇄ the sign flips against the rows before: the other group is ahead. ⚠ held-out rows leak into training.")
        st.download_button(
            "Table as CSV", lambda: csv(table), "rebalancings.csv", "text/csv", icon=":material/download:", on_click="ignore"
        )
    left, right = st.columns(2, gap="large")
    with left:
        metric = st.selectbox(
            "Metric", every, index=every.index("DPL"), format_func=lambda m: PRE_TRAINING[m].description, key="compare-metric"
        )
        _show.chart(
            _show.drawn(views.dots, manifests, metric),
            views.dots_table(manifests, metric),
            alt=f"{metric} before and after each method",
            key="dots",
        )
    with right:
        for name, data in done.items():
            with st.container(border=True):
                said = people(data.manifest, datasets.value_names(data.dataset))
                st.markdown(f"**{_short(name)}**  \n{_show.plain(said)}")
                with st.container(horizontal=True, vertical_alignment="center"):
                    if st.button("Open", key=f"open-{name}", icon=":material/insights:", type="tertiary", help=f"The result of {name}"):
                        _show.turn_to("results", job=name)
                    _show.link("tuning", "Tune on these rows", data=name)


@st.fragment(run_every=2)
def waiting(names: list[str]) -> None:
    """The jobs that still run; the page is drawn anew when the last has ended."""
    with _show.errors_shown():
        found = [jobs.describe(_session.clients(), "processing", name) for name in names]
        ended = [job for job in found if job.status in jobs.FINAL]
        if len(ended) == len(found):
            st.rerun()
        st.progress(len(ended) / len(found), text=f"{len(ended)} of {len(found)} rebalancings have ended. You may leave this page.")


def csv(table: object) -> bytes:
    """Any table as a CSV in which no cell is a formula."""
    from core.governance.pack import table as neutral

    return neutral(table.columns, table.itertuples(index=False))  # type: ignore[attr-defined]


def _short(name: str) -> str:
    return name.removeprefix(f"{rebalancing.PREFIX}-")
