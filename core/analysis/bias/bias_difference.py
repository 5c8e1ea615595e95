"""Whether two models differ in bias by more than noise, judged on the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.bias import bias_count_tables
from core.analysis.bias.bias_intervals import RESAMPLES, SEED, percentile_interval
from core.analysis.bias.bias_metrics import POST_TRAINING
from core.analysis.bias.flip_test import FLIP_TEST, asked_rows
from core.analysis.bias.outcome_counts import BoolArray, Floats
from core.analysis.intervals.bootstrap_draws import two_sided_p_value
from core.analysis.intervals.confidence import CONFIDENCE


@dataclass(frozen=True)
class BiasDifference:
    """b − a of one metric of one facet, with its paired 95 % interval and two-sided p-value. None where undefined.

    ``fairer``: "a" or "b" where its value is nearer to no difference between the groups (0, or 1 for DI), by more than noise; else None.
    """

    name: str
    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    fairer: str | None
    n: int
    method: str = "paired bootstrap"

    @property
    def beyond_noise(self) -> bool:
        """Whether chance alone would make such a difference in fewer than 5 % of cases."""
        return self.p_value is not None and self.p_value < 1 - CONFIDENCE


def compare_bias(
    facet: ArrayLike,
    favourable_label: ArrayLike,
    prediction_a: ArrayLike,
    prediction_b: ArrayLike,
    group: ArrayLike | None,
    flips_a: ArrayLike | None = None,
    flips_b: ArrayLike | None = None,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, BiasDifference]:
    """Paired differences of the post-training metrics, by name: every resample draws the same rows for both models.

    Parameters
    ----------
    facet, favourable_label, prediction_a, prediction_b : bool (n,); the predictions are True where favourable
    group : (n,) categories for CDDPL, or None
    flips_a, flips_b : (n,) outcomes of the flip test, 0 outside the facet, NaN where it didn't ask; FT is left out without both

    >>> import numpy as np
    >>> rows = np.arange(600)
    >>> women, paid = rows % 3 == 0, rows % 4 > 0
    >>> unequal = paid & ~(women & (rows % 5 == 0))
    >>> difference = compare_bias(women, paid, unequal, paid, None)["DPPL"]
    >>> round(difference.a, 2), round(difference.b, 2), difference.fairer
    (0.15, 0.0, 'b')
    """
    d = np.asarray(facet, dtype=bool)
    codes, groups = bias_count_tables.group_codes(group, len(d))
    with_flips = flips_a is not None and flips_b is not None
    cells = [
        bias_count_tables.cell_numbers(d, favourable_label, prediction, codes, flips if with_flips else None)
        for prediction, flips in ((prediction_a, flips_a), (prediction_b, flips_b))
    ]
    points = [bias_count_tables.post_training_metrics(bias_count_tables.count_table(c, groups)) for c in cells]
    draws = [bias_count_tables.post_training_metrics(drawn) for drawn in bias_count_tables.resample_tables(cells, groups, seed, resamples)]
    names = [name for name in points[0] if with_flips or name != FLIP_TEST]
    (point_a, point_b), (draws_a, draws_b) = points, draws
    found = {name: _compare_metric(name, point_a[name], point_b[name], draws_a[name], draws_b[name], len(d)) for name in names}
    if flips_a is not None and flips_b is not None:
        rows = asked_rows(d, np.asarray(flips_a, dtype=float)) & asked_rows(d, np.asarray(flips_b, dtype=float))
        if 0 < rows.sum() < d.sum():
            found[FLIP_TEST] = _compare_flip_test(
                d, rows, [np.asarray(flips, dtype=float) for flips in (flips_a, flips_b)], seed, resamples
            )
    return found


def _compare_flip_test(d: BoolArray, rows: BoolArray, flips: list[Floats], seed: int, resamples: int) -> BiasDifference:
    """The flip test's difference on the rows that both models were asked about."""
    kept = rows | ~d
    some = np.zeros(int(kept.sum()), dtype=bool)
    one = compare_bias(d[kept], some, some, some, None, flips[0][kept], flips[1][kept], seed=seed, resamples=resamples)[FLIP_TEST]
    return replace(one, n=int(rows.sum()))


def _compare_metric(name: str, a: Floats, b: Floats, draws_a: Floats, draws_b: Floats, n: int) -> BiasDifference:
    point_a, point_b = (None if np.isnan(point) else float(point) for point in (a, b))
    if point_a is None or point_b is None or not np.isfinite([point_a, point_b]).all():
        return BiasDifference(name, point_a, point_b, None, None, None, None, None, n)
    with np.errstate(invalid="ignore"):
        moved = draws_b - draws_a
        neutral = POST_TRAINING[name].neutral
        nearer = np.abs(draws_a - neutral) - np.abs(draws_b - neutral)
    ends = percentile_interval(moved, n)
    value = point_b - point_a
    if ends.low is None:
        return BiasDifference(name, point_a, point_b, value, None, None, None, None, n)
    p, p_nearer = two_sided_p_value(moved), two_sided_p_value(nearer)
    fairer = None if p_nearer >= 1 - CONFIDENCE else "b" if abs(point_b - neutral) < abs(point_a - neutral) else "a"
    return BiasDifference(name, point_a, point_b, value, ends.low, ends.high, p, fairer, n)
