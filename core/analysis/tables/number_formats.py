"""Numbers as people write them (10,000 · 1.234,50 · 45 % · $12 · (500)), read if a whole column agrees on one way of writing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DecimalMark = Literal[".", ","]
DECIMAL_MARKS: tuple[DecimalMark, DecimalMark] = (".", ",")

_CURRENCIES = (
    r"[A-Z]{0,2}\$|[€£¥₹₩₽₺₪₫฿₴₦]|kr|zł|Kč|Fr\.?|"
    "USD|EUR|GBP|JPY|CHF|AUD|CAD|NZD|SEK|NOK|DKK|INR|CNY|RMB|BRL|MXN|ZAR|PLN|CZK|HUF|TRY|RUB|KRW|TWD|HKD|SGD|ILS|THB"
)
_UNITS = (
    "%|‰|years?|yrs?|months?|weeks?|days?|hours?|hrs?|min|seconds?|kg|lbs?|km|mi|cm|mm|m2|m²|sqft|points?|pts|"
    "thousand|million|billion|Mio|Mrd|[kKmMB]"
)
_CELL = re.compile(
    rf"(?P<open>\()?\s*(?P<before>[+\-−])?\s*(?:(?P<currency>{_CURRENCIES})\s*)?(?P<after>[+\-−])?"
    rf"(?P<digits>\d[\d.,'’ ]*(?:[eE][+-]?\d+)?|[.,]\d+)\s*(?P<unit>{_CURRENCIES}|{_UNITS})?\s*(?P<close>\))?"
)
_GROUPED = {
    ".": re.compile(r"[1-9]\d{0,2}(?:(?:,\d{3})+|(?: \d{3})+|(?:['’]\d{3})+|(?:,\d{2})*,\d{3})(?:\.\d+)?"),
    ",": re.compile(r"[1-9]\d{0,2}(?:(?:\.\d{3})+|(?: \d{3})+|(?:['’]\d{3})+)(?:,\d+)?"),
}
"""Digits in groups, by decimal mark; with commas also India's groups of two (1,00,000)."""
_PLAIN = {
    ".": re.compile(r"(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"),
    ",": re.compile(r"(?:(?:0|[1-9]\d*)(?:,\d+)?|,\d+)(?:[eE][+-]?\d+)?"),
}
"""Digits without groups. A leading zero makes a code of them: 01 stays 01."""


@dataclass(frozen=True)
class WrittenNumber:
    """A cell read as a number. ``unit``: the currency or unit that is written with it, or ""; ``grouped``: its thousands are set apart."""

    value: int | float
    unit: str
    grouped: bool


@dataclass(frozen=True)
class NumberColumn:
    """The different texts of a column read as numbers, in their order. ``unit``: written with each of them, or ""."""

    values: tuple[int | float, ...]
    unit: str


def parse_number(text: str, decimal: DecimalMark = ".") -> WrittenNumber | None:
    """The number that the text says, with this decimal mark; None if it isn't one.

    Thousands may be set apart by the other mark, a space or an apostrophe; parentheses are minus (accounting); a currency or a unit may be
    written with the number, and 45 % is 45.

    >>> parse_number("$10,000"), parse_number("(1.234,5)", ",")
    (WrittenNumber(value=10000, unit='$', grouped=True), WrittenNumber(value=-1234.5, unit='', grouped=True))
    >>> parse_number("01") is parse_number("1,5") is None
    True
    """
    cell = _CELL.fullmatch(text)
    if cell is None or (cell["open"] is None) != (cell["close"] is None) or (cell["before"] and cell["after"]):
        return None
    digits = cell["digits"].strip()
    plain = _PLAIN[decimal].fullmatch(digits) is not None
    if not plain and _GROUPED[decimal].fullmatch(digits) is None:
        return None
    other = "." if decimal == "," else ","
    number = re.sub(rf"[{re.escape(other)} '’]", "", digits).replace(",", ".")
    value: int | float = int(number) if number.isdecimal() else float(number)
    negative = (cell["open"] is not None) != ((cell["before"] or cell["after"] or "+") in "-−")
    unit = " ".join(part.removesuffix("s") for part in (cell["currency"], cell["unit"]) if part)
    return WrittenNumber(-value if negative else value, unit, not plain)


def read_numbers(texts: Sequence[str], decimal: DecimalMark) -> NumberColumn | None:
    """The texts as numbers, if every one of them is a number with this decimal mark, they have the same unit, and either all thousands
    are set apart or none; else None.

    >>> read_numbers(["5,000", "10,000"], ".")
    NumberColumn(values=(5000, 10000), unit='')
    >>> read_numbers(["5,000", "unknown"], ".") is read_numbers(["$5", "€5"], ".") is read_numbers(["5,000", "7000"], ".") is None
    True
    """
    found: list[WrittenNumber] = []
    for text in texts:
        number = parse_number(text, decimal)
        if number is None or (found and number.unit != found[0].unit):
            return None
        found.append(number)
    if any(number.grouped for number in found) and any(not number.grouped and abs(number.value) >= 1000 for number in found):
        return None
    return NumberColumn(tuple(number.value for number in found), found[0].unit if found else "")


def is_number(text: str) -> bool:
    """Whether the text is a number in either way of writing."""
    return any(parse_number(text, decimal) is not None for decimal in DECIMAL_MARKS)


def is_plain_number(text: str) -> bool:
    """Whether the text is digits with at most a sign, a decimal point and an exponent."""
    return _PLAIN["."].fullmatch(text.removeprefix("-").removeprefix("+")) is not None


def reads_two_ways(text: str) -> bool:
    """Whether the text is one number with a decimal point and another one with a decimal comma.

    >>> reads_two_ways("1,500"), reads_two_ways("1,5"), reads_two_ways("1500")
    (True, False, False)
    """
    point, comma = (parse_number(text, decimal) for decimal in DECIMAL_MARKS)
    return point is not None and comma is not None and point.value != comma.value
