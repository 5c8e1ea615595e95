"""The search for proxies: what is planted is found, what isn't there isn't, and what can't be judged is said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from bench import proxies as simulated
from core.analysis.bias.group_table import GroupColumn
from core.analysis.proxies.proxy_search import ProxySearch, find_proxies


def group_column(name, codes, source=""):
    values = tuple(str(code) for code in range(int(max(codes)) + 1))
    return GroupColumn(name, np.asarray(codes, dtype=np.int64), values, tuple(f"{name} {value}" for value in values), source)


@pytest.mark.slow
@pytest.mark.parametrize(("shares", "tables"), [((0.8, 0.2), 12), ((0.9, 0.1), 12), ((0.4, 0.3, 0.15, 0.05, 0.1), 3)])
def test_what_is_planted_is_found_and_little_else(shares, tables):
    """A share of ``python -m bench.proxies``: AUC 0.6 at 5,000 rows."""
    tally = simulated.simulate(shares, 5000, tables, first_seed=5000)
    missed = sum(tables - found for name, found in tally.found.items() if name not in simulated.HARD)
    assert missed <= stats.binom.ppf(0.9999, tables * len(tally.found), 0.05)
    assert sum(share > 0.05 for share in tally.false_shares) <= 1
    assert tally.covered >= stats.binom.ppf(0.001, tally.intervals, 0.95)


@pytest.mark.slow
def test_tables_without_a_proxy_have_no_finding():
    tally = simulated.simulate((0.7, 0.3), 1000, 20, strength=0.0)
    assert sum(share > 0 for share in tally.false_shares) <= stats.binom.ppf(0.999, 20, 0.05)


@pytest.fixture(scope="module")
def people():
    random = np.random.default_rng(2)
    n = 1500
    women = random.random(n) < 0.4
    frame = pd.DataFrame(
        {
            "height": (175 - 8 * women + random.normal(0, 8, n)).round(),
            "hobby": np.where(random.random(n) < 0.3, np.where(women, "dance", "chess"), random.choice(["run", "read", "cook"], n)),
            "score": random.normal(size=n),
            "wage": np.where(random.random(n) < np.where(women, 0.4, 0.1), np.nan, random.lognormal(size=n)),
        }
    )
    return frame, women


def test_an_auc_is_about_that_of_a_tree(people):
    frame, women = people
    found = {one.features[0]: one for one in find_proxies(frame, [group_column("sex", women)]).features}
    tables = frame.assign(hobby=frame["hobby"].rank(method="dense"))
    for name, one in found.items():
        tree = DecisionTreeClassifier(min_samples_leaf=40, max_leaf_nodes=12, random_state=0)
        theirs = cross_val_score(tree, tables[[name]], women, cv=5, scoring="roc_auc").mean()
        assert one.auc == pytest.approx(theirs, abs=0.03)
        assert one.low <= theirs <= one.high
        assert one.is_found == (name != "score")


def test_features_come_by_strength_each_once(people):
    frame, women = people
    alone = find_proxies(frame, [group_column("sex", women)], max_paired=0)
    assert alone.found_features() == [one.features[0] for one in alone.features if one.is_found]
    assert alone.found_features(max(one.low for one in alone.features) - 1e-9) == [max(alone.features, key=lambda one: one.low).features[0]]
    search = find_proxies(frame, [group_column("sex", women)])
    assert set(search.found_features()) >= set(alone.found_features())
    assert (search.tests, search.pair_tests, search.rows) == (4 + 6, 6, 1500)
    assert all(one.gain_low > 0 and one.better in one.features for one in search.pairs)


def test_several_groups_are_told_each_from_all_others_and_as_a_whole(people):
    frame, women = people
    codes = np.where(women, 2, np.arange(len(women)) % 2)
    codes[:20] = 3
    codes[20:100] = -1
    search = find_proxies(frame, [group_column("kind", codes)], max_paired=0)
    values = {one.value: one for one in search.features if one.features == ("height",)}
    assert set(values) == {None, "0", "1", "2"}
    assert values[None].rows == 1420
    assert values["2"].auc > values[None].auc > values["0"].auc
    (lacking,) = search.not_measured
    assert (lacking.value, lacking.name) == ("3", "kind 3")
    assert lacking.why == "20 rows of the group, and it takes at least 30"
    assert search.unpaired == tuple(frame)


def test_an_attribute_with_one_group_or_a_small_one_is_not_judged(people):
    frame, women = people
    search = find_proxies(frame, [group_column("sex", np.zeros(len(women))), group_column("rare", np.arange(len(women)) < 10)])
    assert (search.features, search.tests) == ((), 0)
    assert [one.attribute for one in search.not_measured] == ["sex", "rare", "rare"]


def test_a_feature_that_is_the_attribute_is_left_out_for_that_attribute_only(people):
    frame, women = people
    tall = (frame["height"] > 175).astype(int)
    search = find_proxies(frame, [group_column("sex", women), group_column("tall", tall, source="height")])
    assert search.skipped == (("height", "tall"),)
    assert {one.attribute for one in search.features if one.features == ("height",)} == {"sex"}


def test_results_are_plain_json_and_come_back_from_it(people):
    frame, women = people
    search = find_proxies(frame, [group_column("sex", women)])
    content = json.loads(json.dumps(search.to_json(), allow_nan=False))
    assert TypeAdapter(ProxySearch).validate_python(content) == search
    assert [one["is_found"] for one in content["features"]] == [one.is_found for one in search.features]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([np.exp, np.arctan, lambda x: x**3 - 7]))
def test_a_rising_function_of_a_number_or_other_codes_change_nothing(seed, rise):
    random = np.random.default_rng(seed)
    group = group_column("g", random.random(300) < 0.3)
    codes = random.integers(0, 5, 300)
    frame = pd.DataFrame({"x": np.where(random.random(300) < 0.1, np.nan, random.normal(size=300)), "code": codes})
    other = pd.DataFrame({"x": rise(frame["x"]), "code": random.permutation(5)[codes]})
    one, same = (find_proxies(table, [group], coded=["code"]) for table in (frame, other))
    for a, b in zip(one.features, same.features, strict=True):
        assert (a.features, a.auc, a.low, a.high) == (b.features, pytest.approx(b.auc), pytest.approx(b.low), pytest.approx(b.high))
        assert a.p_value == pytest.approx(b.p_value)
