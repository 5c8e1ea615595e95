"""Compares what was made again with what is stored: figures, rows, scores."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SCORE_TOLERANCE = 1e-6
"""XGBoost adds in single precision: two machines differ by less."""
FIGURE_TOLERANCE = 1e-6
"""Relative to a figure, and of a figure below 1 as it is: other processors and libraries add up in another order."""


@dataclass(frozen=True)
class Comparison:
    """``largest``: the largest difference of two numbers, as ``FIGURE_TOLERANCE`` measures it; ``differing``: what isn't the same, in
    words."""

    largest: float
    differing: tuple[str, ...]


def compare_figures(stored: object, found: object) -> Comparison:
    """Two trees of JSON: the same keys and texts, and the same numbers but for ``FIGURE_TOLERANCE``.

    >>> compare_figures({"auc": 0.75, "n": 4}, {"auc": 0.5, "n": 4})
    Comparison(largest=0.25, differing=('auc is 0.5 instead of 0.75',))
    """
    largest, differing = 0.0, []
    for place, a, b in _pairs(stored, found, ""):
        distance = _distance(a, b)
        if distance is not None:
            largest = max(largest, distance)
        if distance is None or distance > FIGURE_TOLERANCE:
            differing.append(f"{place or 'the file'} is {_shown(b)} instead of {_shown(a)}")
    return Comparison(largest, tuple(differing))


def compare_rows(stored: pd.DataFrame, found: pd.DataFrame) -> Comparison:
    """Two tables: the same columns and rows in the same order, and the same numbers but for ``FIGURE_TOLERANCE``."""
    if list(stored.columns) != list(found.columns) or len(stored) != len(found):
        what = "{:,} rows and {} columns"
        return Comparison(0.0, (f"{what.format(*found.shape)} instead of {what.format(*stored.shape)}",))
    a, b = (table.to_numpy(dtype=float) for table in (stored, found))
    far = np.abs(a - b) / np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
    far = np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(a) | np.isnan(b), np.inf, far))
    wrong = int((far > FIGURE_TOLERANCE).any(axis=1).sum())
    return Comparison(float(far.max(initial=0.0)), (f"{wrong:,} of {len(a):,} rows differ",) if wrong else ())


def compare_scores(stored: NDArray[np.float64], found: NDArray[np.float64]) -> Comparison:
    """The scores of two models of the same rows, (n,) each, within ``SCORE_TOLERANCE``."""
    far = np.abs(stored - found)
    wrong = int((~(far <= SCORE_TOLERANCE)).sum())
    return Comparison(float(far.max(initial=0.0)), (f"{wrong:,} of {len(far):,} scores differ",) if wrong else ())


def _pairs(a: object, b: object, place: str) -> Iterator[tuple[str, object, object]]:
    """The leaves of two trees, by their place in both; a branch that only one of them has is a leaf."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys((*a, *b)):
            yield from _pairs(a.get(key, _ABSENT), b.get(key, _ABSENT), f"{place}.{key}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _pairs(one, other, f"{place}[{number}]")
    else:
        yield place, a, b


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()


def _distance(a: object, b: object) -> float | None:
    """0 for equal leaves, of two numbers how far they are apart; None if they can't be compared."""
    if isinstance(a, bool) or isinstance(b, bool) or not (isinstance(a, int | float) and isinstance(b, int | float)):
        return 0.0 if type(a) is type(b) and a == b else None
    return 0.0 if a == b else abs(a - b) / max(1.0, abs(a), abs(b)) if math.isfinite(a) and math.isfinite(b) else math.inf


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
