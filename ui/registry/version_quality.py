"""One version's quality, or two versions' side by side: metrics, paired differences, confusion, ROC, precision and recall, calibration."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _reports, _session, _show
from core import comparison, registry
from core.analysis.bias_difference import BiasDifference
from core.analysis.performance_difference import Difference
from core.registry import Package
from core.views import comparison as views
from core.views import words


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing on the same test rows …")
def differences(target: str, a: str, b: str) -> tuple[dict[str, Difference] | None, str]:
    """The quality of two versions, paired."""
    clients = _session.clients()
    return registry.differences(clients, registry.get(clients, a), registry.get(clients, b))


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing on the same test rows …")
def biases(target: str, a: str, b: str) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """The bias of two versions, paired."""
    clients = _session.clients()
    return comparison.bias_differences(clients, registry.get(clients, a), registry.get(clients, b))


def show(both: dict[str, Package]) -> None:
    """Metrics with intervals and paired differences; confusion, ROC, precision and recall, calibration."""
    figures = {name: package.performance for name, package in both.items() if package.performance}
    if not figures:
        which = "Neither version has" if len(both) > 1 else "The version doesn't have"
        st.info(f"{which} quality figures: “Evaluate and register” on a training job measures them.", icon=":material/info:")
        return
    metrics = {name: views.estimates(figure) for name, figure in figures.items()}
    found = gains(both) if len(figures) > 1 else None
    paired = views.readable(found) if found else None
    only = _reports.toggle("Differences only", "differences", value=False) if paired else False
    names = [name for name in next(iter(metrics.values())) if not (only and paired) or paired[name].beyond_noise]
    table = views.metrics_table(metrics, paired)
    table = table[table["metric"].isin(names)]
    st.dataframe(table, hide_index=True, height="content", alt="Metrics of the versions with intervals, differences, and whether noise")
    with st.container(horizontal=True):
        _reports.csv("Metrics as CSV", "-".join(f"v{p.version}" for p in both.values()) + "-metrics", table, table.itertuples(index=False))
        _reports.explained(list(metrics[next(iter(metrics))]), "quality")
    left, right = st.columns(2, gap="large") if paired else (st.container(), st.empty())
    with left:
        st.subheader("Values")
        _show.chart(_show.drawn(views.intervals, metrics, names), table, alt="Metrics with 95 % intervals", key="intervals")
    if paired:
        with right:
            st.subheader("Paired differences")
            drawn = {name: paired[name] for name in names}
            _show.chart(
                _show.drawn(views.differences_figure, drawn), table, alt="Paired differences with 95 % intervals", key="differences"
            )
    st.subheader("Confusion")
    st.markdown(words.confusion({_show.plain(name): figure for name, figure in figures.items()}))
    cells = {name: views.confusion_counts(figure) for name, figure in figures.items()}
    rows = [{"version": n, "actual": a, "predicted 0": c[a][0], "predicted 1": c[a][1]} for n, c in cells.items() for a in (0, 1)]
    _show.chart(_show.drawn(views.confusion, cells, ["0", "1"]), pd.DataFrame(rows), alt="Confusion matrices", key="confusion")
    curves(figures, found or {})


def gains(both: dict[str, Package]) -> dict[str, Difference] | None:
    """The paired differences, after what they say; with what a gain costs in calibration and between the groups."""
    (a, b), names = both.values(), [_show.plain(name) for name in both]
    found, why = differences(_session.target(), a.arn, b.arn)
    if not found:
        st.info(why, icon=":material/info:")
        return None
    by_facet, _ = biases(_session.target(), a.arn, b.arn)
    st.markdown(words.trade(found, next(iter(by_facet.values()), {}), names))
    return found


def curves(figures: dict[str, Any], found: dict[str, Difference]) -> None:
    """ROC, precision and recall, calibration, each with its sentence."""
    said = {_show.plain(name): figure for name, figure in figures.items()}
    kinds: dict[str, Any] = {
        "ROC": (views.roc_table, "false positive rate", "true positive rate", True, False, words.ranking(said, found.get("auc"))),
        "Precision and recall": (
            views.pr_table,
            "recall",
            "precision",
            False,
            False,
            words.retrieval(said, found.get("average_precision")),
        ),
        "Calibration": (views.calibration_table, "mean score", "observed rate", True, True, words.calibration(said, found.get("ece"))),
    }
    for column, (title, (make, x, y, diagonal, markers, sentence)) in zip(st.columns(3, gap="medium"), kinds.items(), strict=True):
        with column:
            st.subheader(title)
            lines = {name: make(figure) for name, figure in figures.items()}
            all_rows = pd.concat([table.assign(version=name) for name, table in lines.items()])
            _show.chart(
                _show.drawn(views.curve, lines, x=x, y=y, diagonal=diagonal, markers=markers),
                all_rows,
                alt=f"{title} of the versions",
                key=title,
            )
            st.markdown(sentence)
