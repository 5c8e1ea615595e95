"""A table's columns matched with the features of a model: by name, never by position where the model has names."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence

MAX_SHOWN_NAMES = 30


class FeatureError(ValueError):
    """The table's columns aren't the features that the model was trained on."""


def match_features(
    features: Sequence[str] | None, columns: Iterable[object], *, owner: str = "the model", table: str = "the data"
) -> list[str]:
    """The table's columns in the order of the model's features.

    ``features``: the names that the model was trained with. The columns keep their order if it has none (None, empty, or ``f0``, ``f1`` …,
    which XGBoost counts itself).
    ``owner`` and ``table`` say in the message whose names the two lists are.
    Raises FeatureError, which names both lists, what is missing, what is unexpected, and names that are nearly the same.

    >>> match_features(["income", "age"], ["age", "income"])
    ['income', 'age']
    >>> match_features(["income", "age"], ["Age", "income"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    core.analysis.tables.feature_names.FeatureError: the names of the features differ: ...
    """
    given = [str(name) for name in columns]
    expected = [str(name) for name in features or ()]
    if len(given) == len(expected) and set(given) == set(expected):
        return expected
    if expected == [f"f{number}" for number in range(len(expected))]:
        return given
    difference = describe_difference(expected, given, owner=owner, table=table)
    raise FeatureError(f"the names of the features differ: {difference}. Rename the columns")


def describe_difference(expected: Sequence[str], given: Sequence[str], *, owner: str, table: str) -> str:
    """Both lists of names and how they differ, in words."""
    missing = [name for name in expected if name not in set(given)]
    unexpected = [name for name in given if name not in set(expected)]
    twice = sorted({name for name in given if given.count(name) > 1})
    parts = [f"{owner} has {_list_names(expected)}", f"{table} has {_list_names(given)}"]
    if missing:
        parts.append(f"missing: {_list_names([_with_near_spelling(name, unexpected) for name in missing])}")
    if unexpected:
        parts.append(f"unexpected: {_list_names(unexpected)}")
    if twice:
        parts.append(f"twice: {_list_names(twice)}")
    return "; ".join(parts)


def _with_near_spelling(name: str, others: Sequence[str]) -> str:
    plain = {_plain_spelling(other): other for other in others}
    near = difflib.get_close_matches(_plain_spelling(name), plain, n=1, cutoff=0.75)
    return f"{name} (is it {plain[near[0]]}?)" if near else name


def _plain_spelling(name: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in decomposed if character.isalnum()) or name


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_SHOWN_NAMES} more" if len(names) > MAX_SHOWN_NAMES else ""
    return ", ".join(names[:MAX_SHOWN_NAMES]) + more
