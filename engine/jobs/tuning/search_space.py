"""The ranges of a tuning job as optuna's distributions."""

from __future__ import annotations

import itertools
import math
from typing import Any

from engine.store.records import Body


class SearchSpace:
    """The ranges of a tuning job as optuna's distributions, and values as SageMaker's strings."""

    def __init__(self, ranges: Body) -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self.distributions: dict[str, Any] = {}
        self.reverse_logarithmic: set[str] = set()
        for item in ranges.get("IntegerParameterRanges", []):
            low, high = int(item["MinValue"]), int(item["MaxValue"])
            self.distributions[item["Name"]] = IntDistribution(low, high, log=_is_logarithmic(item, low, high))
        for item in ranges.get("ContinuousParameterRanges", []):
            low_, high_ = float(item["MinValue"]), float(item["MaxValue"])
            if item.get("ScalingType") == "ReverseLogarithmic":
                self.reverse_logarithmic.add(item["Name"])
                self.distributions[item["Name"]] = FloatDistribution(1 - high_, 1 - low_, log=True)
            else:
                self.distributions[item["Name"]] = FloatDistribution(low_, high_, log=_is_logarithmic(item, low_, high_))
        for item in ranges.get("CategoricalParameterRanges", []):
            self.distributions[item["Name"]] = CategoricalDistribution(item["Values"])

    def to_hyperparameters(self, values: dict[str, Any]) -> dict[str, str]:
        """The hyperparameters of a training job."""
        return {name: str(1 - value if name in self.reverse_logarithmic else value) for name, value in values.items()}

    def grid_point(self, number: int) -> dict[str, str]:
        """The hyperparameters of the grid's point ``number``, from 0."""
        choices = [d.choices if hasattr(d, "choices") else range(d.low, d.high + 1) for d in self.distributions.values()]
        found = next(itertools.islice(itertools.product(*choices), number, None))
        return self.to_hyperparameters(dict(zip(self.distributions, found, strict=True)))

    def values(self, texts: dict[str, str]) -> dict[str, Any] | None:
        """The values of a training job's hyperparameters, or None if it was tried outside these ranges: a hyperparameter is missing,
        isn't a number, lies outside its range, or isn't among a range's categories."""
        found = {name: self._value_in_range(name, texts[name]) for name in self.distributions if name in texts}
        return found if len(found) == len(self.distributions) and None not in found.values() else None

    def _value_in_range(self, name: str, text: str) -> Any:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        distribution = self.distributions[name]
        if isinstance(distribution, CategoricalDistribution):
            return text if text in distribution.choices else None
        try:
            number = float(text)
        except ValueError:
            return None
        value = 1 - number if name in self.reverse_logarithmic else number
        within = min(max(value, distribution.low), distribution.high)
        if not math.isclose(within, value, rel_tol=1e-9, abs_tol=1e-12):  # 1 − (1 − x) may miss an end of the range by a rounding error
            return None
        if isinstance(distribution, IntDistribution):
            return int(within) if float(within).is_integer() else None
        return within


def _is_logarithmic(item: Body, low: float, high: float) -> bool:
    scaling = item.get("ScalingType", "Auto")
    return scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= 100)
