"""One rebalancing: what it changed for each group, bias before and after, rows and files."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.analysis.bias.bias_metrics import PRE_TRAINING
from core.analysis.resampling.rebalancing_manifest import RebalancingManifest, RebalancingSettings
from core.analysis.tables.value_names import ValueNames
from core.data import datasets
from core.jobs import rebalancing_jobs
from core.views.data import leak_sentences, rebalancing_sentences
from core.views.data import rebalancing_charts as views
from core.views.shared.number_text import format_percent
from ui import session
from ui.components import charts, links, markdown, tabs
from ui.data import synthetic_rows, table_findings

METRIC_DESCRIPTIONS = {name: definition.description for name, definition in PRE_TRAINING.items()}


@st.cache_data(ttl="30m", max_entries=32, show_spinner="Reading the result …")
def read_rebalancing_result(cache_key: str, job: str) -> rebalancing_jobs.RebalancedData:
    """The result of a rebalancing job, cached for half an hour."""
    return rebalancing_jobs.read_result(session.target(), job)


def show_rebalancing_result(name: str) -> None:
    """Draw the result of the job ``name``."""
    done = read_rebalancing_result(session.cache_key(), name)
    names = datasets.value_names(done.dataset)
    by_facet = rebalancing_jobs.manifest_by_facet(done.manifest)
    facet = next(iter(by_facet))
    if len(by_facet) > 1:
        facet = links.url_selectbox("facet", list(by_facet), "Facet", format_func=_facet_namer(by_facet, names))
    manifest = by_facet[facet]
    _badges(done.manifest["config"])
    st.markdown(f"**{markdown.escape_markdown(rebalancing_sentences.group_outcomes_sentence(manifest, names))}**")
    st.markdown(markdown.escape_markdown(rebalancing_sentences.rebalancing_sentence(manifest, str(done.roles.favourable), names)))
    _show_leak(done.manifest, names)
    _show_row_counts(done.manifest)
    _before_and_after(manifest, names)
    _label_shares(manifest, names)
    with st.container(horizontal=True):
        links.page_link("tuning", "Tune a model on these rows", data=name)
        links.page_link("lineage", "Where these rows come from", uri=done.uri("train_res.csv"))
        if st.button("Compare with other methods", icon=":material/compare_arrows:", type="tertiary"):
            tabs.open_tab("compare", compare=name)
    synthetic_rows.show_distributions(done, names)
    synthetic_rows.show_synthetic_rows(done, names)
    _files(done)


def _facet_namer(by_facet: dict[str, RebalancingManifest], names: ValueNames) -> Callable[[str], str]:
    """What a facet's key, such as ``sex = 0``, is called: addresses keep the code, readers see the word."""
    return {key: names.describe(one["config"]["facet"], one["config"]["facet_value"]) for key, one in by_facet.items()}.__getitem__


def _badges(config: RebalancingSettings) -> None:
    """Method, goal and order, as badges."""
    with st.container(horizontal=True):
        st.badge(rebalancing_jobs.METHODS.get(config["method"], config["method"]), color="blue", icon=":material/balance:")
        if config["method"] not in {"none", "reweighing"}:
            st.badge(f"balances {rebalancing_jobs.BALANCE_TARGETS[config['target']]}", color="gray")
        if config["order"] == "workshop":
            st.badge("workshop's order: leaks", color="red", icon=":material/leak_add:")
        told = ", ".join(f"{key} = {value}" for key, value in config["parameters"].items())
        if told:
            st.caption(markdown.escape_markdown(told))


def _show_leak(manifest: RebalancingManifest, names: ValueNames) -> None:
    """Whether held-out rows leaked into training, and how many; features that give the label away, ids, and rows that stand in training."""
    leaks = leak_sentences.manifest_leaks(manifest)
    held_out = manifest["split"]["validation_rows"] + manifest["split"]["test_rows"]
    if manifest["leaked_rows"] or manifest["config"]["order"] == "workshop":
        share = format_percent(manifest["leaked_rows"] / max(held_out, 1))
        st.warning(
            f"**Leak: {manifest['leaked_rows']:,} held-out rows are in the training rows, or were used to make them** "
            f"({share} of {held_out:,}). The rows were resampled before the split. On these test rows the model looks better than it is.",
            icon=":material/leak_add:",
        )
    else:
        st.caption(
            f":material/verified_user: Split first, resampled after: no held-out row is in the training rows or was used to make them "
            f"(0 of {held_out:,})."
        )
    if leaks is None:
        same = manifest.get("held_out_duplicates")
        st.caption(
            f"{same or 0:,} held-out rows equal a training row in every value. This job is of an earlier version: it looked no further."
        )
        return
    if found := leak_sentences.describe_leaks(leaks, manifest["config"]["label"], names):
        text = "\n".join(f"- {markdown.escape_markdown(one)}" for one in found)
        st.warning(f"**What the model should not learn from**\n\n{text}", icon=":material/leak_add:")
    else:
        st.caption(markdown.escape_markdown(" ".join(leak_sentences.report_leaks(leaks, manifest["config"]["label"], names))))


def _show_row_counts(manifest: RebalancingManifest) -> None:
    split, synthetic = manifest["split"], manifest["synthetic"]
    with st.container(horizontal=True):
        st.metric("Training rows", f"{split['train_rows']:,}", border=True, help=f"{split['original_train_rows']:,} before.")
        made = rebalancing_sentences.added_rows_kind(manifest["config"]["method"]).capitalize()
        st.metric(made, format_percent(synthetic["share"]), border=True, help=f"{synthetic['count']:,} rows, listed below.")
        st.metric("Validation rows", f"{split['validation_rows']:,}", border=True)
        st.metric("Test rows", f"{split['test_rows']:,}", border=True, help="Never resampled: they judge every model.")
        st.metric("Leaked rows", f"{manifest['leaked_rows']:,}", border=True)


def _before_and_after(manifest: RebalancingManifest, names: ValueNames) -> None:
    config, counts = manifest["config"], manifest["counts"]
    label, facet = config["label"], config["facet"]
    table = views.bias_table(**manifest["pre_training_bias"], described=METRIC_DESCRIPTIONS)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Training rows by label and facet")
        st.caption(markdown.escape_markdown(rebalancing_sentences.counts_sentence(**counts, label=label, facet=facet, names=names)))
        figure = charts.cached_figure(views.counts_figure, **counts, label=label, facet=facet, names=names)
        charts.show_chart(
            figure,
            rebalancing_sentences.counts_table(**counts, label=label, facet=facet, names=names),
            alt=f"Training rows by {label} and {facet}, before and after",
            key="counts",
        )
    with right:
        st.subheader("Bias in the training data")
        flipped = table.loc[table["sign"] == "flipped", "metric"].tolist()
        st.caption(
            f"⇄ **{', '.join(flipped)}**: the sign flips, so the other group is now ahead." if flipped else "No metric changes its sign."
        )
        charts.show_chart(
            charts.cached_figure(views.bias_figure, table), table, alt="Pre-training bias metrics before and after", key="pre"
        )
        for row in table[table["why undefined"] != ""].itertuples():
            st.caption(markdown.escape_markdown(f"{row.metric} is undefined: {row[list(table.columns).index('why undefined') + 1]}"))


def _label_shares(manifest: RebalancingManifest, names: ValueNames) -> None:
    st.subheader("Share of favourable labels in each group")
    table = rebalancing_sentences.label_shares_table(manifest, names)
    if table.empty:
        st.caption("This job is of an earlier version, which didn't measure it. Run it again to see it.")
        return
    st.caption(markdown.escape_markdown(rebalancing_sentences.label_shares_sentence(manifest, names)))
    st.dataframe(table, hide_index=True, alt="Share of favourable labels in each group, before and after")


def _files(rebalanced: rebalancing_jobs.RebalancedData) -> None:
    if rebalanced.dataset.notes:
        with st.expander("What was found in the table, and what was done", icon=":material/search:"):
            st.markdown(table_findings.list_sentences(rebalanced.dataset.notes))
    with st.expander("Files, hashes and settings", icon=":material/description:"):
        st.markdown(
            f"Made from **{markdown.escape_markdown(rebalanced.dataset.name)}**, SHA-256 `{rebalanced.manifest['input']['sha256']}`, "
            f"{rebalanced.manifest['input']['rows']:,} rows, seed {rebalanced.manifest['split']['seed']}."
        )
        files = [
            {"file": file, "rows": about["rows"], "SHA-256": about["sha256"], "URI": rebalanced.uri(file)}
            for file, about in rebalanced.manifest["files"].items()
        ]
        st.dataframe(pd.DataFrame(files), hide_index=True, alt="Files of this rebalancing")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            file = st.selectbox("File", [*rebalanced.manifest["files"], "manifest.json"], key="file", width=260)
            st.download_button(
                "Download",
                lambda: session.target().files.read(rebalanced.uri(file)),
                f"{rebalanced.job}-{file}",
                "text/csv" if file.endswith(".csv") else "application/json",
                icon=":material/download:",
                on_click="ignore",
                disabled=not session.is_allowed("export"),
                help="The file with the SHA-256 shown above.",
            )
        st.json(rebalanced.manifest["config"], expanded=False)
