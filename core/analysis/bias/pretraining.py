"""The eight pre-training metrics of SageMaker Clarify: bias in the data, before there is a model.

Definitions: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html
"""

from __future__ import annotations

import numpy as np

from core.analysis.bias.metric_registry import PRE_TRAINING, register_metric
from core.analysis.bias.outcome_counts import (
    BOTH_SIDES,
    GROUP_WITH_BOTH_OUTCOMES,
    GROUPS_GIVEN,
    NO_FAVOURABLE_REASON,
    NO_UNFAVOURABLE_REASON,
    BoolArray,
    Floats,
    OutcomeCounts,
    Requirement,
    conditional_disparity,
    divide,
    has_group_with_both_outcomes,
    mention_groups_with_one_outcome,
)


def _label_shares(counts: OutcomeCounts) -> Floats:
    """The share of each label (unfavourable, favourable) among the rest and among the facet, shape (2, ..., 2)."""
    labels = [np.stack([side.unfavourable_labels, side.favourable_labels], axis=-1) for side in (counts.a, counts.d)]
    return np.stack([divide(counted, counted.sum(axis=-1, keepdims=True)) for counted in labels])


def _is_common(shares: Floats) -> BoolArray:
    """Which labels occur on both sides, shape (..., 2)."""
    return np.asarray((shares > 0).all(axis=0))


def _common_shares(counts: OutcomeCounts) -> Floats:
    """Shares of the labels that occur on both sides. As in smclarify, others are left out: both shares are 1 there, so that neither their
    difference nor the logarithm of their ratio adds anything."""
    shares = _label_shares(counts)
    return np.where(_is_common(shares), shares, 1.0)


def _sum_over_labels(terms: Floats) -> Floats:
    total: Floats = terms.sum(axis=-1)
    return total


CONDITIONAL = (
    GROUPS_GIVEN,
    *BOTH_SIDES,
    Requirement(lambda counts: counts.a.favourable_labels + counts.d.favourable_labels > 0, NO_FAVOURABLE_REASON),
    Requirement(lambda counts: counts.a.unfavourable_labels + counts.d.unfavourable_labels > 0, NO_UNFAVOURABLE_REASON),
    Requirement(lambda counts: has_group_with_both_outcomes(counts.labels_by_group), GROUP_WITH_BOTH_OUTCOMES),
)
COMMON_LABEL = Requirement(
    lambda counts: np.asarray(_is_common(_label_shares(counts)).any(axis=-1)),
    "The facet and the rest have no label in common, or one of them has no rows",
)


@register_metric(
    PRE_TRAINING,
    requires=CONDITIONAL,
    low=-1,
    high=1,
    above="Within groups, the facet's share of the unfavourable labels is {p} percentage points above its share of the favourable ones.",
    below="Within groups, the facet's share of the unfavourable labels is {p} percentage points below its share of the favourable ones.",
    equal="Within groups, the facet's share of the unfavourable labels equals its share of the favourable ones.",
    title="Conditional demographic disparity in labels",
    question="Within groups of like people (the group variable), is the facet overrepresented among the unfavourable labels?",
    formula="facet's share of the unfavourable labels − its share of the favourable ones, per group, weighted by the group's size",
    interpretation="0: no. Above 0: yes. It guards against Simpson's paradox: a difference that only comes from groups of unlike size.",
    reword=lambda counts, words: mention_groups_with_one_outcome(counts.labels_by_group, words),
)
def CDDL(counts: OutcomeCounts) -> Floats:
    """Conditional Demographic Disparity in Labels (CDDL)"""
    return conditional_disparity(counts.labels_by_group)


@register_metric(
    PRE_TRAINING,
    requires=BOTH_SIDES,
    low=-1,
    high=1,
    above="The facet has fewer rows than the rest, by {p} % of all rows.",
    below="The facet has more rows than the rest, by {p} % of all rows.",
    equal="The facet and the rest have equally many rows.",
    title="Class imbalance",
    question="Are there fewer rows of the facet than of the rest?",
    formula="(nₐ − n_d) / (nₐ + n_d)",
    interpretation="0: equally many. It counts rows and looks at no label: balancing it says nothing about bias in the labels.",
)
def CI(counts: OutcomeCounts) -> Floats:
    """Class Imbalance (CI)

    It counts rows and looks at no label: CI = 0 says nothing about bias in the labels.
    """
    a, d = counts.a, counts.d
    return divide(a.n - d.n, a.n + d.n)


@register_metric(
    PRE_TRAINING,
    requires=BOTH_SIDES,
    low=-1,
    high=1,
    above="The facet has the favourable label less often than the rest, by {p} percentage points.",
    below="The facet has the favourable label more often than the rest, by {p} percentage points.",
    equal="The facet has the favourable label as often as the rest.",
    title="Difference in proportions of labels",
    question="Does the facet have the favourable label less often?",
    formula="favourable share of the rest − favourable share of the facet",
    interpretation="0: equally often. Above 0: the facet has it less often, below 0 more often.",
)
def DPL(counts: OutcomeCounts) -> Floats:
    """Difference in Positive Proportions in Labels (DPL)"""
    a, d = counts.a, counts.d
    return divide(a.favourable_labels, a.n) - divide(d.favourable_labels, d.n)


@register_metric(
    PRE_TRAINING,
    requires=(COMMON_LABEL,),
    low=0,
    high=np.log(2),
    above="The labels of the facet and of the rest are distributed differently, {x} nats from their mean distribution.",
    equal="The labels of the facet and of the rest are distributed alike.",
    title="Jensen-Shannon divergence",
    question="How differently are the labels distributed?",
    formula="mean KL divergence of both sides from their mean",
    interpretation="0: alike. At most ln 2 ≈ 0.693. It has no direction.",
)
def JS(counts: OutcomeCounts) -> Floats:
    """Jensen-Shannon Divergence (JS)"""
    a, d = _common_shares(counts)
    mean = (a + d) / 2
    return _sum_over_labels(a * np.log(a / mean) + d * np.log(d / mean)) / 2


@register_metric(
    PRE_TRAINING,
    requires=(COMMON_LABEL,),
    low=0,
    high=np.inf,
    above="The labels of the rest diverge from the facet's by {x} nats.",
    below="One label occurs on one side only, so that the divergence ({x} below 0) covers the shared label alone.",
    equal="The labels of the facet and of the rest are distributed alike.",
    title="Kullback-Leibler divergence",
    question="How much do the labels of the rest diverge from the facet's?",
    formula="Σ Pₐ(y) · ln(Pₐ(y) / P_d(y))",
    interpretation="0: not at all; no upper bound. It has no direction.",
)
def KL(counts: OutcomeCounts) -> Floats:
    """Kullback-Liebler Divergence (KL)

    Over the labels that occur on both sides, as smclarify has it.
    """
    a, d = _common_shares(counts)
    return _sum_over_labels(a * np.log(a / d))


@register_metric(
    PRE_TRAINING,
    requires=(COMMON_LABEL,),
    low=0,
    high=1,
    above="The largest difference between facet and rest in the share of any label is {p} percentage points.",
    equal="The facet and the rest have the same share of every label.",
    title="Kolmogorov-Smirnov distance",
    question="What is the greatest gap in the share of any label?",
    formula="max |Pₐ(y) − P_d(y)|",
    interpretation="0: none; 1: no label in common. With two labels it is |DPL|.",
)
def KS(counts: OutcomeCounts) -> Floats:
    """Kolmogorov-Smirnov Distance (KS)"""
    a, d = _common_shares(counts)
    largest: Floats = np.abs(a - d).max(axis=-1)
    return largest


@register_metric(
    PRE_TRAINING,
    requires=(COMMON_LABEL,),
    low=0,
    high=np.sqrt(2),
    above="The label shares of facet and rest are {x} apart (Euclidean).",
    equal="The facet and the rest have the same share of every label.",
    title="Lp norm",
    question="How far apart are the label shares?",
    formula="√ Σ (Pₐ(y) − P_d(y))²",
    interpretation="0: equal. With two labels it is √2 · |DPL|.",
)
def LP(counts: OutcomeCounts) -> Floats:
    """L-p Norm (LP)"""
    a, d = _common_shares(counts)
    return np.sqrt(_sum_over_labels((a - d) ** 2))


@register_metric(
    PRE_TRAINING,
    requires=(COMMON_LABEL,),
    low=0,
    high=1,
    above="{p} % of one side would need another label for facet and rest to have the same shares.",
    equal="The facet and the rest have the same share of every label.",
    title="Total variation distance",
    question="What part of one side would need another label for equal shares?",
    formula="½ Σ |Pₐ(y) − P_d(y)|",
    interpretation="0: none. With two labels it is |DPL|.",
)
def TVD(counts: OutcomeCounts) -> Floats:
    """Total Variation Distance (TVD)"""
    a, d = _common_shares(counts)
    return _sum_over_labels(np.abs(a - d)) / 2
