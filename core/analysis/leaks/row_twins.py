"""Twins: rows whose content stands elsewhere too, and how many of them are to be expected of different people who are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.leaks.coded_columns import CodedColumn, digest_rows

MIN_TWIN_SHARE = 0.01
"""So many rows of all, beyond those expected, are a finding."""
MIN_TWINS = 10
MIN_DIFFERENT_ROWS = 10
"""With so many different rows, counts that all have a common divisor are no coincidence."""
MAX_COPIES = 4
NOISE = 3.0
"""A count is beyond another if it is by so many standard deviations (of a Poisson number)."""

Numbers = NDArray[np.float64]
RowNumbers = NDArray[np.int64]


@dataclass(frozen=True)
class RowTwins:
    """Rows, of ``of``, with the same content in every feature and the label as another row. ``expected``: how many of them are likely
    different people who are alike, in [0, rows]; ``repeats``: every row of the table stands in it so many times (or a multiple of it),
    1 if that isn't so."""

    rows: int
    of: int
    expected: float
    repeats: int = 1

    @property
    def share(self) -> float:
        """Twins of all rows, in [0, 1]."""
        return self.rows / self.of if self.of else 0.0

    @property
    def unexpected_share(self) -> float:
        """Twins beyond those expected, of all rows, in [0, 1]; all twins if the whole table is repeated."""
        if not self.of:
            return 0.0
        return (self.rows if self.repeats > 1 else max(self.rows - self.expected, 0.0)) / self.of

    @property
    def is_finding(self) -> bool:
        """Whether there are more twins than people who are alike explain."""
        return self.unexpected_share >= MIN_TWIN_SHARE and self.rows - (0 if self.repeats > 1 else self.expected) >= MIN_TWINS


@dataclass(frozen=True)
class RowContents:
    """What n rows contain. ``digests``, shape (n,); ``codes``, shape (n,): which of ``contents`` different contents each row has;
    ``chance``, shape (n,): the probability that some other person has the same, if the columns were independent of each other; ``is_own``,
    shape (contents,): whether some rare value occurs in no other content."""

    digests: NDArray[np.uint64]
    codes: NDArray[np.intp]
    contents: int
    chance: Numbers
    is_own: NDArray[np.bool_]


def code_contents(columns: Sequence[CodedColumn]) -> RowContents:
    """What rows contain, by their digests. ``columns``: the features without ids, and the label."""
    digests = digest_rows(columns)
    codes, different = pd.factorize(digests)
    copies = np.bincount(codes)[codes]
    chance, is_own = np.ones(len(codes)), np.zeros(len(codes), dtype=bool)
    for column in columns:
        rows = column.counts[column.codes]
        chance *= (rows - 1) / max(len(codes) - 1, 1)
        is_own |= rows == copies
    own_contents = np.zeros(len(different), dtype=bool)
    own_contents[codes] = is_own & (copies <= MAX_COPIES)
    return RowContents(digests, codes, len(different), chance, own_contents)


def count_twins(rows: RowContents) -> RowTwins:
    """Rows of a table that have a twin in it.

    >>> import pandas as pd
    >>> from core.analysis.leaks.coded_columns import code_column
    >>> debt = pd.Series([i / 7 for i in range(50)] * 2)
    >>> twins = count_twins(code_contents([code_column(debt), code_column(debt > 3)]))
    >>> twins.rows, twins.of, twins.repeats, twins.unexpected_share
    (100, 100, 2, 1.0)
    """
    copies = np.bincount(rows.codes, minlength=rows.contents)
    repeats = int(np.gcd.reduce(copies)) if rows.contents >= MIN_DIFFERENT_ROWS else 1
    return _twins(rows.chance, copies[rows.codes] > 1, len(rows.codes) - 1, copies, rows.is_own, repeats)


def count_twins_in_training(rows: RowContents, held_out: RowNumbers, training: RowNumbers, repeats: int = 1) -> RowTwins:
    """Held-out rows that have a twin among the training rows; held_out, training: row numbers from 0, none in both; repeats: of the whole
    table."""
    here, there = (np.bincount(rows.codes[part], minlength=rows.contents) for part in (held_out, training))
    return _twins(rows.chance[held_out], there[rows.codes[held_out]] > 0, len(training), here + there, rows.is_own, repeats)


def _twins(
    chance: Numbers, is_twin: NDArray[np.bool_], others: int, copies: NDArray[np.int64], is_own: NDArray[np.bool_], repeats: int
) -> RowTwins:
    """``others``: rows among which a row can have a twin; ``copies``: how often each content stands in all rows together."""
    rows = int(is_twin.sum())
    if not rows:
        return RowTwins(0, len(is_twin), 0.0)
    expected = max(float((0.0 - np.expm1(-others * chance)).sum()), rows * _share_that_varies(copies, is_own))
    return RowTwins(rows, len(is_twin), min(expected, float(rows)), repeats)


def _share_that_varies(copies: NDArray[np.int64], is_own: NDArray[np.bool_]) -> float:
    """The share of the twins that may well be different people, by how many contents stand in the table once, twice, three times …

    Columns that depend on each other make more people alike than independent ones do. But whatever they are, rows drawn from a population
    stand in the table a Poisson number of times each, so with f(k) contents that stand in it k times, (k! f(k))² is at most
    (k-1)! f(k-1) · (k+1)! f(k+1) on average (Cauchy and Schwarz). Pairs beyond that, with too few threes, are copies. Contents with a
    value of their own are counted apart; the others, which are likelier to occur again, are granted one more than there is.
    """
    beyond = 0.0
    times = np.arange(2, MAX_COPIES + 1)
    for part, granted in ((copies[is_own], 0), (copies[~is_own], 1)):
        counts = np.bincount(np.minimum(part, MAX_COPIES + 1), minlength=MAX_COPIES + 2).astype(float)
        excess = counts[times] - np.sqrt(counts[times - 1] * (counts[times + 1] + granted) * (times + 1) / times)
        beyond += (times * excess)[excess > NOISE * np.sqrt(counts[times])].sum()
    return float(1 - beyond / copies[copies > 1].sum())
