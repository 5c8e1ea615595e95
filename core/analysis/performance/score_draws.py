"""What the metrics of scores may be in the population: draws by a Bayesian bootstrap (Rubin 1981) with a part of a row of each label added.

A draw gives each row a random weight, and adds a row of label 0 and one of label 1, half a row each on average, with scores as they occur
in the data. So a sample that a model ranks perfectly, or that has no row of a rare label with a bad score, doesn't count as proof that
there are none: without them, the interval of such a sample has no width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.analysis.intervals.posterior_draws import DRAWS
from core.analysis.performance.calibration_error import CALIBRATION_BINS, calibration_bins
from core.analysis.performance.performance_metrics import Floats

MetricValues = dict[str, Floats]
RowNumbers = NDArray[np.int64]

RESAMPLES = DRAWS
LABEL_PRIOR = 0.5
"""The part of a row of each label that is added."""
SCORE_METRICS = ("auc", "average_precision", "log_loss", "brier", "ece")
"""The metrics that depend on the scores themselves, not only on which side of the threshold they lie."""
LOW_DRAWS = {name: f"{name}_low" for name in ("average_precision", "log_loss", "brier")}
"""Of these the low end of the interval comes from other draws, by the name that they have among the draws: of average precision where each
row of label 1 finds the others only, since a row that finds itself makes it too great on few rows; of the losses without the rows added,
since one row of a rare label has most of the loss."""
MAX_WEIGHTS_IN_MEMORY = 500_000
"""How many weights are in memory at a time; more take longer, as they don't fit into a processor's cache."""
WEIGHTS_RANKED_AT_A_TIME = 100_000
"""How many of them are ranked at a time, for which several numbers each are needed: so these fit too."""


def score_metrics(y: Floats, s: Floats) -> dict[str, float]:
    """The metrics of the data themselves, by name; NaN where undefined. ``y``: (n,) 0 or 1; ``s``: (n,) in [0, 1]."""
    found = _ScoreColumns(y, s).compute(np.ones((1, len(y))), None)
    return {name: float(found[name][0]) for name in SCORE_METRICS}


def draw_score_metrics(y: Floats, scores: list[Floats], seed: int, draws: int) -> list[MetricValues]:
    """For each of ``scores`` (n,) every metric in each draw, shape (draws,), by name, and those of ``LOW_DRAWS``; all scores share the
    rows' weights."""
    first = np.argsort(-scores[0], kind="stable")  # weights are drawn in the order of the first scores, which need not be sorted then
    y, scores = y[first], [s[first] for s in scores]
    columns = [_ScoreColumns(y, s) for s in scores]
    random, n = np.random.default_rng(seed), len(y)
    parts: list[list[MetricValues]] = [[] for _ in scores]
    size = max(1, MAX_WEIGHTS_IN_MEMORY // n)
    for start in range(0, draws, size):
        count = min(size, draws - start)
        weights = random.standard_exponential((count, n))
        added = random.standard_gamma(LABEL_PRIOR, (2, count))
        for part, one in zip(parts, columns, strict=True):
            part.append(one.compute(weights, _AddedRows(added, random.integers(0, n, (2, count)))))
    return [{name: np.concatenate([figures[name] for figures in part]) for name in part[0]} for part in parts]


class _AddedRows:
    """The rows added to each draw: their weights, and the row whose score each has; (2, draws), by label."""

    def __init__(self, weights: Floats, rows: RowNumbers) -> None:
        self.weights, self.rows = weights, rows


class _ScoreColumns:
    """What is summed for one set of scores."""

    def __init__(self, y: Floats, s: Floats) -> None:
        clipped = np.clip(s, np.finfo(float).eps, 1 - np.finfo(float).eps)
        bins = np.eye(CALIBRATION_BINS)[calibration_bins(s)]
        self.by_label = [
            np.column_stack([-np.log1p(-clipped), s**2, bins * -s[:, None]]),
            np.column_stack([-np.log(clipped), (1 - s) ** 2, bins * (1 - s)[:, None]]),
        ]
        self.columns = np.where(y[:, None] == 1, self.by_label[1], self.by_label[0])
        self.order = np.argsort(-s, kind="stable")
        self.is_sorted = bool((self.order[1:] > self.order[:-1]).all())
        self.place = np.empty_like(self.order)
        self.place[self.order] = np.arange(len(s))
        ordered = s[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.positive = y[self.order]
        self.ones = np.maximum(1, self._by_score(self.positive[None]))

    def compute(self, weights: Floats, added: _AddedRows | None) -> MetricValues:
        """The metrics of each draw; ``weights``: (draws, n)."""
        sums, total = weights @ self.columns, weights.sum(axis=1)
        seen = {LOW_DRAWS["log_loss"]: sums[:, 0] / total, LOW_DRAWS["brier"]: sums[:, 1] / total}
        if added is not None:
            for label in (0, 1):
                sums += self.by_label[label][added.rows[label]] * added.weights[label][:, None]
                total = total + added.weights[label]
        size = max(1, WEIGHTS_RANKED_AT_A_TIME // len(self.order))
        parts = [self._rank(weights[at : at + size], added, at) for at in range(0, len(weights), size)]
        ranking = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return (
            seen | ranking | {"log_loss": sums[:, 0] / total, "brier": sums[:, 1] / total, "ece": np.abs(sums[:, 2:]).sum(axis=1) / total}
        )

    def _rank(self, weights: Floats, added: _AddedRows | None, first: int) -> MetricValues:
        """The metrics of the ranking in some draws, the first of which has the number ``first`` among ``added``."""
        everybody = weights.copy() if self.is_sorted else np.take(weights, self.order, axis=1)
        positive = everybody * self.positive
        if added is not None:
            draws = np.arange(len(weights))
            for label in (0, 1):
                weight, rows = added.weights[label][first + draws], added.rows[label][first + draws]
                everybody[draws, self.place[rows]] += weight
                if label:
                    positive[draws, self.place[rows]] += weight
        return self._ranking_metrics(everybody, positive)

    def _ranking_metrics(self, everybody: Floats, positive: Floats) -> MetricValues:
        """AUC and average precision, from the weights of all rows and of those of label 1, the highest score first."""
        rows, gains = (self._by_score(part) for part in (everybody, positive))
        lost = rows - gains
        accepted, found = np.cumsum(rows, axis=1), np.cumsum(gains, axis=1)
        ones = found[:, -1].copy()
        zeros = accepted[:, -1] - ones
        with np.errstate(invalid="ignore", divide="ignore"):
            wins = np.einsum("ij,ij->i", lost, found) - np.einsum("ij,ij->i", lost, gains) / 2
            auc = wins / (ones * zeros)
            precision = np.divide(found, accepted, out=np.zeros_like(found), where=accepted > 0)
            average_precision = np.einsum("ij,ij->i", precision, gains) / ones
            itself = gains / self.ones  # a row of label 1 with this score
            others = np.divide(found - itself, accepted - itself, out=np.ones_like(found), where=accepted > itself * (1 + 1e-9))
            low_average_precision = np.einsum("ij,ij->i", others, gains) / ones
        few = 1e-12 * (ones + zeros)
        return {
            "auc": np.where((ones > few) & (zeros > few), auc, np.nan),
            "average_precision": np.where(ones > few, average_precision, np.nan),
            LOW_DRAWS["average_precision"]: np.where(ones > few, low_average_precision, np.nan),
        }

    def _by_score(self, weights: Floats) -> Floats:
        """The weights of the rows with each different score, the highest score first."""
        if len(self.starts) == weights.shape[1]:
            return weights
        sums: Floats = np.add.reduceat(weights, self.starts, axis=1)
        return sums
