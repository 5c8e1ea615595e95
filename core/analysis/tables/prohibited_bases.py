"""Which columns are named like a basis on which decisions may not discriminate: sex, age, marital status and others."""

from __future__ import annotations

from core.analysis.tables.role_proposals import column_words

_BASES = {
    "sex": "sex gender female male woman women man men",
    "race or colour": "race racial colour color black white ethnie",
    "ethnic or national origin": (
        "ethnic ethnicity nationality national nation citizenship hispanic latino birthplace foreign foreigner migrant"
    ),
    "religion or belief": "religion religious belief faith",
    "marital or family status": "marriage marital married spouse spousal husband wife divorced widowed familial pregnancy pregnant",
    "age": "age dob birthday birthdate birthyear",
    "disability or health": "disability disabled handicap health genetic",
    "sexual orientation": "orientation",
    "public assistance": "welfare assistance benefits",
    "political opinion or union": "political union",
}
_BASIS_OF_WORD = {word: basis for basis, words in _BASES.items() for word in words.split()}


def find_basis(column: str) -> str | None:
    """The basis that a column's name speaks of; None for others. Bases are those of 12 CFR 1002.2(z) and of Article 21 of the EU's Charter;
    a name says nothing of proxies, and a basis under another name isn't found.

    >>> find_basis("AGE"), find_basis("applicant_sex"), find_basis("MARRIAGE"), find_basis("wage")
    ('age', 'sex', 'marital or family status', None)
    """
    return next((_BASIS_OF_WORD[word] for word in sorted(column_words(column)) if word in _BASIS_OF_WORD), None)
