"""One row's prediction: its waterfall, what spoke against the person, and what if."""

from __future__ import annotations

import streamlit as st

from app_pages import _show, _whatif
from core.analysis import explanations_summary as summary
from core.explainability import About, Shap
from core.views import shap as views
from core.views import shap_words as words
from core.views.style import number


def chosen(mine: Shap, threshold: float) -> int:
    """The row in step with ?row=."""
    text = st.query_params.get("row", "0")
    here = min(int(text), mine.rows - 1) if text.isdecimal() else 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        row = int(st.number_input("Row of the data", 0, mine.rows - 1, here, key=f"row-{here}-{mine.job}", width=180))
        jumps = {
            "Highest prediction": int(mine.predictions.argmax()),
            "Lowest": int(mine.predictions.argmin()),
            "Nearest to the threshold": int((mine.predictions - threshold).abs().argmin()),
        }
        for label, place in jumps.items():
            if st.button(label, key=f"jump-{label}"):
                row = place
    if row != here:
        st.query_params["row"] = str(row)
        st.rerun()
    return row


def show(name: str, found: dict[str, Shap], known: About) -> None:
    st.subheader("One row")
    *_, mine = found.values()
    threshold = float(mine.raw.get("governance", {}).get("threshold", 0.5))
    row = chosen(mine, threshold)
    for column, (label, shap) in zip(st.columns(len(found), gap="large"), found.items(), strict=True):
        with column:
            if len(found) > 1:
                st.markdown(f"**{_show.plain(label)}**")
            one = shap.values.iloc[row].to_numpy(dtype=float)
            table, prediction = views.waterfall_table(one, shap.data.iloc[row]), float(shap.predictions.iloc[row])
            st.markdown(
                _show.plain(words.of_row(row, prediction, shap.expected, table, threshold, _whatif.outcome(known, prediction, threshold)))
            )
            drawn = _show.drawn(views.waterfall, one, shap.expected, shap.data.iloc[row])
            _show.chart(drawn, table, alt=f"Contributions to the prediction of row {row}, {label}", key=f"waterfall-{label}")
            total = float(one.sum())
            error = abs(shap.expected + total - prediction)
            sums = f"Expected {number(shap.expected, 4)} + SHAP values {number(total, 4)} = {number(prediction, 4)}"
            st.caption(f"{sums}, but for {error:.0e}.")
    reasons(mine, known, row, threshold)
    if st.toggle("What if this row were different?", key="what-if", help="The model predicts the changed row anew."):
        with _show.errors_shown():
            _whatif.show(name, known, row, threshold, mine)


def reasons(mine: Shap, known: About, row: int, threshold: float) -> None:
    """What spoke most against a person who is turned away."""
    prediction = float(mine.predictions.iloc[row])
    if known.favourable is None or int(prediction > threshold) == known.favourable:
        return
    against = summary.reasons(mine.values.iloc[row].to_numpy(dtype=float), list(mine.values.columns), raises=known.unfavourable_raises)
    with st.container(border=True):
        st.markdown(f"**What spoke most against this row**, compared with the baseline of {words.points(mine.expected, 1)} %")
        lines = []
        for feature, value in against:
            mark = " (sensitive: it may not be a reason)" if feature in known.sensitive else ""
            lines.append(_show.plain(f"{feature} = {mine.data[feature].iloc[row]:g}{mark}: {words.points(abs(value))} points"))
        st.markdown("\n".join(f"{place}. {line}" for place, line in enumerate(lines, 1)))
        st.caption(
            "Contributions to this model's prediction, by SHAP: no causes, and no promise of what would change the decision. Whoever words "
            "a notice to a person checks each against the record and the law that applies."
        )
