"""The parameters of each rebalancing method: forms are built from these definitions, and any other parameter is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

ParameterValue: TypeAlias = float | str
"""The value of a method's parameter: a number, or one of its choices (a bool is an int)."""


@dataclass(frozen=True)
class Parameter:
    """A whole number from ``low`` to ``high``, a share above ``low`` where not ``whole``, or one of ``choices``."""

    name: str
    title: str
    default: ParameterValue
    help: str
    low: float = 0
    high: float = 0
    whole: bool = True
    choices: tuple[str | bool, ...] = ()

    def find_problem(self, value: object) -> str | None:
        """Why the value is invalid; None where it is valid."""
        if self.choices:
            return None if value in self.choices else f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}."
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{self.name} must be a number, not {value!r}."
        if not self.whole:
            fits = self.low < value <= self.high
            return None if fits else f"{self.name} must be above {self.low:g} and at most {self.high:g}, not {value}."
        if value != value or value in (float("inf"), -float("inf")) or value != int(value):
            return f"{self.name} must be a whole number, not {value}."
        if value < self.low:
            return f"{self.name} must be at least {self.low:g}, not {value}."
        return f"{self.name} must be at most {self.high:g}, not {value}." if value > self.high else None


SAMPLING_STRATEGY = Parameter(
    "sampling_strategy",
    "Minority to majority, at least",
    1.0,
    "1 makes all groups equally large; 0.5 brings each to half of the largest.",
    low=0,
    high=1,
    whole=False,
)
K_NEIGHBORS = Parameter(
    "k_neighbors", "Neighbours (k)", 5, "A new row lies between a row and one of its k nearest of the same group.", 1, 50
)
M_NEIGHBORS = Parameter(
    "m_neighbors", "Neighbours that find the border (m)", 10, "A row is on the border when half of its m nearest are others.", 1, 50
)
BORDERLINE_KIND = Parameter(
    "kind",
    "Variant",
    "borderline-1",
    "borderline-2 also goes half-way towards rows of other groups.",
    choices=("borderline-1", "borderline-2"),
)
ENN_NEIGHBORS = Parameter(
    "enn_neighbors", "Neighbours that must agree", 3, "A row whose nearest rows are of another group is removed.", 1, 50
)
ENN_RULE = Parameter(
    "enn_rule", "A row is removed unless", "all", "all: every near row is of its group; mode: most are.", choices=("all", "mode")
)
REPLACEMENT = Parameter("replacement", "Draw with replacement", False, "A row may then be kept more than once.", choices=(False, True))

PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "none": (),
    "smote": (K_NEIGHBORS, SAMPLING_STRATEGY),
    "smote-nc": (K_NEIGHBORS, SAMPLING_STRATEGY),
    "borderline-smote": (K_NEIGHBORS, SAMPLING_STRATEGY, M_NEIGHBORS, BORDERLINE_KIND),
    "adasyn": (K_NEIGHBORS, SAMPLING_STRATEGY),
    "random-over": (SAMPLING_STRATEGY,),
    "random-under": (SAMPLING_STRATEGY, REPLACEMENT),
    "smote-tomek": (K_NEIGHBORS, SAMPLING_STRATEGY),
    "smote-enn": (K_NEIGHBORS, SAMPLING_STRATEGY, ENN_NEIGHBORS, ENN_RULE),
    "reweighing": (),
}


def find_problem(method: str, parameters: Mapping[str, object]) -> str | None:
    """Why these parameters can't be used with this method; None where they can. Parameters of other methods are ignored."""
    found = (p.find_problem(parameters[p.name]) for p in PARAMETERS[method] if p.name in parameters)
    return next((text for text in found if text), None)


def with_defaults(method: str, parameters: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
    """The method's parameters, with defaults for those that are missing."""
    return {p.name: parameters.get(p.name, p.default) for p in PARAMETERS[method]}
