"""What each rebalancing method can be told: the form is drawn from this, and what isn't in it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A whole number from ``low`` to ``high``, a share above ``low`` where not ``whole``, or one of ``choices``."""

    name: str
    title: str
    default: Any
    help: str
    low: float = 0
    high: float = 0
    whole: bool = True
    choices: tuple[Any, ...] = ()

    def problem(self, value: Any) -> str | None:
        """Why the value can't be taken; None where it can."""
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


SHARE = Parameter(
    "sampling_strategy",
    "Minority to majority, at least",
    1.0,
    "1 makes all groups equally large; 0.5 brings each to half of the largest.",
    low=0,
    high=1,
    whole=False,
)
NEAR = Parameter("k_neighbors", "Neighbours (k)", 5, "A new row lies between a row and one of its k nearest of the same group.", 1, 50)
AROUND = Parameter(
    "m_neighbors", "Neighbours that find the border (m)", 10, "A row is on the border when half of its m nearest are others.", 1, 50
)
BORDER = Parameter(
    "kind",
    "Variant",
    "borderline-1",
    "borderline-2 also goes half-way towards rows of other groups.",
    choices=("borderline-1", "borderline-2"),
)
EDITED = Parameter("enn_neighbors", "Neighbours that must agree", 3, "A row whose nearest rows are of another group is removed.", 1, 50)
VOTE = Parameter(
    "enn_rule", "A row is removed unless", "all", "all: every near row is of its group; mode: most are.", choices=("all", "mode")
)
AGAIN = Parameter("replacement", "Draw with replacement", False, "A row may then be kept more than once.", choices=(False, True))

PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "none": (),
    "smote": (NEAR, SHARE),
    "smote-nc": (NEAR, SHARE),
    "borderline-smote": (NEAR, SHARE, AROUND, BORDER),
    "adasyn": (NEAR, SHARE),
    "random-over": (SHARE,),
    "random-under": (SHARE, AGAIN),
    "smote-tomek": (NEAR, SHARE),
    "smote-enn": (NEAR, SHARE, EDITED, VOTE),
    "reweighing": (),
}


def problem(method: str, parameters: Mapping[str, Any]) -> str | None:
    """Why these parameters can't be used with this method; None where they can. One that the method doesn't know is passed over."""
    found = (p.problem(parameters[p.name]) for p in PARAMETERS[method] if p.name in parameters)
    return next((text for text in found if text), None)


def used(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the method knows, those left out by their default."""
    return {p.name: parameters.get(p.name, p.default) for p in PARAMETERS[method]}
