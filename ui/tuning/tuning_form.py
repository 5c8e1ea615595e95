"""The form of a tuning job: every setting, what is wrong with it, and the expected cost; empty, or with another job's settings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.costs import cost_estimates
from core.jobs.jobs import FINAL_STATUSES, Job
from core.jobs.tuning import tuning_history, tuning_jobs
from core.settings import Settings
from core.views.tuning import tuning_sentences as words
from ui import session
from ui.components import errors, tabs
from ui.shared import cached_tuning, cost_line
from ui.tuning import rebalanced_rows

SCALES = ["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]
OWN_FIELDS = {"objective", "num_round", "seed"}


def tuning_form() -> None:
    """Draw the form, and launch the job."""
    past = tuning_jobs.list_jobs(session.target())
    template, key = _job_to_clone(past)
    data = rebalanced_rows.select_rebalancing(f"tune-data-{key}")
    if data is None:
        return
    initial = tuning_history.rebuild_request(template, data) if template else tuning_jobs.TuningRequest(data)
    request = _request_inputs(initial, past, key)
    problems = tuning_jobs.find_problems(request)
    for problem in problems:
        errors.show_error(problem)
    made = tuning_history.estimate_duration(past, request.strategy, request.ranges, request.max_jobs, request.max_parallel)
    if not problems:
        st.markdown(f":material/schedule: {words.duration_estimate_sentence(made)}")
    st.caption("If this page is open when the job completes, every trial is measured for bias and the best one gets an XGBoost report.")
    allowed = session.allowed_or_explain("launch")
    pressed = st.button("Launch tuning", type="primary", icon=":material/play_arrow:", disabled=not allowed or bool(problems))
    if not problems:
        cost_line.show_expected_cost(cost_estimates.plan_tuning(session.target().settings, request))
    if pressed:
        with errors.show_raised_errors(), st.spinner("Starting the tuning job …"):
            name = tuning_jobs.launch_job(session.target(), session.identity(), request)
            tabs.open_tab("results", job=name)


def _job_to_clone(past: list[Job]) -> tuple[Job | None, str]:
    """The job whose settings fill the form (``?clone=``), and what to append to the widgets' keys."""
    name = st.query_params.get("clone")
    if name is None:
        return None, ""
    if name not in {job.name for job in past}:
        st.warning(f"The link names {name}, which doesn't exist here. The form shows the defaults.", icon=":material/link_off:")
        return None, ""
    if cached_tuning.data_of_tuning(name) is None:
        st.warning(f"{name} didn't train on rebalanced rows. Its other settings are filled in; choose rows.", icon=":material/warning:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/content_copy: The settings of {name}.")
        if st.button("Start from the defaults", type="tertiary"):
            del st.query_params["clone"]
            st.rerun()
    return tuning_jobs.describe_job(session.target(), name), name


def _request_inputs(initial: tuning_jobs.TuningRequest, past: list[Job], key: str) -> tuning_jobs.TuningRequest:
    """The widgets, filled with ``initial``; returns their values."""
    one, two, three = st.columns(3)
    objectives = list(tuning_jobs.OBJECTIVES)
    if initial.objective in tuning_jobs.CLASS_OBJECTIVES:
        st.warning(f"{initial.objective} isn't offered. {tuning_jobs.CLASS_OBJECTIVES_REASON}", icon=":material/warning:")
    objective = one.selectbox(
        "Objective",
        objectives,
        objectives.index(initial.objective) if initial.objective in objectives else 0,
        help=f"f1, accuracy, precision and recall are not offered: {tuning_jobs.CLASS_OBJECTIVES_REASON}",
        key=f"objective-{key}",
    )
    strategy = two.selectbox("Strategy", tuning_jobs.STRATEGIES, tuning_jobs.STRATEGIES.index(initial.strategy), key=f"strategy-{key}")
    early = three.toggle("Stop weak trials early", value=initial.early_stopping, key=f"early-{key}")
    most = one.number_input("Jobs", 1, 750, min(max(initial.max_jobs, 1), 750), disabled=strategy == "Grid", key=f"jobs-{key}")
    parallel = two.number_input("In parallel", 1, 100, min(max(initial.max_parallel, 1), 100), key=f"parallel-{key}")
    rounds = three.number_input(
        "Rounds of boosting", 1, 2000, _clamped_integer(initial.static.get("num_round", ""), 50, 2000), key=f"rounds-{key}"
    )
    st.markdown("**Ranges**")
    ranges = _ranges_editor(initial.ranges, key)
    if strategy == "Grid":
        st.caption("The grid takes up to three points of each range.")
    with st.expander("More settings", icon=":material/settings:"):
        a, b = st.columns(2)
        seed = a.number_input("Seed", 0, 2**31 - 1, min(max(initial.seed, 0), 2**31 - 1), key=f"tuning-seed-{key}")
        instance = b.text_input("Instance type", initial.instance_type or Settings.current().instance_type, key=f"instance-{key}")
        ended = [job.name for job in past if job.status in FINAL_STATUSES]
        wanted = [st.query_params["parent"]] if "parent" in st.query_params else list(initial.warm_start)
        parents = st.multiselect(
            "Warm start from",
            ended,
            default=[name for name in wanted if name in ended],
            max_selections=5,
            help="This job starts with what the trials of those jobs found.",
            key=f"parents-{key}",
        )
        static = _fixed_editor(initial.static, key)
    return tuning_jobs.TuningRequest(
        initial.rebalanced,
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


def _clamped_integer(text: str, otherwise: int, most: int) -> int:
    """Another job's hyperparameter as a whole number from 1 to ``most``; ``otherwise`` if it isn't one."""
    return min(max(int(text), 1), most) if text.isdecimal() and len(text) < 10 else otherwise


def _ranges_editor(initial: tuple[tuning_jobs.HyperparameterRange, ...], key: str) -> tuple[tuning_jobs.HyperparameterRange, ...]:
    tuned = {one.name: one for one in initial}
    rows = {**tuning_jobs.BOUNDS, **tuned}
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
        tuning_jobs.HyperparameterRange(
            str(row["hyperparameter"]), float(row["from"]), float(row["to"]), str(row["kind"]), str(row["scale"])
        )
        for row in edited.to_dict("records")
        if row["tuned"]
    )


def _fixed_editor(initial: dict[str, str], key: str) -> dict[str, str]:
    """An editor for the hyperparameters that are the same in every trial."""
    st.markdown("Fixed hyperparameters")
    rows = [(name, value) for name, value in initial.items() if name not in OWN_FIELDS]
    table = pd.DataFrame(rows, columns=["hyperparameter", "value"], dtype="string")
    edited = st.data_editor(table, hide_index=True, num_rows="dynamic", key=f"fixed-{key}")
    return {str(row["hyperparameter"]).strip(): str(row["value"]).strip() for row in edited.dropna().to_dict("records")}
