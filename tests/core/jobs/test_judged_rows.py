"""Which rows a rebalancing's parts are: the same whatever the method and columns, others with another seed, size, order or table."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from core.data.column_roles import ColumnRoles
from core.data.comparability import are_same_rows, explain_incomparable
from core.data.datasets import Dataset
from core.jobs.judged_rows import rows_before_rebalancing, rows_of_rebalancing
from core.jobs.rebalancing_jobs import RebalancedData
from engine.containers import rebalance

CONFIG = {"label": "paid", "favourable": 1, "facet": "sex", "facet_value": 1, "method": "none"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """``made(seed=7, …)``: what the container makes of one table."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"paid": random.integers(0, 2, 200), "sex": random.integers(0, 2, 200), "income": random.random(200).round(4)})
    table["debt"] = random.random(200).round(4)

    def run(*, rows=slice(None), **changes):
        root = tmp_path_factory.mktemp("rebalance")
        for name in ("config", "data"):
            (root / f"opt/ml/processing/input/{name}").mkdir(parents=True)
        config = {**CONFIG, **changes}
        (root / "opt/ml/processing/input/config/rebalance.json").write_text(json.dumps(config))
        table[rows].to_csv(root / "opt/ml/processing/input/data/data.csv", index=False)
        rebalance.main(root, {})
        manifest = json.loads((root / "opt/ml/processing/output/manifest.json").read_text())
        roles = ColumnRoles(config["label"], config["favourable"], config["facet"], config["facet_value"])
        coding = {"paid": {"no": 0, "yes": 1}, "sex": {"a": 0, "b": 1}}
        source = Dataset("loans", "s3://b/data.csv", manifest["input"]["sha256"], 200, tuple(table), roles, coding, "2026-11-28", "Dana")
        return RebalancedData("job", "s3://b/output", manifest, source)

    return run


def test_a_part_says_what_it_is_in_the_users_words(made) -> None:
    rows = rows_of_rebalancing(made(), "test")
    assert (rows.dataset, rows.count, rows.label, rows.favourable_name) == ("loans", 40, "paid", "paid = yes")
    assert (rows.facets, rows.facet_names) == (("sex=1",), ("people with sex = b",))
    assert rows.split == "split with seed 42 by paid and sex: 16 % for validation, 20 % for testing"


@pytest.mark.parametrize("part", ["test", "validation"])
def test_method_and_columns_leave_held_out_rows_the_same(made, part) -> None:
    rows = rows_of_rebalancing(made(), part)
    for changes in ({"method": "random-over"}, {"ignored": ["debt"]}, {"method": "reweighing"}):
        assert are_same_rows(rows, rows_of_rebalancing(made(**changes), part)), changes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": 7}, "seed 7"),
        ({"test_size": 0.3}, "60 rows (split with seed 42 by paid and sex: 16 % for validation, 30 % for testing)"),
        ({"rows": slice(100)}, "'loans' (20 rows"),
        ({"favourable": 0}, "The favourable value is paid = yes for a and paid = no for b."),
        ({"order": "workshop", "method": "random-over"}, "rebalanced before they were split"),
    ],
)
def test_another_split_table_or_favourable_value_is_told(made, changes, reason) -> None:
    a, b = rows_of_rebalancing(made(), "test"), rows_of_rebalancing(made(**changes), "test")
    (said,) = explain_incomparable(("a", "b"), a, b)
    assert reason in said


def test_rebalancings_are_compared_by_the_rows_that_they_started_from(made) -> None:
    start = rows_before_rebalancing(made())
    for changes in ({"method": "random-over"}, {"order": "workshop", "method": "random-over"}):
        assert explain_incomparable(("a", "b"), start, rows_before_rebalancing(made(**changes)), by_facet=True) == ()
    assert explain_incomparable(("a", "b"), start, rows_before_rebalancing(made(seed=7)), by_facet=True)
    *_, said = explain_incomparable(("a", "b"), start, rows_before_rebalancing(made(facet_value=0)), by_facet=True)
    assert said == "a was measured for people with sex = b, b for people with sex = a: they have no facet in common."
