"""Several rebalancings side by side, before one is chosen."""

from __future__ import annotations

import streamlit as st

from core.analysis.bias.bias_metrics import PRE_TRAINING
from core.data import datasets
from core.data.comparability import explain_incomparable
from core.jobs import jobs, judged_rows, rebalancing_jobs
from core.views.data import rebalancing_comparison as views
from core.views.data.rebalancing_sentences import group_outcomes_sentence
from ui import session
from ui.components import charts, errors, links, markdown, running_jobs, tables, tabs
from ui.data.rebalancing_result import read_rebalancing_result
from ui.shared import report_choice

MAX_COMPARED = 10


def show_rebalancing_comparison(rebalancing_jobs: list[jobs.Job]) -> None:
    """Choose up to ten rebalancings and compare them."""
    names = [job.name for job in rebalancing_jobs]
    if not names:
        st.markdown("Nothing was rebalanced yet. Choose several methods at once under **New rebalancing**.")
        return
    linked = [name for name in st.query_params.get("compare", "").split(",") if name]
    if gone := [name for name in linked if name not in names]:
        st.warning(f"The link names {markdown.escape_markdown(', '.join(gone))}, which doesn't exist here.", icon=":material/link_off:")
    default = [name for name in linked if name in names]
    if len(default) < 2 and ",".join(linked) != st.session_state.get("compared"):
        default = list(dict.fromkeys([*default, *(job.name for job in rebalancing_jobs if job.status == "Completed")]))[:4]
    chosen = st.multiselect("Rebalancings", names, default=default, max_selections=MAX_COMPARED, key=f"compare-{','.join(linked)}")
    st.session_state["compared"] = st.query_params["compare"] = ",".join(chosen)
    states = {job.name: job for job in rebalancing_jobs}
    if any(states[name].status not in jobs.FINAL_STATUSES for name in chosen):
        watch_jobs(chosen)
    for name in chosen:
        if states[name].status in {"Failed", "Stopped"}:
            running_jobs.show_failed_job(jobs.describe_job(session.target(), "processing", name))
    done = {
        name: read_rebalancing_result(session.cache_key(), name)
        for name in chosen
        if states[name].status == "Completed" and report_choice.own_job_or_explain(name)
    }
    if len(done) < 2:
        st.info("Choose at least two that have completed.", icon=":material/info:")
        return
    groups = group_like_rebalancings(done)
    if len(groups) > 1:
        show_why_apart(groups)
    for place, group in enumerate(groups):
        if len(groups) > 1:
            first = judged_rows.rows_before_rebalancing(next(iter(group.values())))
            st.header(markdown.escape_markdown(f"{first.dataset}: {' and '.join(map(_short_name, group))}"))
        _side_by_side(group, f"-{place}" if place else "")


def group_like_rebalancings(results: dict[str, rebalancing_jobs.RebalancedData]) -> list[dict[str, rebalancing_jobs.RebalancedData]]:
    """The rebalancings in groups that started from the same training rows, with the same label and facet."""
    groups: list[dict[str, rebalancing_jobs.RebalancedData]] = []
    for name, data in results.items():
        like = next((group for group in groups if not _explain_unlike(next(iter(group.items())), (name, data))), None)
        if like is None:
            groups.append({name: data})
        else:
            like[name] = data
    return groups


def _explain_unlike(a: tuple[str, rebalancing_jobs.RebalancedData], b: tuple[str, rebalancing_jobs.RebalancedData]) -> tuple[str, ...]:
    rows = (judged_rows.rows_before_rebalancing(data) for _, data in (a, b))
    return explain_incomparable((_short_name(a[0]), _short_name(b[0])), *rows, by_facet=True)


def show_why_apart(groups: list[dict[str, rebalancing_jobs.RebalancedData]]) -> None:
    """Why the rebalancings can't all be compared with each other."""
    first, *others = (next(iter(group.items())) for group in groups)
    reasons = [reason for other in others for reason in _explain_unlike(first, other)]
    said = " ".join(map(markdown.escape_markdown, reasons))
    st.warning(
        f"**Not all of these can be compared.** {said} Those that started from the same rows are shown together.",
        icon=":material/difference:",
    )


def _side_by_side(results: dict[str, rebalancing_jobs.RebalancedData], mark: str = "") -> None:
    """Rebalancings of the same rows; ``mark``: makes the widgets' keys unique."""
    manifests = {_short_name(name): d.manifest for name, d in results.items()}
    st.markdown(markdown.escape_markdown(views.best_rebalancing_sentence(manifests)).replace("\\*\\*", "**"))
    every = sorted(PRE_TRAINING, key=lambda name: (name not in {"DPL", "CI"}, name))
    table = views.rebalancings_table(manifests, rebalancing_jobs.METHODS, every)
    st.dataframe(table, hide_index=True, height="content", alt="Rebalancings side by side")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("⇄ the sign flips against the rows before: the other group is ahead. ⚠ held-out rows leak into training.")
        st.download_button(
            "Table as CSV",
            lambda: tables.table_to_csv(table),
            "rebalancings.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"rebalancings-csv{mark}",
        )
    left, right = st.columns(2, gap="large")
    with left:
        metric = st.selectbox(
            "Metric", every, index=every.index("DPL"), format_func=lambda m: PRE_TRAINING[m].description, key=f"compare-metric{mark}"
        )
        charts.show_chart(
            charts.cached_figure(views.change_figure, manifests, metric),
            views.change_table(manifests, metric),
            alt=f"{metric} before and after each method",
            key=f"dots{mark}",
        )
    with right:
        for name, data in results.items():
            with st.container(border=True):
                said = group_outcomes_sentence(data.manifest, datasets.value_names(data.dataset))
                st.markdown(f"**{_short_name(name)}**  \n{markdown.escape_markdown(said)}")
                with st.container(horizontal=True, vertical_alignment="center"):
                    if st.button("Open", key=f"open-{name}", icon=":material/insights:", type="tertiary", help=f"The result of {name}"):
                        tabs.open_tab("results", job=name)
                    links.page_link("tuning", "Tune on these rows", data=name)


@st.fragment(run_every=2)
def watch_jobs(names: list[str]) -> None:
    """The jobs that still run; the page reloads when the last one has ended."""
    with errors.show_raised_errors():
        found = [jobs.describe_job(session.target(), "processing", name) for name in names]
        ended = [job for job in found if job.status in jobs.FINAL_STATUSES]
        if len(ended) == len(found):
            st.rerun()
        st.progress(len(ended) / len(found), text=f"{len(ended)} of {len(found)} rebalancings have ended. You may leave this page.")


def _short_name(name: str) -> str:
    return name.removeprefix(f"{rebalancing_jobs.JOB_NAME_PREFIX}-")
