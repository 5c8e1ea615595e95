"""SMOTE and SMOTE-NC as the product makes them, beside imbalanced-learn's defaults with the same seed: the same rows but for ties.

Ours does more: it keeps track of which row is which, and gives each made row the codes, label and facet of its likes. Each size can be
measured alone: ``python -m bench.resampling 300000``.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.compare import Goal, Row, run, said, save, seconds
from bench.tables import repeated
from core.analysis.resampling.nearest_neighbours import KDTreeNeighbors
from core.analysis.resampling.resampling import RebalanceConfig, rebalance

PEER = "imbalanced-learn's default"
CODED = ("EDUCATION", "MARRIAGE")
FIXED = ("LABEL", "SEX")
SEED, K = 42, 5


def rows(small: bool) -> list[Row]:
    if small:
        frame = repeated(1000)
        return [measured(frame, method, "facet", 1) for method in ("smote", "smote-nc")]
    return [*of(30_000), *of(300_000)]


def of(size: int) -> list[Row]:
    """Up to 30,000 rows by the facet, too; of 300,000 by the label only, whose rarer side is a fifth: the peer's time grows with its
    square."""
    targets = ("facet", "label") if size <= 30_000 else ("label",)
    runs = 3 if 10_000 < size <= 30_000 else 1
    frame = repeated(size)
    return [measured(frame, method, target, runs) for method in ("smote", "smote-nc") for target in targets]


def measured(frame: pd.DataFrame, method: str, target: str, runs: int) -> Row:
    config = RebalanceConfig("LABEL", "SEX", 1, method, target, CODED, seed=SEED)
    groups = (frame["SEX"] == 1).astype(int) if target == "facet" else frame["LABEL"]
    kept: dict[str, Any] = {}

    def ours() -> None:
        kept["ours"] = rebalance(frame, config)

    def peer() -> None:
        kept["peer"] = theirs(frame, groups.to_numpy(), method)

    a, b = [], []
    for _ in range(runs):
        a.append(seconds(ours))
        b.append(seconds(peer))
    title = {"smote": "SMOTE", "smote-nc": "SMOTE-NC"}[method]
    figure = f"{title} by {target}, {len(frame):,} rows"
    note = f"{differences(frame, groups.to_numpy(), method, kept['ours'].frame, kept['peer'])}; runs={runs}"
    return said(Row(figure, tuple(a), PEER, tuple(b), goal=Goal(faster=5), note=note))


def theirs(frame: pd.DataFrame, groups: NDArray[Any], method: str) -> pd.DataFrame:
    """What imbalanced-learn makes of it. SMOTE gets neither label nor facet, which it would interpolate; to SMOTE-NC they are codes."""
    from imblearn.over_sampling import SMOTE, SMOTENC

    if method == "smote":
        rows: pd.DataFrame = SMOTE(random_state=SEED, k_neighbors=K).fit_resample(used(frame), groups)[0]
        return rows
    places = [place for place, name in enumerate(frame.columns) if name in {*CODED, *FIXED}]
    made = SMOTENC(places, random_state=SEED, k_neighbors=K).fit_resample(frame.to_numpy(dtype=float), groups)[0]
    return pd.DataFrame(made, columns=frame.columns)


def used(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=list(FIXED)).astype(float)


def differences(frame: pd.DataFrame, groups: NDArray[Any], method: str, ours: pd.DataFrame, peer: pd.DataFrame) -> str:
    """How many of the made rows differ. Raises AssertionError where one does whose row of origin has no neighbours equally far away.

    Compared are the columns that are interpolated, whole numbers as such, and for SMOTE-NC the categories too. Those are drawn by lot where
    several are equally frequent among the neighbours, and one other neighbour changes every later draw; so of them only the share is told.
    """
    assert len(ours) == len(peer)
    numbers = [name for name in frame.columns if name not in {*CODED, *FIXED}]
    made = slice(len(frame), None)
    differ = (np.rint(peer[numbers].to_numpy(dtype=float)[made]) != ours[numbers].to_numpy(dtype=float)[made]).any(axis=1)
    allowed = from_tied_rows(frame, groups, method, len(differ))
    assert not (differ & ~allowed).any(), f"{int((differ & ~allowed).sum())} rows differ without a tie"
    text = f"{int(differ.sum()):,} of {len(differ):,} made rows differ, all from rows with neighbours equally far away"
    if method == "smote-nc":
        codes = [*CODED, *FIXED]
        other = (peer[codes].to_numpy(dtype=float)[made] != ours[codes].to_numpy(dtype=float)[made]).any(axis=1) & ~differ
        text += f"; {int(other.sum()):,} in a category drawn by lot only"
    return text


def from_tied_rows(frame: pd.DataFrame, groups: NDArray[Any], method: str, made: int) -> NDArray[np.bool_]:
    """Which made rows come from a row with two neighbours equally far away, as far as rounding can tell."""
    rarer = groups == (0 if (groups == 0).sum() < (groups == 1).sum() else 1)
    points = used(frame)[rarer]
    if method == "smote-nc":
        numbers = frame[rarer].drop(columns=[*CODED, *FIXED]).astype(float)
        unlike = float(np.median(numbers.std(ddof=0))) / np.sqrt(2)
        codes = [pd.get_dummies(frame.loc[rarer, name]).to_numpy() * unlike for name in (*CODED, *FIXED)]
        points = np.column_stack([numbers.to_numpy(), *codes])
    values = np.asarray(points, dtype=float)
    distances, _ = KDTreeNeighbors(K + 2).fit(values).kneighbors(values)
    # imbalanced-learn's default takes differences of squared lengths, whose rounding makes more rows equally far away than there are.
    slack = 1e-12 * (values**2).sum(axis=1, keepdims=True)
    tied = (np.diff(distances**2, axis=1) <= slack).any(axis=1)
    origins = np.random.RandomState(SEED).randint(0, len(values) * K, made) // K
    found: NDArray[np.bool_] = tied[origins]
    return found


def main() -> None:
    if sys.argv[1:] and sys.argv[-1].isdigit():
        save(f"resampling_{sys.argv[-1]}", of(int(sys.argv[-1])))
    else:
        run("resampling", rows)


if __name__ == "__main__":
    main()
