"""The ranges of a tuning job as optuna's distributions."""

from __future__ import annotations

import itertools
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
        """The values of a training job's hyperparameters, or None when one is missing or not among a range's categories."""
        from optuna.distributions import CategoricalDistribution, IntDistribution

        found: dict[str, Any] = {}
        for name, distribution in self.distributions.items():
            if name not in texts:
                return None
            text = texts[name]
            if isinstance(distribution, CategoricalDistribution):
                value: Any = text
            elif isinstance(distribution, IntDistribution):
                value = int(text)
            else:
                value = 1 - float(text) if name in self.reverse_logarithmic else float(text)
            if isinstance(distribution, CategoricalDistribution):
                if value not in distribution.choices:
                    return None
            elif not distribution.low <= value <= distribution.high:
                value = min(max(value, distribution.low), distribution.high)
            found[name] = value
        return found


def _is_logarithmic(item: Body, low: float, high: float) -> bool:
    scaling = item.get("ScalingType", "Auto")
    return scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= 100)
