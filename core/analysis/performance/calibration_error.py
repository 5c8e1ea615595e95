"""The expected calibration error and its interval.

The error adds up sizes of gaps, so noise alone makes it large: on few rows, a perfectly calibrated model's is far above 0, and resampling
adds the noise a second time. So the interval asks which true gaps make an error like the one seen likely: the gaps seen, shrunk or
stretched alike. Bins that no row falls in may have any gap, and as many rows as none in the sample leaves possible.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.analysis.intervals.confidence import normal_quantile
from core.analysis.performance.performance_metrics import Floats

CALIBRATION_BINS = 10
LARGEST_FACTOR = 1e4
FIRST_FACTORS = np.r_[0.0, np.geomspace(1 / LARGEST_FACTOR, LARGEST_FACTOR, 63)]
ROUNDS, FACTORS_PER_ROUND = 4, 33
"""How often the place between two factors is looked at more closely, and at how many factors: to a millionth of a factor."""


def calibration_bins(s: Floats) -> NDArray[np.int64]:
    """The number of the equally wide bin that each score falls in; a score of 1 falls in the last."""
    return np.minimum((s * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_error_ends(y: Floats, s: Floats) -> tuple[float, float]:
    """The ends of the 95 % interval of the expected calibration error; ``y``: (n,) 0 or 1; ``s``: (n,) in [0, 1], n >= 1."""
    _, low, high = true_calibration_error(y, s)
    return low, high


def true_calibration_error(y: Floats, s: Floats) -> tuple[float, float, float]:
    """The error without what noise adds to it, and the ends of the interval; arguments as for ``calibration_error_ends``.

    The error of gaps g is taken to be normal around the mean of Σ w |g + noise|, the noise being that of the labels.
    """
    bins, n = calibration_bins(s), len(y)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS).astype(float)
    used = rows > 0
    rows, ones, said = rows[used], np.bincount(bins, y, CALIBRATION_BINS)[used], np.bincount(bins, s, CALIBRATION_BINS)[used]
    said, seen, weight = said / rows, ones / rows, rows / n
    error = float((weight * np.abs(said - seen)).sum())
    likely = (ones + 1) / (rows + 2)
    least = np.sqrt(likely * (1 - likely) / rows) / 2
    direction = np.where(said == seen, np.where(said > 0.5, 1.0, -1.0), np.sign(said - seen)) * np.maximum(np.abs(said - seen), least)
    z = normal_quantile()

    def at(factors: Floats) -> tuple[Floats, Floats, Floats]:
        """The true error where the gaps are ``factors`` (k,) times those seen, and the mean and the deviation of the error then seen."""
        share = np.clip(said - factors[:, None] * direction, 0, 1)
        gap, noise = np.abs(said - share), np.sqrt(np.maximum(share * (1 - share), 1e-12) / rows)
        mean = noise * np.sqrt(2 / np.pi) * np.exp(-((gap / noise) ** 2) / 2) + gap * (1 - 2 * ndtr(-gap / noise))
        variance = np.maximum(gap**2 + noise**2 - mean**2, 0)
        return gap @ weight, mean @ weight, np.sqrt(variance @ weight**2)

    def is_too_small(factors: Floats) -> NDArray[np.bool_]:
        """Whether the error seen is too large for such gaps."""
        _, mean, deviation = at(factors)
        return error - mean > z * deviation

    def is_small_enough(factors: Floats) -> NDArray[np.bool_]:
        """Whether the error seen isn't too small for such gaps."""
        _, mean, deviation = at(factors)
        return mean - error <= z * deviation

    def is_less(factors: Floats) -> NDArray[np.bool_]:
        """Whether such gaps make, on average, a smaller error than the one seen."""
        return at(factors)[1] < error

    low, true, high = (float(at(np.array([_last_factor(holds)]))[0][0]) for holds in (is_too_small, is_less, is_small_enough))
    by_chance = z * np.sqrt(max(0.0, float((weight * (said - seen) ** 2).sum()) - error**2) / n)  # how many rows fall in each bin
    unseen = (
        0.0 if used.all() else z * z / (n + z * z)
    )  # Wilson's end of 0 of n rows: those in bins that no row falls in, with gaps up to 1
    below, above = max(0.0, error - low), max(0.0, high - error)
    first = max(0.0, error - float(np.hypot(below, by_chance)))
    return max(first, min(true, error)), first, min(1.0, error + float(np.linalg.norm([above, by_chance, unseen])))


def calibration_errors_correlation(y: Floats, a: Floats, b: Floats) -> float:
    """How the noise of two models' errors on the same rows goes together, -1 to 1: by how much each row moves either.

    One model says too much and the other too little: what a label adds to one error it takes from the other.
    """
    moves = []
    for s in (a, b):
        bins = calibration_bins(s)
        moves.append(np.sign(np.bincount(bins, s - y, CALIBRATION_BINS))[bins] * (s - y))
    one, other = (move - move.mean() for move in moves)
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread else 0.0


def _last_factor(holds: Callable[[Floats], NDArray[np.bool_]]) -> float:
    """The last factor from 0 to ``LARGEST_FACTOR`` up to which ``holds``; 0 where it doesn't at 0."""
    factors = FIRST_FACTORS
    for _ in range(ROUNDS + 1):
        failing = np.flatnonzero(~holds(factors))
        if len(failing) == 0:
            return float(factors[-1])
        if failing[0] == 0:
            return float(factors[0])
        factors = np.linspace(factors[failing[0] - 1], factors[failing[0]], FACTORS_PER_ROUND)
    return float(factors[0])
