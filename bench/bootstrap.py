"""The intervals of every metric, 1,000 draws where no formula gives them, beside fairlearn's MetricFrame with n_boot=1000.

fairlearn takes minutes: ``python -m bench.bootstrap 100`` lets it make so many resamples, and scales its time.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from bench.compare import Goal, Row, run, said, seconds
from core.analysis.bias.bias_metrics import metric_intervals
from core.analysis.performance.performance import evaluate_performance
from core.data.bundled_data import read_bundled

THRESHOLD = 0.5
OURS = "11 performance metrics and 20 bias metrics of a facet, those of shares by formula and the others by draws"


def rows(small: bool) -> list[Row]:
    if small:
        return [measured(1000, 40, 40)]
    return [measured(30_000, 1000, int(sys.argv[-1]) if sys.argv[-1].isdigit() else 1000)]


def measured(size: int, resamples: int, theirs: int) -> Row:
    """The peer once, ours three times, around it."""
    frame = read_bundled().drop(columns="ID").head(size)
    random = np.random.default_rng(0)
    label = frame["LABEL"]
    scores = pd.Series(np.clip(0.2 + 0.2 * label + random.normal(0, 0.2, size), 0, 1).round(6))
    facet, group = (frame["SEX"] == 1).to_numpy(), pd.cut(frame["AGE"], [0, 30, 40, 50, 100]).astype(str).to_numpy()
    favourable, accepted = (label == 0).to_numpy(), (scores <= THRESHOLD).to_numpy()
    found: dict[str, Any] = {}

    def ours() -> None:
        found["performance"] = evaluate_performance(label, scores, threshold=THRESHOLD, resamples=resamples)
        found["pre"] = metric_intervals("pre", facet, favourable, None, group, resamples=resamples)
        found["post"] = metric_intervals("post", facet, favourable, accepted, group, resamples=resamples)

    def peer() -> None:
        found["peer"] = metric_frame(label, scores, frame["SEX"], theirs)

    a = [seconds(ours)]
    b = [seconds(peer) * resamples / theirs]
    a += [seconds(ours) for _ in range(2 if resamples > 100 else 0)]
    note = (
        f"ours: {OURS}; fairlearn: {len(METRICS)} performance metrics, each over all rows and by facet; {agreement(found)}; "
        f"n_boot={theirs}, its time scaled by {resamples / theirs:g}, runs=1"
    )
    figure = f"bootstrap intervals ({resamples:,}) of all metrics, {size:,} rows"
    return said(Row(figure, tuple(a), "fairlearn MetricFrame", tuple(b), goal=Goal(faster=20), scale=resamples / theirs, note=note))


def metric_frame(label: pd.Series[int], scores: pd.Series[float], facet: pd.Series[int], resamples: int) -> Any:
    from fairlearn.metrics import MetricFrame

    parameters = {name: {"score": scores} for name in METRICS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MetricFrame(
            metrics=METRICS,
            y_true=label,
            y_pred=(scores > THRESHOLD).astype(int),
            sensitive_features=facet,
            sample_params=parameters,
            n_boot=resamples,
            ci_quantiles=[0.025, 0.975],
            random_state=0,
        )


def agreement(found: dict[str, Any]) -> str:
    """How far the ends of the intervals over all rows lie apart, at most, of the metrics that both have, in lengths of our intervals:
    the peer's are by lot, and far too short where it makes few resamples. Raises AssertionError where they are far apart."""
    low, high = found["peer"].overall_ci
    own = {name: found["performance"].estimates()[name] for name in METRICS if name in found["performance"].estimates()}
    apart = max(max(abs(one.low - low[name]), abs(one.high - high[name])) / (one.high - one.low) for name, one in own.items())
    assert apart < 0.75, apart
    return f"the ends of the {len(own)} shared intervals at most {100 * apart:.0f} % of an interval apart"


def _of_classes(function: Any, **more: Any) -> Any:
    return lambda y, p, score: function(y, p, **more)


def _of_scores(function: Any, **more: Any) -> Any:
    return lambda y, p, score: function(y, np.clip(score, 1e-15, 1 - 1e-15), **more)


METRICS = {
    "auc": _of_scores(sk.roc_auc_score),
    "average_precision": _of_scores(sk.average_precision_score),
    "accuracy": _of_classes(sk.accuracy_score),
    "balanced_accuracy": _of_classes(sk.balanced_accuracy_score),
    "precision": _of_classes(sk.precision_score, zero_division=0),
    "recall": _of_classes(sk.recall_score, zero_division=0),
    "f1": _of_classes(sk.f1_score, zero_division=0),
    "macro_f1": _of_classes(sk.f1_score, average="macro", zero_division=0),
    "log_loss": _of_scores(sk.log_loss),
    "brier": _of_scores(sk.brier_score_loss),
    "selection_rate": lambda y, p, score: np.mean(p),
    "false_positive_rate": lambda y, p, score: np.mean(p[np.asarray(y) == 0]),
}


if __name__ == "__main__":
    run("bootstrap", rows)
