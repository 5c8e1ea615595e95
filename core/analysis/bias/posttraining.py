"""The thirteen post-training metrics of SageMaker Clarify: bias in what a model predicts.

Definitions: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html
The six that short lists offer come first, in the order in which they are offered.
"""

from __future__ import annotations

from collections.abc import Callable

from core.analysis.bias.metric_registry import POST_TRAINING, register_metric
from core.analysis.bias.outcome_counts import (
    BOTH_SIDES,
    COMPARES_NOTHING,
    GROUP_WITH_BOTH_OUTCOMES,
    GROUPS_GIVEN,
    NO_FAVOURABLE_REASON,
    NO_UNFAVOURABLE_REASON,
    ConfusionCounts,
    Floats,
    OutcomeCounts,
    Requirement,
    both_sides_have,
    conditional_disparity,
    divide,
    has_group_with_both_outcomes,
    mention_groups_with_one_outcome,
    rate_difference,
)

INFINITY = float("inf")
CONDITIONAL = (
    GROUPS_GIVEN,
    *BOTH_SIDES,
    Requirement(lambda counts: counts.a.favourable_predictions + counts.d.favourable_predictions > 0, NO_FAVOURABLE_REASON),
    Requirement(lambda counts: counts.a.unfavourable_predictions + counts.d.unfavourable_predictions > 0, NO_UNFAVOURABLE_REASON),
    Requirement(lambda counts: has_group_with_both_outcomes(counts.predictions_by_group), GROUP_WITH_BOTH_OUTCOMES),
)
SOMEBODY_ACCEPTED = Requirement(
    lambda counts: counts.a.favourable_predictions + counts.d.favourable_predictions > 0,
    "Nobody is accepted, in the facet or in the rest: the ratio of the two acceptance rates is 0 / 0",
)
HAS_ROWS = Requirement(lambda counts: counts.a.n + counts.d.n > 0, "The dataset has no rows")
HAS_BENEFITS = Requirement(
    lambda counts: counts.a.n + counts.d.n > counts.a.fn + counts.d.fn,
    "All predicted labels are false negatives: nobody has a benefit to compare",
)


def _reword_if_infinite(count: Callable[[ConfusionCounts], Floats], nobody: str) -> Callable[[OutcomeCounts, str], str]:
    """The words of a difference of two ratios to ``count``; where that is 0 on both sides, the ratios are infinite and their difference is
    0 as in smclarify, which doesn't mean that they are equal."""
    said = f"{nobody} on either side: both ratios are infinite, and their difference counts as 0, as in Clarify. {COMPARES_NOTHING}"
    return lambda counts, words: said if count(counts.a) + count(counts.d) == 0 else words


@register_metric(
    POST_TRAINING,
    requires=BOTH_SIDES,
    low=-1,
    high=1,
    above="The facet is accepted less often than the rest, by {p} percentage points.",
    below="The facet is accepted more often than the rest, by {p} percentage points.",
    equal="The facet is accepted as often as the rest.",
    title="Difference in proportions of predicted labels",
    question="Is the facet accepted less often? Also called demographic parity difference.",
    formula="acceptance rate of the rest − that of the facet",
    interpretation="0: equally often. Above 0: the facet is accepted less often.",
    headline=True,
)
def DPPL(counts: OutcomeCounts) -> Floats:
    """Difference in Positive Proportions in Predicted Labels (DPPL)"""
    a, d = counts.a, counts.d
    return divide(a.favourable_predictions, a.n) - divide(d.favourable_predictions, d.n)


@register_metric(
    POST_TRAINING,
    requires=(*BOTH_SIDES, SOMEBODY_ACCEPTED),
    low=0,
    high=INFINITY,
    neutral=1,
    above="The facet is accepted {x} times as often as the rest: more often.",
    below="The facet is accepted {x} times as often as the rest: less often.",
    equal="The facet is accepted as often as the rest.",
    title="Disparate impact",
    question="How many times as often is the facet accepted?",
    formula="acceptance rate of the facet / that of the rest",
    interpretation="1: equally often. US employment guidance takes below 0.8 (the four-fifths rule) as evidence; it is not law everywhere.",
    headline=True,
)
def DI(counts: OutcomeCounts) -> Floats:
    """Disparate Impact (DI)"""
    a, d = counts.a, counts.d
    return divide(divide(d.favourable_predictions, d.n), divide(a.favourable_predictions, a.n))


@register_metric(
    POST_TRAINING,
    requires=(*BOTH_SIDES, *both_sides_have(lambda side: side.favourable_labels, "has the favourable label")),
    low=-1,
    high=1,
    above="Of those who deserve acceptance, the facet gets it less often than the rest, by {p} percentage points.",
    below="Of those who deserve acceptance, the facet gets it more often than the rest, by {p} percentage points.",
    equal="Those who deserve acceptance get it equally often in the facet and the rest.",
    title="Recall difference",
    question="Of those who deserve acceptance, does the facet get it less often? Also called equal opportunity.",
    formula="recall of acceptance, rest − facet",
    interpretation="0: equally often. Above 0: less often.",
    headline=True,
)
def RD(counts: OutcomeCounts) -> Floats:
    """Recall Difference (RD)"""
    a, d = counts.a, counts.d
    return divide(a.tp, a.favourable_labels) - divide(d.tp, d.favourable_labels)


@register_metric(
    POST_TRAINING,
    requires=(*BOTH_SIDES, *both_sides_have(lambda side: side.unfavourable_labels, "has the unfavourable label")),
    low=-1,
    high=1,
    above="Of those who don't deserve acceptance, the facet is rejected more often than the rest, by {p} percentage points.",
    below="Of those who don't deserve acceptance, the facet is rejected less often than the rest, by {p} percentage points.",
    equal="Those who don't deserve acceptance are rejected equally often in the facet and the rest.",
    title="Specificity difference",
    question="Of those who don't deserve acceptance, is the facet rejected more often?",
    formula="specificity, facet − rest",
    interpretation="0: equally often. Above 0: more often.",
    headline=True,
)
def SD(counts: OutcomeCounts) -> Floats:
    """Specificity Difference (SD)"""
    a, d = counts.a, counts.d
    return divide(d.tn, d.unfavourable_labels) - divide(a.tn, a.unfavourable_labels)


@register_metric(
    POST_TRAINING,
    requires=BOTH_SIDES,
    low=-1,
    high=1,
    above="The model is right less often for the facet than for the rest, by {p} percentage points.",
    below="The model is right more often for the facet than for the rest, by {p} percentage points.",
    equal="The model is right equally often for the facet and the rest.",
    title="Accuracy difference",
    question="Is the model right less often for the facet?",
    formula="accuracy of the rest − accuracy of the facet",
    interpretation="0: equally often. Above 0: less often for the facet.",
    headline=True,
)
def AD(counts: OutcomeCounts) -> Floats:
    """Accuracy Difference (AD)"""
    a, d = counts.a, counts.d
    return divide(a.tp + a.tn, a.n) - divide(d.tp + d.tn, d.n)


@register_metric(
    POST_TRAINING,
    requires=CONDITIONAL,
    low=-1,
    high=1,
    above="Within groups, the facet's share of the rejected is {p} percentage points above its share of the accepted.",
    below="Within groups, the facet's share of the rejected is {p} percentage points below its share of the accepted.",
    equal="Within groups, the facet's share of the rejected equals its share of the accepted.",
    title="Conditional demographic disparity in predicted labels",
    question="Within groups of like people, is the facet overrepresented among the rejected?",
    formula="facet's share of the rejected − its share of the accepted, per group, weighted by the group's size",
    interpretation="0: no. Above 0: yes.",
    headline=True,
    reword=lambda counts, words: mention_groups_with_one_outcome(counts.predictions_by_group, words),
)
def CDDPL(counts: OutcomeCounts) -> Floats:
    """Conditional Demographic Disparity in Predicted Labels (CDDPL)"""
    return conditional_disparity(counts.predictions_by_group)


@register_metric(
    POST_TRAINING,
    requires=(*BOTH_SIDES, *both_sides_have(lambda side: side.favourable_predictions, "is accepted")),
    low=-1,
    high=1,
    above="Of those accepted, fewer deserved it in the facet than in the rest, by {p} percentage points.",
    below="Of those accepted, more deserved it in the facet than in the rest, by {p} percentage points.",
    equal="Acceptances are right equally often for the facet and the rest.",
    title="Difference in acceptance rates",
    question="Among the accepted, do fewer of the facet deserve it?",
    formula="precision of acceptance, rest − facet",
    interpretation="0: equal. Above 0: acceptances of the facet are right less often.",
)
def DAR(counts: OutcomeCounts) -> Floats:
    """Difference in Acceptance Rates (DAR)"""
    a, d = counts.a, counts.d
    return rate_difference(divide(a.tp, a.favourable_predictions), divide(d.tp, d.favourable_predictions))


@register_metric(
    POST_TRAINING,
    requires=(
        *BOTH_SIDES,
        *both_sides_have(lambda side: side.favourable_labels + side.favourable_predictions, "has the favourable label or is accepted"),
    ),
    low=-INFINITY,
    high=INFINITY,
    above="Per acceptance, the rest has {x} more favourable labels than the facet: the model is stricter with the rest.",
    below="Per acceptance, the facet has {x} more favourable labels than the rest: the model is stricter with the facet.",
    equal="Favourable labels per acceptance are equal for the facet and the rest.",
    title="Difference in conditional acceptance",
    question="Per acceptance, how many favourable labels are there on each side?",
    formula="favourable labels / acceptances, rest − facet",
    interpretation="0: equal. Below 0: the model is stricter with the facet. Infinite where nobody is accepted.",
    reword=_reword_if_infinite(lambda side: side.favourable_predictions, "Nobody is accepted"),
)
def DCA(counts: OutcomeCounts) -> Floats:
    """Difference in Conditional Acceptance (DCA)"""
    a, d = counts.a, counts.d
    return rate_difference(divide(a.favourable_labels, a.favourable_predictions), divide(d.favourable_labels, d.favourable_predictions))


@register_metric(
    POST_TRAINING,
    requires=(
        *BOTH_SIDES,
        *both_sides_have(
            lambda side: side.unfavourable_labels + side.unfavourable_predictions, "has the unfavourable label or is rejected"
        ),
    ),
    low=-INFINITY,
    high=INFINITY,
    above="Per rejection, the facet has {x} more unfavourable labels than the rest: the model is more lenient with the facet.",
    below="Per rejection, the facet has {x} fewer unfavourable labels than the rest: the model is stricter with the facet.",
    equal="Unfavourable labels per rejection are equal for the facet and the rest.",
    title="Difference in conditional rejection",
    question="Per rejection, how many unfavourable labels are there on each side?",
    formula="unfavourable labels / rejections, facet − rest",
    interpretation="0: equal. Below 0: the model is stricter with the facet. Infinite where nobody is rejected.",
    reword=_reword_if_infinite(lambda side: side.unfavourable_predictions, "Nobody is rejected"),
)
def DCR(counts: OutcomeCounts) -> Floats:
    """Difference in Conditional Rejection (DCR)"""
    a, d = counts.a, counts.d
    return rate_difference(
        divide(d.unfavourable_labels, d.unfavourable_predictions), divide(a.unfavourable_labels, a.unfavourable_predictions)
    )


@register_metric(
    POST_TRAINING,
    requires=(*BOTH_SIDES, *both_sides_have(lambda side: side.unfavourable_predictions, "is rejected")),
    low=-1,
    high=1,
    above="Rejections are right more often for the facet than for the rest, by {p} percentage points.",
    below="Rejections are right less often for the facet than for the rest, by {p} percentage points.",
    equal="Rejections are right equally often for the facet and the rest.",
    title="Difference in rejection rates",
    question="Are rejections right equally often?",
    formula="precision of rejection, facet − rest",
    interpretation="0: equally. Below 0: rejections of the facet are right less often.",
)
def DRR(counts: OutcomeCounts) -> Floats:
    """Difference in Rejection Rates (DRR)"""
    a, d = counts.a, counts.d
    return rate_difference(divide(d.tn, d.unfavourable_predictions), divide(a.tn, a.unfavourable_predictions))


@register_metric(
    POST_TRAINING,
    requires=BOTH_SIDES,
    low=-1,
    high=1,
    above="More of the facet is accepted though like rows of the rest are rejected than the other way round: {p} % of it, net.",
    below="More of the facet is rejected though like rows of the rest are accepted than the other way round: {p} % of it, net.",
    equal="As many of the facet are treated better than like rows of the rest as are treated worse.",
    title="Flip test",
    question="Would people of the facet be treated otherwise if they were like people of the rest?",
    formula="(facet accepted though its five nearest neighbours among the rest are rejected − the reverse) / n_d",
    interpretation="0: as many better as worse. Below 0: more are treated worse. Its interval keeps the neighbours fixed. "
    "In a facet of more than 200,000 rows it asks that many, drawn at random; its n says so.",
)
def FT(counts: OutcomeCounts) -> Floats:
    """Flip Test (FT)"""
    return divide(counts.net_flips, counts.asked_rows)


@register_metric(
    POST_TRAINING,
    requires=(HAS_ROWS, HAS_BENEFITS),
    low=0,
    high=INFINITY,
    above="Errors favour some people over others: the inequality of benefits is {x}. It doesn't look at the facet.",
    equal="Nobody benefits from an error more than another.",
    title="Generalized entropy",
    question="How unequally do errors benefit people?",
    formula="½ · squared coefficient of variation of prediction − label + 1",
    interpretation="0: equally. It looks at all people together, not at the facet.",
    compares_groups=False,
)
def GE(counts: OutcomeCounts) -> Floats:
    """Generalized Entropy (GE)

    Of the benefits prediction − label + 1, with alpha = 2: half their squared coefficient of variation.
    """
    a, d = counts.a, counts.d
    right, gained, n = a.tp + a.tn + d.tp + d.tn, a.fp + d.fp, a.n + d.n
    mean = divide(right + 2 * gained, n)
    return divide(divide(right + 4 * gained, mean**2) - n, 2 * n)


@register_metric(
    POST_TRAINING,
    requires=(*BOTH_SIDES, *both_sides_have(lambda side: side.fn + side.fp, "is judged wrongly")),
    low=-INFINITY,
    high=INFINITY,
    above="Per wrong acceptance, the facet has {x} more wrong rejections than the rest.",
    below="Per wrong acceptance, the facet has {x} fewer wrong rejections than the rest.",
    equal="Wrong rejections per wrong acceptance are equal for the facet and the rest.",
    title="Treatment equality",
    question="Per wrong acceptance, how many wrong rejections are there on each side?",
    formula="wrong rejections / wrong acceptances, facet − rest",
    interpretation="0: equal. Above 0: errors go against the facet. Infinite where nobody is accepted wrongly.",
    reword=_reword_if_infinite(lambda side: side.fp, "Nobody is accepted wrongly"),
)
def TE(counts: OutcomeCounts) -> Floats:
    """Treatment Equality (TE)"""
    a, d = counts.a, counts.d
    return rate_difference(divide(d.fn, d.fp), divide(a.fn, a.fp))
