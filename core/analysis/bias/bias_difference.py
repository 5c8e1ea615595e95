"""Whether two models differ in bias by more than noise, judged on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.bias import bias_count_tables
from core.analysis.bias.bias_count_tables import CountTables, Integers
from core.analysis.bias.bias_intervals import RESAMPLES, Interval, draw_group_shares, metric_interval, tables_of_kinds
from core.analysis.bias.bias_metrics import POST_TRAINING
from core.analysis.bias.flip_test import FLIP_TEST, asked_rows
from core.analysis.bias.metric_shares import why_too_few
from core.analysis.bias.outcome_counts import BoolArray, Floats, conditional_disparity
from core.analysis.intervals.confidence import CONFIDENCE, MIN_ROWS, too_few_rows
from core.analysis.intervals.posterior_draws import SEED, draw_shares, include_zero, interval_ends, two_sided_p_value, widen_difference

PAIR_PRIOR = 0.25
"""The part of a row that is added to each of a side's eight kinds of rows (label, and the predictions of both models): so rows on which
the models differ stay possible where the sample has none."""
FLIP_PRIOR = 0.25
"""The same for each of the nine pairs of outcomes of the flip test."""


@dataclass(frozen=True)
class BiasDifference:
    """b − a of one metric of one facet, with its paired 95 % interval and two-sided p-value. None where undefined.

    ``fairer``: "a" or "b" where its value is nearer to no difference between the groups (0, or 1 for DI), by more than noise; else None.
    ``why``: why there is no interval.
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
    method: str = "paired Dirichlet draws"
    why: str = ""

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
    """Paired differences of the post-training metrics, by name: each draw is of both models' predictions together.

    Parameters
    ----------
    facet, favourable_label, prediction_a, prediction_b : bool (n,); the predictions are True where favourable
    group : (n,) categories for CDDPL, or None
    flips_a, flips_b : (n,) outcomes of the flip test, 0 outside the facet, NaN where it didn't ask; FT is left out without both

    >>> import numpy as np
    >>> rows = np.arange(1200)
    >>> women, paid = rows % 3 == 0, rows % 4 > 0
    >>> unequal = paid & ~(women & (rows % 5 == 0))
    >>> difference = compare_bias(women, paid, unequal, paid, None)["DPPL"]
    >>> round(difference.a, 2), round(difference.b, 2), difference.fairer
    (0.15, 0.0, 'b')
    """
    d, label, a, b = (np.asarray(part, dtype=bool) for part in (facet, favourable_label, prediction_a, prediction_b))
    codes, groups = bias_count_tables.group_codes(group, len(d))
    draws = draw_paired_metrics(d, label, (a, b), codes, groups, seed=seed, draws=resamples)
    tables = [CountTables(bias_count_tables.count_table(bias_count_tables.cell_numbers(d, label, p, codes), groups)) for p in (a, b)]
    found = {}
    for name in draws[0]:
        points = [float(POST_TRAINING[name].compute(table)) for table in tables]
        few = next((reason for counts in tables if (reason := why_too_few(name, counts, paired=True))), "")
        differing, alone = count_differing(name, label, a, b), single_intervals(name, tables)
        found[name] = compare_metric(name, points, [of_model[name] for of_model in draws], len(d), differing, few, alone)
    if flips_a is not None and flips_b is not None:
        found[FLIP_TEST] = compare_flip_test(d, np.asarray(flips_a, dtype=float), np.asarray(flips_b, dtype=float), seed, resamples)
    return dict(sorted(found.items()))


def single_intervals(name: str, counts: Sequence[CountTables]) -> list[Interval]:
    """Both models' intervals of a metric where its draws are too narrow, empty elsewhere: of DI with fewer than 5 accepted rows of a side,
    since it has a value only in samples with one, and of CDDPL with fewer than 5 rows of an outcome in a group."""
    if not any(_has_few_accepted(name, one) for one in counts):
        return []
    return [metric_interval(POST_TRAINING[name], one) for one in counts]


def _has_few_accepted(name: str, counts: CountTables) -> bool:
    if name == "CDDPL":
        return bool((counts.predictions_by_group.sum(axis=-1) < MIN_ROWS).any())
    return name == "DI" and bool(min(counts.a.favourable_predictions, counts.d.favourable_predictions) < MIN_ROWS)


def count_differing(name: str, label: BoolArray, a: BoolArray, b: BoolArray) -> int:
    """On how many of the rows that the metric looks at two models differ; (n,) each, True where favourable."""
    of = {"RD": label, "SD": ~label}.get(name, np.ones_like(label))
    return int(((a != b) & of).sum())


def draw_paired_metrics(
    facet: BoolArray, label: BoolArray, predictions: tuple[BoolArray, BoolArray], codes: Integers, groups: int, *, seed: int, draws: int
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Draws of every metric but the flip test of two models on the same rows, by name, shape (draws,) each: what they may be in the
    population. Rows are bool (n,), True where favourable; ``codes`` and ``groups`` as ``bias_count_tables.group_codes`` gives them."""
    a, b = predictions
    kinds = _count_kinds((facet, label, a, b), (2, 2, 2, 2))
    by_group = _count_kinds((codes, facet, a, b), (groups + 1, 2, 2, 2))[:-1]
    return paired_metrics(*draw_paired_kinds(kinds, by_group, seed=seed, draws=draws))


def draw_paired_kinds(kinds: Floats, by_group: Floats, *, seed: int, draws: int) -> tuple[Floats, Floats]:
    """Draws of how many rows of each kind the population would have among as many: (draws, 2, 2, 2, 2) by facet, label and both
    predictions, and (draws, groups, 2, 2, 2) by group, facet and both predictions; from the rows counted, (2, 2, 2, 2) and
    (groups, 2, 2, 2)."""
    drawn = draw_shares(kinds, PAIR_PRIOR, np.random.default_rng(seed), draws) * max(1.0, float(kinds.sum()))
    return drawn, draw_group_shares(by_group, 2 * PAIR_PRIOR, seed, draws)


def paired_metrics(drawn: Floats, drawn_groups: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Every metric but the flip test of both models in each draw, by name, shape (draws,) each; from what ``draw_paired_kinds`` returns."""
    found: tuple[dict[str, Floats], dict[str, Floats]] = ({}, {})
    for of_model, axis in zip(found, (-1, -2), strict=True):
        tables = tables_of_kinds(drawn.sum(axis=axis))
        for name in sorted(POST_TRAINING.keys() - {FLIP_TEST, "CDDPL"}):
            of_model[name] = POST_TRAINING[name].compute(tables)
        by_outcome = drawn_groups.sum(axis=axis).swapaxes(-1, -2)
        of_model["CDDPL"] = conditional_disparity(by_outcome) if drawn_groups.shape[1] else np.full(len(drawn), np.nan)
    return found


def _count_kinds(parts: tuple[ArrayLike, ...], shape: tuple[int, ...]) -> Floats:
    """How many rows there are of each combination of ``parts``, each (n,) numbers from 0."""
    numbers = np.ravel_multi_index(tuple(np.asarray(part, dtype=np.int64) for part in parts), shape)
    return np.bincount(numbers, minlength=int(np.prod(shape))).astype(float).reshape(shape)


def compare_flip_test(d: BoolArray, a: Floats, b: Floats, seed: int, resamples: int) -> BiasDifference:
    """The flip test's difference on the rows that both models were asked about."""
    rows = asked_rows(d, a) & asked_rows(d, b)
    n, outcomes = int(rows.sum()), np.arange(-1.0, 2.0)
    if n == 0:
        return BiasDifference(FLIP_TEST, None, None, None, None, None, None, None, 0)
    kinds = _count_kinds((a[rows] + 1, b[rows] + 1), (3, 3))
    drawn = draw_shares(kinds, FLIP_PRIOR, np.random.default_rng(seed), resamples)
    points, draws = [float(a[rows].mean()), float(b[rows].mean())], [drawn.sum(axis=2) @ outcomes, drawn.sum(axis=1) @ outcomes]
    reason = "" if n >= MIN_ROWS else too_few_rows(n, "the facet that the flip test asked")
    return compare_metric(FLIP_TEST, points, draws, n, int((a[rows] != b[rows]).sum()), reason)


def compare_metric(
    name: str, points: list[float], draws: list[Floats], n: int, differing: int, why: str, alone: Sequence[Interval] = ()
) -> BiasDifference:
    """The difference of one metric of two models. ``points``: its values; ``draws``: (draws,) of either model's; ``differing``: on how many
    of the rows that the metric looks at they differ; ``why``: why there is no interval, "" where there is one. ``alone``: either model's
    own interval, where draws are too narrow; then the difference reaches as far as Newcombe's of both."""
    a, b = (None if np.isnan(point) else point for point in points)
    if a is None or b is None or not np.isfinite([a, b]).all():
        return BiasDifference(name, a, b, None, None, None, None, None, n)
    value = b - a
    if why:
        return BiasDifference(name, a, b, value, None, None, None, None, n, why=why)
    neutral = POST_TRAINING[name].neutral
    with np.errstate(invalid="ignore"):
        moved = draws[1] - draws[0]
        nearer = np.abs(draws[0] - neutral) - np.abs(draws[1] - neutral)
    p, p_nearer = two_sided_p_value(moved, differing), two_sided_p_value(nearer, differing)
    low, high = interval_ends(moved, value)
    if alone:
        low, high, p = widen_difference((low, high, p), *((point, one.low, one.high) for point, one in zip((a, b), alone, strict=True)))
        p_nearer = max(p, p_nearer)
    low, high = include_zero(low, high, p)
    fairer = None if p_nearer >= 1 - CONFIDENCE else "b" if abs(b - neutral) < abs(a - neutral) else "a"
    return BiasDifference(name, a, b, value, low, high, p, fairer, n)
