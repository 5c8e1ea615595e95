"""Which features are said together as one reason, in words that an applicant understands, and which may never be a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from core.analysis.tables.prohibited_bases import JURISDICTIONS, find_bases

Groups = dict[str, tuple[str, ...]]
"""Words -> the features that they stand for."""

NUMBERED = re.compile(r"(.*?[^\W\d_].*?)[\W_]*\d+")
"""A name that ends in a number, with at least one letter before it."""


class ReasonError(ValueError):
    """Reasons can't be given with these groups, rows or rules; the message says why, and what to do."""


def propose_groups(features: Sequence[str], prohibited: Iterable[str] = ()) -> Groups:
    """A first dictionary of reasons, for people to edit: features that differ by a number at their end are one group, called by what they
    share; each other feature is one of its own, called by its name. ``prohibited`` ones are left out.

    A stem that more than half of all features share (``x1`` to ``x20``) says nothing of what they have in common, and makes no group.

    >>> propose_groups(["LIMIT_BAL", "PAY_0", "PAY_2", "BILL_AMT1", "BILL_AMT2", "SEX"], prohibited=["SEX"])
    {'LIMIT_BAL': ('LIMIT_BAL',), 'PAY': ('PAY_0', 'PAY_2'), 'BILL_AMT': ('BILL_AMT1', 'BILL_AMT2')}
    """
    stems = {feature: found[1] for feature in features if (found := NUMBERED.fullmatch(feature))}
    sizes = {stem: list(stems.values()).count(stem) for stem in stems.values()}
    left_out, groups = set(prohibited), dict[str, tuple[str, ...]]()
    for feature in features:
        if feature in left_out:
            continue
        stem = stems.get(feature, feature)
        words = stem if 1 < sizes.get(stem, 0) <= len(features) / 2 else feature
        groups[words] = (*groups.get(words, ()), feature)
    return groups


def complete_groups(groups: Mapping[str, Iterable[str]], features: Sequence[str], prohibited: Iterable[str]) -> Groups:
    """The groups with each feature that is in none as a group of its own; prohibited features in none are left out.

    Raises ReasonError for a group without words or features, and for a feature that the model doesn't have, that is in two groups, or that
    is prohibited.

    >>> complete_groups({"recent payment delays": ["PAY_0", "PAY_2"]}, ["PAY_0", "PAY_2", "LIMIT_BAL", "SEX"], ["SEX"])
    {'recent payment delays': ('PAY_0', 'PAY_2'), 'LIMIT_BAL': ('LIMIT_BAL',)}
    """
    never, found, used = set(prohibited), dict[str, tuple[str, ...]](), dict[str, str]()
    for words, members in groups.items():
        found[words] = tuple(members)
        if not words.strip() or not found[words]:
            raise ReasonError(f"The group {words!r} has no {'features' if words.strip() else 'words'}. Complete it, or leave it out")
        for feature in found[words]:
            if feature not in features:
                raise ReasonError(f"{words}: the model has no feature {feature}. It has {', '.join(features)}")
            if feature in never:
                raise ReasonError(f"{words}: {feature} is prohibited and can't be a reason. Take it out of the group")
            if feature in used:
                raise ReasonError(f"{feature} is in two groups: {used[feature]} and {words}. Leave it in one")
            used[feature] = words
    alone = [feature for feature in features if feature not in used and feature not in never]
    for feature in alone:
        if feature in found:
            raise ReasonError(f"The group {feature} has the name of a feature that isn't in it. Choose other words")
    if not found and not alone:
        raise ReasonError("Every feature of the model is prohibited, so nothing is left to be a reason. Train it without these features")
    return found | {feature: (feature,) for feature in alone}


def find_prohibited(features: Iterable[str], columns: Iterable[str] = (), jurisdiction: str | None = None) -> tuple[str, ...]:
    """The features that can't be a reason: those among ``columns`` (facets, further facets, group columns), and those whose names speak for
    a basis on which the law of ``jurisdiction``, a key of ``prohibited_bases.JURISDICTIONS``, forbids to decide (None: no law is asked).

    A name proves nothing: a column with another name may stand for such a basis. Raises ReasonError for an unknown jurisdiction.

    >>> find_prohibited(["SEX", "MARRIAGE", "EDUCATION", "region"], ["region"], "US credit")
    ('SEX', 'MARRIAGE', 'region')
    """
    if jurisdiction is not None and jurisdiction not in JURISDICTIONS:
        raise ReasonError(f"No prohibited bases are listed for {jurisdiction}: choose one of {', '.join(JURISDICTIONS)}")
    named = set(columns)
    return tuple(
        feature
        for feature in features
        if feature in named or any(jurisdiction in basis.jurisdictions for basis in find_bases(feature) if jurisdiction)
    )
