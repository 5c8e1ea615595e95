"""Figures as JSON, which has neither numbers of numpy nor infinities."""

from __future__ import annotations

import numpy as np


def to_plain_json(value: object) -> object:
    """The value with Python's own numbers, lists for tuples, None for NaN, and infinities as text; dictionaries and lists all through.

    >>> to_plain_json({"rate": np.float64(0.5), "ratio": float("inf"), "ends": (float("nan"), 1)})
    {'rate': 0.5, 'ratio': 'Infinity', 'ends': [None, 1]}
    """
    if isinstance(value, dict):
        return {key: to_plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain_json(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value.item() if isinstance(value, np.generic) else value
