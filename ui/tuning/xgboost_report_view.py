"""The XGBoost report of a training job as figures: what its job computed, drawn."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_pages import _show, _tuning_cached
from core.views import comparison, tuning_words
from core.views import xgboost_report as views

SECTIONS = ["Confusion", "ROC", "Precision and recall", "Calibration", "Importance", "Residuals"]


def show(page: str, features: list[str], key: str) -> None:
    """Draw the report whose HTML page is at ``page``; ``features`` are the names behind f0, f1, …"""
    found = _tuning_cached.report(page)
    rows = found["judged_on"]
    performance = found["performance"][rows]
    said = tuning_words.report(performance, rows)
    name = f"{rows} rows"
    tabs = st.tabs(SECTIONS, key=f"report-tabs-{key}", on_change="rerun")
    for section, tab in zip(SECTIONS, tabs, strict=True):
        if tab.open:
            with tab:
                _draw(section, found, performance, said, name, features, key)


def _draw(
    section: str, found: dict[str, Any], performance: dict[str, Any], said: dict[str, str], name: str, features: list[str], key: str
) -> None:
    if section == "Confusion":
        st.markdown(said["confusion"])
        counts = comparison.confusion_counts(performance)
        table = comparison.values_table({f"predicted {p}": {f"actual {a}": counts[a][p] for a in (0, 1)} for p in (0, 1)}, heading="rows")
        _show.chart(_show.drawn(comparison.confusion, {name: counts}, ["0", "1"]), table, alt="Confusion matrix", key=f"confusion-{key}")
    elif section == "ROC":
        st.markdown(said["roc"])
        roc = comparison.roc_table(performance)
        figure = _show.drawn(comparison.curve, {name: roc}, x="false positive rate", y="true positive rate", diagonal=True)
        _show.chart(figure, roc, alt="ROC curve", key=f"roc-{key}")
    elif section == "Precision and recall":
        st.markdown(said["pr"])
        pr = comparison.pr_table(performance)
        _show.chart(_show.drawn(comparison.curve, {name: pr}, x="recall", y="precision"), pr, alt="Precision-recall curve", key=f"pr-{key}")
    elif section == "Calibration":
        st.markdown(said["calibration"])
        bins = comparison.calibration_table(performance)
        figure = _show.drawn(comparison.curve, {name: bins}, x="mean score", y="observed rate", diagonal=True, markers=True)
        _show.chart(figure, bins, alt="Observed rate against mean score, in bins", key=f"calibration-{key}")
    elif section == "Importance":
        kind = st.radio("Importance by", ["gain", "weight", "cover"], horizontal=True, key=f"kind-{key}")
        table = views.importance_table(found["importance"], features)
        st.markdown(_show.plain(views.importance_in_words(table, str(kind))).replace("\\*\\*", "**"))
        _show.chart(
            _show.drawn(views.importance, table, str(kind)), table, alt=f"Importance of features by {kind}", key=f"importance-{key}"
        )
    elif "distributions" not in found:
        st.info("This report was made before residuals were kept.", icon=":material/info:")
    else:
        kinds = found["distributions"][found["judged_on"]]
        st.markdown(views.residuals_in_words(kinds["residual"]))
        left, right = st.columns(2)
        with left:
            table = views.distribution_table(kinds["residual"])
            _show.chart(
                _show.drawn(views.distribution, kinds["residual"], x="residual"), table, alt="Residuals by label", key=f"residual-{key}"
            )
        with right:
            table = views.distribution_table(kinds["score"])
            _show.chart(_show.drawn(views.distribution, kinds["score"], x="score"), table, alt="Scores by label", key=f"score-{key}")
