"""The eight pre-training metrics of SageMaker Clarify: bias in the data, before there is a model.

Definitions: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.analysis.bias.metric_registry import PRE_TRAINING, Sample, Undefined, conditional_disparity, register_metric

Distribution = NDArray[np.float64]


@register_metric(
    PRE_TRAINING,
    low=-1,
    high=1,
    above="Within groups, the facet's share of the unfavourable labels is {p} percentage points above its share of the favourable ones.",
    below="Within groups, the facet's share of the unfavourable labels is {p} percentage points below its share of the favourable ones.",
    equal="Within groups, the facet's share of the unfavourable labels equals its share of the favourable ones.",
)
def CDDL(sample: Sample) -> float:
    """Conditional Demographic Disparity in Labels (CDDL)"""
    return conditional_disparity(sample.facet, sample.label, sample.group, sample.weight)


@register_metric(
    PRE_TRAINING,
    low=-1,
    high=1,
    above="The facet has fewer rows than the rest, by {p} % of all rows.",
    below="The facet has more rows than the rest, by {p} % of all rows.",
    equal="The facet and the rest have equally many rows.",
)
def CI(sample: Sample) -> float:
    """Class Imbalance (CI)

    It counts rows and looks at no label: CI = 0 says nothing about bias in the labels.
    """
    a, d = sample.both_sides()
    return (a.n - d.n) / (a.n + d.n)


@register_metric(
    PRE_TRAINING,
    low=-1,
    high=1,
    above="The facet has the favourable label less often than the rest, by {p} percentage points.",
    below="The facet has the favourable label more often than the rest, by {p} percentage points.",
    equal="The facet has the favourable label as often as the rest.",
)
def DPL(sample: Sample) -> float:
    """Difference in Positive Proportions in Labels (DPL)"""
    a, d = sample.both_sides()
    return a.favourable_labels / a.n - d.favourable_labels / d.n


@register_metric(
    PRE_TRAINING,
    low=0,
    high=np.log(2),
    above="The labels of the facet and of the rest are distributed differently, {x} nats from their mean distribution.",
    equal="The labels of the facet and of the rest are distributed alike.",
)
def JS(sample: Sample) -> float:
    """Jensen-Shannon Divergence (JS)"""
    a, d = _distributions(sample)
    mean = (a + d) / 2
    return float((a * np.log(a / mean)).sum() + (d * np.log(d / mean)).sum()) / 2


@register_metric(
    PRE_TRAINING,
    low=0,
    high=np.inf,
    above="The labels of the rest diverge from the facet's by {x} nats.",
    below="One label occurs on one side only, so that the divergence ({x} below 0) covers the shared label alone.",
    equal="The labels of the facet and of the rest are distributed alike.",
)
def KL(sample: Sample) -> float:
    """Kullback-Liebler Divergence (KL)

    Over the labels that occur on both sides, as smclarify has it.
    """
    a, d = _distributions(sample)
    return float((a * np.log(a / d)).sum())


@register_metric(
    PRE_TRAINING,
    low=0,
    high=1,
    above="The largest difference between facet and rest in the share of any label is {p} percentage points.",
    equal="The facet and the rest have the same share of every label.",
)
def KS(sample: Sample) -> float:
    """Kolmogorov-Smirnov Distance (KS)"""
    a, d = _distributions(sample)
    return float(np.abs(a - d).max())


@register_metric(
    PRE_TRAINING,
    low=0,
    high=np.sqrt(2),
    above="The label shares of facet and rest are {x} apart (Euclidean).",
    equal="The facet and the rest have the same share of every label.",
)
def LP(sample: Sample) -> float:
    """L-p Norm (LP)"""
    a, d = _distributions(sample)
    return float(np.linalg.norm(a - d))


@register_metric(
    PRE_TRAINING,
    low=0,
    high=1,
    above="{p} % of one side would need another label for facet and rest to have the same shares.",
    equal="The facet and the rest have the same share of every label.",
)
def TVD(sample: Sample) -> float:
    """Total Variation Distance (TVD)"""
    a, d = _distributions(sample)
    return float(np.abs(a - d).sum()) / 2


def _distributions(sample: Sample) -> tuple[Distribution, Distribution]:
    """Shares of the labels that occur both in a and in d (others are left out, as in smclarify)."""
    a, d = (np.array([cells.n - cells.favourable_labels, cells.favourable_labels], dtype=float) for cells in (sample.a, sample.d))
    common = (a > 0) & (d > 0)
    if not common.any():
        raise Undefined("The facet and the rest have no label in common, or one of them has no rows")
    return (a / a.sum())[common], (d / d.sum())[common]
