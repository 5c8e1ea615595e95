"""The performance metrics: what each is called and asks, which direction is better, and those that the confusion matrix decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def name_labels(text: str, labels: tuple[str, str]) -> str:
    """A text about ``label 0`` and ``label 1`` with what readers call them.

    >>> name_labels("too few rows: 3 of label 1, and an interval takes at least 5", ("paid = yes", "paid = no"))
    'too few rows: 3 of paid = no, and an interval takes at least 5'
    """
    return re.sub(r"\blabel ([01])\b", lambda found: labels[int(found[1])], text)


@dataclass(frozen=True)
class PerformanceMetric:
    """``label``: its name within a sentence. ``title``, ``question``, ``formula``, ``interpretation``: its entry in the glossary.
    ``is_share``: whether it is a share of 1, so that its differences can be given in percentage points. ``undefined``: why it has no value,
    where it has none; "" for a metric that always has one."""

    label: str
    title: str
    question: str
    formula: str
    interpretation: str
    lower_is_better: bool = False
    is_share: bool = True
    undefined: str = ""


PERFORMANCE_METRICS = {
    "auc": PerformanceMetric(
        "AUC",
        "AUC (area under the ROC curve)",
        "Of two rows with different labels, how often does the one with label 1 get the higher score?",
        "P(score of a 1 > score of a 0)",
        "0.5: chance; 1: always. It uses no threshold.",
        undefined="all rows have the same label",
    ),
    "average_precision": PerformanceMetric(
        "average precision",
        "Average precision",
        "How pure are the highest scores?",
        "Σ precision × gain in recall, from the highest score down",
        "The share of label 1: chance; 1: perfect.",
        undefined="no row has label 1",
    ),
    "accuracy": PerformanceMetric(
        "accuracy",
        "Accuracy",
        "How often is the prediction right?",
        "(TP + TN) / n",
        "Compare it with always predicting the more frequent label.",
    ),
    "balanced_accuracy": PerformanceMetric(
        "balanced accuracy",
        "Balanced accuracy",
        "How often is it right, both labels counting alike?",
        "(recall of 1 + recall of 0) / 2",
        "0.5: chance.",
        undefined="all rows have the same label",
    ),
    "precision": PerformanceMetric(
        "precision",
        "Precision",
        "Of the rows for which label 1 is predicted, how many have it?",
        "TP / (TP + FP)",
        "Undefined where label 1 is predicted for no row.",
        undefined="label 1 is predicted for no row",
    ),
    "recall": PerformanceMetric(
        "recall",
        "Recall",
        "Of the rows with label 1, how many are found?",
        "TP / (TP + FN)",
        "1: all.",
        undefined="no row has label 1",
    ),
    "f1": PerformanceMetric(
        "F1",
        "F1 of label 1",
        "How good are precision and recall together?",
        "2 · precision · recall / (precision + recall)",
        "1: perfect.",
        undefined="no row has label 1, and it is predicted for none",
    ),
    "macro_f1": PerformanceMetric(
        "macro F1",
        "Macro F1",
        "What is the mean F1 of both labels?",
        "(F1 of 1 + F1 of 0) / 2",
        "SageMaker's XGBoost container logs as f1 what this would be if label 1 were predicted for every row.",
        undefined="all rows have the same label, and all are predicted to have it",
    ),
    "log_loss": PerformanceMetric(
        "log loss",
        "Log loss",
        "How unlikely do the scores make the labels?",
        "−mean ln P(label)",
        "Lower is better.",
        lower_is_better=True,
        is_share=False,
    ),
    "brier": PerformanceMetric(
        "Brier score",
        "Brier score",
        "How far are scores from labels, squared?",
        "mean (score − label)²",
        "Lower is better; 0: perfect.",
        lower_is_better=True,
        is_share=False,
    ),
    "ece": PerformanceMetric(
        "calibration error",
        "Expected calibration error",
        "How far is a score from the share of label 1 among rows with such a score?",
        "mean |mean score − share of 1| over ten bins, weighted by rows",
        "0: scores are probabilities. Rebalancing usually raises it: the model learns another share of label 1 than the data have.",
        lower_is_better=True,
    ),
}
"""By name; the order in which pages offer them."""


def is_lower_better(name: str) -> bool:
    """Whether a lower value is better, as for the losses; False for metrics that aren't listed."""
    return name in PERFORMANCE_METRICS and PERFORMANCE_METRICS[name].lower_is_better


def undefined_reason(name: str) -> str:
    """Why the metric has no value, where it has none; "" for metrics that aren't listed."""
    return PERFORMANCE_METRICS[name].undefined if name in PERFORMANCE_METRICS else ""


def confusion_metrics(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> dict[str, Floats]:
    """The metrics of confusion matrices, by name, in the shape of the counts; NaN where undefined. "Positive" is label 1."""
    recall, specificity = ratio_or_nan(tp, tp + fn), ratio_or_nan(tn, tn + fp)
    f1, f1_negative = ratio_or_nan(2 * tp, 2 * tp + fp + fn), ratio_or_nan(2 * tn, 2 * tn + fn + fp)
    return {
        "accuracy": ratio_or_nan(tp + tn, tp + tn + fp + fn),
        "balanced_accuracy": (recall + specificity) / 2,
        "precision": ratio_or_nan(tp, tp + fp),
        "recall": recall,
        "f1": f1,
        "macro_f1": (f1 + f1_negative) / 2,
    }


def ratio_or_nan(x: Floats, y: Floats) -> Floats:
    """x / y of counts; NaN where y is 0."""
    ratio: Floats = np.divide(x, y, out=np.full(np.shape(y), np.nan), where=np.asarray(y) > 0)
    return ratio
