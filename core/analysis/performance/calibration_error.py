"""The expected calibration error and its interval.

The error adds up sizes of gaps, so noise alone makes it large: on few rows, a perfectly calibrated model's is far above 0, and resampling
adds the noise a second time. So the interval asks which true gaps make an error like the one seen likely: the gaps seen, shrunk or
stretched alike.
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
STEPS = 60


def calibration_bins(s: Floats) -> NDArray[np.int64]:
    """The number of the equally wide bin that each score falls in; a score of 1 falls in the last."""
    return np.minimum((s * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_error_ends(y: Floats, s: Floats) -> tuple[float, float]:
    """The ends of the 95 % interval of the expected calibration error; ``y``: (n,) 0 or 1; ``s``: (n,) in [0, 1], n >= 1.

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

    def at(factor: float) -> tuple[float, float, float]:
        """The true error where the gaps are ``factor`` times those seen, and the mean and the deviation of the error then seen."""
        share = np.clip(said - factor * direction, 0, 1)
        gap, noise = np.abs(said - share), np.sqrt(np.maximum(share * (1 - share), 1e-12) / rows)
        mean = noise * np.sqrt(2 / np.pi) * np.exp(-((gap / noise) ** 2) / 2) + gap * (1 - 2 * ndtr(-gap / noise))
        variance = np.maximum(gap**2 + noise**2 - mean**2, 0)
        return float((weight * gap).sum()), float((weight * mean).sum()), float(np.sqrt((weight**2 * variance).sum()))

    def is_too_small(factor: float) -> bool:
        """Whether the error seen is too large for such gaps."""
        _, mean, deviation = at(factor)
        return error - mean > z * deviation

    def is_small_enough(factor: float) -> bool:
        """Whether the error seen isn't too small for such gaps."""
        _, mean, deviation = at(factor)
        return mean - error <= z * deviation

    low = at(_last_factor(is_too_small))[0] if is_too_small(0.0) else 0.0
    high = at(_last_factor(is_small_enough))[0] if is_small_enough(0.0) else 0.0
    by_chance = z * z * max(0.0, float((weight * (said - seen) ** 2).sum()) - error**2) / n  # how many rows fall in each bin
    below, above = max(0.0, error - low), max(0.0, high - error)
    return max(0.0, error - float(np.sqrt(below**2 + by_chance))), min(1.0, error + float(np.sqrt(above**2 + by_chance)))


def _last_factor(holds: Callable[[float], bool]) -> float:
    """The last factor from 0 to ``LARGEST_FACTOR`` for which ``holds``, which is true at 0."""
    low, high = 0.0, LARGEST_FACTOR
    for _ in range(STEPS):
        middle = (low + high) / 2 if high <= 1 else float(np.sqrt(max(low, 1e-4) * high))
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
