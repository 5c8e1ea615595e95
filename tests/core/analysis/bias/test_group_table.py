"""All groups of a table: figures as fairlearn and smclarify have them, intervals that are right together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, count, selection_rate, true_positive_rate
from scipy import stats
from smclarify.bias.metrics import DI, DPL, DPPL, RD

from core.analysis.bias.group_table import INTERSECTION_FLOOR, GroupColumn, GroupTable, measure_groups
from core.analysis.intervals.simultaneous_intervals import difference_ends, ratio_ends, share_ends


def column(name: str, values: pd.Series) -> GroupColumn:
    codes, found = pd.factorize(values, sort=True)
    names = tuple(map(str, found))
    return GroupColumn(name, codes.astype(np.int64), names, tuple(f"{name} {value}" for value in names))


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    random = np.random.default_rng(7)
    n = 1500
    frame = pd.DataFrame(
        {"sex": random.choice(["f", "m"], n), "region": random.choice(["n", "s", "w", "islands"], n, p=[0.5, 0.3, 0.17, 0.03])}
    )
    frame["label"] = random.random(n) < np.where(frame["sex"] == "f", 0.3, 0.5)
    frame["prediction"] = random.random(n) < np.where(frame["label"], 0.7, 0.2) - 0.1 * (frame["region"] == "s")
    return frame


def measured(frame: pd.DataFrame, *names: str, **options: int) -> GroupTable:
    return measure_groups([column(name, frame[name]) for name in names], frame["label"], frame["prediction"], **options)


def test_groups_and_intersections_have_fairlearns_figures(people: pd.DataFrame) -> None:
    table = measured(people, "sex", "region", floor=0)
    metrics = {"rows": count, "accepted": selection_rate, "recall": true_positive_rate}
    for names in (["sex"], ["region"], ["sex", "region"]):
        theirs = MetricFrame(
            metrics=metrics, y_true=people["label"], y_pred=people["prediction"], sensitive_features=people[names]
        ).by_group
        labels = people.groupby(names)["label"].mean()
        ours = {group.values: group for group in table.groups if group.columns == tuple(names)}
        assert len(ours) == len(theirs)
        for key, row in theirs.iterrows():
            group = ours[key if isinstance(key, tuple) else (key,)]
            assert group.rows == row["rows"]
            assert group.selection_rate.value == pytest.approx(row["accepted"])
            assert group.label_share.value == pytest.approx(labels[key])


def test_each_group_is_compared_with_all_others_as_smclarify_does(people: pd.DataFrame) -> None:
    label, prediction = people["label"].astype(int), people["prediction"].astype(int)
    for group in measured(people, "sex", "region").groups:
        if group.why:
            continue
        facet = pd.concat([people[name] == value for name, value in zip(group.columns, group.values, strict=True)], axis=1).all(axis=1)
        of = (people["sex"], facet, label == 1)
        theirs = {
            "DPL": DPL(*of),
            "DPPL": DPPL(people["sex"], facet, prediction == 1),
            "DI": DI(people["sex"], facet, prediction == 1),
            "RD": RD(people["sex"], facet, label == 1, prediction == 1),
        }
        assert {name: figure.value for name, figure in group.disparities.items()} == pytest.approx(theirs)
        assert all(figure.low < figure.value < figure.high for figure in group.disparities.values())


def test_intersections_below_the_floor_are_counted_only(people: pd.DataFrame) -> None:
    sizes = people.groupby(["sex", "region"]).size()
    assert (sizes < INTERSECTION_FLOOR).any()
    table = measured(people, "sex", "region")
    small = {group.values: group for group in table.groups if group.why}
    assert {values: group.rows for values, group in small.items()} == sizes[sizes < INTERSECTION_FLOOR].to_dict()
    assert all("fewer than 30 rows" in g.why and g.label_share is None and not g.disparities for g in small.values())
    assert table.comparisons == 1 + 4 + (sizes >= INTERSECTION_FLOOR).sum()  # two sexes are one comparison


def test_rows_of_an_unknown_group_are_no_ones_rest() -> None:
    sex = column("sex", pd.Series(["f", "m", None, "m"]))
    women, men = measure_groups([sex], [True, True, True, False], None).groups
    assert (women.rows, women.rest, men.label_share.value) == (1, 2, 0.5)
    assert women.selection_rate is None
    assert set(women.disparities) == {"DPL"}


def test_undefined_figures_say_why() -> None:
    sex = column("sex", pd.Series(["f"] * 5 + ["m"] * 5))
    nobody = measure_groups([sex], [True] * 10, [False] * 10).groups[0]
    assert nobody.disparities["DI"].value is None
    assert "Nobody is accepted" in nobody.disparities["DI"].why
    no_label = measure_groups([sex], [False] * 5 + [True] * 5, [True] * 10).groups[0]
    assert no_label.disparities["RD"].value is None
    assert "favourable label" in no_label.disparities["RD"].why
    one_group = measure_groups([column("sex", pd.Series(["f"] * 5))], [True] * 5, [True] * 5)
    assert one_group.comparisons == 0
    assert "every row has the facet's value" in one_group.groups[0].disparities["DPPL"].why


def test_two_facets_of_one_column_are_not_crossed() -> None:
    age = pd.Series(range(100))
    young = column("age", (age <= 25).map({True: "25 or less", False: "above 25"}))
    assert all(len(group.columns) == 1 for group in measure_groups([young, column("age", age // 20)], age > 50, None).groups)


def test_ends_of_shares_are_scipys_exact_ones() -> None:
    hits, n = np.array([0.0, 1, 5, 40, 40]), np.array([30.0, 30, 9, 400, 40])
    for confidence in (0.95, 0.9995):
        theirs = [stats.binomtest(int(k), int(m)).proportion_ci(confidence, "exact") for k, m in zip(hits, n, strict=True)]
        assert np.transpose(share_ends(hits, n, confidence)) == pytest.approx(np.array([(one.low, one.high) for one in theirs]))
    assert np.isnan(share_ends(np.zeros(1), np.zeros(1), 0.95)).all()


def test_ratio_ends_are_where_the_difference_with_the_scaled_share_ends_at_zero() -> None:
    one, other = np.array([0.3, 0.1, 0.0]), np.array([0.5, 0.1, 0.4])
    ends = share_ends(one * 50, np.full(3, 50.0), 0.99), share_ends(other * 200, np.full(3, 200.0), 0.99)
    low, high = ratio_ends(one, ends[0], other, ends[1])
    scaled = [difference_ends(one, ends[0], r * other, (r * ends[1][0], r * ends[1][1])) for r in (low, high)]
    assert scaled[0][0][:2] == pytest.approx(0, abs=1e-12)
    assert scaled[1][1] == pytest.approx(0, abs=1e-12)
    assert low[2] == 0
    assert np.isinf(
        ratio_ends(np.array([0.5]), share_ends(np.array([5.0]), np.array([10.0]), 0.95), np.zeros(1), (np.zeros(1), np.ones(1)))[1]
    )


@pytest.mark.slow
@pytest.mark.parametrize(("base", "rows"), [(0.3, 1500), (0.03, 900)])
def test_all_intervals_of_a_column_contain_the_truth_together(base: float, rows: int) -> None:
    random = np.random.default_rng(3)
    sex, region = random.integers(0, 2, rows), random.choice(6, rows, p=[0.4, 0.3, 0.1, 0.1, 0.07, 0.03])
    columns = [column("sex", pd.Series(sex)), column("region", pd.Series(region))]
    labelled, accepted = np.clip(base * (1 + 0.4 * sex - 0.1 * region), 0.005, 1), np.clip(base * (1.5 - 0.2 * region), 0.005, 1)
    missed = dict.fromkeys(("DPL", "DPPL", "DI"), 0)
    runs = 300
    for _ in range(runs):
        table = measure_groups(columns, random.random(rows) < labelled, random.random(rows) < accepted)
        wrong = set()
        for group in (one for one in table.groups if not one.why):
            of = np.logical_and.reduce(
                [{"sex": sex, "region": region}[c] == int(v) for c, v in zip(group.columns, group.values, strict=True)]
            )
            truth = {
                "DPL": labelled[~of].mean() - labelled[of].mean(),
                "DPPL": accepted[~of].mean() - accepted[of].mean(),
                "DI": accepted[of].mean() / accepted[~of].mean(),
            }
            wrong |= {n for n, t in truth.items() if (f := group.disparities[n]).value is not None and not f.low <= t <= f.high}
        missed = {name: missed[name] + (name in wrong) for name in missed}
    assert table.comparisons > 12
    assert all(count <= stats.binom.ppf(0.999, runs, 0.05) for count in missed.values()), missed
