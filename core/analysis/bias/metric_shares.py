"""What the bias metrics are made of: the two shares of rows that most of them compare, and the rows that the others divide by.

Which interval a metric has follows from it: see ``bias_intervals``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.analysis.bias.outcome_counts import ConfusionCounts, Floats, OutcomeCounts
from core.analysis.intervals.confidence import MIN_ROWS, too_few_rows

Count = Callable[[ConfusionCounts], Floats]


def _all_rows(side: ConfusionCounts) -> Floats:
    return side.n


@dataclass(frozen=True)
class SharePair:
    """A metric that compares one share of each side: ``hits`` of the rows ``of``. ``facet_first``: whether the facet's share comes first,
    as in facet − rest. ``whom``: which rows of a side these are, in words."""

    hits: Count
    of: Count
    whom: str = ""
    facet_first: bool = False


DIFFERENCES = {
    "DPL": SharePair(lambda side: side.favourable_labels, _all_rows),
    "DPPL": SharePair(lambda side: side.favourable_predictions, _all_rows),
    "AD": SharePair(lambda side: side.tp + side.tn, _all_rows),
    "RD": SharePair(lambda side: side.tp, lambda side: side.favourable_labels, "with the favourable label"),
    "SD": SharePair(lambda side: side.tn, lambda side: side.unfavourable_labels, "with the unfavourable label", True),
    "DAR": SharePair(lambda side: side.tp, lambda side: side.favourable_predictions, "that are accepted"),
    "DRR": SharePair(lambda side: side.tn, lambda side: side.unfavourable_predictions, "that are rejected", True),
}
"""The metrics that subtract one side's share from the other's."""
RATIOS = {"DI": SharePair(lambda side: side.favourable_predictions, _all_rows, facet_first=True)}
"""The metrics that divide one side's share by the other's."""
DENOMINATORS: dict[str, tuple[Count, str]] = {
    "DCA": (lambda side: side.favourable_predictions, "that are accepted"),
    "DCR": (lambda side: side.unfavourable_predictions, "that are rejected"),
    "TE": (lambda side: side.fp + side.fn, "that are decided wrongly"),
} | {name: (pair.of, pair.whom) for name, pair in (DIFFERENCES | RATIOS).items()}
"""The rows of a side that a metric divides by, and which they are in words; all rows of the side for others."""
EITHER: dict[str, tuple[Count, str]] = {
    "DCA": (lambda side: side.tp + side.fp + side.fn, "with the favourable label or accepted"),
    "DCR": (lambda side: side.tn + side.fp + side.fn, "with the unfavourable label or rejected"),
}
"""The rows that decide whether one model's interval exists, for the ratios whose denominator is itself a matter of chance: where few rows
are accepted, the samples with five of them would be those that differ most from the population."""
OF_ALL_ROWS = ("CI", "GE")
"""The metrics that divide by all rows, of both sides together."""


def why_too_few(name: str, counts: OutcomeCounts, *, paired: bool = False) -> str:
    """Why so few rows give the metric no interval, in words; "" where there are enough of them on each side. ``paired``: for the interval
    of a difference between two models, which takes enough in each denominator."""
    if name in OF_ALL_ROWS:
        n = float(counts.a.n + counts.d.n)
        return "" if n >= MIN_ROWS else too_few_rows(n)
    of, whom = (DENOMINATORS if paired else DENOMINATORS | EITHER).get(name, (_all_rows, ""))
    for side, called in ((counts.d, "the facet"), (counts.a, "the rest")):
        if of(side) < MIN_ROWS:
            return too_few_rows(float(of(side)), f"{called} {whom}".strip())
    return ""
