"""What libraries that this project didn't write say of a table and its predictions: smclarify of bias, scikit-learn of quality; and Shapley
values by their definition."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import sklearn.metrics
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import smclarify.bias.metrics as clarify

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.float32]


def quality(labels: Any, scores: Floats, threshold: float) -> dict[str, float | None]:
    """Every performance metric by scikit-learn; None where a ratio is 0/0."""
    y, p = np.asarray(labels, dtype=int), (scores > threshold).astype(int)
    both, found = len(set(y)) == 2, sklearn.metrics
    shares, means = calibration_curve(y, scores, n_bins=10)
    counts = np.histogram(scores, bins=np.linspace(0, 1, 11))[0]
    return {
        "auc": float(found.roc_auc_score(y, scores)) if both else None,
        "average_precision": float(found.average_precision_score(y, scores)) if y.any() else None,
        "accuracy": float(found.accuracy_score(y, p)),
        "balanced_accuracy": float(found.balanced_accuracy_score(y, p)) if both else None,
        "precision": float(found.precision_score(y, p)) if p.any() else None,
        "recall": float(found.recall_score(y, p)) if y.any() else None,
        "f1": float(found.f1_score(y, p)) if y.any() or p.any() else None,
        "macro_f1": float(found.f1_score(y, p, average="macro", labels=[0, 1], zero_division=0.0)) if both or len({*y, *p}) == 2 else None,
        "log_loss": float(found.log_loss(y, scores, labels=[0, 1])),
        "brier": float(found.brier_score_loss(y, scores)),
        "ece": float((counts[counts > 0] / len(y) * np.abs(shares - means)).sum()),
    }


def clarify_metrics(
    stage: str, facet: Any, label: Any, prediction: Any, group: Any, features: pd.DataFrame | None
) -> dict[str, float | None]:
    """smclarify's values by name, of the stage ``pre`` or ``post``; None where it raises. All arrays are bool, but for ``group``."""
    metrics = clarify.PRETRAINING_METRICS if stage == "pre" else clarify.POSTTRAINING_METRICS
    values: dict[str, float | None] = {}
    for function in metrics:
        arguments = {
            "df": features,
            "feature": facet,
            "sensitive_facet_index": facet,
            "label": label,
            "positive_label_index": label,
            "predicted_label": prediction,
            "positive_predicted_label_index": prediction,
            "group_variable": group,
        }
        try:
            values[function.__name__] = float(clarify.call_metric(function, **arguments))
        except Exception:
            values[function.__name__] = None
    return values


RATIOS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "DAR": lambda y, p: ((y & p).sum(), p.sum()),
    "DCA": lambda y, p: (y.sum(), p.sum()),
    "DCR": lambda y, p: ((~y).sum(), (~p).sum()),
    "DRR": lambda y, p: ((~y & ~p).sum(), (~p).sum()),
    "RD": lambda y, p: ((y & p).sum(), y.sum()),
    "SD": lambda y, p: ((~y & ~p).sum(), (~y).sum()),
    "TE": lambda y, p: ((y & ~p).sum(), (~y & p).sum()),
}
"""Numerator and denominator on one side, of the metrics that are the difference of two ratios."""


def clarify_departures(facet: Any, label: Any, prediction: Any, group: Any) -> set[str]:
    """The metrics that are undefined here though smclarify gives a value, since it takes 0 / 0 for 0: those of docs/containers.md."""
    sides = [(label[side], prediction[side]) for side in (facet, ~facet)]
    found = {name for name, ratio in RATIOS.items() if any(ratio(*side) == (0, 0) for side in sides)}
    if not prediction.any():
        found.add("DI")
    for name, outcome in (("CDDL", label), ("CDDPL", prediction)):
        by_group = pd.crosstab(group, outcome) if group is not None else pd.DataFrame()
        if facet.all() or not facet.any() or by_group.shape[1] < 2 or not (by_group > 0).all(axis=1).any():
            found.add(name)
    return found


def expected_bias(
    facet: Any, label: Any, prediction: Any, group: Any, features: pd.DataFrame | None
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """smclarify's pre- and post-training metrics, None for those that are undefined here."""
    facet, label, prediction = (pd.Series(np.asarray(one, dtype=bool)) for one in (facet, label, prediction))
    undefined = clarify_departures(facet, label, prediction, group)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pre, post = (clarify_metrics(stage, facet, label, prediction, group, features) for stage in ("pre", "post"))
    cleaned = [{name: None if name in undefined else value for name, value in part.items()} for part in (pre, post)]
    return cleaned[0], cleaned[1]


def differs(one: Rows, other: Rows) -> Bools:
    """Where two rows, or rows and one, have different values; missing ones are equal."""
    found: Bools = (one != other) & ~(np.isnan(one) & np.isnan(other))
    return found


def shapley_values(predict: Callable[[Rows], Floats], row: Rows, baseline: Rows) -> Floats:
    """Shapley values of a prediction against one baseline row, by the definition: over all coalitions of the features that differ (the
    others change nothing, and have 0)."""
    players = np.flatnonzero(differs(row, baseline))
    n = len(players)
    coalitions = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)
    table = np.tile(baseline, (2**n, 1))
    table[:, players] = np.where(coalitions, row[players], baseline[players])
    worth, sizes = predict(table), coalitions.sum(axis=1)
    values = np.zeros(len(row))
    for place, player in enumerate(players.tolist()):
        without = np.flatnonzero(~coalitions[:, place])
        weights = np.array([math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n) for s in range(n)])[sizes[without]]
        values[player] = float((weights * (worth[without + 2**place] - worth[without])).sum())
    return values
