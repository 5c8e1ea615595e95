"""One row's prediction: the contribution of each feature, what counted most against the person, and what if."""

from __future__ import annotations

import streamlit as st

from core.analysis.explanations import shap_summary
from core.analysis.tables.prohibited_bases import find_bases
from core.reports.shap_jobs import ShapRequest, ShapResult
from core.views.explainability import shap_charts as views
from core.views.explainability import shap_sentences as words
from core.views.shared.number_text import format_number, named_value_text
from ui.components import charts, errors, markdown
from ui.explainability import what_if


def select_row(explanation: ShapResult, threshold: float) -> int:
    """The chosen row, which is in the URL's ?row=."""
    text = st.query_params.get("row", "0")
    here = min(int(text), explanation.rows - 1) if text.isdecimal() else 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        row = int(st.number_input("Row of the data", 0, explanation.rows - 1, here, key=f"row-{here}-{explanation.job}", width=180))
        jumps = {
            "Highest prediction": int(explanation.predictions.argmax()),
            "Lowest": int(explanation.predictions.argmin()),
            "Nearest to the threshold": int((explanation.predictions - threshold).abs().argmin()),
        }
        for label, place in jumps.items():
            if st.button(label, key=f"jump-{label}"):
                row = place
    if row != here:
        st.query_params["row"] = str(row)
        st.rerun()
    return row


def show_row(name: str, explanations: dict[str, ShapResult], about: ShapRequest) -> None:
    """Choose a row; its prediction in each explanation, the reasons against it, and what if."""
    st.subheader("One row")
    *_, mine = explanations.values()
    threshold = mine.threshold
    row = select_row(mine, threshold)
    for column, (label, shap) in zip(st.columns(len(explanations), gap="large"), explanations.items(), strict=True):
        with column:
            if len(explanations) > 1:
                st.markdown(f"**{markdown.escape_markdown(label)}**")
            one, values = shap.values.iloc[row].to_numpy(dtype=float), about.value_names.decode(shap.data.iloc[[row]]).iloc[0]
            table, prediction = views.waterfall_table(one, values), float(shap.predictions.iloc[row])
            st.markdown(
                markdown.escape_markdown(
                    words.row_sentence(
                        row, prediction, shap.expected, table, threshold, what_if.outcome_label(about, prediction, threshold)
                    )
                )
            )
            drawn = charts.cached_figure(views.waterfall, one, shap.expected, values)
            charts.show_chart(drawn, table, alt=f"Contributions to the prediction of row {row}, {label}", key=f"waterfall-{label}")
            total = float(one.sum())
            error = abs(shap.expected + total - prediction)
            sums = f"Expected {format_number(shap.expected, 4)} + SHAP values {format_number(total, 4)} = {format_number(prediction, 4)}"
            exact = shap.row_errors is not None and shap.row_errors.iloc[row] == 0
            sampled = (
                "" if shap.row_errors is None or exact else f" Each value has a standard error of at most {shap.row_errors.iloc[row]:.1g}."
            )
            st.caption(f"{sums}, with an error of {error:.0e}.{' Every value is exact.' if exact else sampled}")
    show_reasons(mine, about, row, threshold)
    if st.toggle("What if this row were different?", key="what-if", help="The model predicts the changed row."):
        with errors.show_raised_errors():
            what_if.show_what_if(name, about, row, threshold, mine)


def show_reasons(explanation: ShapResult, about: ShapRequest, row: int, threshold: float) -> None:
    """What counted most against a person who is declined."""
    prediction = float(explanation.predictions.iloc[row])
    if about.favourable is None or int(prediction > threshold) == about.favourable:
        return
    values = explanation.values.drop(columns=[name for name in explanation.values if _is_prohibited(str(name), about)])
    against = shap_summary.top_contributions(
        values.iloc[row].to_numpy(dtype=float), list(values.columns), increasing=about.is_higher_unfavourable
    )
    with st.container(border=True):
        st.markdown(f"**What counted most against this row**, compared with the baseline of {words.points_text(explanation.expected, 1)} %")
        lines = []
        for feature, value in against:
            lines.append(
                markdown.escape_markdown(
                    f"{feature} = {named_value_text(feature, explanation.data[feature].iloc[row], about.value_names)}: "
                    f"{words.points_text(abs(value))} points"
                )
            )
        st.markdown("\n".join(f"{place}. {line}" for place, line in enumerate(lines, 1)))
        st.caption(
            "Single features against one baseline, without those that may stand for a prohibited basis. They aren't causes, and changing "
            "them may not change the decision. The tab **Reasons** finds reasons in words, and whether they hold."
        )


def _is_prohibited(feature: str, about: ShapRequest) -> bool:
    """Whether a feature is of a facet or a group, or its name speaks for a prohibited basis."""
    return feature in about.sensitive or bool(find_bases(feature))
