"""The registered bias metrics: what each is called and computed from, its range, and what its values mean in words.

A metric is written once, in ``pretraining`` or ``posttraining``: a function of ``OutcomeCounts`` under ``register_metric``. The Clarify
container, intervals, comparisons of two models, threshold sweeps, the trials of a tuning job, gates and the glossary all read it from here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.analysis.bias.direction import ROUNDING_ERROR, TOLERANCE, difference_sign
from core.analysis.bias.flip_test import FLIP_TEST
from core.analysis.bias.outcome_counts import Floats, OutcomeCounts, Requirement

MetricFunction = Callable[[OutcomeCounts], Floats]


@dataclass(frozen=True)
class MetricDefinition:
    """A registered metric.

    ``description``: as Clarify words it. ``title``, ``question``, ``formula`` (a: the rest, d: the facet) and ``interpretation``: its entry
    in the glossary. ``function``: its value for counts that fulfil ``requires``, in the counts' shape. ``low`` to ``high``: its range;
    ``neutral``: its value where both sides are treated alike. ``above``, ``below``, ``equal``: what a value on either side of neutral, or
    at it, says. ``compares_groups``: False where it looks at all people together. ``headline``: one of the few that a short
    list offers. ``reword``: the words about a value, changed where the counts say more than the value does.
    """

    name: str
    description: str
    title: str
    question: str
    formula: str
    interpretation: str
    function: MetricFunction
    requires: tuple[Requirement, ...]
    low: float
    high: float
    neutral: float
    above: str
    below: str
    equal: str
    compares_groups: bool
    headline: bool
    reword: Callable[[OutcomeCounts, str], str]

    @property
    def is_share_difference(self) -> bool:
        """Whether it is the difference of two shares, so that it can be given in percentage points."""
        return (self.low, self.high) == (-1, 1)

    @property
    def is_ratio(self) -> bool:
        """Whether it divides one side's rate by the other's, so that 1 means no difference."""
        return self.neutral == 1

    def undefined_reason(self, counts: OutcomeCounts) -> str | None:
        """Why the metric has no value on one set of rows (counts of shape ()); None where it has one."""
        return next((requirement.reason for requirement in self.requires if not requirement.is_met(counts)), None)

    def compute(self, counts: OutcomeCounts) -> Floats:
        """The metric in the counts' shape; NaN where it is undefined."""
        is_defined = np.logical_and.reduce(np.broadcast_arrays(True, *(requirement.is_met(counts) for requirement in self.requires)))
        value: Floats = np.where(is_defined, self.function(counts), np.nan)
        return value

    def sign(self, value: float) -> int:
        """1 where ``value`` lies above "no difference", −1 below it, and 0 where it can't be told from it (``direction``)."""
        return difference_sign(value, self.neutral, TOLERANCE if self.low < self.neutral else ROUNDING_ERROR)

    def describe(self, counts: OutcomeCounts, value: float) -> str:
        """What the value says of one set of rows (counts of shape ()), on which it was computed."""
        return self.reword(counts, self.in_words(value))

    def in_words(self, value: float) -> str:
        """What a value says, and about whom; ``{x}`` of a sentence is its magnitude, ``{p}`` the same in percent."""
        sign = self.sign(value)
        if sign == 0:
            return self.equal
        size = value if self.is_ratio else abs(value - self.neutral)
        text = self.above if sign > 0 else self.below
        x = "infinitely" if np.isinf(size) else f"{size:.3g}"
        p = "infinitely many" if np.isinf(size) else f"{100 * size:.3g}"
        return text.format(x=x, p=p)


PRE_TRAINING: dict[str, MetricDefinition] = {}
"""The metrics of the data, by name."""
POST_TRAINING: dict[str, MetricDefinition] = {}
"""The metrics of a model's predictions, by name; those that a short list offers come first."""


def register_metric(
    registry: dict[str, MetricDefinition],
    *,
    requires: tuple[Requirement, ...],
    low: float,
    high: float,
    above: str,
    below: str = "",
    equal: str,
    title: str,
    question: str,
    formula: str,
    interpretation: str,
    neutral: float = 0.0,
    compares_groups: bool = True,
    headline: bool = False,
    reword: Callable[[OutcomeCounts, str], str] = lambda _, words: words,
) -> Callable[[MetricFunction], MetricFunction]:
    """Register the decorated function under its own name. The first line of its docstring is the description; the other arguments are the
    fields of ``MetricDefinition``."""

    def register(function: MetricFunction) -> MetricFunction:
        registry[function.__name__] = MetricDefinition(
            name=function.__name__,
            description=(inspect.getdoc(function) or "").split("\n")[0],
            title=title,
            question=question,
            formula=formula,
            interpretation=interpretation,
            function=function,
            requires=requires,
            low=low,
            high=high,
            neutral=neutral,
            above=above,
            below=below,
            equal=equal,
            compares_groups=compares_groups,
            headline=headline,
            reword=reword,
        )
        return function

    return register


def find_definition(name: str) -> MetricDefinition | None:
    """The metric of this name, of either stage; None where there is none.

    >>> find_definition("DPPL").question
    'Is the facet accepted less often? Also called demographic parity difference.'
    """
    return PRE_TRAINING.get(name) or POST_TRAINING.get(name)


def neutral_value(name: str) -> float:
    """The metric's value where both sides are treated alike: 1 for a ratio, and 0 for others, unknown metrics among them."""
    definition = find_definition(name)
    return 0.0 if definition is None else definition.neutral


def value_sign(name: str, value: float) -> int:
    """``MetricDefinition.sign`` of a metric by name; unknown metrics are taken to be differences."""
    definition = find_definition(name)
    return difference_sign(value) if definition is None else definition.sign(value)


def changes_sign(name: str, before: float, after: float) -> bool:
    """Whether the metric goes from one side of "no difference" to the other, so that the other group is ahead afterwards."""
    return value_sign(name, before) * value_sign(name, after) < 0


def compares_groups(name: str) -> bool:
    """Whether the metric compares the facet with the rest, as all but GE do; unknown metrics are taken to."""
    definition = find_definition(name)
    return definition is None or definition.compares_groups


def counted_metrics() -> list[str]:
    """The post-training metrics that counts alone decide, in alphabetical order: all but the flip test, which looks for like rows."""
    return sorted(POST_TRAINING.keys() - {FLIP_TEST})


def headline_metrics() -> list[str]:
    """The post-training metrics that a short list offers, the most used first."""
    return [name for name, definition in POST_TRAINING.items() if definition.headline]
