"""The form of a tuning job: every setting, what is wrong with it, what it will cost; from scratch or from another job's settings."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from app_pages import _costs, _forms, _session, _show, _tuning_cached
from core import costs, tuning, tuning_history
from core.jobs import FINAL, Job
from core.settings import Settings
from core.views import tuning_words as words

SCALES = ["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]
OWN_FIELDS = {"objective", "num_round", "seed"}


def show() -> None:
    """Draw the form; launches what it says."""
    past = tuning.list_jobs(_session.clients())
    template, key = _template(past)
    data = _forms.data_job(f"tune-data-{key}")
    if data is None:
        return
    request = _request(replace(template, rebalanced=data) if template else tuning.TuningRequest(data), past, key)
    problems = tuning.problems(request)
    for problem in problems:
        _show.show_error(problem)
    made = tuning_history.estimate(past, request.strategy, request.ranges, request.max_jobs, request.max_parallel)
    if not problems:
        st.markdown(f":material/schedule: {words.estimate(made)}")
    st.caption("When it has completed while you watch, every trial is measured for bias, and the best one's report is made.")
    allowed = _show.may("launch")
    pressed = st.button("Launch tuning", type="primary", icon=":material/play_arrow:", disabled=not allowed or bool(problems))
    if not problems:
        _costs.expected(costs.whole_tuning(_session.clients().settings, request))
    if pressed:
        with _show.errors_shown(), st.spinner("Starting the tuning job …"):
            name = tuning.launch(_session.clients(), _session.identity(), request)
            _show.turn_to("results", job=name)


def _template(past: list[Job]) -> tuple[tuning.TuningRequest | None, str]:
    """The settings of the job that the URL names to clone, and the part of the widgets' keys that keeps them apart."""
    name = st.query_params.get("clone")
    if name is None:
        return None, ""
    if name not in {job.name for job in past}:
        st.warning(f"The link names {name}, which isn't here. The form has its defaults.", icon=":material/link_off:")
        return None, ""
    data = _tuning_cached.data(name)
    if data is None:
        st.warning(f"{name} didn't train on rebalanced rows; its settings are kept, choose rows.", icon=":material/warning:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/content_copy: The settings of {name}.")
        if st.button("Start from the defaults", type="tertiary"):
            del st.query_params["clone"]
            st.rerun()
    return tuning_history.request_of(tuning.describe(_session.clients(), name), data), name  # type: ignore[arg-type]


def _request(given: tuning.TuningRequest, past: list[Job], key: str) -> tuning.TuningRequest:
    """The widgets, filled with ``given``; returns what they say."""
    one, two, three = st.columns(3)
    objectives = list(tuning.OBJECTIVES)
    objective = one.selectbox(
        "Objective",
        objectives,
        objectives.index(given.objective) if given.objective in objectives else 0,
        help="f1 is the macro F1 at 0.5, as in the built-in container.",
        key=f"objective-{key}",
    )
    strategy = two.selectbox("Strategy", tuning.STRATEGIES, tuning.STRATEGIES.index(given.strategy), key=f"strategy-{key}")
    early = three.toggle("Stop weak trials early", value=given.early_stopping, key=f"early-{key}")
    most = one.number_input("Jobs", 1, 750, min(max(given.max_jobs, 1), 750), disabled=strategy == "Grid", key=f"jobs-{key}")
    parallel = two.number_input("In parallel", 1, 100, min(max(given.max_parallel, 1), 100), key=f"parallel-{key}")
    rounds = three.number_input("Rounds of boosting", 1, 2000, _whole(given.static.get("num_round", ""), 50, 2000), key=f"rounds-{key}")
    st.markdown("**Ranges**")
    ranges = _ranges(given.ranges, key)
    if strategy == "Grid":
        st.caption("The grid takes up to three points of each range.")
    with st.expander("More settings", icon=":material/settings:"):
        a, b = st.columns(2)
        seed = a.number_input("Seed", 0, 2**31 - 1, min(max(given.seed, 0), 2**31 - 1), key=f"tuning-seed-{key}")
        instance = b.text_input("Instance type", given.instance_type or Settings.current().instance_type, key=f"instance-{key}")
        ended = [job.name for job in past if job.status in FINAL]
        wanted = [st.query_params["parent"]] if "parent" in st.query_params else list(given.warm_start)
        parents = st.multiselect(
            "Warm start from",
            ended,
            default=[name for name in wanted if name in ended],
            max_selections=5,
            help="What these jobs' trials have found is known to this one from the start.",
            key=f"parents-{key}",
        )
        static = _fixed(given.static, key)
    return tuning.TuningRequest(
        given.rebalanced,
        ranges,
        {"objective": "binary:logistic", **static, "num_round": str(rounds), "seed": str(seed)},
        objective,
        strategy,
        int(most),
        int(parallel),
        early,
        tuple(parents),
        int(seed),
        instance or None,
    )


def _whole(text: str, otherwise: int, most: int) -> int:
    """A hyperparameter of another job as a whole number that the form takes."""
    return min(max(int(text), 1), most) if text.isdecimal() and len(text) < 10 else otherwise


def _ranges(given: tuple[tuning.Range, ...], key: str) -> tuple[tuning.Range, ...]:
    tuned = {one.name: one for one in given}
    rows = {**tuning.BOUNDS, **tuned}
    table = pd.DataFrame(
        [
            {
                "tuned": name in tuned,
                "hyperparameter": name,
                "from": float(one.low),
                "to": float(one.high),
                "kind": one.kind,
                "scale": one.scaling,
            }
            for name, one in rows.items()
        ]
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        disabled=["hyperparameter", "kind"],
        key=f"ranges-{key}",
        column_config={"scale": st.column_config.SelectboxColumn(options=SCALES, required=True)},
    )
    return tuple(
        tuning.Range(str(row["hyperparameter"]), float(row["from"]), float(row["to"]), str(row["kind"]), str(row["scale"]))
        for row in edited.to_dict("records")
        if row["tuned"]
    )


def _fixed(given: dict[str, str], key: str) -> dict[str, str]:
    """Hyperparameters that every trial has."""
    st.markdown("Fixed hyperparameters")
    rows = [(name, value) for name, value in given.items() if name not in OWN_FIELDS]
    table = pd.DataFrame(rows, columns=["hyperparameter", "value"], dtype="string")
    edited = st.data_editor(table, hide_index=True, num_rows="dynamic", key=f"fixed-{key}")
    return {str(row["hyperparameter"]).strip(): str(row["value"]).strip() for row in edited.dropna().to_dict("records")}
