"""How sure an interval is, and how few rows are too few for one, in one place."""

from __future__ import annotations

CONFIDENCE = 0.95
"""The share of intervals that contain the true value. A p-value below 1 − CONFIDENCE is beyond the noise."""
INTERVAL_METHODS = "2026-11-29"
"""Names the methods by which intervals are made; a new name whenever one of them changes, so that nobody takes an interval that another
release made for a wrong one."""
MIN_ROWS = 5
"""With fewer rows in a denominator there is no interval: on 4 rows even a good one misses a share of one half in 1 case of 8."""


def normal_quantile() -> float:
    """How many standard errors an interval reaches to either side of its middle: 1.96 at 95 %."""
    return 1.959963984540054


def too_few_rows(rows: float, of_what: str = "") -> str:
    """Why there is no interval, in words.

    >>> too_few_rows(3, "the facet")
    'too few rows: 3 of the facet, and an interval takes at least 5'
    """
    return f"too few rows: {rows:g}{' of ' + of_what if of_what else ''}, and an interval takes at least {MIN_ROWS}"
