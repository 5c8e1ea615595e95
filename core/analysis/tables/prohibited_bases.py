"""Which columns, by their names, may stand for a basis on which the law of a jurisdiction forbids to decide. A name proves nothing: a
column with another name may stand for such a basis, or be a proxy for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.analysis.tables.role_proposals import column_words

US_CREDIT, EU = "US credit", "EU"
JURISDICTIONS = {
    US_CREDIT: "12 CFR 1002.2(z) (Regulation B)",
    EU: "Article 21 of the Charter of Fundamental Rights, whose list is not exhaustive",
}
"""Jurisdiction -> the text whose bases these are."""


@dataclass(frozen=True)
class ProhibitedBasis:
    """A basis; ``words``: those of a column's name that speak for it; ``jurisdictions``: those whose text names it, keys of
    ``JURISDICTIONS``."""

    name: str
    words: frozenset[str]
    jurisdictions: tuple[str, ...]


def _basis(name: str, words: str, *jurisdictions: str) -> ProhibitedBasis:
    return ProhibitedBasis(name, frozenset(words.split()), jurisdictions)


PROHIBITED_BASES = (
    _basis("sex", "sex gender female male woman women man men", US_CREDIT, EU),
    _basis("race or colour", "race racial black white skin colour color", US_CREDIT, EU),
    _basis(
        "national or ethnic origin",
        "nationality nation national origin ethnic ethnicity ethnie hispanic hispan latino minority citizen citizenship country foreign "
        "foreigner immigrant migrant birthplace",
        US_CREDIT,
        EU,
    ),
    _basis("religion or belief", "religion religious faith belief church", US_CREDIT, EU),
    _basis("age", "age ages birth birthday birthdate birthyear dob", US_CREDIT, EU),
    _basis("marital status", "marital marriage married divorced widowed spouse spousal husband wife", US_CREDIT),
    _basis("income from public assistance", "assistance welfare benefits", US_CREDIT),
    _basis("disability or genetic features", "disability disabled handicap health genetic", EU),
    _basis("language", "language", EU),
    _basis("political opinion", "political politics union", EU),
    _basis("sexual orientation", "orientation", EU),
)
"""The bases that a column's name can tell. Those of US law that it can't, and the EU's social origin, property and birth, are left out."""


def find_bases(column: str) -> tuple[ProhibitedBasis, ...]:
    """The bases that a column's name speaks for.

    >>> [basis.name for basis in find_bases("MARRIAGE")], [basis.name for basis in find_bases("applicantSex")], find_bases("average")
    (['marital status'], ['sex'], ())
    """
    words = column_words(column)
    return tuple(basis for basis in PROHIBITED_BASES if basis.words & words)


def bases_without_column(columns: Iterable[str]) -> tuple[ProhibitedBasis, ...]:
    """The bases that no column's name speaks for: what a table can't measure a model by."""
    found = {basis.name for column in columns for basis in find_bases(column)}
    return tuple(basis for basis in PROHIBITED_BASES if basis.name not in found)
