"""What SHAP values say over many rows, each figure with its 95 % interval. Rows are the sample; the values of a row are taken as given.

Means have Student's interval, which assumes that a mean of so many rows is about normal: of 10 rows it contains the truth in 90 to 96 of
100 cases (in 84, where values are as skewed as the lognormal distribution). With fewer than 5 rows there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from core.analysis.intervals.confidence import CONFIDENCE, MIN_ROWS, normal_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ShapEstimate:
    """A figure, its 95 % interval and the number of rows behind it. Without an interval ``low`` and ``high`` are NaN."""

    value: float
    low: float
    high: float
    n: int

    @property
    def within_noise(self) -> bool:
        """Whether 0 lies in the interval, or there is none."""
        return not (self.low > 0 or self.high < 0)


def _student_quantile(freedom: float) -> float:
    """How many standard errors the interval of a mean reaches to either side."""
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def mean_with_interval(x: Floats) -> ShapEstimate:
    """The mean of ``x`` with Student's interval; without an interval for fewer than 5 rows."""
    n = len(x)
    if n == 0:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), 0)
    half = _student_quantile(n - 1) * float(np.std(x, ddof=1)) / np.sqrt(n) if n >= MIN_ROWS else float("nan")
    value = float(np.mean(x))
    return ShapEstimate(value, value - half, value + half, n)


def feature_importance(values: Floats, features: Sequence[str]) -> dict[str, ShapEstimate]:
    """Mean |SHAP| of each feature, the greatest first. ``values``: rows × features.

    >>> import numpy as np
    >>> values = np.array([[0.3, -0.1], [-0.5, 0.1]])
    >>> [(name, round(figure.value, 2)) for name, figure in feature_importance(values, ["debt", "age"]).items()]
    [('debt', 0.4), ('age', 0.1)]
    """
    found = {name: mean_with_interval(np.abs(values[:, column])) for column, name in enumerate(features)}
    return dict(sorted(found.items(), key=lambda item: -item[1].value))


def importance_difference(a: Floats, b: Floats, features: Sequence[str]) -> dict[str, ShapEstimate]:
    """Mean |SHAP| of ``b`` minus that of ``a``, of the same rows under two models: paired.

    >>> import numpy as np
    >>> one, other = np.array([[0.3, -0.1], [-0.5, 0.1]]), np.array([[0.1, -0.2], [-0.1, 0.4]])
    >>> [(name, round(figure.value, 2)) for name, figure in importance_difference(one, other, ["debt", "age"]).items()]
    [('debt', -0.3), ('age', 0.2)]
    """
    return {name: mean_with_interval(np.abs(b[:, column]) - np.abs(a[:, column])) for column, name in enumerate(features)}


def importance_share(values: Floats, columns: Sequence[int]) -> ShapEstimate:
    """The share of some columns in all movement (the sum of |SHAP|): a ratio of means, its interval by the delta method.

    >>> import numpy as np
    >>> round(importance_share(np.array([[0.3, -0.1], [-0.5, 0.1]]), [1]).value, 2)
    0.2
    """
    part, whole = np.abs(values[:, list(columns)]).sum(axis=1), np.abs(values).sum(axis=1)
    n, total = len(values), float(whole.mean()) if len(values) else 0.0
    if total == 0:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), n)
    ratio = float(part.mean()) / total
    if n < MIN_ROWS:
        return ShapEstimate(ratio, float("nan"), float("nan"), n)
    half = _student_quantile(n - 1) * float(np.std(part - ratio * whole, ddof=1)) / (total * np.sqrt(n))
    return ShapEstimate(ratio, max(ratio - half, 0.0), min(ratio + half, 1.0), n)


def shap_gap(values: Floats, rows: NDArray[np.bool_]) -> ShapEstimate:
    """The mean of one feature's SHAP values over ``rows``, minus that over the others; interval as Welch has it; without
    one where either side has fewer than 5 rows.

    >>> import numpy as np
    >>> gap = shap_gap(np.array([0.3, 0.5, 0.4, 0.3, 0.5, -0.1, 0.1, 0.0, -0.1, 0.1]), np.arange(10) < 5)
    >>> round(gap.value, 2), round(gap.low, 2), round(gap.high, 2), gap.within_noise
    (0.4, 0.25, 0.55, False)
    """
    inside, outside = values[rows], values[~rows]
    if len(inside) == 0 or len(outside) == 0:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), len(values))
    value = float(inside.mean() - outside.mean())
    if min(len(inside), len(outside)) < MIN_ROWS:
        return ShapEstimate(value, float("nan"), float("nan"), len(values))
    errors = [float(np.var(side, ddof=1)) / len(side) for side in (inside, outside)]
    spread = sum(error**2 / (len(side) - 1) for error, side in zip(errors, (inside, outside), strict=True))
    half = _student_quantile(sum(errors) ** 2 / spread) * float(np.sqrt(sum(errors))) if spread else 0.0
    return ShapEstimate(value, value - half, value + half, len(values))


def rank_correlation(values: Floats, data: Floats) -> ShapEstimate:
    """Spearman's rank correlation of a feature with its SHAP values; interval by Fisher's z, with the variance of Bonett and Wright (2000).
    It takes 5 rows. A perfect correlation reaches as far down as one in which two neighbours have changed places.

    >>> import numpy as np
    >>> round(rank_correlation(np.array([-0.2, 0.0, 0.1, 0.3, 0.4]), np.array([20.0, 30.0, 40.0, 60.0, 50.0])).value, 2)
    0.9
    """
    known = np.isfinite(data)
    n = int(known.sum())
    a, b = pd.Series(values[known]).rank(), pd.Series(data[known]).rank()
    if n < MIN_ROWS or a.nunique() < 2 or b.nunique() < 2:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), n)
    r = float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
    nearly_perfect = 1 - 12 / (n * (n * n - 1))
    z, half = np.arctanh(np.clip(r, -nearly_perfect, nearly_perfect)), normal_quantile() * np.sqrt((1 + r * r / 2) / (n - 3))
    return ShapEstimate(r, min(r, float(np.tanh(z - half))), max(r, float(np.tanh(z + half))), n)


def mean_by_band(values: Floats, data: pd.Series, *, bins: int = 6, coded: bool = False) -> pd.DataFrame:
    """The mean SHAP value over bands of a feature with about as many rows each, or over its values where these are few or ``coded`` (codes
    aren't a scale); and over the rows without a value, if there are any.

    Columns: from, to (both NaN in the row of those without a value), mean, low, high, n.

    >>> import numpy as np
    >>> import pandas as pd
    >>> mean_by_band(np.array([0.3, 0.5, -0.1, 0.1]), pd.Series([1, 1, 2, 2]))[["from", "to", "mean", "n"]].round(2)
       from   to  mean  n
    0   1.0  1.0   0.4  2
    1   2.0  2.0   0.0  2
    """
    known = pd.to_numeric(data, errors="coerce").to_numpy(dtype=float)
    distinct = np.unique(known[np.isfinite(known)])
    if coded or len(distinct) <= 2 * bins:
        bands = [(v, v) for v in distinct]
    else:
        edges = np.unique(np.quantile(known[np.isfinite(known)], np.linspace(0, 1, bins + 1)))
        bands = list(pairwise(edges if len(edges) > 2 else np.array([distinct[0], distinct[1], distinct[-1]])))
    rows = []
    for number, (low, high) in enumerate(bands):
        at = (known >= low) & ((known <= high) if low == high or number == len(bands) - 1 else (known < high))
        found = mean_with_interval(values[at])
        rows.append((low, high, found.value, found.low, found.high, found.n))
    if np.isnan(known).any():
        found = mean_with_interval(values[np.isnan(known)])
        rows.append((np.nan, np.nan, found.value, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=["from", "to", "mean", "low", "high", "n"])


def top_contributions(values: Floats, features: Sequence[str], *, increasing: bool, limit: int = 4) -> list[tuple[str, float]]:
    """The features that moved one row's prediction most in one direction (up where ``increasing``), the strongest first.

    >>> import numpy as np
    >>> top_contributions(np.array([0.3, -0.1, 0.05]), ["debt", "age", "income"], increasing=True)
    [('debt', 0.3), ('income', 0.05)]
    """
    sign = 1.0 if increasing else -1.0
    moved = sorted(((sign * float(v), name) for v, name in zip(values, features, strict=True)), reverse=True)
    return [(name, sign * strength) for strength, name in moved[:limit] if strength > 0]
