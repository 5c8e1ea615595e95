"""95 % intervals of bias metrics. docs/intervals.md says which method each has, and how often it contains the true value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from core.analysis.bias import bias_count_tables, metric_registry
from core.analysis.bias.bias_count_tables import CountTables
from core.analysis.bias.flip_test import FLIP_TEST, asked_rows
from core.analysis.bias.metric_registry import MetricDefinition
from core.analysis.bias.metric_shares import DIFFERENCES, RATIOS, why_too_few
from core.analysis.bias.outcome_counts import Floats, OutcomeCounts, conditional_disparity
from core.analysis.intervals.confidence import MIN_ROWS, too_few_rows
from core.analysis.intervals.posterior_draws import DRAWS, SEED, draw_shares, interval_ends
from core.analysis.intervals.proportions import Share, paired_share_difference, share_difference, share_ratio, share_with_interval

RESAMPLES = DRAWS
CELL_PRIOR = 0.25
"""The part of a row that is added to each of a side's four kinds of rows (label and prediction); so a share gets Jeffreys' prior."""
GROUP_PRIOR = 1.0
"""The same for each of the four kinds that conditional disparity knows (outcome and side), over all groups together."""
GE_PRIOR = 0.5
"""The same for each of the three kinds that generalized entropy knows: wrongly rejected, right, wrongly accepted."""
ANGLES = np.linspace(0, 2 * np.pi, 721)


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
    its interval is how many rows it asked. ``resamples``: how many draws make the intervals that no formula gives.

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
        found[FLIP_TEST] = _flip_test_interval(int((asked > 0).sum()), int((asked < 0).sum()), len(asked), n)
    return found


def table_intervals(stage: Literal["pre", "post"], table: Floats, *, seed: int = SEED, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """The interval of every metric of a stage but the flip test, from one count table of shape (groups + 1, 2, 2, 2, 3)."""
    definitions = metric_registry.PRE_TRAINING if stage == "pre" else metric_registry.POST_TRAINING
    counts = CountTables(table)
    drawn = _DrawnTables(table, seed, resamples)
    return {name: _metric_interval(definitions[name], counts, drawn) for name in sorted(definitions) if name != FLIP_TEST}


def _metric_interval(definition: MetricDefinition, counts: CountTables, drawn: _DrawnTables) -> Interval:
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
        low, high = DISTANCES[name](*compared_shares("DPL", counts))
        return Interval(min(low, value), max(high, value), n, method="Newcombe, transformed")
    return Interval(*interval_ends(drawn.metric(definition), value), n, method="Dirichlet draws")


def compared_shares(name: str, counts: OutcomeCounts) -> tuple[Share, Share]:
    """The two shares that a metric compares, in the order in which it subtracts or divides them; both sides have rows."""
    pair = (DIFFERENCES | RATIOS)[name]
    sides = (counts.d, counts.a) if pair.facet_first else (counts.a, counts.d)
    one, other = (share_with_interval(float(pair.hits(side)), float(pair.of(side))) for side in sides)
    assert one is not None
    assert other is not None
    return one, other


def _class_imbalance_interval(counts: OutcomeCounts, n: int) -> Interval:
    share = share_with_interval(float(counts.d.n), n)
    assert share is not None
    return Interval(1 - 2 * share.high, 1 - 2 * share.low, n, method="Wilson")


def _flip_test_interval(better: int, worse: int, asked: int, n: int) -> Interval:
    if asked < MIN_ROWS:
        return Interval(None, None, n, too_few_rows(asked, "the facet that the flip test asked"))
    _, low, high = paired_share_difference(better, worse, asked)
    return Interval(low, high, n, method="Tango")


def _size_ends(factor: float, one: Share, other: Share) -> tuple[float, float]:
    """The ends of ``factor`` times the size of the difference of two shares."""
    _, low, high = share_difference(one, other)
    return factor * max(0.0, low, -high), factor * max(-low, high)


def _divergence_ends(divergence: str, one: Share, other: Share) -> tuple[float, float]:
    """The least and the greatest divergence of pairs of shares that Newcombe's interval takes to be possible: those on the ellipse around
    the estimates whose half-axes are the ends of both intervals; 0 where it contains two equal shares."""
    along, across = np.cos(ANGLES), np.sin(ANGLES)
    p = np.clip(one.value + along * np.where(along > 0, one.high - one.value, one.value - one.low), 0, 1)
    q = np.clip(other.value + across * np.where(across > 0, other.high - other.value, other.value - other.low), 0, 1)
    p, q = np.where(p < 1e-12, 0, p), np.where(q < 1e-12, 0, q)
    values = _kullback_leibler(p, q) if divergence == "KL" else (_kullback_leibler(p, (p + q) / 2) + _kullback_leibler(q, (p + q) / 2)) / 2
    _, low, high = share_difference(one, other)
    return (0.0 if low <= 0 <= high else float(values.min())), float(values.max())


def _kullback_leibler(p: Floats, q: Floats) -> Floats:
    divergence: Floats = rel_entr(p, q) + rel_entr(1 - p, 1 - q)
    return divergence


DISTANCES = {
    "KS": lambda one, other: _size_ends(1.0, one, other),
    "LP": lambda one, other: _size_ends(float(np.sqrt(2)), one, other),
    "TVD": lambda one, other: _size_ends(1.0, one, other),
    "JS": lambda one, other: _divergence_ends("JS", one, other),
    "KL": lambda one, other: _divergence_ends("KL", one, other),
}
"""The metrics that measure how far the favourable shares of both sides are apart, and their ends."""


class _DrawnTables:
    """What the shares of each kind of row may be, given one count table: drawn when a metric first asks for them."""

    def __init__(self, table: Floats, seed: int, draws: int) -> None:
        self.table, self.seed, self.draws = table, seed, draws

    def metric(self, definition: MetricDefinition) -> Floats:
        """The metric of each draw, shape (draws,)."""
        if definition.name in ("CDDL", "CDDPL"):
            return self._conditional_disparity(2 if definition.name == "CDDL" else 3)
        return definition.compute(self._wrong_and_right() if definition.name == "GE" else self._by_side())

    def _by_side(self) -> CountTables:
        kinds = self.table.sum(axis=(0, -1))
        shares = draw_shares(kinds, CELL_PRIOR, np.random.default_rng(self.seed), self.draws) * kinds.sum()
        return tables_of_kinds(shares)

    def _wrong_and_right(self) -> CountTables:
        counts = CountTables(self.table)
        kinds = np.array([getattr(counts.a, kind) + getattr(counts.d, kind) for kind in ("fn", "tp", "tn", "fp")])
        shares = draw_shares(np.array([kinds[0], kinds[1] + kinds[2], kinds[3]]), GE_PRIOR, np.random.default_rng(self.seed), self.draws)
        cells = np.zeros((self.draws, 2, 2, 2))
        cells[:, 0, 1, 0], cells[:, 0, 1, 1], cells[:, 0, 0, 1] = shares.T * kinds.sum()
        return tables_of_kinds(cells)

    def _conditional_disparity(self, outcome_axis: int) -> Floats:
        by_group = self.table[:-1].sum(axis=(-1, 3 if outcome_axis == 2 else 2)).swapaxes(-1, -2)
        return conditional_disparity(draw_group_shares(by_group, GROUP_PRIOR, self.seed, self.draws))


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
