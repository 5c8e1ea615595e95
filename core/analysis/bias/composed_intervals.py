"""95 % intervals of the bias metrics that are put together from more than two shares: GE, DCA, DCR, TE, CDDL and CDDPL."""

from __future__ import annotations

from math import inf, sqrt

from core.analysis.bias.outcome_counts import Floats, OutcomeCounts
from core.analysis.intervals.proportions import combine_difference, share_difference, share_with_interval
from core.analysis.intervals.share_functions import function_ends, share_or_unknown

Ends = tuple[float, float]


def entropy_ends(counts: OutcomeCounts) -> Ends:
    """Of generalized entropy, which two shares decide: how many rows are judged wrongly, and how many of these are accepted."""
    gained, lost = (float(part) for part in (counts.a.fp + counts.d.fp, counts.a.fn + counts.d.fn))
    n = float(counts.a.n + counts.d.n)
    return function_ends(_entropy, share_or_unknown(gained + lost, n), share_or_unknown(gained, gained + lost))


def _entropy(wrong: Floats, accepted: Floats) -> Floats:
    surplus = wrong * (2 * accepted - 1)
    entropy: Floats = (wrong - surplus**2) / (1 + surplus) ** 2 / 2
    return entropy


def acceptance_ends(counts: OutcomeCounts) -> Ends:
    """Of DCA: favourable labels per accepted row, rest − facet; each side has rows that are accepted or have the favourable label."""
    rest, facet = (_labels_per_prediction(float(side.tp), float(side.fn), float(side.fp)) for side in (counts.a, counts.d))
    return _ratio_difference(rest, facet)


def rejection_ends(counts: OutcomeCounts) -> Ends:
    """Of DCR: unfavourable labels per rejected row, facet − rest; each side has rows that are rejected or have the unfavourable label."""
    rest, facet = (_labels_per_prediction(float(side.tn), float(side.fp), float(side.fn)) for side in (counts.a, counts.d))
    return _ratio_difference(facet, rest)


def _labels_per_prediction(both: float, labelled: float, predicted: float) -> tuple[float, float, float]:
    """(value, low, high) of a side's labels per prediction: of the rows with either, how many have one only, and how many of these the
    label. The value is infinite without predictions."""

    def ratio(one_only: Floats, label_only: Floats) -> Floats:
        per_prediction: Floats = (1 - one_only * (1 - label_only)) / (1 - one_only * label_only)
        return per_prediction

    value, one_only = (both + labelled) / (both + predicted) if both + predicted else inf, labelled + predicted
    low, high = function_ends(ratio, share_or_unknown(one_only, both + one_only), share_or_unknown(labelled, one_only))
    return value, min(low, value), max(high, value)


def _ratio_difference(one: tuple[float, float, float], other: tuple[float, float, float]) -> Ends:
    """By Newcombe's idea; of an infinite ratio all that both intervals allow."""
    if inf in (one[0], other[0]):
        return one[1] - other[2], one[2] - other[1]
    return combine_difference(one, other)[1:]


def treatment_ends(counts: OutcomeCounts) -> Ends:
    """Of TE: wrong rejections per wrong acceptance, facet − rest; both sides judge somebody wrongly."""
    facet, rest = (share_or_unknown(float(side.fn), float(side.fn + side.fp)) for side in (counts.d, counts.a))
    return function_ends(lambda p, q: p / (1 - p) - q / (1 - q), facet, rest)


def conditional_disparity_ends(by_group: Floats) -> Ends:
    """Of CDDL and CDDPL: Newcombe's interval of each group's difference, combined by the groups' sizes (Yan and Su 2010).

    ``by_group``: (groups, 2, 2) rows by outcome and side, as ``outcome_counts.conditional_disparity`` takes them. Where a group has one
    outcome only, the share of the other could be anything: that isn't chance, which would average out over many groups, so that each
    such group widens the interval by all of its weight.
    """
    value = below = above = unknown_below = unknown_above = 0.0
    total = float(by_group.sum())
    for group in by_group:
        weight = float(group.sum()) / total
        rejected, accepted = (share_with_interval(float(outcome[1]), float(outcome.sum())) for outcome in group)
        if rejected is not None and accepted is not None:
            middle, low, high = share_difference(rejected, accepted)
        elif rejected is not None:
            middle, low, high = rejected.value, rejected.low, rejected.high
            unknown_below += weight
        elif accepted is not None:
            middle, low, high = -accepted.value, -accepted.high, -accepted.low
            unknown_above += weight
        else:
            continue
        value += weight * middle
        below += (weight * (middle - low)) ** 2
        above += (weight * (high - middle)) ** 2
    return max(-1.0, value - unknown_below - sqrt(below)), min(1.0, value + unknown_above + sqrt(above))


COMPOSED = {
    "GE": (entropy_ends, "ellipse of two shares"),
    "DCA": (acceptance_ends, "Newcombe, of both sides' ratios"),
    "DCR": (rejection_ends, "Newcombe, of both sides' ratios"),
    "TE": (treatment_ends, "ellipse of two shares"),
    "CDDL": (lambda counts: conditional_disparity_ends(counts.labels_by_group), "Newcombe, within groups"),
    "CDDPL": (lambda counts: conditional_disparity_ends(counts.predictions_by_group), "Newcombe, within groups"),
}
"""By metric: its interval from the counts of one set of rows (of shape ()), and what the method is called."""
