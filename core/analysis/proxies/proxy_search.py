"""Proxies: features, alone and in pairs, that give a protected attribute away.

Each feature is tested for independence of each group, and each pair for what it adds to its better member. The false discovery rate over
all these tests together is at most 5 %, by Benjamini and Yekutieli (Annals of Statistics 2001): the tests depend on each other in ways that
nobody knows (features of one table, a pair and its members, groups that exclude each other), and their procedure allows for any.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from math import isqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import false_discovery_control

from core.analysis.bias.group_table import INTERSECTION_FLOOR, GroupColumn
from core.analysis.intervals.confidence import CONFIDENCE, normal_quantile
from core.analysis.proxies.crossfitted_auc import CrossfittedAuc, assign_folds, auc_ends, crossfitted_auc, mean_auc
from core.analysis.proxies.feature_cells import CellColumn, Codes, FeatureCells, prepare_column
from core.analysis.proxies.independence_test import independence_p_value

Floats = NDArray[np.float64]
MAX_PAIRED = 40
"""Of so many features at most all pairs are looked at: 780."""
PAIR_HALVES = 4
"""Each half of a member of a pair has at most so many cells: at most 64 for both members."""
SAYS_SOMETHING = 0.01
"""A member of a pair with a p-value below this may say something by itself."""
MAX_LISTED_PAIRS = 100
LEAST_GAIN = 0.02
"""What a pair must surely add to its better member for its members to count as proxies where they are none alone."""
METHOD = "Benjamini and Yekutieli"


@dataclass(frozen=True)
class Proxy:
    """How well a feature, or a pair, gives a group away.

    ``attribute`` and ``value``: the group, as the protected column has it, told from all others; ``value`` is None for the attribute as a
    whole: its two groups from each other, or the mean of its groups' figures by their rows. ``rows``: those with a known group.
    ``auc``: what the best guess from the feature is right about, 0.5 to 1 but for chance, learnt on other rows; ``low`` and ``high``: its
    95 % interval. ``p_value``: of "the feature says nothing of the group", and ``adjusted``: that for so many tests; ``is_found``:
    whether it is below 5 %.

    Of a pair, ``gain`` is the AUC beyond that of its ``better`` member, with its interval, and the p-value that of "it adds nothing".
    """

    features: tuple[str, ...]
    attribute: str
    value: str | None
    name: str
    auc: float
    low: float
    high: float
    rows: int
    p_value: float
    adjusted: float = 1.0
    better: str | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None

    @property
    def is_found(self) -> bool:
        return self.adjusted < 1 - CONFIDENCE


@dataclass(frozen=True)
class NotMeasured:
    """A group, or an attribute as a whole (``value`` None), that no feature was judged by, and ``why``."""

    attribute: str
    value: str | None
    name: str
    why: str


@dataclass(frozen=True)
class ProxySearch:
    """``features``: each feature with each group, those found first, by AUC; ``pairs``: those found, the largest gain (by its low end)
    first, at most 100 of ``pairs_found``. ``tests``: all of them, ``pair_tests`` of which were of pairs. ``unpaired``: features whose
    pairs were left out; ``skipped``: those that are the attribute itself, as (feature, attribute)."""

    features: tuple[Proxy, ...]
    pairs: tuple[Proxy, ...]
    pairs_found: int
    tests: int
    pair_tests: int
    unpaired: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    not_measured: tuple[NotMeasured, ...]
    rows: int
    method: str = METHOD

    def found_features(self, least_auc: float = 0.5) -> list[str]:
        """The features that are found, alone or in a pair, with an interval that lies above ``least_auc``; the highest AUC first.

        Those found alone come first, by their own AUC, then the members of pairs whose gain is surely more than ``LEAST_GAIN``. On many
        rows an AUC of 0.51 is found too, so most features may be.
        """
        alone = sorted((one for one in self.features if one.is_found and one.low > least_auc), key=lambda one: -one.auc)
        pairs = sorted((one for one in self.pairs if one.low > least_auc and (one.gain_low or 0.0) > LEAST_GAIN), key=lambda one: -one.auc)
        return list(dict.fromkeys(name for one in (*alone, *pairs) for name in one.features))

    def to_json(self) -> dict[str, object]:
        """As plain JSON values; each proxy also says whether it ``is_found``."""
        content = asdict(self)
        for kind in ("features", "pairs"):
            for entry, one in zip(content[kind], getattr(self, kind), strict=True):
                entry["is_found"] = one.is_found
        return content


@dataclass(frozen=True)
class _Target:
    """A group to be told from the others: ``codes`` has it as 1, or each group of the attribute; ``groups``: of each of these, its rows."""

    value: str | None
    name: str
    codes: Codes
    groups: tuple[NDArray[np.bool_], ...]


def find_proxies(
    features: pd.DataFrame,
    protected: Sequence[GroupColumn],
    *,
    coded: Collection[str] = (),
    floor: int = INTERSECTION_FLOOR,
    max_paired: int = MAX_PAIRED,
    seed: int = 0,
) -> ProxySearch:
    """What gives protected attributes away.

    Parameters
    ----------
    features : (n, p), numbers or text, with missing values or without; pairs are made of the first ``max_paired`` columns, so let those
        that count most for the model come first. A feature that is an attribute itself is left out for that attribute
    protected : the attributes, each with codes (n,), −1 where unknown
    coded : the features whose numbers are codes, no scale
    floor : the least number of rows of a group, and of all others, that it takes to be judged
    seed : of the folds

    Missing values are values: that a feature is empty may give a group away.

    >>> import numpy as np, pandas as pd
    >>> random = np.random.default_rng(0)
    >>> women = random.random(1000) < 0.4
    >>> table = pd.DataFrame({"height": 175 - 12 * women + random.normal(0, 7, 1000), "luck": random.random(1000)})
    >>> sex = GroupColumn("sex", women.astype(int), ("m", "f"), ("men", "women"))
    >>> search = find_proxies(table, [sex])
    >>> search.found_features(), round(search.features[0].auc, 1), search.pairs
    (['height'], 0.9, ())
    """
    columns = [prepare_column(features[name].rename(str(name)), coded=name in coded) for name in features]
    skipped: list[tuple[str, str]] = []
    not_measured: list[NotMeasured] = []
    single: list[Proxy] = []
    paired: list[Proxy] = []
    unlikely: list[float] = []
    for attribute in protected:
        known = attribute.codes >= 0
        targets, lacking = _find_targets(attribute, known, floor)
        not_measured += lacking
        if not targets:
            continue
        judge = _Judge(attribute.column, known, targets, seed)
        usable = [column for column in columns if column.name not in {attribute.column, attribute.source}]
        skipped += [(column.name, attribute.column) for column in columns if column not in usable]
        alone = {column.name: judge.judge_feature(column) for column in usable}
        single += [one for judged in alone.values() for one in judged.proxies]
        allowed = {column.name for column in columns[:max_paired]}
        coarse = [(column, judge.cut(column, judge.pair_cells)) for column in usable if column.name in allowed]
        for (one, one_cells), (other, other_cells) in combinations(coarse, 2):
            likely, p_values = judge.judge_pair((one.name, other.name), (alone[one.name], alone[other.name]), (one_cells, other_cells))
            paired += likely
            unlikely += p_values
    tested = _adjust([*single, *paired], unlikely)
    found = [one for one in tested[len(single) :] if one.is_found]
    return ProxySearch(
        tuple(sorted(tested[: len(single)], key=lambda one: (not one.is_found, -one.auc))),
        tuple(sorted(found, key=lambda one: -(one.gain_low or 0.0))[:MAX_LISTED_PAIRS]),
        len(found),
        len(tested) + len(unlikely),
        len(paired) + len(unlikely),
        tuple(column.name for column in columns[max_paired:]),
        tuple(skipped),
        tuple(not_measured),
        len(features),
    )


def _adjust(tested: list[Proxy], others: list[float]) -> list[Proxy]:
    """With their adjusted p-values; ``others``: the p-values of the other tests."""
    if not tested:
        return []
    adjusted = false_discovery_control([*(one.p_value for one in tested), *others], method="by").tolist()
    return [replace(one, adjusted=p) for one, p in zip(tested, adjusted[: len(tested)], strict=True)]


def _find_targets(attribute: GroupColumn, known: NDArray[np.bool_], floor: int) -> tuple[list[_Target], list[NotMeasured]]:
    """The groups of an attribute that can be told from the others, and those that can't be."""
    codes = attribute.codes[known]
    present = [code for code in range(len(attribute.values)) if (codes == code).any()]
    whole, enough, lacking = _Target(None, attribute.column, codes, ()), [], []
    for code in present:
        rows = int((codes == code).sum())
        fewest = min(rows, len(codes) - rows)
        if fewest >= floor:
            enough.append(_Target(attribute.values[code], attribute.names[code], (codes == code).astype(np.int64), (codes == code,)))
            continue
        why = f"{fewest} rows {'of the group' if fewest == rows else 'of all others'}, and it takes at least {floor}"
        lacking.append(NotMeasured(attribute.column, attribute.values[code], attribute.names[code], why))
    if len(present) < 2:
        return [], [NotMeasured(attribute.column, None, attribute.column, "all rows with a known value are of one group")]
    if len(present) == 2:
        return ([replace(whole, groups=enough[1].groups)] if enough else []), lacking
    if len(enough) > 1:
        enough.insert(0, replace(whole, groups=tuple(one.groups[0] for one in enough)))
    return enough, lacking


@dataclass(frozen=True)
class _Judged:
    """A feature's cells, AUCs and figures, by target."""

    aucs: tuple[CrossfittedAuc, ...]
    proxies: list[Proxy]


class _Judge:
    """Judges features and pairs by one attribute, on the rows where it is known."""

    def __init__(self, attribute: str, known: NDArray[np.bool_], targets: list[_Target], seed: int) -> None:
        self.attribute, self.known, self.targets = attribute, known, targets
        self.rarest = min(int(min(group.sum(), (~group).sum())) for target in targets for group in target.groups)
        self.pair_cells = 2 * min(PAIR_HALVES, max(1, isqrt(self.rarest // 10) // 2))
        self.folds = [[assign_folds(group.astype(np.int64), seed) for group in target.groups] for target in targets]

    def cut(self, column: CellColumn, coarse: int | None = None) -> FeatureCells:
        return column.cut(self.known, self.rarest, coarse)

    def judge_feature(self, column: CellColumn) -> _Judged:
        cells = self.cut(column)
        aucs = tuple(self._measure(place, cells) for place in range(len(self.targets)))
        proxies = [
            self._describe((column.name,), target, auc, independence_p_value(_count(cells, target.codes)[None]))
            for target, auc in zip(self.targets, aucs, strict=True)
        ]
        return _Judged(aucs, proxies)

    def judge_pair(
        self, names: tuple[str, str], members: tuple[_Judged, _Judged], member_cells: tuple[FeatureCells, FeatureCells]
    ) -> tuple[list[Proxy], list[float]]:
        """What a pair adds, where that is likely to be more than chance; and the p-values of the groups for which it isn't.

        The p-value is the greater of those of "either member says nothing within the cells of the other", since which of them is the
        better one isn't certain. Where one says something by itself, the other may only tell its place within a cell; then the p-value is
        at least that of "the AUC is no higher" (by the normal distribution).
        """
        cells = member_cells[0].cross(member_cells[1])
        likely, unlikely = [], []
        for place, target in enumerate(self.targets):
            tables = _count(cells, target.codes).reshape(member_cells[0].count, member_cells[1].count, -1)
            p_value = max(independence_p_value(tables), independence_p_value(tables.swapaxes(0, 1)))
            if p_value >= 1 - CONFIDENCE:
                unlikely.append(p_value)
                continue
            auc = self._measure(place, cells)
            best = int(members[1].aucs[place].value > members[0].aucs[place].value)
            alone = members[best].aucs[place]
            gain = CrossfittedAuc(auc.value - alone.value, auc.in_sample - alone.value, auc.influence - alone.influence)
            if min(member.proxies[place].p_value for member in members) < SAYS_SOMETHING:
                p_value = max(p_value, float(ndtr(-gain.value / gain.error)) if gain.error > 0 else float(gain.value <= 0))
            half = normal_quantile() * gain.error
            proxy = self._describe(names, target, auc, p_value)
            low, high = gain.value - half, max(gain.value, gain.in_sample) + half
            likely.append(replace(proxy, better=names[best], gain=gain.value, gain_low=low, gain_high=high))
        return likely, unlikely

    def _measure(self, place: int, cells: FeatureCells) -> CrossfittedAuc:
        """The AUC of the target at a place."""
        groups = self.targets[place].groups
        parts = [crossfitted_auc(cells, group, folds) for group, folds in zip(groups, self.folds[place], strict=True)]
        return parts[0] if len(parts) == 1 else mean_auc(parts, list(groups))

    def _describe(self, names: tuple[str, ...], target: _Target, auc: CrossfittedAuc, p_value: float) -> Proxy:
        sizes = [int(group.sum()) for group in target.groups]
        n = len(target.codes)
        low, high = auc_ends(auc, min(sizes), n - min(sizes))
        if p_value >= 1 - CONFIDENCE and len(names) == 1:
            low, high = min(low, 0.5), max(high, 0.5)
        return Proxy(names, self.attribute, target.value, target.name, auc.value, low, high, n, p_value)


def _count(cells: FeatureCells, codes: Codes) -> Floats:
    """Rows by cell and group, (cells, groups)."""
    groups = int(codes.max()) + 1
    return np.bincount(cells.codes * groups + codes, minlength=cells.count * groups).reshape(cells.count, groups).astype(float)
