"""95 % intervals of the metrics that a confusion matrix decides, and of their differences between two models on the same rows."""

from __future__ import annotations

import numpy as np

from core.analysis.intervals.confidence import MIN_ROWS, too_few_rows
from core.analysis.intervals.posterior_draws import draw_shares
from core.analysis.intervals.proportions import combine_difference, share_with_interval
from core.analysis.intervals.share_functions import function_ends, share_or_unknown
from core.analysis.performance.performance_estimates import Estimate, make_estimate
from core.analysis.performance.performance_metrics import Floats, confusion_metrics, undefined_reason

PAIR_PRIOR = 0.375
"""The part of a row that is added to each of the eight kinds of rows (label, and the predictions of two models) of a paired difference."""


def confusion_estimates(confusion: Floats) -> dict[str, Estimate]:
    """The metrics of one confusion matrix, by name, with intervals.

    ``confusion``: (2, 2) rows by label and prediction. Shares have Wilson's interval, balanced accuracy Newcombe's, F1 that of the share
    of which it is a function; macro F1 that of the shares of wrong rows and, among the right ones, of label 1 (``share_functions``).
    """
    (tn, fp), (fn, tp) = confusion.tolist()
    n = float(confusion.sum())
    values = {name: float(value) for name, value in confusion_metrics(*np.array([tn, fp, fn, tp])).items()}
    shares = {
        "accuracy": share_with_interval(tp + tn, n),
        "precision": share_with_interval(tp, tp + fp),
        "recall": share_with_interval(tp, tp + fn),
        "f1": share_with_interval(tp, tp + fp + fn),
    }
    specificity, recall = share_with_interval(tn, tn + fp), shares["recall"]
    ends = {name: (share.low, share.high) for name, share in shares.items() if share is not None}
    if "f1" in ends:
        low, high = ends["f1"]
        ends["f1"] = 2 * low / (1 + low), 2 * high / (1 + high)
    if recall is not None and specificity is not None:
        wrong = (1 - specificity.value, 1 - specificity.high, 1 - specificity.low)
        _, low, high = combine_difference((recall.value, recall.low, recall.high), wrong)
        ends["balanced_accuracy"] = (1 + low) / 2, (1 + high) / 2
    if n:
        low, high = function_ends(_macro_f1, share_or_unknown(fp + fn, n), share_or_unknown(tp, tn + tp))
        ends["macro_f1"] = min(low, values["macro_f1"]), max(high, values["macro_f1"])
    reasons = why_too_few(confusion)
    return {name: make_estimate(value, ends.get(name), int(n), reasons[name], undefined_reason(name)) for name, value in values.items()}


def _macro_f1(wrong: Floats, right_1: Floats) -> Floats:
    """From the share of wrong rows and the share of label 1 among the right ones."""
    one, zero = (1 - wrong) * right_1, (1 - wrong) * (1 - right_1)
    mean: Floats = one / (2 * one + wrong) + zero / (2 * zero + wrong)
    return mean


def why_too_few(confusion: Floats) -> dict[str, str]:
    """By metric, why so few rows give it no interval; "" where there are enough. ``confusion`` as for ``confusion_estimates``."""
    (tn, fp), (fn, tp) = confusion.tolist()

    def reason(*parts: tuple[float, str]) -> str:
        return next((too_few_rows(rows, of) for rows, of in parts if rows < MIN_ROWS), "")

    labels = ((tp + fn, "label 1"), (tn + fp, "label 0"))
    return {
        "accuracy": reason((confusion.sum(), "")),
        "balanced_accuracy": reason(*labels),
        "precision": reason((tp + fp, "those for which label 1 is predicted")),
        "recall": reason(labels[0]),
        "f1": reason((tp + fp + fn, "those that have label 1 or for which it is predicted")),
        "macro_f1": reason(*labels),  # how many rows are wrong mustn't decide: the few with an interval would be the worse ones
    }


def paired_confusion_draws(y: Floats, predicted: list[Floats], *, seed: int, draws: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Draws of the metrics of two models on the same rows, by name: what they may be in the population, shape (draws,) each.

    ``y``: (n,) labels; ``predicted``: both models' predictions, (n,) 0 or 1.
    """
    numbers = (4 * y + 2 * predicted[0] + predicted[1]).astype(np.int64)
    kinds = np.bincount(numbers, minlength=8).astype(float).reshape(2, 2, 2)
    shares = draw_shares(kinds, PAIR_PRIOR, np.random.default_rng(seed), draws)
    first, second = (confusion_metrics(*np.moveaxis(shares.sum(axis=axis).reshape(draws, 4), 1, 0)) for axis in (3, 2))
    return first, second
