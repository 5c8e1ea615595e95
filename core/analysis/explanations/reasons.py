"""The principal reasons of declined applicants, and whether they hold: against another baseline, and in models trained again.

12 CFR 1002 (Regulation B), comment 9(b)(2)-5, names two methods: the factors on which the applicant's score fell furthest below the average
of applicants whose score was at or slightly above the minimum passing score, or of all applicants. Of a score that adds up its factors,
Shapley values of the log-odds against all these rows are exactly these differences; where factors interact, they share out the whole one. A
factor is a group of features, whose values are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.explanations.principal_reasons import DEFAULT_RULES, Against, ReasonRules, find_principal
from core.analysis.explanations.reason_groups import Groups, ReasonError, complete_groups
from core.analysis.explanations.shap_values import compute_shap_values, predict_probabilities

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BASELINE_NAMES: dict[Against, str] = {"all": "all applicants", "passing": "the applicants who only just pass"}


@dataclass(frozen=True)
class Applicants:
    """``features``: a row each, the columns that the model was trained on; ``scores``: the model's probabilities of label 1, (rows,)."""

    features: pd.DataFrame
    scores: Floats


@dataclass(frozen=True)
class Reason:
    """``points``: what the group added to the log-odds of the decline; ``stability``: the share of the alternatives in which it is
    principal too, None where there are none."""

    words: str
    points: float
    stability: float | None


@dataclass(frozen=True)
class RowReasons:
    """A declined row. ``row``: its place in the table, from 0; ``reasons``: the principal ones, the strongest first; ``other_reasons``:
    those against the other baseline; ``problems``: why the reasons don't hold, a sentence each; ``prohibited``: the features that can't be
    a reason and counted as much as one."""

    row: int
    score: float
    reasons: tuple[Reason, ...]
    other_reasons: tuple[Reason, ...]
    problems: tuple[str, ...]
    prohibited: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both baselines give the same reasons, in whatever order."""
        return {one.words for one in self.reasons} == {one.words for one in self.other_reasons}

    @property
    def holds(self) -> bool:
        """Whether nothing is against the reasons."""
        return not self.problems


@dataclass(frozen=True)
class DeclineReasons:
    """The reasons of all declined rows. ``groups``: words -> features; ``all_rows`` and ``passing_rows``: how many rows each baseline has;
    ``alternatives``: in how many pairs of a model trained again and a baseline the reasons were looked for too."""

    rows: tuple[RowReasons, ...]
    groups: Groups
    rules: ReasonRules
    all_rows: int
    passing_rows: int
    alternatives: int

    @property
    def same_share(self) -> float | None:
        """The share of the declined rows to which both baselines give the same reasons; None if no row is declined."""
        return self._share([row.same for row in self.rows])

    @property
    def holding_share(self) -> float | None:
        """The share of the declined rows whose reasons hold; None if no row is declined, or stability wasn't measured."""
        return self._share([row.holds for row in self.rows]) if self.alternatives else None

    def _share(self, found: list[bool]) -> float | None:
        return float(np.mean(found)) if found else None


def find_reasons(
    booster: Booster,
    applicants: Applicants,
    *,
    threshold: float,
    favourable: int,
    groups: Mapping[str, Iterable[str]],
    prohibited: Iterable[str] = (),
    alternatives: Sequence[Booster] = (),
    population: Applicants | None = None,
    rules: ReasonRules = DEFAULT_RULES,
    max_seconds: float | None = None,
) -> DeclineReasons:
    """The principal reasons of each declined row of ``applicants``, and whether they hold.

    A row is declined if its score is above ``threshold`` where label 0 is ``favourable``, or not above it where label 1 is. ``groups``:
    words -> features, see ``complete_groups``; ``prohibited``: features that are never a reason. ``alternatives``: the model trained again
    (``retrain_models``). ``population``: the rows that both baselines are taken from, if not ``applicants``. ``max_seconds``: for each
    explanation.

    Reasons hold if both baselines give the same ones; each group is principal, or isn't, in at least ``rules.stability`` of the pairs of a
    model trained again and a baseline; no group is left out that is as strong as the last; and no prohibited feature counted as much as a
    reason. Such a feature isn't named, though no principal reason may be left out (comment 9(b)(2)-4): a person has to look at that row.

    Raises ReasonError for groups that don't fit, or if nobody passes; FeatureError and ExplanationError as ``compute_shap_values`` does.

    >>> import pandas as pd
    >>> import xgboost
    >>> data = pd.DataFrame({"debt": [0.1, 0.2, 0.8, 0.9] * 50, "age": [30, 60, 30, 60] * 50})
    >>> booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(data, [0, 0, 1, 1] * 50), num_boost_round=5)
    >>> applicants = Applicants(data, predict_probabilities(booster, data))
    >>> found = find_reasons(booster, applicants, threshold=0.5, favourable=0, groups={"high debt": ["debt"]}, prohibited=["age"])
    >>> len(found.rows), found.rows[0].row, [reason.words for reason in found.rows[0].reasons], found.same_share
    (100, 2, ['high debt'], 1.0)
    """
    names = list(map(str, applicants.features.columns))
    never = [feature for feature in names if feature in set(prohibited)]
    complete = complete_groups(groups, names, never)
    everyone = population or applicants
    places = np.flatnonzero(_is_declined(applicants.scores, threshold, favourable))
    declined = applicants.features.iloc[places]

    def measure(model: Booster, scores: Floats) -> dict[Against, _Points]:
        passing = everyone.features.iloc[_choose_passing(scores, threshold, favourable, rules)]
        measured: dict[Against, _Points] = {}
        baselines: tuple[tuple[Against, pd.DataFrame], ...] = (("all", everyone.features), ("passing", passing))
        for against, baseline in baselines:
            explained = compute_shap_values(model, declined, baseline, output="raw", max_seconds=max_seconds)
            values = pd.DataFrame(explained.values if favourable == 0 else -explained.values, columns=list(explained.features))
            points = np.column_stack([values[list(features)].sum(axis=1) for features in complete.values()])
            measured[against] = _Points(points, *find_principal(points, rules), never, values[never].to_numpy(), len(baseline))
        return measured

    found = measure(booster, everyone.scores)
    named, count = np.zeros(found["all"].principal.shape), 0
    for model in alternatives:
        scores = predict_probabilities(model, everyone.features)
        if not _is_declined(scores, threshold, favourable).all():  # else nobody only just passes by this model
            again = measure(model, scores).values()
            named, count = named + sum(points.principal for points in again), count + len(again)
    share = named / count if count else None
    put = _RowWriter(tuple(complete), found[rules.against], found["passing" if rules.against == "all" else "all"], share, rules)
    rows = tuple(put.write(at, int(place), float(applicants.scores[place])) for at, place in enumerate(places))
    return DeclineReasons(rows, complete, rules, found["all"].baseline_rows, found["passing"].baseline_rows, count)


def _is_declined(scores: Floats, threshold: float, favourable: int) -> Bools:
    return np.asarray((np.asarray(scores) > threshold).astype(int) != favourable)


def _choose_passing(scores: Floats, threshold: float, favourable: int, rules: ReasonRules) -> NDArray[np.intp]:
    """The rows at or slightly above the minimum passing score, with all that have the same score as the last of them."""
    passing = np.flatnonzero(~_is_declined(scores, threshold, favourable))
    if not len(passing):
        raise ReasonError(f"No applicant passes at the threshold {threshold:g}, so nobody only just passes. Choose another threshold")
    distance = np.abs(np.asarray(scores)[passing] - threshold)
    count = min(len(passing), max(rules.passing_rows, ceil(rules.passing_share * len(passing))))
    return np.asarray(passing[distance <= np.partition(distance, count - 1)[count - 1]])


@dataclass(frozen=True)
class _Points:
    """Of the declined rows against one baseline: the points of ``groups``; ``principal`` and ``crowded`` as ``find_principal`` gives them;
    the points of the features ``never`` to be named, ``prohibited``."""

    groups: Floats
    principal: Bools
    crowded: Bools
    never: Sequence[str]
    prohibited: Floats
    baseline_rows: int

    def find_prohibited_reasons(self, at: int) -> list[str]:
        """The prohibited features that moved the row towards the decline, the strongest first, if together they did as much as the weakest
        principal reason, or there is none; else empty."""
        moved = np.clip(self.prohibited[at], 0, None)
        weakest = self.groups[at][self.principal[at]].min(initial=np.inf)
        strongest = [self.never[f] for f in np.argsort(-moved, kind="stable").tolist() if moved[f] > 0]
        return strongest if moved.sum() >= weakest or weakest == np.inf else []


@dataclass(frozen=True)
class _RowWriter:
    """``share``: in which share of the alternatives each group is principal, (rows, groups); None without alternatives."""

    words: Sequence[str]
    named: _Points
    other: _Points
    share: Floats | None
    rules: ReasonRules

    def write(self, at: int, place: int, score: float) -> RowReasons:
        """The reasons of the declined row ``at``, which is the table's row ``place``."""
        reasons, others = self._list_reasons(self.named, at), self._list_reasons(self.other, at)
        prohibited = tuple(dict.fromkeys(feature for one in (self.named, self.other) for feature in one.find_prohibited_reasons(at)))
        row = RowReasons(place, score, reasons, others, (), prohibited)
        return replace(row, problems=tuple(self._find_problems(at, row)))

    def _list_reasons(self, points: _Points, at: int) -> tuple[Reason, ...]:
        strongest = [g for g in np.argsort(-points.groups[at], kind="stable").tolist() if points.principal[at, g]]
        stability = [None if self.share is None else float(self.share[at, g]) for g in strongest]
        return tuple(Reason(self.words[g], float(points.groups[at, g]), one) for g, one in zip(strongest, stability, strict=True))

    def _find_problems(self, at: int, row: RowReasons) -> Iterator[str]:
        if not row.reasons:
            yield "No group that may be a reason moved the score towards the decline."
        if not row.same:
            theirs = ", ".join(one.words for one in row.other_reasons) or "none"
            yield f"Against {BASELINE_NAMES['passing' if self.rules.against == 'all' else 'all']} the reasons differ: {theirs}."
        if self.share is None:
            yield "Stability wasn't measured: no model was trained again."
        else:
            for words, is_named, share in zip(self.words, self.named.principal[at].tolist(), self.share[at].tolist(), strict=True):
                if (share if is_named else 1 - share) < self.rules.stability - 1e-9:
                    yield f"{words} {'is' if is_named else 'is not'} named, and is principal in {share:.0%} of the alternatives."
        if self.named.crowded[at]:
            yield f"More than {self.rules.limit} groups are about as strong, and only {self.rules.limit} are named."
        if row.prohibited:
            yield f"{', '.join(row.prohibited)} counted as much as a reason, and can't be one: a person has to look at this decision."
