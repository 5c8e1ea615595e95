"""Rows that stand in a table twice: found by content, and honest tables of few values aren't accused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis import find_leaks
from core.analysis.leaks.coded_columns import code_column, digest_rows
from core.analysis.leaks.leak_findings import findings_from_json

CELLS = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 1.5, 2**53 + 0.0, float("inf")]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "nan", "None"]))


def plain(value):
    return None if value is None or value != value else 0.0 if value == 0 else value


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELLS, TEXTS, TEXTS, st.integers(-2, 2)), min_size=1, max_size=30))
def test_digests_are_equal_exactly_for_equal_rows(rows):
    frame = pd.DataFrame(rows, columns=list("abcd")).astype({"a": float, "b": object, "c": object})
    digests = digest_rows([code_column(frame[name]) for name in frame.columns])
    contents = [tuple(map(plain, row)) for row in rows]
    assert [[one == other for other in digests] for one in digests] == [[one == other for other in contents] for one in contents]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from("xyz")), min_size=4, max_size=40), st.data())
def test_twins_are_those_that_a_search_of_all_pairs_finds(rows, data):
    frame = pd.DataFrame(rows, columns=["late", "n", "c"])
    numbers = np.array(data.draw(st.permutations(range(len(rows)))))
    cut = data.draw(st.integers(1, len(rows) - 1))
    training, test = numbers[:cut], numbers[cut:]
    found = find_leaks(frame, "late", training=training, held_out={"test": test})
    here = Counter(rows)
    assert (found.twins.rows, found.twins.of) == (sum(here[row] > 1 for row in rows), len(rows))
    twins = found.twins_in_training["test"]
    assert (twins.rows, twins.of) == (sum(any(rows[i] == rows[j] for j in training) for i in test), len(test))
    assert 0 <= twins.expected <= twins.rows
    assert findings_from_json(found.to_json()) == found


def amounts(rows, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "late": (random.random(rows) < 0.3).astype(int),
            "sex": random.integers(0, 2, rows),
            "income": random.normal(3000, 900, rows).round(2),
            "debt": random.gamma(2, 1000, rows).round(2),
        }
    )


def split(rows, seed=0):
    numbers = np.random.default_rng(seed).permutation(rows)
    return {"training": numbers[: int(0.64 * rows)], "held_out": {"test": numbers[int(0.8 * rows) :]}}


@pytest.mark.parametrize("with_id", [False, True])
def test_a_table_with_every_row_twice_leaks_into_the_test_rows(with_id):
    frame = pd.concat([amounts(1000)] * 2, ignore_index=True)
    if with_id:
        frame.insert(0, "number", range(1, 2001))
    found = find_leaks(frame, "late", **split(2000))
    assert (found.twins.rows, found.twins.repeats) == (2000, 2)
    twins = found.twins_in_training["test"]
    assert twins.share == pytest.approx(0.64, abs=0.08)
    assert twins.expected < 0.01 * twins.rows
    assert twins.is_finding
    assert [one.feature for one in found.ids] == (["number"] if with_id else [])


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_part_of_the_rows_copied_is_found_and_counted(share):
    frame = amounts(2000)
    copied = frame.sample(frac=share, random_state=1)
    found = find_leaks(pd.concat([frame, copied], ignore_index=True), "late")
    assert found.twins.rows == 2 * len(copied)
    assert found.twins.expected < 5
    assert found.twins.is_finding


def survey(rows, depends, seed=0):
    """Yes-or-no answers, which depend on one opinion."""
    random = np.random.default_rng(seed)
    opinion = random.normal(size=rows)
    answers = {f"q{i}": (depends * opinion + random.normal(size=rows) > 0).astype(int) for i in range(16)}
    return pd.DataFrame({"late": (random.random(rows) < 0.4).astype(int), **answers})


def few_columns(rows, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame({name: random.integers(0, most, rows) for name, most in (("late", 2), ("sex", 2), ("class", 4), ("age", 60))})


def depending_columns(rows, seed=0):
    random = np.random.default_rng(seed)
    age, sex = random.integers(18, 70, rows), random.integers(0, 2, rows)
    late = (random.random(rows) < 0.3).astype(int)
    return pd.DataFrame({"late": late, "age": age, "sex": sex, "title": 2 * sex + 1, "band": age // 10, "edu": random.integers(0, 4, rows)})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "make",
    [
        lambda seed: few_columns(200, seed),
        lambda seed: few_columns(5000, seed),
        lambda seed: survey(435, 2, seed),
        lambda seed: survey(3000, 2, seed),
        lambda seed: survey(3000, 1, seed),
        lambda seed: survey(20_000, 0, seed),
        lambda seed: depending_columns(120, seed),
        lambda seed: depending_columns(1000, seed),
        lambda seed: few_columns(5000, seed).assign(debt=np.round(np.random.default_rng(seed).random(5000), 2)),
    ],
)
def test_honest_tables_of_few_values_are_not_accused(make, seed):
    frame = make(seed)
    found = find_leaks(frame, "late", **split(len(frame), seed))
    assert found.twins.rows > 0
    assert not found.twins.is_finding
    assert not found.twins_in_training["test"].is_finding, found.twins_in_training


def test_a_table_of_few_values_with_every_row_twice_is_found_by_its_even_counts():
    frame = pd.concat([few_columns(3000)] * 2)
    found = find_leaks(frame, "late", **split(6000))
    assert (found.twins.repeats, found.twins_in_training["test"].is_finding) == (2, True)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("number", range(5, 505), "row order"),
        ("number", np.random.default_rng(0).permutation(500) + 1000, "consecutive"),
        ("customer_id", np.random.default_rng(0).choice(10**6, 500, replace=False), "name"),
        ("loanId", [*np.random.default_rng(0).choice(10**6, 490, replace=False), *[None] * 10], "name"),
        ("code", [f"c-{i}" for i in np.random.default_rng(0).permutation(500)], "text"),
        ("phone", np.random.default_rng(0).choice(10**9, 500, replace=False) + 10**9, "digits"),
        ("income", np.random.default_rng(0).choice(90_000, 500, replace=False), None),
        ("rate", np.random.default_rng(0).random(500), None),
        ("paid", np.random.default_rng(0).random(500).cumsum(), None),
        ("branch id", np.random.default_rng(0).integers(0, 40, 500), None),
    ],
)
def test_ids_among_the_features(name, values, kind):
    frame = amounts(500).assign(**{name: values})
    found = find_leaks(frame, "late").ids
    assert [(one.feature, one.kind) for one in found] == ([(name, kind)] if kind else [])
    if kind:
        assert (found[0].distinct, found[0].rows) == (pd.Series(values).nunique(), pd.Series(values).notna().sum())
