"""95 % intervals of figures that two independent shares decide together.

The shares that the data allow are taken to be those on an ellipse around both estimates, whose half-axes reach to the ends of either
interval; the interval of a figure goes from its least to its greatest value there. For the difference of two shares this is Newcombe's
interval, and for their ratio Donner and Zou's; so it is their idea, for any function.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.analysis.intervals.proportions import Share, share_with_interval

Floats = NDArray[np.float64]
ANGLES = np.linspace(0, 2 * np.pi, 721)
ALONG, ACROSS = np.cos(ANGLES), np.sin(ANGLES)


def function_ends(function: Callable[[Floats, Floats], Floats], one: Share, other: Share) -> tuple[float, float]:
    """(low, high) of ``function(p, q)``, where p and q are arrays of shares (m,) and its result has that shape; NaN is left out, and an
    end may be infinite.

    >>> women, men = share_with_interval(60, 100), share_with_interval(150, 200)
    >>> [round(end, 3) for end in function_ends(lambda p, q: p - q, women, men)]
    [-0.262, -0.039]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        values = function(_around(one, ALONG), _around(other, ACROSS))
    return float(np.nanmin(values)), float(np.nanmax(values))


def share_or_unknown(hits: float, n: float) -> Share:
    """The share of ``hits`` in ``n`` rows with its interval; without rows one half, from 0 to 1."""
    return share_with_interval(hits, n) or Share(0, 0, 0.5, 0.0, 1.0)


def _around(share: Share, steps: Floats) -> Floats:
    values = np.clip(share.value + steps * np.where(steps > 0, share.high - share.value, share.value - share.low), 0, 1)
    around: Floats = np.where(values < 1e-12, 0, values)
    return around
