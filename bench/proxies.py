"""Proxies planted in simulated tables: how many are found, and how many findings are false; and the time, beside scikit-learn's trees.

A table has 23 features: seven that give the group away with an AUC of 0.6 (at best), two that do so only together, one that is made of the
first and says no more, and 13 that say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from bench.compare import Goal, Row, compare, run, said
from core.analysis.bias.group_table import GroupColumn
from core.analysis.explanations.shap_summary import mean_with_interval
from core.analysis.intervals.proportions import share_with_interval
from core.analysis.proxies.proxy_search import Proxy, ProxySearch, find_proxies
from core.data.bundled_data import read_bundled

Random = np.random.Generator
Rows = NDArray[np.bool_]
AUC = 0.6
HALF = AUC - 0.5
PLANTED = ("shifted", "spread", "waves", "codes", "many codes", "postcodes", "empty")
HARD = {"postcodes"}
"""200 codes of 25 rows each: of a group of one in ten no test finds them always, and there is no goal."""
PAIR = ("half", "other half")
CHILD = "child of shifted"
CODED = {"codes", "many codes", "postcodes", "null codes", "null many codes", "null postcodes"}
GROUPS = {"half of the rows": (0.5, 0.5), "one in five": (0.8, 0.2), "one in ten": (0.9, 0.1), "five groups": (0.4, 0.3, 0.15, 0.05, 0.1)}
"""The group that is given away is the last."""


def plant(random: Random, group: Rows, strength: float = HALF) -> pd.DataFrame:
    """The table; ``strength``: how far above 0.5 the AUC of what is planted is, 0 for a table in which nothing is."""
    n = len(group)

    def side(matches: Rows | None = None) -> Rows:
        """True for 0.5 + strength of the group and 0.5 − strength of the others: an AUC of 0.5 + strength."""
        found: Rows = random.random(n) < 0.5 + strength * np.where(group if matches is None else matches, 1, -1)
        return found

    def normal() -> NDArray[np.float64]:
        return random.normal(size=n)

    shift = np.sqrt(2) * _normal_quantile(0.5 + strength)
    first, common = random.random(n) < 0.5, normal()
    columns: dict[str, NDArray[np.float64]] = {
        "shifted": normal() + shift * group,
        "spread": normal() * np.where(group, np.tan(np.pi / 2 * (0.5 + strength)), 1),
        "waves": (random.integers(0, 3, n) + 0.5 * side() + 0.5 * random.random(n)) / 3,
        "codes": random.permutation(10)[random.integers(0, 5, n) * 2 + side()].astype(float),
        "many codes": random.permutation(26)[random.integers(0, 13, n) * 2 + side()].astype(float),
        "postcodes": random.permutation(200)[random.integers(0, 100, n) * 2 + side()].astype(float),
        "empty": np.where(random.random(n) < 0.3 + strength * np.where(group, 1, -1), np.nan, normal()),
        "half": (first - random.random(n)) * 2,
        "other half": ((first == side()) - random.random(n)) * 2,
        **{f"null {number}": normal() + common for number in range(3)},
        **{f"null alone {number}": normal() for number in range(3)},
        "null codes": random.integers(0, 5, n).astype(float),
        "null many codes": random.integers(0, 50, n).astype(float),
        "null postcodes": random.integers(0, 400, n).astype(float),
        "null zeros": np.where(random.random(n) < 0.6, 0, random.lognormal(size=n)),
        "null flag": (random.random(n) < 0.05).astype(float),
        "null empty": np.where(random.random(n) < 0.2, np.nan, normal()),
        "null whole": random.poisson(3, n).astype(float),
    }
    columns[CHILD] = columns["shifted"] + normal()
    return pd.DataFrame(columns)


def _normal_quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


def is_true(one: Proxy, strength: float) -> bool:
    """Whether a finding is one: a feature that depends on the group, a pair that says more than its better member."""
    names = set(one.features)
    if strength == 0:
        return False
    if len(names) == 1 or names == set(PAIR):
        return bool(names <= {*PLANTED, CHILD}) or names == set(PAIR)
    return names <= {*PLANTED, CHILD} and names != {"shifted", CHILD}


@dataclass
class Tally:
    """What many simulated tables gave: by planted feature (or pair) how often it was found; the share of false findings of each table."""

    found: dict[str, int]
    false_shares: list[float]
    covered: int = 0
    intervals: int = 0


def simulate(shares: tuple[float, ...], rows: int, tables: int, strength: float = HALF, first_seed: int = 0) -> Tally:
    """So many tables of so many rows, the groups of which have these shares."""
    tally = Tally(dict.fromkeys([*PLANTED, " + ".join(PAIR)], 0), [])
    for seed in range(first_seed, first_seed + tables):
        random = np.random.default_rng(seed)
        codes = random.choice(len(shares), rows, p=shares)
        names = tuple(str(code) for code in range(len(shares)))
        frame = plant(random, codes == len(shares) - 1, strength)
        search = find_proxies(frame, [GroupColumn("group", codes.astype(np.int64), names, names)], coded=CODED)
        _count(tally, search, None if len(shares) == 2 else names[-1], strength)
    return tally


def _count(tally: Tally, search: ProxySearch, value: str | None, strength: float) -> None:
    found = [one for one in (*search.features, *search.pairs) if one.is_found]
    assert search.pairs_found == len(search.pairs), "pairs that aren't listed can't be judged"
    for name in {" + ".join(one.features) for one in found if one.value == value} & tally.found.keys():
        tally.found[name] += 1
    tally.false_shares.append(sum(not is_true(one, strength) for one in found) / max(1, len(found)))
    for one in search.features:
        if one.value == value and one.features[0] in ({*PLANTED} if strength else {}):
            tally.intervals += 1
            tally.covered += one.low <= AUC <= one.high


def rows(small: bool) -> list[Row]:
    size, tables = (2000, 2) if small else (5000, 400)
    found: list[Row] = []
    for name, shares in GROUPS.items():
        tally = simulate(shares, size, tables)
        what = f"{size:,} rows, group: {name}"
        for planted, count in tally.found.items():
            goal = Goal() if planted in HARD else Goal(limit=0.05)
            found.append(_share_row(f"planted proxies (AUC 0.6) not found: {planted}, {what}", tables - count, tables, goal))
        found.append(_false_row(f"false among the findings, {what}", tally))
        found.append(
            _share_row(
                f"intervals of the AUC that don't contain it, {what}", tally.intervals - tally.covered, tally.intervals, Goal(limit=0.05)
            )
        )
    for name, shares in GROUPS.items():
        tally = simulate(shares, size, tables, strength=0.0)
        wrong = sum(share > 0 for share in tally.false_shares)
        found.append(
            _share_row(f"tables without a proxy in which one is found, {size:,} rows, group: {name}", wrong, tables, Goal(limit=0.05))
        )
    return [*found, *times(3000 if small else 30_000, 1 if small else 3)]


def _share_row(figure: str, count: int, of: int, goal: Goal) -> Row:
    share = share_with_interval(count, of)
    assert share is not None
    return said(Row(figure, (share.value,), unit="", goal=goal, note=f"of {of}; 95 % interval {share.low:.3f} to {share.high:.3f}"))


def _false_row(figure: str, tally: Tally) -> Row:
    mean = mean_with_interval(np.array(tally.false_shares))
    note = f"mean of {mean.n} tables; 95 % interval {mean.low:.4f} to {mean.high:.4f}"
    return said(Row(figure, (mean.value,), unit="", goal=Goal(limit=0.05), note=note))


def times(size: int, runs: int) -> list[Row]:
    """The bundled rows, and the same AUCs by a tree of each feature alone, cross-fitted."""
    frame = read_bundled().drop(columns=["ID", "LABEL"]).head(size)
    sex = GroupColumn("SEX", frame["SEX"].to_numpy(dtype=np.int64) - 1, ("1", "2"), ("men", "women"))
    features = frame.drop(columns="SEX")
    tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=50, random_state=0)

    def trees() -> None:
        for name in features:
            cross_val_predict(tree, features[[name]], sex.codes, cv=5, method="predict_proba")

    def search(pairs: int) -> Callable[[], ProxySearch]:
        return lambda: find_proxies(features, [sex], coded=["EDUCATION", "MARRIAGE"], max_paired=pairs)

    what = f"{size:,} rows × {features.shape[1]}, one attribute"
    peer = "scikit-learn, a tree of each feature, 5 folds"
    return [
        compare(f"proxies among features, {what}", search(0), trees, peer_name=peer, runs=runs, goal=Goal(at_most=1)),
        compare(f"proxies among features and all pairs, {what}", search(features.shape[1]), trees, peer_name=peer, runs=runs),
    ]


if __name__ == "__main__":
    run("proxies", rows)
