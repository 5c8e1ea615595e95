"""The thirteen post-training metrics of SageMaker Clarify: bias in what a model predicts.

Definitions: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html
"""

from __future__ import annotations

from core.analysis.bias.flip_test import flip_test, flip_test_value
from core.analysis.bias.metric_registry import (
    POST_TRAINING,
    BoolArray,
    ConfusionCounts,
    Sample,
    Undefined,
    conditional_disparity,
    divide,
    rate_difference,
    register_metric,
)

INFINITY = float("inf")


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="The model is right less often for the facet than for the rest, by {p} percentage points.",
    below="The model is right more often for the facet than for the rest, by {p} percentage points.",
    equal="The model is right equally often for the facet and the rest.",
)
def AD(sample: Sample) -> float:
    """Accuracy Difference (AD)"""
    a, d = sample.both_sides()
    return divide(a.tp + a.tn, a.n) - divide(d.tp + d.tn, d.n)


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="Within groups, the facet's share of the rejected is {p} percentage points above its share of the accepted.",
    below="Within groups, the facet's share of the rejected is {p} percentage points below its share of the accepted.",
    equal="Within groups, the facet's share of the rejected equals its share of the accepted.",
)
def CDDPL(sample: Sample) -> float:
    """Conditional Demographic Disparity in Predicted Labels (CDDPL)"""
    return conditional_disparity(sample.facet, _prediction(sample), sample.group, sample.weight)


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="Of those accepted, fewer deserved it in the facet than in the rest, by {p} percentage points.",
    below="Of those accepted, more deserved it in the facet than in the rest, by {p} percentage points.",
    equal="Acceptances are right equally often for the facet and the rest.",
)
def DAR(sample: Sample) -> float:
    """Difference in Acceptance Rates (DAR)"""
    a, d = sample.both_sides()
    return rate_difference(divide(a.tp, a.favourable_predictions), divide(d.tp, d.favourable_predictions))


@register_metric(
    POST_TRAINING,
    low=-INFINITY,
    high=INFINITY,
    above="Per acceptance, the rest has {x} more favourable labels than the facet: the model is stricter with the rest.",
    below="Per acceptance, the facet has {x} more favourable labels than the rest: the model is stricter with the facet.",
    equal="Favourable labels per acceptance are equal for the facet and the rest.",
)
def DCA(sample: Sample) -> float:
    """Difference in Conditional Acceptance (DCA)"""
    a, d = sample.both_sides()
    return rate_difference(divide(a.favourable_labels, a.favourable_predictions), divide(d.favourable_labels, d.favourable_predictions))


@register_metric(
    POST_TRAINING,
    low=-INFINITY,
    high=INFINITY,
    above="Per rejection, the facet has {x} more unfavourable labels than the rest: the model is more lenient with the facet.",
    below="Per rejection, the facet has {x} fewer unfavourable labels than the rest: the model is stricter with the facet.",
    equal="Unfavourable labels per rejection are equal for the facet and the rest.",
)
def DCR(sample: Sample) -> float:
    """Difference in Conditional Rejection (DCR)"""
    a, d = sample.both_sides()
    return rate_difference(
        divide(d.n - d.favourable_labels, d.n - d.favourable_predictions), divide(a.n - a.favourable_labels, a.n - a.favourable_predictions)
    )


@register_metric(
    POST_TRAINING,
    low=0,
    high=INFINITY,
    neutral=1,
    above="The facet is accepted {x} times as often as the rest: more often.",
    below="The facet is accepted {x} times as often as the rest: less often.",
    equal="The facet is accepted as often as the rest.",
)
def DI(sample: Sample) -> float:
    """Disparate Impact (DI)"""
    a, d = sample.both_sides()
    return divide(d.favourable_predictions / d.n, a.favourable_predictions / a.n)


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="The facet is accepted less often than the rest, by {p} percentage points.",
    below="The facet is accepted more often than the rest, by {p} percentage points.",
    equal="The facet is accepted as often as the rest.",
)
def DPPL(sample: Sample) -> float:
    """Difference in Positive Proportions in Predicted Labels (DPPL)"""
    a, d = sample.both_sides()
    return a.favourable_predictions / a.n - d.favourable_predictions / d.n


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="Rejections are right more often for the facet than for the rest, by {p} percentage points.",
    below="Rejections are right less often for the facet than for the rest, by {p} percentage points.",
    equal="Rejections are right equally often for the facet and the rest.",
)
def DRR(sample: Sample) -> float:
    """Difference in Rejection Rates (DRR)"""
    a, d = sample.both_sides()
    return rate_difference(divide(d.tn, d.n - d.favourable_predictions), divide(a.tn, a.n - a.favourable_predictions))


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="More of the facet is accepted though like rows of the rest are rejected than the other way round: {p} % of it, net.",
    below="More of the facet is rejected though like rows of the rest are accepted than the other way round: {p} % of it, net.",
    equal="As many of the facet are treated better than like rows of the rest as are treated worse.",
)
def FT(sample: Sample) -> float:
    """Flip Test (FT)"""
    sample.both_sides()
    if sample.flips is not None:
        return flip_test_value(sample.facet, sample.flips)
    return flip_test(sample.facet, _prediction(sample), sample.features)


@register_metric(
    POST_TRAINING,
    low=0,
    high=INFINITY,
    above="Errors favour some people over others: the inequality of benefits is {x}. It doesn't look at the facet.",
    equal="Nobody benefits from an error more than another.",
)
def GE(sample: Sample) -> float:
    """Generalized Entropy (GE)

    Of the benefits prediction − label + 1, with alpha = 2: half their squared coefficient of variation.
    """
    _prediction(sample)
    cells = (sample.a, sample.d)
    right, gained = (sum(c.tp + c.tn for c in cells), sum(c.fp for c in cells))
    n = sum(c.n for c in cells)
    if n == 0:
        raise Undefined("The dataset has no rows")
    mean = (right + 2 * gained) / n
    if mean == 0:
        raise Undefined("All predicted labels are false negatives: nobody has a benefit to compare")
    return ((right + 4 * gained) / mean**2 - n) / (2 * n)


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="Of those who deserve acceptance, the facet gets it less often than the rest, by {p} percentage points.",
    below="Of those who deserve acceptance, the facet gets it more often than the rest, by {p} percentage points.",
    equal="Those who deserve acceptance get it equally often in the facet and the rest.",
)
def RD(sample: Sample) -> float:
    """Recall Difference (RD)"""
    a, d = sample.both_sides()
    return divide(a.tp, a.favourable_labels) - divide(d.tp, d.favourable_labels)


@register_metric(
    POST_TRAINING,
    low=-1,
    high=1,
    above="Of those who don't deserve acceptance, the facet is rejected more often than the rest, by {p} percentage points.",
    below="Of those who don't deserve acceptance, the facet is rejected less often than the rest, by {p} percentage points.",
    equal="Those who don't deserve acceptance are rejected equally often in the facet and the rest.",
)
def SD(sample: Sample) -> float:
    """Specificity Difference (SD)"""
    a, d = sample.both_sides()
    return divide(d.tn, d.n - d.favourable_labels) - divide(a.tn, a.n - a.favourable_labels)


@register_metric(
    POST_TRAINING,
    low=-INFINITY,
    high=INFINITY,
    above="Per wrong acceptance, the facet has {x} more wrong rejections than the rest.",
    below="Per wrong acceptance, the facet has {x} fewer wrong rejections than the rest.",
    equal="Wrong rejections per wrong acceptance are equal for the facet and the rest.",
)
def TE(sample: Sample) -> float:
    """Treatment Equality (TE)"""
    a, d = sample.both_sides()
    return rate_difference(_errors_ratio(d), _errors_ratio(a))


def _errors_ratio(cells: ConfusionCounts) -> float:
    return divide(cells.fn, cells.fp)


def _prediction(sample: Sample) -> BoolArray:
    if sample.prediction is None:
        raise Undefined("No predictions given")
    return sample.prediction
