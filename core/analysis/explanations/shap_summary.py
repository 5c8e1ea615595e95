"""What SHAP values say over many rows, each figure with its 95 % interval. Rows are the sample; the values of a row are taken as given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NORMAL_QUANTILE = 1.959963984540054


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


def mean_with_interval(x: Floats) -> ShapEstimate:
    """The mean of ``x`` with its normal interval; without an interval for a single row."""
    n = len(x)
    if n == 0:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), 0)
    half = NORMAL_QUANTILE * float(np.std(x, ddof=1)) / np.sqrt(n) if n > 1 else float("nan")
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
    half = NORMAL_QUANTILE * float(np.std(part - ratio * whole, ddof=1)) / (total * np.sqrt(n)) if n > 1 else float("nan")
    return ShapEstimate(ratio, max(ratio - half, 0.0) if n > 1 else half, min(ratio + half, 1.0) if n > 1 else half, n)


def shap_gap(values: Floats, rows: NDArray[np.bool_]) -> ShapEstimate:
    """The mean of one feature's SHAP values over ``rows``, minus that over the others; interval as Welch has it, for large samples.

    >>> import numpy as np
    >>> gap = shap_gap(np.array([0.3, 0.5, -0.1, 0.1]), np.array([True, True, False, False]))
    >>> round(gap.value, 2), round(gap.low, 2), round(gap.high, 2), gap.within_noise
    (0.4, 0.12, 0.68, False)
    """
    inside, outside = values[rows], values[~rows]
    if len(inside) == 0 or len(outside) == 0:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), len(values))
    value = float(inside.mean() - outside.mean())
    if min(len(inside), len(outside)) < 2:
        return ShapEstimate(value, float("nan"), float("nan"), len(values))
    half = NORMAL_QUANTILE * float(np.sqrt(np.var(inside, ddof=1) / len(inside) + np.var(outside, ddof=1) / len(outside)))
    return ShapEstimate(value, value - half, value + half, len(values))


def rank_correlation(values: Floats, data: Floats) -> ShapEstimate:
    """Spearman's rank correlation of a feature with its SHAP values; interval by Fisher's z, with the variance of Fieller (1957).

    >>> import numpy as np
    >>> round(rank_correlation(np.array([-0.2, 0.0, 0.1, 0.4]), np.array([20.0, 30.0, 50.0, 40.0])).value, 2)
    0.8
    """
    known = np.isfinite(data)
    n = int(known.sum())
    a, b = pd.Series(values[known]).rank(), pd.Series(data[known]).rank()
    if n < 4 or a.nunique() < 2 or b.nunique() < 2:
        return ShapEstimate(float("nan"), float("nan"), float("nan"), n)
    r = float(np.corrcoef(a, b)[0, 1])
    z, half = np.arctanh(np.clip(r, -0.999999, 0.999999)), NORMAL_QUANTILE * np.sqrt(1.06 / (n - 3))
    return ShapEstimate(r, float(np.tanh(z - half)), float(np.tanh(z + half)), n)


def mean_by_band(values: Floats, data: pd.Series, *, bins: int = 6) -> pd.DataFrame:
    """The mean SHAP value over bands of a feature with about as many rows each, or over its values where these are few; and over the rows
    without a value, if there are any.

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
    if len(distinct) <= 2 * bins:
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
