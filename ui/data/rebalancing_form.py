"""The form that starts rebalancings: one method, or several to be compared."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.analysis.resampling.resampling_parameters import ParameterValue
from core.costs import cost_estimates
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import BALANCE_TARGETS, METHODS, ORDERS, PARAMETERS
from ui import session
from ui.components import errors, tabs
from ui.data import dataset_form
from ui.shared import cost_line, mitigation_notes

METHOD_NAMES = {"none": "split only", **{key: name for key, name in METHODS.items() if key != "none"}}


def rebalancing_form() -> None:
    """Choose data, methods and settings, and start the jobs."""
    dataset = dataset_form.choose_dataset()
    st.subheader("Method")
    one, two, three = st.columns(3)
    method = one.selectbox(
        "Method", list(METHOD_NAMES), index=list(METHOD_NAMES).index("smote-nc"), format_func=METHOD_NAMES.__getitem__, key="method"
    )
    others = two.multiselect(
        "Compare with",
        [m for m in METHOD_NAMES if m != method],
        format_func=METHOD_NAMES.__getitem__,
        key="also",
        help="Each is a job of its own on the same split. Compare the results, then choose one.",
    )
    unmoved = not {method, *others} - {"none", "reweighing"}
    goal = three.selectbox(
        "Balance", list(BALANCE_TARGETS), format_func=BALANCE_TARGETS.__getitem__, disabled=unmoved, help="Which counts are made equal."
    )
    mitigation_notes.show_short_note()
    methods = {method: _parameter_inputs(method)}
    for other in others:
        if PARAMETERS[other]:
            st.markdown(f"**{METHOD_NAMES[other]}**")
        methods[other] = _parameter_inputs(other)
    with st.expander("Split, order and seed", icon=":material/settings:"):
        a, b, c, d = st.columns(4)
        order = a.selectbox("Order", list(ORDERS), format_func=ORDERS.__getitem__, key="order")
        seed = b.number_input("Seed", 0, 2**31 - 1, 42)
        validation = c.number_input("Validation share", 0.05, 0.45, 0.16, step=0.01)
        test = d.number_input("Test share", 0.05, 0.45, 0.2, step=0.01, help="Never resampled: these rows judge every model.")
        if order == "workshop":
            st.warning(
                "Training rows will repeat held-out rows or be made from them. The result says how many.", icon=":material/leak_add:"
            )
    allowed = session.allowed_or_explain("launch")
    with st.container(horizontal=True):
        label = f"Rebalance in {len(methods)} ways" if others else "Rebalance"
        start = st.button(label, type="primary", icon=":material/play_arrow:", disabled=dataset is None or not allowed)
        keep = not isinstance(dataset, tuple) or st.button("Only keep the data set", icon=":material/save:", disabled=not allowed)
    if dataset is None:
        return
    cost_line.show_expected_cost(
        cost_estimates.plan_rebalancing(session.target().settings, list(methods), "" if isinstance(dataset, tuple) else dataset.uri)
    )
    with errors.show_raised_errors():
        if keep and isinstance(dataset, tuple):
            with st.spinner("Uploading …"):
                kept = dataset_form.ensure_uploaded(dataset)
            tabs.open_tab("sets", dataset=kept.uri)
        if start:
            options = rebalancing_jobs.RebalancingOptions(method, goal, methods[method], int(seed), float(validation), float(test), order)
            with st.spinner("Starting the job …" if not others else f"Starting {len(methods)} jobs …"):
                if isinstance(dataset, tuple):
                    for name, given in methods.items():
                        rebalancing_jobs.check_feasible(dataset[0], replace(options, method=name, parameters=given))
                stored = dataset_form.ensure_uploaded(dataset)
                names = rebalancing_jobs.launch_job_per_method(session.target(), session.identity(), stored, options, methods)
            if others:
                tabs.open_tab("compare", compare=",".join(names))
            tabs.open_tab("results", job=names[0])


def _parameter_inputs(method: str) -> dict[str, ParameterValue]:
    """Inputs for the method's parameters."""
    found: dict[str, ParameterValue] = {}
    if not PARAMETERS[method]:
        return found
    for place, p in zip(st.columns(4), PARAMETERS[method], strict=False):
        key = f"{method}-{p.name}"
        if p.choices:
            found[p.name] = place.selectbox(
                p.title, p.choices, index=p.choices.index(p.default), key=key, help=p.help, format_func=_choice_label
            )
        elif p.whole:
            found[p.name] = place.number_input(p.title, int(p.low), int(p.high), int(p.default), key=key, help=p.help)
        else:
            found[p.name] = place.number_input(p.title, 0.01, float(p.high), float(p.default), step=0.05, key=key, help=p.help)
    return found


def _choice_label(choice: object) -> str:
    return {True: "yes", False: "no"}.get(choice, str(choice)) if isinstance(choice, bool) else str(choice)
