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

from core.analysis.explanations.explanation_checks import ExplanationError
from core.analysis.explanations.shap_values import DEFAULT_WALKS, Explanation, compute_shap_values, predict_probabilities
from core.analysis.performance.performance import Performance, evaluate_performance
from core.analysis.tables.csv_writer import to_csv
from core.analysis.tables.feature_names import FeatureError
from engine.containers import ContainerError, clarify_bias, clarify_config, clarify_data, clarify_rows, entry, path_inside
from engine.containers.clarify_config import AnalysisConfig, ShapConfig
from engine.containers.clarify_data import Dataset
from engine.containers.clarify_html import write_html
from engine.containers.clarify_pdf import write_pdf
from engine.containers.clarify_report import ClarifyReport
from engine.containers.job_inputs import PROCESSING_FOLDER, load_booster

MAX_WALKS = 512


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the analysis that ``analysis_config.json`` under ``root`` asks for. Raises ContainerError for what the user can fix."""
    run_analysis(root, extras=True)


def run_analysis(root: Path, *, extras: bool, pages: bool = True) -> None:
    """Run the analysis on ``root``; ``extras``: whether to write the product's additions to AWS's output; ``pages``: HTML and PDF."""
    folder = root / PROCESSING_FOLDER
    config = clarify_config.read_config(folder / "input/config/analysis_config.json", extras=extras)
    dataset = clarify_data.read_dataset(_dataset_path(root, config), config)
    print(f"Dataset: {len(dataset.frame)} rows, {dataset.frame.shape[1]} columns; {dataset.features.shape[1]} features", flush=True)
    group = clarify_data.group_values(dataset, config.group_bins, config.value_names)
    asks_bias = config.pre_training is not None or config.post_training is not None
    rows = clarify_rows.select_measured_rows(dataset, config, group) if asks_bias else []
    output = folder / "output"
    output.mkdir(parents=True, exist_ok=True)

    report = ClarifyReport(
        config.title, dataset.label, config.label_values, config.threshold, len(dataset.frame), measured_on=config.measured_on
    )
    report.rows_sha256, report.names = clarify_data.hash_rows(dataset.frame), config.names
    report.value_names, report.sensitive = config.value_names, config.sensitive
    scores, by_row = None, pd.DataFrame()
    if config.model is not None and (config.post_training is not None or config.shap is not None):
        booster = load_booster(folder / "input/model/model.tar.gz")
        try:
            scores = predict_probabilities(booster, dataset.features)
            if extras:
                by_row = _measure_performance(report, dataset, scores, config)
            if config.shap is not None:
                _explain_or_say_why_not(report, booster, dataset, config, config.shap, root, output / "explanations_shap", extras)
        except FeatureError as error:
            raise ContainerError(f"Model {config.model}: {error}{clarify_data.describe_text_features(dataset)}") from error
    elif config.shap is not None:
        raise ContainerError("methods.shap needs a model: give predictor.model_name")
    if group is not None and not by_row.empty:
        by_row["group"] = group.astype(str).where(group.notna())
    clarify_bias.measure_bias(report, dataset, config, rows, group, scores, by_row, extras=extras)
    if not by_row.empty:
        (output / "scores.csv").write_bytes(to_csv(by_row))
    (output / "analysis.json").write_text(json.dumps(report.to_json(extras=extras), indent=2, allow_nan=False), encoding="utf-8")
    if pages:
        write_html(report, output / "report.html")
        write_pdf(report, output / "report.pdf")
    print("Wrote analysis.json" + (", report.html, report.pdf" if pages else ""), flush=True)


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
        known = labels.notna().to_numpy()
        if not labels[known].isin([0, 1]).all():
            found = ", ".join(map(str, sorted(labels[known].unique().tolist())[:5]))
            raise ContainerError(
                f"label {dataset.label} holds {found}; a model that predicts the probability of label 1 needs labels 0 and 1"
            )
        table.insert(1, "label", labels.astype(int) if known.all() else labels.astype("Int64"))
        report.unlabelled = int((~known).sum())
        if not known.any():
            return table
        report.performance = evaluate_performance(labels[known], scores[known], threshold=config.threshold)
        _log_performance(report.performance)
    return table


def _log_performance(performance: Performance) -> None:
    shown = ", ".join(f"{name} {estimate.value:z.4f}" for name, estimate in performance.estimates().items() if estimate.value is not None)
    print(f"Performance on {performance.n} rows: {shown}", flush=True)


def _explain_or_say_why_not(
    report: ClarifyReport, booster: Any, dataset: Dataset, config: AnalysisConfig, shap: ShapConfig, root: Path, folder: Path, extras: bool
) -> None:
    """Explain the model. If that can't be done rightly, bias metrics are measured all the same; without any the job fails."""
    try:
        _explain(report, booster, dataset, config, shap, root, folder, extras)
    except ExplanationError as error:
        reason = f"Model {config.model}: {error}"
        if config.pre_training is None and config.post_training is None:
            raise ContainerError(reason) from error
        report.explanation_error, report.label_name = reason, config.label_name
        entry.leave_message(root, f"Bias is measured; there is no explanation. {reason}")


def _explain(
    report: ClarifyReport, booster: Any, dataset: Dataset, config: AnalysisConfig, shap: ShapConfig, root: Path, folder: Path, extras: bool
) -> None:
    """SHAP values of every row. Enough walks for ``num_samples`` model evaluations per row, and never fewer than the default."""
    baseline = clarify_data.shap_baseline(dataset, shap.baseline, root, shap.clusters, shap.seed)
    walks = int(np.clip((shap.samples or 0) // (dataset.features.shape[1] + 1), DEFAULT_WALKS, MAX_WALKS))
    print(f"Explaining {len(dataset.features):,} rows against {len(baseline):,} baseline rows", flush=True)
    explanation = compute_shap_values(
        booster,
        dataset.features,
        baseline,
        output="raw" if shap.use_logit else "probability",
        walks=walks,
        seed=shap.seed,
        max_seconds=entry.read_max_seconds(root),
    )
    report.explanation, report.aggregation, report.label_name = explanation, shap.aggregation, config.label_name
    report.features, report.baseline = dataset.features[list(explanation.features)], baseline
    folder.mkdir(parents=True, exist_ok=True)
    baseline.to_csv(folder / "baseline.csv", index=False)
    if extras:
        data = report.features.copy()
        data.insert(0, "row", np.arange(len(data)))
        data["prediction"] = explanation.predictions
        data["largest_standard_error"] = explanation.row_errors
        (folder / "data.csv").write_bytes(to_csv(data))
    if shap.save_local_values:
        (folder / "out.csv").write_bytes(to_csv(_local_values_table(explanation, config.label_name)))
    check = explanation.check
    print(
        f"SHAP values of {len(report.features)} rows against {len(baseline)} baseline rows; additivity error at most "
        f"{check.additivity:.2g}, error of the expected value {check.expected:.2g} (allowed: {check.bound:.1g})",
        flush=True,
    )


def _local_values_table(explanation: Explanation, label_name: str) -> pd.DataFrame:
    return pd.DataFrame(explanation.values, columns=[f"{name}_{label_name}" for name in explanation.features])
