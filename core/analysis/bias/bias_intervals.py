"""95 % intervals of bias metrics. docs/intervals.md says which method each has, and how often it contains the true value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from core.analysis.bias import bias_count_tables, metric_registry
from core.analysis.bias.bias_count_tables import CountTables
from core.analysis.bias.composed_intervals import COMPOSED
from core.analysis.bias.flip_test import FLIP_TEST, asked_rows
from core.analysis.bias.metric_registry import MetricDefinition
from core.analysis.bias.metric_shares import DIFFERENCES, RATIOS, why_too_few
from core.analysis.bias.outcome_counts import Floats, OutcomeCounts
from core.analysis.intervals.confidence import CONFIDENCE, MIN_ROWS, too_few_rows
from core.analysis.intervals.posterior_draws import DRAWS, SEED, draw_shares, interval_ends
from core.analysis.intervals.proportions import Share, paired_share_difference, share_difference, share_ratio, share_with_interval
from core.analysis.intervals.share_functions import function_ends

RESAMPLES = DRAWS
CELL_PRIOR = 0.25
"""The part of a row that is added to each of a side's four kinds of rows (label and prediction); so a share gets Jeffreys' prior."""


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a metric on ``n`` rows; ends may be infinite. Where there is none, both ends are None and ``why`` says why.
    ``method``: how it was computed."""

    low: float | None
    high: float | None
    n: int
    why: str = ""
    method: str = ""


def metric_intervals(
    stage: Literal["pre", "post"],
    facet: ArrayLike,
    favourable_label: ArrayLike,
    favourable_prediction: ArrayLike | None,
    group: ArrayLike | None,
    flips: ArrayLike | None = None,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """The interval of every metric of a stage, by name.

    Parameters as for ``pre_training_bias`` and ``post_training_bias``. ``flips``: (n,) what the flip test found for each row of the facet
    (``flip_test.flip_outcomes``), 0 for the rest. Without it FT has no interval. Where the flip test asked a sample of the facet, ``n`` of
    its interval is how many rows it asked. ``resamples``: how many draws make the interval of a metric that has no formula for one.

    >>> import numpy as np
    >>> rows = np.arange(600)
    >>> interval = metric_intervals("pre", rows % 3 == 0, rows % 4 > 0, None, None)["DPL"]
    >>> round(interval.low, 2), round(interval.high, 2), interval.n
    (-0.07, 0.08, 600)
    """
    d = np.asarray(facet, dtype=bool)
    codes, groups = bias_count_tables.group_codes(group, len(d))
    predicted = favourable_label if favourable_prediction is None else favourable_prediction
    table = bias_count_tables.count_table(bias_count_tables.cell_numbers(d, favourable_label, predicted, codes), groups)
    found = table_intervals(stage, table, seed=seed, resamples=resamples)
    found.pop(FLIP_TEST, None)
    if flips is not None and stage == "post":
        asked = np.asarray(flips, dtype=float)[asked_rows(d, np.asarray(flips, dtype=float))]
        n = len(asked) if len(asked) < d.sum() else len(d)
        found[FLIP_TEST] = flip_test_interval(int((asked > 0).sum()), int((asked < 0).sum()), len(asked), n)
    return found


def table_intervals(stage: Literal["pre", "post"], table: Floats, *, seed: int = SEED, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """The interval of every metric of a stage but the flip test, from one count table of shape (groups + 1, 2, 2, 2, 3)."""
    definitions = metric_registry.PRE_TRAINING if stage == "pre" else metric_registry.POST_TRAINING
    counts = CountTables(table)

    @cache
    def drawn() -> CountTables:
        kinds = table.sum(axis=(0, -1))
        return tables_of_kinds(draw_shares(kinds, CELL_PRIOR, np.random.default_rng(seed), resamples) * kinds.sum())

    return {name: metric_interval(definitions[name], counts, drawn) for name in sorted(definitions) if name != FLIP_TEST}


def metric_interval(definition: MetricDefinition, counts: CountTables, drawn: Callable[[], CountTables] | None = None) -> Interval:
    """The interval of one metric; ``drawn``: tables drawn of the population, for a metric that has no formula."""
    name, n = definition.name, int(counts.a.n + counts.d.n)
    value = float(definition.compute(counts))
    if np.isnan(value):
        return Interval(None, None, n, definition.undefined_reason(counts) or "")
    if reason := why_too_few(name, counts):
        return Interval(None, None, n, reason)
    if name == "CI":
        return _class_imbalance_interval(counts, n)
    if name in DIFFERENCES:
        _, low, high = share_difference(*compared_shares(name, counts))
        return Interval(low, high, n, method="Newcombe")
    if name in RATIOS:
        _, low, high = share_ratio(*compared_shares(name, counts))
        return Interval(low, high, n, method="Donner and Zou")
    if name in DISTANCES:
        low, high = DISTANCES[name](*_allow_for_undefined(*compared_shares("DPL", counts)))
        return Interval(min(low, value), max(high, value), n, method="Newcombe, transformed")
    if name in COMPOSED:
        ends, method = COMPOSED[name]
        low, high = ends(counts)
        return Interval(min(low, value), max(high, value), n, method=method)
    assert drawn is not None
    return Interval(*interval_ends(definition.compute(drawn()), value), n, method="Dirichlet draws")


def compared_shares(name: str, counts: OutcomeCounts) -> tuple[Share, Share]:
    """The two shares that a metric compares, in the order in which it subtracts or divides them; both sides have rows."""
    pair = (DIFFERENCES | RATIOS)[name]
    sides = (counts.d, counts.a) if pair.facet_first else (counts.a, counts.d)
    one, other = (share_with_interval(float(pair.hits(side)), float(pair.of(side))) for side in sides)
    assert one is not None
    assert other is not None
    return one, other


def _allow_for_undefined(one: Share, other: Share) -> tuple[Share, Share]:
    """The favourable shares of both sides, reaching to 0 and 1 where these rows might well have had no label in common: the distances have
    no value then, and the samples that have one lie nearer together than the population."""
    one_above = one.high**one.n * (1 - other.low) ** other.n
    other_above = (1 - one.low) ** one.n * other.high**other.n
    if max(one_above, other_above) < 1 - CONFIDENCE:
        return one, other
    if one_above > other_above:
        return replace(one, high=1.0), replace(other, low=0.0)
    return replace(one, low=0.0), replace(other, high=1.0)


def _class_imbalance_interval(counts: OutcomeCounts, n: int) -> Interval:
    share = share_with_interval(float(counts.d.n), n)
    assert share is not None
    return Interval(1 - 2 * share.high, 1 - 2 * share.low, n, method="Wilson")


def flip_test_interval(better: int, worse: int, asked: int, n: int) -> Interval:
    """Of the flip test, which asked ``asked`` rows of the facet: ``better`` are treated better than their neighbours, ``worse`` worse."""
    if asked < MIN_ROWS:
        return Interval(None, None, n, too_few_rows(asked, "the facet that the flip test asked"))
    _, low, high = paired_share_difference(better, worse, asked)
    return Interval(low, high, n, method="Tango")


def _size_ends(factor: float, one: Share, other: Share) -> tuple[float, float]:
    """The ends of ``factor`` times the size of the difference of two shares."""
    _, low, high = share_difference(one, other)
    return factor * max(0.0, low, -high), factor * max(-low, high)


def _divergence_ends(divergence: Callable[[Floats, Floats], Floats], one: Share, other: Share) -> tuple[float, float]:
    """The least and the greatest divergence of the pairs of shares that the data allow; 0 where they allow two equal shares."""
    _, low, high = share_difference(one, other)
    least, greatest = function_ends(divergence, one, other)
    return (0.0 if low <= 0 <= high else least), greatest


def _kullback_leibler(p: Floats, q: Floats) -> Floats:
    divergence: Floats = rel_entr(p, q) + rel_entr(1 - p, 1 - q)
    return divergence


def _jensen_shannon(p: Floats, q: Floats) -> Floats:
    return (_kullback_leibler(p, (p + q) / 2) + _kullback_leibler(q, (p + q) / 2)) / 2


DISTANCES = {
    "KS": lambda one, other: _size_ends(1.0, one, other),
    "LP": lambda one, other: _size_ends(float(np.sqrt(2)), one, other),
    "TVD": lambda one, other: _size_ends(1.0, one, other),
    "JS": lambda one, other: _divergence_ends(_jensen_shannon, one, other),
    "KL": lambda one, other: _divergence_ends(_kullback_leibler, one, other),
}
"""The metrics that measure how far the favourable shares of both sides are apart, and their ends."""


def tables_of_kinds(kinds: Floats) -> CountTables:
    """Count tables without groups of (tables, 2, 2, 2) rows by facet, label and prediction."""
    tables = np.zeros((len(kinds), 1, *bias_count_tables.CELL_SHAPE))
    tables[:, 0, :, :, :, 1] = kinds
    return CountTables(tables)


def draw_group_shares(by_group: Floats, prior: float, seed: int, draws: int) -> Floats:
    """Draws of the shares of the kinds of rows by group, shape (draws, groups, ...). ``prior``: the part of a row that is added to each
    kind over all groups together; each group gets its part of it, so that empty kinds in many groups don't outweigh the rows."""
    sizes = by_group.sum(axis=tuple(range(1, by_group.ndim)), keepdims=True)
    part = prior * sizes / max(1.0, float(sizes.sum()))
    random = np.random.default_rng(seed)
    return random.standard_gamma(by_group + part, size=(draws, *by_group.shape))
