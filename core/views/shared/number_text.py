"""Numbers, intervals, times and money as people read them."""

from __future__ import annotations

import numpy as np

from core.analysis.tables.value_names import ValueNames

CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def format_number(value: float | None, digits: int = 3) -> str:
    """A number with thousands separators and a real minus sign, but none where it rounds to 0; ∞ where infinite, a dash for None or NaN."""
    if value is None or value != value:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    return f"{value:z,.{digits}f}".replace("-", "−")


def feature_value_text(value: object) -> str:
    """A feature's value in a row: a number as short as it goes, ``empty`` where it is missing.

    >>> feature_value_text(2.0), feature_value_text(float("nan")), feature_value_text("north")
    ('2', 'empty', 'north')
    """
    if value is None or value != value:
        return "empty"
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def named_value_text(feature: str, value: object, names: ValueNames) -> str:
    """A feature's value in a row as its people wrote it: ``north`` for a code, ``empty`` where it is missing."""
    missing = value is None or value != value
    return names.value(feature, value) if names.is_coded(feature) and not missing else feature_value_text(value)


def band_text(low: float, high: float) -> str:
    """A band of a feature's values, ``20 to 30``; ``empty`` for the rows without a value."""
    return feature_value_text(low) if low == high or low != low else f"{low:g} to {high:g}"


def format_percent(value: float | None, digits: int = 1) -> str:
    """A share (0 to 1) as a percentage; a dash for None or NaN."""
    return "–" if value is None or value != value else f"{100 * value:z.{digits}f} %".replace("-", "−")


def signed_number(value: float | None, digits: int = 3) -> str:
    """A number with its sign; one that is rounded to zero has none."""
    text = format_number(value, digits)
    return text if value is None or value <= 0 or not any(c in "123456789" for c in text) else f"+{text}"


def interval_text(low: float | None, high: float | None, digits: int = 3) -> str:
    """``95 % interval 0.1 to 0.2``."""
    return "no interval" if low is None or high is None else f"95 % interval {format_number(low, digits)} to {format_number(high, digits)}"


def per_hundred_text(share: float | None) -> str:
    """A share (0 to 1) as how many of 100; with a decimal near 0 and 100. A dash for None."""
    if share is None:
        return "–"
    return format_number(100 * share, 0 if 0.1 <= share <= 0.9 or share in (0, 1) else 1)


def duration_text(seconds: float) -> str:
    """Seconds as ``4.2 s``, ``42 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def money_text(value: float, currency: str) -> str:
    """``$2.30``; ``less than $0.01`` for an amount above 0 that rounds to 0."""
    sign = CURRENCY_SIGNS.get(currency, f"{currency} ")
    return f"less than {sign}0.01" if 0 < value < 0.005 else f"{sign}{value:,.2f}"
