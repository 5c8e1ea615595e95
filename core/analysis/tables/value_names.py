"""What the codes in a table stand for: the values that its people wrote, so that no text for readers shows a bare code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ValueNames:
    """``values``: column -> code, as text -> the value in the user's words; ``nouns``: columns whose words name people by themselves
    (``men``), so that no sentence puts the column before them."""

    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nouns: tuple[str, ...] = ()

    @classmethod
    def from_coding(cls, coding: Mapping[str, Mapping[str, int]], nouns: Mapping[str, Mapping[int, str]] | None = None) -> ValueNames:
        """The names of a table whose texts were replaced by codes: column -> text -> code. ``nouns``: column -> code -> people, for columns
        that weren't coded."""
        known = {column: words for column, words in (nouns or {}).items() if column not in coding}
        values = {column: {str(code): words for code, words in codes.items()} for column, codes in known.items()}
        values |= {column: {str(code): text for text, code in codes.items()} for column, codes in coding.items()}
        return cls(values, tuple(known))

    @classmethod
    def from_json(cls, raw: object) -> ValueNames:
        """The names as ``to_json`` gives them; what isn't of that form is left out, so that a file without names is read too."""
        if not isinstance(raw, Mapping):
            return cls()
        columns, nouns = raw.get("values"), raw.get("nouns")
        values = {
            str(column): {str(code): str(value) for code, value in codes.items()}
            for column, codes in (columns.items() if isinstance(columns, Mapping) else ())
            if isinstance(codes, Mapping)
        }
        return cls(values, tuple(map(str, nouns)) if isinstance(nouns, list | tuple) else ())

    def to_json(self) -> dict[str, object]:
        """Plain data for a job's configuration or a report."""
        return {"values": {column: dict(codes) for column, codes in self.values.items()}, "nouns": list(self.nouns)}

    def is_coded(self, column: str) -> bool:
        """Whether the column's numbers stand for something."""
        return column in self.values

    def value(self, column: str, code: object) -> str:
        """The value that a code stands for; the number itself in a column without codes.

        >>> names = ValueNames.from_coding({"sex": {"f": 0, "m": 1}})
        >>> names.value("sex", 1.0), names.value("age", 30.0)
        ('m', '30')
        """
        text = _code_text(code)
        return self.values.get(column, {}).get(text, text)

    def describe(self, column: str, code: object) -> str:
        """A condition in words: ``sex = f``, or ``men``.

        >>> ValueNames.from_coding({"paid": {"1": 1, "2": 0}}).describe("paid", 1)
        'paid = 1'
        >>> ValueNames.from_coding({}, {"SEX": {1: "men", 2: "women"}}).describe("SEX", 2)
        'women'
        """
        return self.describe_value(column, self.value(column, code))

    def describe_value(self, column: str, value: str) -> str:
        """A value as a condition: ``sex = f`` for the value f of sex."""
        alone = column in self.nouns and value in self.values[column].values()
        return value if alone else f"{column} = {value}"

    def describe_others(self, column: str, code: object, occurring: Iterable[object]) -> str:
        """Everybody but those with this value, as a condition: the only other value that occurs, or ``region other than north``."""
        others = [one for one in occurring if _code_text(one) != _code_text(code)]
        return self.describe(column, others[0]) if len(others) == 1 else f"{column} other than {self.value(column, code)}"

    def describe_group(self, column: str, code: object, kind: str = "people") -> str:
        """Who has this value: ``people with sex = f``, or ``men``."""
        value = self.value(column, code)
        condition = self.describe_value(column, value)
        return value if condition == value else f"{kind} with {condition}"

    def to_categories(self, column: pd.Series) -> pd.Series:
        """A coded column as an ordered category of the values that occur, in the order of their codes; empty cells stay empty."""
        name, codes = str(column.name), np.sort(column.dropna().unique())
        values = pd.CategoricalDtype([self.value(name, code) for code in codes], ordered=True)
        return column.map({code: self.value(name, code) for code in codes}).astype(values)

    def decode(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table with the values in place of the codes, for readers."""
        coded = [column for column in frame if str(column) in self.values]
        return frame.assign(
            **{str(column): frame[column].map(lambda code, c=str(column): self.value(c, code), na_action="ignore") for column in coded}
        )


def _code_text(code: object) -> str:
    """A code as a key: 1, 1.0, "1" and "1.0" are the same one."""
    text = str(code)
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text
