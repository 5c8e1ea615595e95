"""How sure an interval is, in one place."""

from __future__ import annotations

CONFIDENCE = 0.95
"""The share of intervals that contain the true value. A p-value below 1 − CONFIDENCE is beyond the noise."""


def normal_quantile() -> float:
    """How many standard errors an interval reaches to either side of its middle: 1.96 at 95 %."""
    from scipy import stats

    return float(stats.norm.ppf((1 + CONFIDENCE) / 2))
