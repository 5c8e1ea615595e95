"""Every trial of a tuning job measured for bias: performance against disparity, and the alternatives to the best trial."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _costs, _kept, _model, _session, _show, _tuning_cached
from core import costs, trial_bias, tuning
from core.analysis.bias_registry import POST_TRAINING
from core.governance.pack import table as csv
from core.jobs import FINAL, Job
from core.views import trial_bias as views

MOST = 5
"""How many alternatives are named."""


def show(job: Job, shown: pd.DataFrame, table: pd.DataFrame) -> None:
    """The measurement in whatever state it is; ``shown`` are the trials that pass the filter, of all in ``table``."""
    now = _kept.lately(trial_bias.of, job.name)
    if now is not None and now.status not in FINAL:
        _show.watch("processing", now.name)
    elif now is not None and now.status == "Completed":
        _measured(job, now, shown, table)
    else:
        if now is not None:
            _show.failed(now)
        st.markdown(
            "Two trials that predict equally well can treat people differently. One job scores the validation rows with every trial's "
            "model, and measures performance and disparity, each with its interval."
        )
        label = "Measure every trial for bias" if now is None else "Measure again"
        pressed = st.button(label, type="primary", icon=":material/diversity_3:", disabled=not _show.may("launch"))
        data = _tuning_cached.data(job.name)
        _costs.expected(costs.trials_measured(_session.clients().settings, data.uri(trial_bias.ROWS) if data else ""))
        if pressed:
            trial_bias.launch(_session.clients(), _session.identity(), job.name)
            st.rerun()


def interval_of_best(job: Job, shown: pd.DataFrame) -> dict[str, Any]:
    """The interval of the best trial's objective and the number of rows, where it has been measured and is among ``shown``."""
    now = _kept.lately(trial_bias.of, job.name)
    metric, _ = tuning.objective(job)
    name = views.of_objective(metric)
    if now is None or now.status != "Completed" or metric.endswith(":error") or name not in views.PERFORMANCE:
        return {}
    report = _tuning_cached.bias(now.name)
    best = next((trial for trial in report["trials"] if trial["name"] == report["reference"]), None)
    if best is None or report["reference"] not in set(shown["name"]) or best["performance"][name]["low"] is None:
        return {}
    found = best["performance"][name]
    return {"interval": (found["low"], found["high"]), "rows": report["rows"]}


def _measured(job: Job, now: Job, shown: pd.DataFrame, table: pd.DataFrame) -> None:
    report = _tuning_cached.bias(now.name)
    numbers = dict(zip(table["name"], table["number"], strict=True))
    one, two, three = st.columns(3)
    wanted = list(views.PERFORMANCE)
    start = wanted.index(views.of_objective(tuning.objective(job)[0]))
    performance = one.selectbox("Performance", wanted, start, format_func=views.PERFORMANCE.__getitem__, key="trial-performance")
    measures = sorted(report["trials"][0]["facets"][0]["measures"], key=lambda name: name != "DPPL")
    measure = two.selectbox("Disparity", measures, format_func=lambda name: POST_TRAINING[name].description, key="trial-disparity")
    facets = [f"{facet['name']} = {facet['value']}" for facet in report["facets"]]
    facet = three.selectbox("Facet", range(len(facets)), format_func=facets.__getitem__, key="trial-facet")
    measured = views.table(report, performance=performance, measure=measure, facet=facet, numbers=numbers)
    kept = measured[measured["name"].isin(shown["name"]) | measured["reference"]].copy()
    kept["front"] = views.front(views.sign(performance) * kept["performance"], kept["distance"].where(~kept["one_sided"]))
    who = views.people(report, facet)
    st.markdown(views.best_in_words(kept, who, performance=performance, measure=measure))
    alt = f"{views.PERFORMANCE[performance]} of each trial against its {measure} from parity, with the Pareto front"
    figure = _show.drawn(views.scatter, kept, performance=performance, measure=measure)
    picked = st.plotly_chart(
        figure,
        alt=alt,
        key="trial-scatter",
        on_select="rerun",
        selection_mode="points",
        config={"displaylogo": False, "displayModeBar": False},
    )
    twin = views.twin(kept, performance=performance, measure=measure)
    _show.twin(twin, alt=alt)
    best = kept[kept["reference"]]
    if not best.empty:
        names = {point["customdata"][0] for point in picked["selection"]["points"] if point.get("customdata")}
        for row in kept[kept["name"].isin(names) & ~kept["reference"]].to_dict("records"):
            st.caption("Chosen in the picture")
            _card(job, row, views.in_words(row, best.to_dict("records")[0], who, performance=performance, measure=measure), "picked")
    _alternatives(job, kept, who, performance, measure)
    st.caption(
        f"n = {report['rows']:,} validation rows, threshold {report['threshold']:g}; 95 % intervals (AUC: DeLong; else "
        f"{report['resamples']:,} bootstrap resamples that all trials share, seed {report['seed']}). "
        f"The best trial was chosen on these very rows, and of {len(measured)} trials "
        "one in twenty seems beyond noise by chance: the test rows judge once a trial is registered. "
        "Distance from parity: the metric's magnitude; for a ratio, what the smaller rate lacks to the larger."
    )
    if report["left_out"]:
        with st.expander(f"{len(report['left_out'])} trials left out", icon=":material/info:"):
            st.dataframe(pd.DataFrame(report["left_out"]), hide_index=True, alt="Trials left out, with the reason")
    with st.container(horizontal=True):
        st.download_button(
            "All figures as CSV",
            lambda: _session.clients().read(trial_bias.table_uri(_session.clients(), now.name)),
            f"{now.name}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "This table as CSV",
            lambda: csv(twin.columns, twin.itertuples(index=False)),
            f"{job.name}-{performance}-{measure}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        _show.link("data", "The rows' origin", job=report["rebalancing_job"])
    _costs.used_by("processing", now.name)
    _show.log("processing", now.name)


def _alternatives(job: Job, kept: pd.DataFrame, who: views.People, performance: str, measure: str) -> None:
    st.subheader("Less discriminatory alternatives")
    found = views.alternatives(kept)
    if found.empty:
        st.markdown("No trial here is nearer to parity than the best one without being worse than another that is.")
        return
    best = kept[kept["reference"]].to_dict("records")[0]
    for row in found.head(MOST).to_dict("records"):
        _card(job, row, views.in_words(row, best, who, performance=performance, measure=measure), "front")
    if len(found) > MOST:
        st.caption(f"{len(found) - MOST} more lie on the front; they are in the table above.")


def _card(job: Job, row: dict[Any, Any], text: str, key: str) -> None:
    """What a trial would cost and bring, one click from being registered."""
    with st.container(border=True):
        st.markdown(text)
        with st.container(horizontal=True):
            label, name = f"Register trial {row['number']} instead", str(row["name"])
            if st.button(label, icon=":material/app_registration:", key=f"{key}-instead-{name}", disabled=not _show.allowed("register")):
                _register(job, name)
            if st.button(f"Look at trial {row['number']}", icon=":material/search:", type="tertiary", key=f"{key}-look-{name}"):
                _turn_to(name)


def _register(job: Job, trial: str) -> None:
    data = _tuning_cached.data(job.name)
    if data is not None:
        _model.start(trial, data)
        _turn_to(trial)


def _turn_to(trial: str) -> None:
    st.query_params.update({"trial": trial, "view": "trials"})
    st.rerun()
