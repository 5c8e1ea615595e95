"""Which side of "no difference" a figure lies on, decided in one place."""

from __future__ import annotations

from core.analysis.bias.metric_registry import neutral_value

TOLERANCE = 0.0005
"""What is nearer to "no difference" is printed as 0.000 and has no direction: reweighing makes a DPL 0 but for rounding errors."""


def difference_sign(value: float, neutral: float = 0.0) -> int:
    """1 above ``neutral``, −1 below it, and 0 where the value rounds to it at three decimals.

    >>> difference_sign(0.12), difference_sign(-1e-17), difference_sign(0.8, neutral=1)
    (1, 0, -1)
    """
    return 0 if abs(value - neutral) < TOLERANCE else 1 if value > neutral else -1


def changes_sign(name: str, before: float, after: float) -> bool:
    """Whether the metric goes from one side of "no difference" to the other, so that the other group is ahead afterwards."""
    neutral = neutral_value(name)
    return difference_sign(before, neutral) * difference_sign(after, neutral) < 0
