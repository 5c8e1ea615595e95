"""Which side of "no difference" a figure lies on, decided in one place."""

from __future__ import annotations

TOLERANCE = 0.0005
"""What is nearer to "no difference" is printed as 0.000 and has no direction: reweighing makes a DPL 0 but for rounding errors."""
ROUNDING_ERROR = 5e-7
"""The same for a figure that has one direction only, such as a divergence: its small values mean something, and only 0 means equal."""


def difference_sign(value: float, neutral: float = 0.0, tolerance: float = TOLERANCE) -> int:
    """1 above ``neutral``, −1 below it, and 0 where the value is nearer to it than ``tolerance``: where it rounds to it at three decimals.

    >>> difference_sign(0.12), difference_sign(-1e-17), difference_sign(0.8, neutral=1)
    (1, 0, -1)
    """
    return 0 if abs(value - neutral) < tolerance else 1 if value > neutral else -1


def drop_rounding_error(value: float) -> float:
    """``value``, or 0 where it is nearer to 0 than ``ROUNDING_ERROR``, so that it is not printed as 1e-17.

    >>> drop_rounding_error(-1e-17), drop_rounding_error(0.12)
    (0.0, 0.12)
    """
    return 0.0 if abs(value) < ROUNDING_ERROR else value
