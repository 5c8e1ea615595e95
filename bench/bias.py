"""All 21 bias metrics, beside smclarify 0.5; with and without the flip test, which is a search for nearest neighbours; and the memory.

Each size can be measured alone: ``python -m bench.bias 300000``. There smclarify's flip test takes minutes: it gets a share of the rows.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bench import fresh
from bench.compare import Goal, Row, run, said, save, seconds
from bench.tables import repeated
from core.analysis.bias import flip_test
from core.analysis.bias.bias_metrics import (
    POST_TRAINING,
    PRE_TRAINING,
    flip_outcomes,
    metric_intervals,
    post_training_bias,
    pre_training_bias,
)
from core.analysis.bias.metric_registry import counted_metrics

SIZES = (30_000, 300_000, 3_000_000)
PEER = "smclarify 0.5"
COUNTED = counted_metrics()
SHARE = 20


@dataclass(frozen=True)
class Table:
    """Rows with a label, a facet, and predictions made at random; SEX = 1 is the facet, LABEL = 0 favourable, as in the product."""

    size: int

    @cached_property
    def frame(self) -> pd.DataFrame:
        return repeated(self.size)

    @cached_property
    def predicted(self) -> pd.Series[int]:
        return pd.Series((np.random.default_rng(0).random(self.size) > 0.8).astype(int))

    @cached_property
    def features(self) -> pd.DataFrame:
        return self.frame.drop(columns=["LABEL", "SEX"])

    def ours(self, names: list[str]) -> dict[str, float | None]:
        """The metrics' values."""
        facet, group = (self.frame["SEX"] == 1).to_numpy(), self.frame["AGE"].to_numpy()
        label, accepted = (self.frame["LABEL"] == 0).to_numpy(), (self.predicted == 0).to_numpy()
        features = self.features if "FT" in names else None
        found = pre_training_bias(facet, label, group) | post_training_bias(facet, label, accepted, group, features, metrics=names)
        return {name: metric.value for name, metric in found.items()}

    def theirs(self, names: list[str]) -> dict[str, float | None]:
        """smclarify's values: the whole of its report without bins or model."""
        from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report

        found: dict[str, float | None] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for stage, wanted in ((StageType.PRE_TRAINING, sorted(PRE_TRAINING)), (StageType.POST_TRAINING, names)):
                report: Any = bias_report(
                    self.frame,
                    FacetColumn("SEX", sensitive_values=[1]),
                    LabelColumn("LABEL", self.frame["LABEL"], positive_label_values=[0]),
                    stage,
                    predicted_label_column=LabelColumn("predicted", self.predicted, positive_label_values=[0]),
                    group_variable=self.frame["AGE"],
                    metrics=wanted,
                )
                found |= {one["name"]: one["value"] for one in report[0]["metrics"]}
        return found

    def sampled(self) -> tuple[float, Any]:
        """The flip test's value and its interval."""
        facet = (self.frame["SEX"] == 1).to_numpy()
        label, accepted = (self.frame["LABEL"] == 0).to_numpy(), (self.predicted == 0).to_numpy()
        found = flip_outcomes(facet, accepted, self.features)
        return flip_test.flip_test_value(facet, found), metric_intervals("post", facet, label, accepted, None, found)["FT"]


def rows(small: bool) -> list[Row]:
    """Every figure; at the smallest size one of each kind."""
    if small:
        return [counted(300, 1), with_flip_test(300, 1), memory(300)]
    return [*(row for size in SIZES for row in of(size))]


def of(size: int) -> list[Row]:
    """The figures of one size."""
    few = size < 100_000
    first = counted(size, 1 if size > 1_000_000 else 5)
    return [first, sampled(size) if size > 1_000_000 else with_flip_test(size, 3 if few else 1), memory(size)]


def counted(size: int, runs: int) -> Row:
    """Without the flip test."""
    return _compared(Table(size), COUNTED, f"20 bias metrics, all but the flip test, {size:,} rows", Goal(faster=100), runs)


def with_flip_test(size: int, runs: int) -> Row:
    """With it. Of a large table smclarify's flip test gets a twentieth of the facet's rows, and its time is scaled: each is looked up by
    itself among all of the rest."""
    table, figure, goal = Table(size), f"21 bias metrics, {size:,} rows", Goal(faster=15)
    if size < 100_000:
        return _compared(table, sorted(POST_TRAINING), figure, goal, runs)
    from smclarify.bias.metrics import FT

    facet = table.frame["SEX"] == 1
    asked = ~facet | (facet & (np.cumsum(facet) % SHARE == 0))
    sides = [side[asked].reset_index(drop=True) for side in (table.features, facet, table.predicted == 0)]
    value: list[float] = []
    ours = seconds(lambda: table.ours(sorted(POST_TRAINING)))
    peer = seconds(lambda: table.theirs(COUNTED)) + SHARE * seconds(lambda: value.append(FT(*sides)))
    own = flip_test.flip_test(sides[1].to_numpy(), sides[2].to_numpy(), sides[0])
    assert abs(own - value[0]) < 1e-9, (own, value[0])
    note = f"smclarify's flip test on 1/{SHARE} of the facet's rows, scaled; both sides' values for those agree; runs=1"
    return said(Row(figure, (ours,), PEER, (peer,), goal=goal, note=note))


def _compared(table: Table, names: list[str], figure: str, goal: Goal, runs: int) -> Row:
    table.features  # noqa: B018  (made before the clock starts)
    kept: dict[str, dict[str, float | None]] = {}

    def side(name: str, work: Callable[[list[str]], dict[str, float | None]]) -> None:
        kept[name] = work(names)

    ours, peer = [], []
    for _ in range(runs):
        ours.append(seconds(lambda: side("ours", table.ours)))
        peer.append(seconds(lambda: side("theirs", table.theirs)))
    note = f"{agreement(kept['ours'], kept['theirs'])}; runs={runs}"
    return said(Row(figure, tuple(ours), PEER, tuple(peer), goal=goal, note=note))


def sampled(size: int) -> Row:
    """The metrics where the flip test asks a sample: no peer, which would take hours."""
    table = Table(size)
    found: list[Any] = []
    taken = seconds(lambda: found.append(table.sampled())) + seconds(lambda: table.ours(COUNTED))
    value, ends = found[0]
    note = f"FT {value:+.4f}, 95 % interval {ends.low:+.4f} to {ends.high:+.4f}, n = {ends.n:,}; with the interval's 1,000 resamples"
    return said(Row(f"21 bias metrics, {size:,} rows, the flip test sampled", (taken,), "not run (hours)", note=note))


def memory(size: int) -> Row:
    used = fresh.usage("bench.bias", "--fresh", str(size))
    note = f"beyond the process with the table of {used.table_mb:,.0f} MB; {used.peak_mb:,.0f} MB in {used.seconds:.2f} s"
    goal = Goal(limit=3) if size >= SIZES[0] else Goal()
    return said(
        Row(f"21 bias metrics, {size:,} rows, peak memory", (used.peak_mb / used.table_mb,), unit="× the table", goal=goal, note=note)
    )


def agreement(ours: dict[str, float | None], theirs: dict[str, float | None]) -> str:
    """Raises AssertionError where a value differs."""
    assert set(ours) == set(theirs), set(ours) ^ set(theirs)
    worst = max(abs(float(ours[name] or 0) - float(theirs[name] or 0)) for name in ours)
    assert worst < 1e-9, {name: (ours[name], theirs[name]) for name in ours}
    return f"all {len(ours)} values agree to {worst:.0e}"


def main() -> None:
    if "--fresh" in sys.argv:
        table = Table(int(sys.argv[-1]))
        size = table.frame.memory_usage(index=False).sum() + table.predicted.memory_usage(index=False)
        Table(1000).ours(sorted(POST_TRAINING))  # so that what code is loaded late isn't counted
        fresh.measured(lambda: table.ours(sorted(POST_TRAINING)), float(size))
    elif sys.argv[1:] and sys.argv[-1].isdigit():
        save(f"bias_{sys.argv[-1]}", of(int(sys.argv[-1])))
    else:
        run("bias", rows)


if __name__ == "__main__":
    main()
