"""One rebalancing: what it did to whom, its bias before and after, its rows, its files."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session, _show, _synthetic
from core import datasets, rebalancing
from core.analysis.bias import PRE_TRAINING
from core.views import rebalancing as views
from core.views.style import percent

DESCRIBED = {name: definition.description for name, definition in PRE_TRAINING.items()}
Names = dict[str, dict[int, str]]


@st.cache_data(ttl="30m", max_entries=32, show_spinner="Reading the result …")
def result(target: str, job: str) -> rebalancing.Rebalanced:
    return rebalancing.result(_session.clients(), job)


def show(name: str) -> None:
    """Draw the result of the job ``name``."""
    done = result(_session.target(), name)
    names = datasets.value_names(done.dataset)
    by_facet = rebalancing.by_facet(done.manifest)
    facet = next(iter(by_facet))
    if len(by_facet) > 1:
        facet = _show.chosen("facet", list(by_facet), "Facet")
    manifest = by_facet[facet]
    _badges(done.manifest["config"])
    st.markdown(f"**{_show.plain(views.people(manifest, names))}**")
    st.markdown(_show.plain(views.sentence(manifest, str(done.roles.favourable))))
    _leak(done.manifest)
    _numbers(done.manifest)
    _before_and_after(manifest, names)
    with st.container(horizontal=True):
        _show.link("tuning", "Tune a model on these rows", data=name)
        _show.link("lineage", "Where these rows come from", uri=done.uri("train_res.csv"))
        if st.button("Compare with other methods", icon=":material/compare_arrows:", type="tertiary"):
            _show.turn_to("compare", compare=name)
    _synthetic.distributions(done, names)
    _synthetic.rows(done)
    _files(done)


def _badges(config: dict[str, Any]) -> None:
    """Method, goal and order in a glance."""
    with st.container(horizontal=True):
        st.badge(rebalancing.METHODS.get(config["method"], config["method"]), color="blue", icon=":material/balance:")
        if config["method"] not in {"none", "reweighing"}:
            st.badge(f"balances {rebalancing.TARGETS[config['target']]}", color="gray")
        if config["order"] == "workshop":
            st.badge("workshop's order: leaks", color="red", icon=":material/leak_add:")
        told = ", ".join(f"{key} = {value}" for key, value in config["parameters"].items())
        if told:
            st.caption(_show.plain(told))


def _leak(manifest: dict[str, Any]) -> None:
    """Whether held-out rows had a part in training, and how many."""
    held_out = manifest["split"]["validation_rows"] + manifest["split"]["test_rows"]
    same = manifest.get("held_out_duplicates")
    twins = f" {same:,} of them equal some training row in every value: other people's rows, where the data has such twins." if same else ""
    if manifest["leaked_rows"] or manifest["config"]["order"] == "workshop":
        share = percent(manifest["leaked_rows"] / max(held_out, 1))
        st.warning(
            f"**Leak: {manifest['leaked_rows']:,} held-out rows are in the training rows, or were used to make them** "
            f"({share} of {held_out:,}). The rows were resampled before the split. Figures on these test rows flatter the model.",
            icon=":material/leak_add:",
        )
    else:
        st.caption(
            f":material/verified_user: Split first, resampled after: no held-out row is in the training rows or was used to make them "
            f"(0 of {held_out:,}).{twins}"
        )


def _numbers(manifest: dict[str, Any]) -> None:
    split, synthetic = manifest["split"], manifest["synthetic"]
    with st.container(horizontal=True):
        st.metric("Training rows", f"{split['train_rows']:,}", border=True, help=f"{split['original_train_rows']:,} before.")
        made = views.made(manifest["config"]["method"]).capitalize()
        st.metric(made, percent(synthetic["share"]), border=True, help=f"{synthetic['count']:,} rows, listed below.")
        st.metric("Validation rows", f"{split['validation_rows']:,}", border=True)
        st.metric("Test rows", f"{split['test_rows']:,}", border=True, help="Never resampled: they judge every model.")
        st.metric("Leaked rows", f"{manifest['leaked_rows']:,}", border=True)


def _before_and_after(manifest: dict[str, Any], names: Names) -> None:
    config, counts = manifest["config"], manifest["counts"]
    label, facet = config["label"], config["facet"]
    table = views.bias_table(**manifest["pre_training_bias"], described=DESCRIBED)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Training rows by label and facet")
        st.caption(_show.plain(views.counts_sentence(**counts, label=label, facet=facet, names=names)))
        figure = _show.drawn(views.counts_figure, **counts, label=label, facet=facet, names=names)
        _show.chart(figure, views.counts_table(**counts), alt=f"Training rows by {label} and {facet}, before and after", key="counts")
    with right:
        st.subheader("Bias in the training data")
        flipped = table.loc[table["sign"] == "flipped", "metric"].tolist()
        st.caption(
            f"⇄ **{', '.join(flipped)}**: the sign flips, so the other group is now ahead." if flipped else "No metric changes its sign."
        )
        _show.chart(_show.drawn(views.bias_figure, table), table, alt="Pre-training bias metrics before and after", key="pre")
        for row in table[table["why undefined"] != ""].itertuples():
            st.caption(_show.plain(f"{row.metric} is undefined: {row[list(table.columns).index('why undefined') + 1]}"))


def _files(done: rebalancing.Rebalanced) -> None:
    with st.expander("Files, hashes and settings", icon=":material/description:"):
        st.markdown(
            f"Made from **{_show.plain(done.dataset.name)}**, SHA-256 `{done.manifest['input']['sha256']}`, "
            f"{done.manifest['input']['rows']:,} rows, seed {done.manifest['split']['seed']}."
        )
        files = [
            {"file": file, "rows": about["rows"], "SHA-256": about["sha256"], "URI": done.uri(file)}
            for file, about in done.manifest["files"].items()
        ]
        st.dataframe(pd.DataFrame(files), hide_index=True, alt="Files of this rebalancing")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            file = st.selectbox("File", [*done.manifest["files"], "manifest.json"], key="file", width=260)
            st.download_button(
                "Download",
                lambda: _session.clients().read(done.uri(file)),
                f"{done.job}-{file}",
                "text/csv" if file.endswith(".csv") else "application/json",
                icon=":material/download:",
                on_click="ignore",
                disabled=not _show.allowed("export"),
                help="The bytes whose hash stands above.",
            )
        st.json(done.manifest["config"], expanded=False)
