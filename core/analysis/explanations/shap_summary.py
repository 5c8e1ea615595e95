"""What SHAP values say over many rows, each figure with its 95 % interval. Rows are the sample; the values of a row are taken as given.

The interval of a mean is Student's, or Hall's where that reaches further. Student's assumes that the mean of so many rows is about normal:
of 10 rows whose values are as skewed as the lognormal distribution it contains the truth in 85 of 100 cases, with Hall's correction for the
skewness of the rows in 93. With fewer than 5 rows there is none. docs/intervals.md shows how often each contains the true value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from core.analysis.intervals.confidence import CONFIDENCE, MIN_ROWS, normal_quantile

Floats = NDArray[np.float64]


SYMMETRIC = 1e-6
"""Below this skewness of a mean Hall's interval is Student's, to the last digits that a float has."""
BISECTIONS = 30


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


def _mean_ends(value: float, error: float, third: float, freedom: float) -> tuple[float, float]:
    """The ends of the interval of a mean: Student's, or Hall's where that reaches further.

    ``error``: the mean's standard error; ``third``: its third cumulant, above 0 where large values are far from the others; ``freedom``:
    degrees of freedom. Hall (Journal of the Royal Statistical Society B 1992) takes the skewness out of the studentised mean by a cubic
    function and puts it back by the inverse of this; for the means of two sets of rows: Zhou and Dinh (Biostatistics 2005).

    >>> [round(end, 2) for end in _mean_ends(1.0, 0.2, 0.0008, 9)]
    [0.55, 1.5]
    """
    quantile = float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
    skewness = third / error**3 if error > 0 else 0.0
    far_down, far_up = quantile, -quantile
    if abs(skewness) > SYMMETRIC:
        down, up = (3 / skewness * (float(np.cbrt(1 + skewness * (x - skewness / 6))) - 1) for x in (quantile, -quantile))
        far_down, far_up = max(far_down, down), min(far_up, up)
    return value - far_down * error, value - far_up * error


def _ends_of_mean(x: Floats) -> tuple[float, float]:
    """``_mean_ends`` of the mean of ``x``, (n,)."""
    return _mean_ends(float(x.mean()), _standard_error(x), _third_cumulant(x), len(x) - 1)


def _third_cumulant(x: Floats) -> float:
    """The third cumulant of the mean of ``x``, (n,) with n > 2, without bias."""
    d, n = x - x.mean(), len(x)
    return float((d * d * d).sum()) / (n * (n - 1) * (n - 2))


def _standard_error(x: Floats) -> float:
    return float(np.std(x, ddof=1) / np.sqrt(len(x)))


def mean_with_interval(x: Floats) -> ShapEstimate:
    """The mean of ``x``; without an interval for fewer than 5 rows."""
    n, value = len(x), float(np.mean(x)) if len(x) else float("nan")
    if n < MIN_ROWS:
        return ShapEstimate(value, float("nan"), float("nan"), n)
    return ShapEstimate(value, *_ends_of_mean(x), n)


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
    """The share of some columns in all movement (the sum of |SHAP|): a ratio of means, its interval as Fieller has it: the ratios
    at which the mean of part − ratio · whole may be 0.

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
    if np.ptp(part - ratio * whole) == 0:
        return ShapEstimate(ratio, ratio, ratio, n)

    second, third = _ratio_cumulants(part, whole)

    def is_possible(share: float) -> bool:
        error = float(np.sqrt(max(0.0, float(np.polyval(second, share)))))
        low, high = _mean_ends(total * (ratio - share), error, float(np.polyval(third, share)), n - 1)
        return low <= 0 <= high

    return ShapEstimate(ratio, _last_possible(is_possible, ratio, 0.0), _last_possible(is_possible, ratio, 1.0), n)


def _ratio_cumulants(part: Floats, whole: Floats) -> tuple[list[float], list[float]]:
    """The second and the third cumulant of the mean of part − r · whole as polynomials in r, the highest power first."""
    n, x, y = len(part), part - part.mean(), whole - whole.mean()
    second = [float(y @ y), -2 * float(x @ y), float(x @ x)]
    third = [-float(y * y @ y), 3 * float(x * y @ y), -3 * float(x * x @ y), float(x * x @ x)]
    return [term / (n * (n - 1)) for term in second], [term / (n * (n - 1) * (n - 2)) for term in third]


def _last_possible(is_possible: Callable[[float], bool], inside: float, end: float) -> float:
    """The last value from ``inside``, which is possible, towards ``end`` that ``is_possible``, to a billionth."""
    if is_possible(end):
        return end
    for _ in range(BISECTIONS):
        middle = (inside + end) / 2
        inside, end = (middle, end) if is_possible(middle) else (inside, middle)
    return inside


def shap_gap(values: Floats, rows: NDArray[np.bool_]) -> ShapEstimate:
    """The mean of one feature's SHAP values over ``rows``, minus that over the others; degrees of freedom as Welch has
    them; without an interval where either side has fewer than 5 rows.

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
    errors = [_standard_error(side) ** 2 for side in (inside, outside)]
    spread = sum(error**2 / (len(side) - 1) for error, side in zip(errors, (inside, outside), strict=True))
    freedom = sum(errors) ** 2 / spread if spread else float(len(values))
    third = _third_cumulant(inside) - _third_cumulant(outside)
    return ShapEstimate(value, *_mean_ends(value, float(np.sqrt(sum(errors))), third, freedom), len(values))


def rank_correlation(values: Floats, data: Floats) -> ShapEstimate:
    """Spearman's rank correlation of a feature with its SHAP values; interval by Fisher's z, with the variance of Bonett and Wright (2000).
    It takes 5 rows. A perfect correlation reaches as far down as one in which two neighbours have changed places.

    On few rows strong correlations come out too weak. So the interval reaches as far as the same one around the correlation without that
    bias does: ((n + 1) r − 3 τ) / (n − 2), with Kendall's τ as it belongs to r where both are normal (Moran, Biometrika 1948).

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
    tau = 2 / np.pi * np.arcsin(2 * np.sin(np.pi * r / 6))
    nearly_perfect = 1 - 12 / (n * (n * n - 1))
    both = np.clip([r, ((n + 1) * r - 3 * tau) / (n - 2)], -1, 1)
    z, half = np.arctanh(np.clip(both, -nearly_perfect, nearly_perfect)), normal_quantile() * np.sqrt((1 + both**2 / 2) / (n - 3))
    return ShapEstimate(r, min(r, *np.tanh(z - half).tolist()), max(r, *np.tanh(z + half).tolist()), n)


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
