"""The interval and the p-value of bootstrap draws: one value of a figure for each resample of the rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.analysis.intervals.confidence import CONFIDENCE

Floats = NDArray[np.float64]
QuantileMethod = Literal["linear", "inverted_cdf"]


def percentile_ends(draws: Floats, method: QuantileMethod = "linear") -> tuple[float | None, float | None]:
    """The ends of the 95 % percentile interval of ``draws``, shape (resamples,); NaN, where the figure is undefined, is left out.

    (None, None) where no draw is defined. ``method`` as in ``numpy.quantile``; between infinite draws nothing is interpolated.
    """
    known = draws[~np.isnan(draws)]
    if len(known) == 0:
        return None, None
    exact = method if np.isfinite(known).all() else "inverted_cdf"
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], method=exact)
    return float(low), float(high)


def two_sided_p_value(draws: Floats) -> float:
    """How often, at least, a resample falls on either side of 0: the p-value of "no difference". NaN is left out; 1 without draws."""
    known = draws[~np.isnan(draws)]
    return float(min(1.0, 2 * (1 + min((known <= 0).sum(), (known >= 0).sum())) / (1 + len(known))))
