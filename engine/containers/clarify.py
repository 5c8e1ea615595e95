"""The container of SageMaker Clarify: bias metrics and SHAP values of a model with a binary outcome, as JSON, CSV, HTML and PDF.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-analysis-results.html
In: ``analysis_config.json``, the dataset, and ``model.tar.gz`` of the predictor. Out: ``analysis.json``, ``report.html``, ``report.pdf``,
and ``explanations_shap/`` with ``out.csv`` and ``baseline.csv``.
The product's image also writes a section ``governance`` in ``analysis.json``, ``scores.csv`` and ``explanations_shap/data.csv``, which
AWS's container doesn't.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.bias_metrics import Metric, flip_outcomes, metric_intervals, post_training_bias, pre_training_bias, with_intervals
from core.analysis.bias.flip_test import FLIP_TEST
from core.analysis.bias.outcome_counts import Undefined
from core.analysis.bias.threshold_sweep import DEFAULT_THRESHOLDS, sweep_thresholds
from core.analysis.explanations.shap_values import DEFAULT_WALKS, Explanation, compute_shap_values, predict_probabilities
from core.analysis.performance.performance import Performance, evaluate_performance
from core.analysis.tables.feature_names import FeatureError
from engine.containers import ContainerError, clarify_config, clarify_data, path_inside
from engine.containers.clarify_config import AnalysisConfig, ShapConfig
from engine.containers.clarify_data import Dataset, RowSelection
from engine.containers.clarify_html import write_html
from engine.containers.clarify_pdf import write_pdf
from engine.containers.clarify_report import ClarifyReport
from engine.containers.job_inputs import PROCESSING_FOLDER, load_booster

MAX_WALKS = 512


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the analysis that ``analysis_config.json`` under ``root`` asks for. Raises ContainerError for what the user can fix."""
    run_analysis(root, extras=True)


def run_analysis(root: Path, *, extras: bool) -> None:
    """Run the analysis on ``root``; ``extras``: whether to write the product's additions to AWS's output."""
    folder = root / PROCESSING_FOLDER
    config = clarify_config.read_config(folder / "input/config/analysis_config.json", extras=extras)
    dataset = clarify_data.read_dataset(_dataset_path(root, config), config)
    print(f"Dataset: {len(dataset.frame)} rows, {dataset.frame.shape[1]} columns; {dataset.features.shape[1]} features", flush=True)
    output = folder / "output"
    output.mkdir(parents=True, exist_ok=True)

    report = ClarifyReport(
        config.title, dataset.label, config.label_values, config.threshold, len(dataset.frame), measured_on=config.measured_on
    )
    report.rows_sha256, report.names = clarify_data.hash_rows(dataset.frame), config.names
    scores, by_row = None, pd.DataFrame()
    if config.model is not None and (config.post_training is not None or config.shap is not None):
        booster = load_booster(folder / "input/model/model.tar.gz")
        try:
            scores = predict_probabilities(booster, dataset.features)
            if extras:
                by_row = _measure_performance(report, dataset, scores, config)
            if config.shap is not None:
                _explain(report, booster, dataset, config, config.shap, root, output / "explanations_shap", extras)
        except FeatureError as error:
            raise ContainerError(f"Model {config.model}: {error}") from error
    elif config.shap is not None:
        raise ContainerError("methods.shap needs a model: give predictor.model_name")
    _measure_bias(report, dataset, config, scores, by_row, extras)
    if not by_row.empty:
        by_row.to_csv(output / "scores.csv", index=False)
    (output / "analysis.json").write_text(json.dumps(report.to_json(extras=extras), indent=2, allow_nan=False), encoding="utf-8")
    write_html(report, output / "report.html")
    write_pdf(report, output / "report.pdf")
    print("Wrote analysis.json, report.html, report.pdf", flush=True)


def _dataset_path(root: Path, config: AnalysisConfig) -> Path:
    """Where the dataset is: ``dataset_uri`` where it is a path in the container, else the input's usual place."""
    if config.dataset and "://" not in config.dataset:
        path = path_inside(root, config.dataset)
        if path.exists():
            return path
    return root / PROCESSING_FOLDER / "input/data"


def _measure_performance(report: ClarifyReport, dataset: Dataset, scores: NDArray[np.float64], config: AnalysisConfig) -> pd.DataFrame:
    """Scores of every row, for ``scores.csv``; and how well they fit the labels where there are any."""
    table = pd.DataFrame({"row": np.arange(len(scores)), "score": scores})
    if dataset.label is not None:
        labels = dataset.frame[dataset.label]
        if not labels.isin([0, 1]).all():
            found = ", ".join(map(str, sorted(labels.unique().tolist())[:5]))
            raise ContainerError(
                f"label {dataset.label} holds {found}; a model that predicts the probability of label 1 needs labels 0 and 1"
            )
        table.insert(1, "label", labels.astype(int))
        report.performance = evaluate_performance(labels, scores, threshold=config.threshold)
        _log_performance(report.performance)
    return table


def _log_performance(performance: Performance) -> None:
    shown = ", ".join(f"{name} {estimate.value:.4f}" for name, estimate in performance.estimates().items() if estimate.value is not None)
    print(f"Performance on {performance.n} rows: {shown}", flush=True)


def _explain(
    report: ClarifyReport, booster: Any, dataset: Dataset, config: AnalysisConfig, shap: ShapConfig, root: Path, folder: Path, extras: bool
) -> None:
    """SHAP values of every row. Enough walks for ``num_samples`` model evaluations per row, and never fewer than the default."""
    baseline = clarify_data.shap_baseline(dataset, shap.baseline, root, shap.clusters, shap.seed)
    walks = int(np.clip((shap.samples or 0) // (dataset.features.shape[1] + 1), DEFAULT_WALKS, MAX_WALKS))
    output = "raw" if shap.use_logit else "probability"
    explanation = compute_shap_values(booster, dataset.features, baseline, output=output, walks=walks, seed=shap.seed)  # type: ignore[arg-type]
    report.explanation, report.aggregation, report.label_name = explanation, shap.aggregation, config.label_name
    report.features, report.baseline = dataset.features[list(explanation.features)], baseline
    folder.mkdir(parents=True, exist_ok=True)
    baseline.to_csv(folder / "baseline.csv", index=False)
    if extras:
        data = report.features.copy()
        data.insert(0, "row", np.arange(len(data)))
        data["prediction"] = explanation.predictions
        data.to_csv(folder / "data.csv", index=False)
    if shap.save_local_values:
        _local_values_table(explanation, config.label_name).to_csv(folder / "out.csv", index=False)
    print(f"SHAP values of {len(report.features)} rows; additivity error at most {explanation.additivity_error:.2g}", flush=True)


def _local_values_table(explanation: Explanation, label_name: str) -> pd.DataFrame:
    return pd.DataFrame(explanation.values, columns=[f"{name}_{label_name}" for name in explanation.features])


def _measure_bias(
    report: ClarifyReport, dataset: Dataset, config: AnalysisConfig, scores: NDArray[np.float64] | None, by_row: pd.DataFrame, extras: bool
) -> None:
    """Every metric asked for, for every facet, with its interval. ``by_row`` gets each row's facet, group and flip."""
    if config.pre_training is None and config.post_training is None:
        return
    assert dataset.label is not None
    label = clarify_data.select_favourable_rows(dataset.frame[dataset.label], config.label_values)
    report.favourable = label.value_or_threshold
    group = clarify_data.group_values(dataset, config.group_bins)
    if group is not None and not by_row.empty:
        by_row["group"] = group.astype(str).where(group.notna())
    for name, facet in zip(dataset.facets, config.facets, strict=True):
        for rows in clarify_data.select_facet_rows(dataset.frame[name], facet.values, categorical=name in dataset.categorical):
            if not rows.mask.any():
                print(f"Facet {name}: no row has the value {rows.value_or_threshold}", flush=True)
            if not by_row.empty:
                by_row[f"{name}={rows.value_or_threshold}"] = rows.mask.astype(int)
            if config.pre_training is not None:
                found = pre_training_bias(rows.mask, label.mask, group, metrics=config.pre_training)
                spread = metric_intervals("pre", rows.mask, label.mask, None, group) if extras else {}
                report.add_metrics("pre_training_bias_metrics", name, rows, with_intervals(found, spread))
            if config.post_training is not None:
                metrics = _measure_post_training(dataset, config, name, rows, label, group, scores, by_row, extras)
                report.add_metrics("post_training_bias_metrics", name, rows, metrics)
            report.add_counts(name, rows, label, dataset.group, group, binned=config.group_bins is not None)
            if scores is not None and report.performance is not None:
                _add_sweep(report, config, name, rows, label, group, scores)


def _add_sweep(
    report: ClarifyReport,
    config: AnalysisConfig,
    facet: str,
    rows: RowSelection,
    label: RowSelection,
    group: pd.Series[Any] | None,
    scores: NDArray[np.float64],
) -> None:
    """Add what other thresholds would do. Groups are counted apart only where they are binned: others may be as many as the rows."""
    good = clarify_data.select_favourable_rows(pd.Series([0, 1], name="label"), config.label_values).mask
    if good.sum() != 1:
        return
    thresholds = tuple(sorted({*DEFAULT_THRESHOLDS, config.threshold}))
    binned = group is not None and isinstance(group.dtype, pd.CategoricalDtype)
    names = tuple(map(str, group.cat.categories)) if group is not None and binned else ()
    by = group.astype(str).tolist() if group is not None and binned else None
    found = sweep_thresholds(rows.mask, label.mask, scores, by, favourable=int(good[1]), thresholds=thresholds, names=names)
    report.sweeps.append({"facet": facet, "value_or_threshold": rows.value_or_threshold, **found.to_json()})


def _measure_post_training(
    dataset: Dataset,
    config: AnalysisConfig,
    facet: str,
    rows: RowSelection,
    label: RowSelection,
    group: pd.Series[Any] | None,
    scores: NDArray[np.float64] | None,
    by_row: pd.DataFrame,
    extras: bool,
) -> dict[str, Metric]:
    assert config.post_training is not None
    features = dataset.features.drop(columns=facet, errors="ignore")
    if dataset.predicted_label is not None:
        predicted = dataset.frame[dataset.predicted_label]
    elif scores is not None:
        predicted = pd.Series((scores > config.threshold).astype(int), name="predicted label")
    else:
        raise ContainerError("methods.post_training_bias needs predictions: give predictor.model_name, or predicted_label")
    accepted = clarify_data.select_favourable_rows(predicted, config.label_values)
    flipped = _find_flips(rows, accepted, features) if FLIP_TEST in config.post_training else None
    if flipped is not None and not by_row.empty:
        by_row[f"flip {facet}={rows.value_or_threshold}"] = pd.Series(flipped).astype("Int64")  # empty where the flip test didn't search
    metrics = post_training_bias(rows.mask, label.mask, accepted.mask, group, features, metrics=config.post_training, flips=flipped)
    spread = metric_intervals("post", rows.mask, label.mask, accepted.mask, group, flipped) if extras else {}
    return with_intervals(metrics, spread)


def _find_flips(rows: RowSelection, accepted: RowSelection, features: pd.DataFrame) -> NDArray[np.float64] | None:
    """The flip test row by row; None where it can't be computed; the metric then says why."""
    if rows.mask.all() or not rows.mask.any():
        return None
    try:
        return flip_outcomes(rows.mask, accepted.mask, features)
    except Undefined:
        return None
