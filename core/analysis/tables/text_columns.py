"""What a column of text is: numbers in a written form, codes, dates, words. Nothing is guessed: what reads two ways is a finding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis.tables.number_formats import (
    DECIMAL_MARKS,
    DecimalMark,
    NumberColumn,
    is_number,
    is_plain_number,
    parse_number,
    read_numbers,
    reads_two_ways,
)

MAX_NUMBER_CODES = 15
"""Words beside at most so many different whole numbers make codes of both ('1', '2', 'U'); beside more, they are words among numbers."""
MISSING_WORDS = frozenset(
    {"#n/a", "#na", "-", "--", "-nan", ".", "<na>", "?", "missing", "n/a", "n.a.", "na", "nan", "nil", "none", "null", "unknown"}
)
"""Words that often stand for a missing value. They are values here: NA is Namibia, and None is a class."""
GAP_WORDS = frozenset({"#n/a", "#na", "-nan", ".", "<na>", "?", "n/a", "n.a.", "na", "nan", "null"})
"""What software writes for a missing number: R and pandas NA and NaN, Excel #N/A, databases NULL, SAS and Stata a point, UCI's files a
question mark. Among numbers they can mean nothing else. Not so "none" and "-", which accountants write for 0."""
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|mär)[a-zä]*\.?"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[ap]\.?m\.?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
_DATE = re.compile(
    r"(?:(?:\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"
    rf"|\d{{1,2}}\.?[ -]{_MONTH}[ ,-]*\d{{2,4}}|{_MONTH}[ -]\d{{1,2}},? \d{{4}}|{_MONTH}[ -]\d{{2,4}})(?:[T ,]+{_TIME})?|{_TIME})",
    re.IGNORECASE,
)
_LESS = re.compile(r"<|≤|under|below|up to|less than|unter|bis", re.IGNORECASE)
_LEADING_NUMBER = re.compile(
    r"(?:[<>≤≥=$€£~ ]|under|below|up to|less than|over|above|more than|at least|unter|über|bis|ab)*(\d[\d.,]*)", re.I
)

FindingKind = Literal[
    "file format",
    "encoding",
    "title rows",
    "row names",
    "separator",
    "column order",
    "same name",
    "cleaned",
    "number format",
    "leading zeros",
    "codes",
    "missing words",
    "gap words",
    "near spellings",
    "ambiguous number",
    "mixed numbers",
    "numbers and words",
    "dates",
    "nameless",
    "id",
    "constant",
    "duplicate",
    "many values",
    "mostly whole",
    "threshold facet",
]
Treatment = Literal["leave out", "keep", "categorical", "continuous"]
"""What may be done with a column: leave it out, keep it as it is, take its values for categories, or for amounts."""


@dataclass(frozen=True)
class Finding:
    """Something about a table that a person should know.

    ``column``: "" if it is the whole table. ``message``: sentences with the user's own values; ``hint``: what to do; ``rows``: in how many
    rows. ``blocks``: the column can't be used before a person decides; otherwise the message says what was done. ``choices``: what may be
    done with the column; ``treatment``: what is done unless a person chooses otherwise; ``twin``: the other column of two equal ones.
    """

    column: str
    kind: FindingKind
    message: str
    hint: str = ""
    rows: int = 0
    blocks: bool = False
    treatment: Treatment | None = None
    choices: tuple[Treatment, ...] = ()
    twin: str = ""


@dataclass(frozen=True)
class TextValues:
    """The different texts of a column, without missing ones. ``rows``: how often each occurs; ``first_rows``: where first, from 1."""

    name: str
    texts: tuple[str, ...]
    rows: tuple[int, ...]
    first_rows: tuple[int, ...]

    def describe(self, text: str) -> str:
        """``'NA' in row 3``, with the number of rows if there are more."""
        place = self.texts.index(text)
        more = f" ({self.rows[place]:,} rows)" if self.rows[place] > 1 else ""
        return f"'{text if len(text) <= 40 else text[:39] + '…'}' in row {self.first_rows[place]:,}{more}"


@dataclass(frozen=True)
class NumberReadings:
    """A column's texts as numbers with a decimal point and with a decimal comma; None where they aren't all numbers."""

    point: NumberColumn | None
    comma: NumberColumn | None
    reads_two_ways: bool

    @property
    def decimal(self) -> DecimalMark | None:
        """The decimal mark, if the column itself leaves no doubt of it."""
        if self.point is not None and self.comma is None:
            return "."
        return "," if self.comma is not None and self.point is None and not self.reads_two_ways else None


def find_gap_words(values: TextValues) -> tuple[str, ...]:
    """The column's texts that stand for a missing number: words of ``GAP_WORDS``, if all others are numbers (01 is a code).

    >>> find_gap_words(TextValues("bmi", ("22.5", "NA", "31"), (5, 2, 1), (1, 3, 4)))
    ('NA',)
    >>> find_gap_words(TextValues("land", ("DE", "NA"), (5, 2), (1, 3)))
    ()
    """
    words = tuple(text for text in values.texts if text.casefold() in GAP_WORDS)
    numbers = [text for text in values.texts if text.casefold() not in GAP_WORDS]
    return words if numbers and all(map(is_number, numbers)) else ()


def gap_word_note(values: TextValues, words: Sequence[str]) -> Finding:
    """What to tell about a column whose ``words`` are read as empty cells."""
    rows = sum(values.rows[values.texts.index(word)] for word in words)
    told = f"{', '.join(map(values.describe, words))} {'is' if len(words) == 1 else 'are'} taken for empty cells"
    return Finding(values.name, "gap words", f"Column {values.name} has numbers otherwise, so that {told}.", rows=rows)


def find_number_readings(values: TextValues) -> NumberReadings:
    """How the column's texts read as numbers."""
    point, comma = read_numbers(values.texts, "."), read_numbers(values.texts, ",")
    doubtful = comma is not None and comma != point and any(map(reads_two_ways, values.texts))
    return NumberReadings(point, comma, doubtful)


def choose_numbers(
    values: TextValues, readings: NumberReadings, decimal: DecimalMark | None
) -> tuple[NumberColumn | None, tuple[Finding, ...]]:
    """The column as numbers, or None if it stays text; and what to tell about it.

    ``decimal``: the mark that a person chose, or that the rest of the table shows; None if neither.

    >>> values = TextValues("income", ("5,000", "10,000"), (1, 1), (1, 2))
    >>> numbers, (finding,) = choose_numbers(values, find_number_readings(values), ".")
    >>> numbers.values, finding.message
    ((5000, 10000), "Column income is read as numbers: '5,000' is 5000.")
    """
    point, comma = readings.point, readings.comma
    if point is None and comma is None:
        return None, tuple(_text_findings(values))
    if point is not None and comma is not None and readings.reads_two_ways:
        numbers = point if decimal == "." else comma if decimal == "," else None
    elif point is None:
        numbers = comma if decimal == "," or not readings.reads_two_ways else None
    else:
        numbers = point
    if numbers is not None:
        return numbers, tuple(_format_note(values, numbers))
    example = next(text for text in values.texts if reads_two_ways(text))
    ways = " or ".join(f"{number.value:g}" for mark in DECIMAL_MARKS if (number := parse_number(example, mark)) is not None)
    message = f"Column {values.name} has numbers that read two ways: {values.describe(example)} is {ways}."
    return None, (
        Finding(values.name, "ambiguous number", message, "Say which mark is the decimal one, or leave the column out.", blocks=True),
    )


def _format_note(values: TextValues, numbers: NumberColumn) -> list[Finding]:
    if all(map(is_plain_number, values.texts)):
        return []
    text, number = next((t, n) for t, n in zip(values.texts, numbers.values, strict=True) if not is_plain_number(t))
    unit = f" ({numbers.unit})" if numbers.unit else ""
    return [
        Finding(
            values.name,
            "number format",
            f"Column {values.name} is read as numbers{unit}: '{text}' is {number:.15g}.",
            rows=sum(values.rows),
        )
    ]


def _text_findings(values: TextValues) -> list[Finding]:
    """What to tell about a column that isn't numbers throughout."""
    name, texts = values.name, values.texts
    dates = [text for text in texts if _DATE.fullmatch(text)]
    if texts and 2 * len(dates) >= len(texts):
        message = f"Column {name} has dates or times: {values.describe(dates[0])}."
        hint = "Leave the column out, or give a number instead, such as days or years until the application."
        return [Finding(name, "dates", message, hint, rows=len(dates), blocks=True)]
    numbers = [text for text in texts if is_number(text)]
    words = [text for text in texts if not is_number(text)]
    zero = next((text for text in texts if text.startswith("0") and len(text) > 1), None)
    if zero is not None and all(text.isdecimal() for text in texts):
        return [Finding(name, "leading zeros", f"Column {name} has codes with leading zeros, which are kept: {values.describe(zero)}.")]
    if numbers and not words:
        first = numbers[0]
        other = next((text for text in numbers if not _agrees(first, text)), numbers[-1])
        message = f"The numbers of column {name} are written in different ways: {values.describe(first)}, {values.describe(other)}."
        return [Finding(name, "mixed numbers", message, "Write them all in one way and in one unit, or leave the column out.", blocks=True)]
    if numbers and _are_measures(numbers, words):
        count = sum(n for text, n in zip(texts, values.rows, strict=True) if text in set(words))
        message = f"Column {name} mixes numbers and text: {values.describe(words[0])} among numbers such as '{numbers[0]}'."
        hint = "Leave cells empty whose value is missing, correct the others, leave the column out, or name it as categorical."
        return [Finding(name, "numbers and words", message, hint, rows=count, blocks=True)]
    found = []
    if numbers and len(numbers) <= MAX_NUMBER_CODES and all(map(_is_whole_code, numbers)):
        found.append(
            Finding(
                name, "codes", f"Column {name} has numbers and words ({numbers[0]}, {words[0]}), which are taken as codes.", rows=len(words)
            )
        )
    for word in (text for text in words if text.casefold() in MISSING_WORDS):
        message = f"Column {name}: {values.describe(word)} is taken as a value; a missing one has an empty cell."
        found.append(Finding(name, "missing words", message, rows=values.rows[texts.index(word)]))
    return [*found, *_near_spellings(values)]


def _near_spellings(values: TextValues) -> list[Finding]:
    """The texts that differ in case, inner spaces or width alone: people mean the same by them, and a group falls apart in two."""
    spelled: dict[str, list[str]] = {}
    for text in values.texts:
        spelled.setdefault(" ".join(unicodedata.normalize("NFKC", text).casefold().split()), []).append(text)
    near = [alike for alike in spelled.values() if len(alike) > 1]
    if not near:
        return []
    shown = "; ".join(" and ".join(map(values.describe, alike)) for alike in near[:5]) + (
        f"; and {len(near) - 5:,} more" if near[5:] else ""
    )
    message = f"Column {values.name} has values that differ only in upper and lower case or spaces, and count as different ones: {shown}."
    hint = "Write them in one way if they mean the same."
    either = {text for alike in near for text in alike}
    rows = sum(n for text, n in zip(values.texts, values.rows, strict=True) if text in either)
    return [Finding(values.name, "near spellings", message, hint, rows=rows)]


def _are_measures(numbers: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a column's numbers measure something, so that its words are errors or gaps, rather than being codes like its words."""
    if len(numbers) > MAX_NUMBER_CODES:
        return True
    return not all(map(_is_whole_code, numbers)) and len(numbers) >= len(words)


def _is_whole_code(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", text) is not None


def _agrees(one: str, other: str) -> bool:
    return any(read_numbers([one, other], mark) is not None for mark in DECIMAL_MARKS)


def sort_texts(texts: Sequence[str]) -> list[str]:
    """The texts in the order that a person would give them: by the number that they begin with, then alphabetically, with numbers in
    them by size.

    >>> sort_texts(["10+", "<5", "5-9", "unknown", "a10", "a2"])
    ['<5', '5-9', '10+', 'a2', 'a10', 'unknown']
    """
    return sorted(texts, key=_sort_key)


def _sort_key(text: str) -> tuple[int, float, int, list[str | int], str]:
    natural: list[str | int] = [int(part) if part.isascii() and part.isdecimal() else part for part in re.split(r"([0-9]+)", text)]
    leading = _LEADING_NUMBER.match(text)
    if leading is None:
        return 1, 0.0, 0, natural, text
    digits = leading[1].strip(".,")
    number = parse_number(digits) or parse_number(digits, ",")
    size = float(number.value) if number is not None else float(re.match(r"\d+", digits)[0])  # type: ignore[index]
    return 0, size, 0 if _LESS.match(text) else 1, natural, text
