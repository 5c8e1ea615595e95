"""The forms of the tuning page: a tuning job, and a single model."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import jobs, rebalancing, training, tuning
from core.settings import Settings

RESULTS, SINGLE = ":material/insights: Results", ":material/model_training: Single models"


def data_job(key: str) -> rebalancing.Rebalanced | None:
    """Choose among the rebalancings that have completed; None where there's none."""
    done = [job.name for job in rebalancing.list_jobs(_session.clients()) if job.status == "Completed"]
    if not done:
        _show.empty("There are no rebalanced rows to train on yet.", "data", "Rebalance data")
        return None
    wanted = st.query_params.get("data")
    name = st.selectbox("Rebalanced rows", done, index=done.index(wanted) if wanted in done else 0, key=key)
    return rebalancing.result(_session.clients(), name)


def tuning_form() -> None:
    """Every setting of a tuning job; launches it."""
    data = data_job("tune-data")
    if data is None:
        return
    one, two, three = st.columns(3)
    objective = one.selectbox("Objective", list(tuning.OBJECTIVES), help="f1 is the macro F1 at 0.5, as in the built-in container.")
    strategy = two.selectbox("Strategy", tuning.STRATEGIES)
    early = three.toggle("Stop weak trials early", value=False)
    most = one.number_input("Jobs", 1, 750, 10, disabled=strategy == "Grid")
    parallel = two.number_input("In parallel", 1, 100, 2)
    rounds = three.number_input("Rounds of boosting", 1, 2000, 50)
    st.markdown("**Ranges**")
    ranges = _ranges()
    with st.expander("More settings", icon=":material/settings:"):
        a, b = st.columns(2)
        seed = a.number_input("Seed", 0, 2**31 - 1, 42, key="tuning-seed")
        instance = b.text_input("Instance type", Settings().instance_type)
        parents = st.multiselect("Warm start from", [job.name for job in tuning.list_jobs(_session.clients())], max_selections=5)
    if strategy == "Grid":
        st.caption(f"The grid has {tuning.grid_size(ranges):,} points: three of each range.")
    if st.button("Launch tuning", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch")):
        request = tuning.TuningRequest(
            data,
            ranges,
            {"objective": "binary:logistic", "num_round": str(rounds), "seed": str(seed)},
            objective,
            strategy,
            int(most),
            int(parallel),
            early,
            tuple(parents),
            int(seed),
            instance or None,
        )
        with _show.errors_shown(), st.spinner("Starting the tuning job …"):
            name = tuning.launch(_session.clients(), _session.identity(), request)
            _show.turn_to("tuning", RESULTS, job=name)


def _ranges() -> tuple[tuning.Range, ...]:
    default = {one.name for one in tuning.DEFAULT_RANGES}
    table = pd.DataFrame(
        [
            {
                "tuned": name in default,
                "hyperparameter": name,
                "from": float(r.low),
                "to": float(r.high),
                "kind": r.kind,
                "scale": r.scaling,
            }
            for name, r in tuning.BOUNDS.items()
        ]
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        disabled=["hyperparameter", "kind"],
        key="ranges",
        column_config={
            "scale": st.column_config.SelectboxColumn(options=["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"], required=True)
        },
    )
    return tuple(
        tuning.Range(str(row["hyperparameter"]), float(row["from"]), float(row["to"]), str(row["kind"]), str(row["scale"]))
        for row in edited.to_dict("records")
        if row["tuned"]
    )


def baseline_form() -> None:
    """One model with the baseline's settings on the untouched training part."""
    with st.expander(
        "Train the baseline", icon=":material/add:", expanded=not jobs.listed(_session.clients(), "training", contains=training.PREFIX)
    ):
        st.caption("Trained on the untouched training part; judged on the same test rows as every other model.")
        data = data_job("baseline-data")
        if data is None:
            return
        table = pd.DataFrame(training.BASELINE.items(), columns=["hyperparameter", "value"])
        edited = st.data_editor(table, hide_index=True, disabled=["hyperparameter"], key="baseline-hyperparameters")
        if st.button("Train", type="primary", icon=":material/play_arrow:", disabled=not _show.may("launch")):
            chosen = {str(row["hyperparameter"]): str(row["value"]) for row in edited.to_dict("records")}
            with _show.errors_shown(), st.spinner("Starting the training job …"):
                train, validation = data.uri("train.csv"), data.uri("validation_res.csv")
                name = training.launch(_session.clients(), _session.identity(), train, validation, chosen, rebalanced=data.job)
                _show.turn_to("tuning", SINGLE, training=name)
