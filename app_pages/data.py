"""Data and rebalancing: which rows a model learns from, and what resampling does to each group."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _roles, _session, _show
from core import jobs, rebalancing
from core.analysis.bias import PRE_TRAINING
from core.views import rebalancing as views
from core.views.style import percent

RESULTS, NEW = ":material/insights: Results", ":material/add: New rebalancing"
NAMES = {"none": "split only", **{key: name for key, name in rebalancing.METHODS.items() if key != "none"}}


@st.cache_data(ttl="30m", max_entries=16, show_spinner="Reading the result …")
def result(target: str, job: str) -> rebalancing.Rebalanced:
    return rebalancing.result(_session.clients(), job)


def show(name: str) -> None:
    done = result(_session.target(), name)
    manifest, roles = done.manifest, done.roles
    config, split, synthetic = manifest["config"], manifest["split"], manifest["synthetic"]
    st.markdown(views.sentence(manifest, str(roles.favourable)))
    if manifest["leaked_rows"] or config["order"] == "workshop":
        st.warning(
            f"**Leak: {manifest['leaked_rows']:,} held-out rows are in the training rows, or were used to make them.** "
            "The rows were resampled before the split. Figures on these test rows flatter the model.",
            icon=":material/leak_add:",
        )
    else:
        st.caption(
            ":material/verified_user: Split first, resampled after: no held-out row is in the training rows or was used to make them."
        )
    with st.container(horizontal=True):
        st.metric("Training rows", f"{split['train_rows']:,}", border=True)
        st.metric("Synthetic", percent(synthetic["share"]), border=True, help=f"{synthetic['count']:,} rows; the manifest names each.")
        st.metric("Validation rows", f"{split['validation_rows']:,}", border=True)
        st.metric("Test rows", f"{split['test_rows']:,}", border=True, help="Never resampled: they judge every model.")
        st.metric("Leaked rows", f"{manifest['leaked_rows']:,}", border=True)
    counts, table = manifest["counts"], views.bias_table(**manifest["pre_training_bias"], described=PRE_TRAINING_NAMES)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Training rows by label and facet")
        figure = views.counts_figure(counts["before"], counts["after"], label=roles.label, facet=roles.facet)
        _show.chart(figure, views.counts_table(counts["before"], counts["after"]), alt="Training rows before and after", key="counts")
    with right:
        st.subheader("Bias in the training data")
        _show.chart(views.bias_figure(table), table, alt="Pre-training bias before and after", key="pre")
        flipped = table.loc[table["sign"] == "flipped", "metric"].tolist()
        if flipped:
            st.caption(f"⇄ {', '.join(flipped)}: the sign flips, so the other group is now ahead.")
    with st.container(horizontal=True):
        _show.link("tuning", "Tune a model on these rows", data=name)
        _show.link("lineage", "Where these rows come from", uri=done.uri("train_res.csv"))
    with st.expander("Files, hashes and settings", icon=":material/description:"):
        files = [
            {"file": file, "rows": about["rows"], "SHA-256": about["sha256"], "URI": done.uri(file)}
            for file, about in manifest["files"].items()
        ]
        st.dataframe(pd.DataFrame(files), hide_index=True, alt="Files of this rebalancing")
        st.json(config, expanded=False)


def draw(found: list[jobs.Job]) -> None:
    if not found:
        st.markdown("Nothing was rebalanced yet. Choose data and a method under **New rebalancing**, or run the whole workflow.")
        _show.link("overview", "Run the whole workflow")
        return
    name = _show.chosen("job", [job.name for job in found], "Rebalancing job")
    job = jobs.describe(_session.clients(), "processing", name)
    if job.status == "Completed":
        show(name)
    elif job.status in jobs.FINAL:
        _show.failed(job)
    else:
        _show.watch("processing", name)


def launch_form() -> None:
    dataset = _roles.choose()
    st.subheader("Method")
    one, two, three = st.columns(3)
    method = one.selectbox("Method", list(NAMES), index=list(NAMES).index("smote-nc"), format_func=NAMES.__getitem__, key="method")
    goal = two.selectbox(
        "Balance", list(rebalancing.TARGETS), format_func=rebalancing.TARGETS.__getitem__, disabled=method in {"none", "reweighing"}
    )
    seed = three.number_input("Seed", 0, 2**31 - 1, 42)
    parameters: dict[str, float] = {}
    if "smote" in method or method == "adasyn":
        parameters["k_neighbors"] = one.number_input("Neighbours (k)", 1, 50, 5)
    if method not in {"none", "reweighing"}:
        parameters["sampling_strategy"] = two.number_input("Minority to majority, at least", 0.05, 1.0, 1.0, step=0.05)
    orders = {"split_first": "Split, then resample the training part", "workshop": "Resample, then split (leaks, and is marked so)"}
    order = three.selectbox("Order", list(orders), format_func=orders.__getitem__)
    allowed = _show.may("launch")
    if st.button("Rebalance", type="primary", icon=":material/play_arrow:", disabled=dataset is None or not allowed) and dataset:
        with _show.errors_shown(), st.spinner("Starting the job …"):
            stored = _roles.stored(dataset)
            options = rebalancing.Rebalance(method, goal, parameters, int(seed), order=order)
            _show.turn_to("data", RESULTS, job=rebalancing.launch(_session.clients(), _session.identity(), stored, options))


PRE_TRAINING_NAMES = {name: definition.description for name, definition in PRE_TRAINING.items()}

st.title("Data and rebalancing")
with _show.errors_shown(stop=True):
    found = rebalancing.list_jobs(_session.clients())
results, form = _show.sections("data", [RESULTS, NEW], None if found else NEW)
if results.open:
    with results, _show.errors_shown():
        draw(found)
if form.open:
    with form, _show.errors_shown():
        launch_form()
