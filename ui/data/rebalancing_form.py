"""The form that starts rebalancings: one method, or several to be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from app_pages import _costs, _roles, _session, _show
from core import costs, rebalancing
from core.rebalancing import METHODS, PARAMETERS, TARGETS

NAMES = {"none": "split only", **{key: name for key, name in METHODS.items() if key != "none"}}
ORDERS = {"split_first": "Split, then resample the training part", "workshop": "Resample, then split (leaks, and is marked so)"}


def form() -> None:
    """Choose data, methods and settings; launch."""
    dataset = _roles.choose()
    st.subheader("Method")
    one, two, three = st.columns(3)
    method = one.selectbox("Method", list(NAMES), index=list(NAMES).index("smote-nc"), format_func=NAMES.__getitem__, key="method")
    others = two.multiselect(
        "Compare with",
        [m for m in NAMES if m != method],
        format_func=NAMES.__getitem__,
        key="also",
        help="Each becomes a job of its own on the same split; they are laid side by side before you choose.",
    )
    unmoved = not {method, *others} - {"none", "reweighing"}
    goal = three.selectbox(
        "Balance", list(TARGETS), format_func=TARGETS.__getitem__, disabled=unmoved, help="What is made equally frequent."
    )
    methods = {method: _parameters(method)}
    for other in others:
        if PARAMETERS[other]:
            st.markdown(f"**{NAMES[other]}**")
        methods[other] = _parameters(other)
    with st.expander("Split, order and seed", icon=":material/settings:"):
        a, b, c, d = st.columns(4)
        order = a.selectbox("Order", list(ORDERS), format_func=ORDERS.__getitem__, key="order")
        seed = b.number_input("Seed", 0, 2**31 - 1, 42)
        validation = c.number_input("Validation share", 0.05, 0.45, 0.16, step=0.01)
        test = d.number_input("Test share", 0.05, 0.45, 0.2, step=0.01, help="Never resampled: these rows judge every model.")
        if order == "workshop":
            st.warning("Held-out rows will be made from training rows. The result says how many.", icon=":material/leak_add:")
    allowed = _show.may("launch")
    with st.container(horizontal=True):
        label = f"Rebalance in {len(methods)} ways" if others else "Rebalance"
        start = st.button(label, type="primary", icon=":material/play_arrow:", disabled=dataset is None or not allowed)
        keep = not isinstance(dataset, tuple) or st.button("Only keep the data set", icon=":material/save:", disabled=not allowed)
    if dataset is None:
        return
    _costs.expected(costs.rebalancings(_session.clients().settings, list(methods), "" if isinstance(dataset, tuple) else dataset.uri))
    with _show.errors_shown():
        if keep and isinstance(dataset, tuple):
            with st.spinner("Uploading …"):
                kept = _roles.stored(dataset)
            _show.turn_to("sets", dataset=kept.uri)
        if start:
            options = rebalancing.Rebalance(method, goal, methods[method], int(seed), float(validation), float(test), order)
            with st.spinner("Starting the job …" if not others else f"Starting {len(methods)} jobs …"):
                if isinstance(dataset, tuple):
                    for name, given in methods.items():
                        rebalancing.check(dataset[0], replace(options, method=name, parameters=given))
                stored = _roles.stored(dataset)
                names = rebalancing.launch_each(_session.clients(), _session.identity(), stored, options, methods)
            if others:
                _show.turn_to("compare", compare=",".join(names))
            _show.turn_to("results", job=names[0])


def _parameters(method: str) -> dict[str, Any]:
    """Inputs for what the method can be told."""
    found: dict[str, Any] = {}
    if not PARAMETERS[method]:
        return found
    for place, p in zip(st.columns(4), PARAMETERS[method], strict=False):
        key = f"{method}-{p.name}"
        if p.choices:
            found[p.name] = place.selectbox(p.title, p.choices, index=p.choices.index(p.default), key=key, help=p.help, format_func=_words)
        elif p.whole:
            found[p.name] = place.number_input(p.title, int(p.low), int(p.high), int(p.default), key=key, help=p.help)
        else:
            found[p.name] = place.number_input(p.title, 0.01, float(p.high), float(p.default), step=0.05, key=key, help=p.help)
    return found


def _words(choice: Any) -> str:
    return {True: "yes", False: "no"}.get(choice, str(choice)) if isinstance(choice, bool) else str(choice)
