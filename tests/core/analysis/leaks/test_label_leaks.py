"""Features that give the label away: each AUC is scikit-learn's, honest features aren't accused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from core.analysis import find_leaks
from core.analysis.leaks import label_leaks
from core.analysis.leaks.coded_columns import code_column
from core.data import bundled_data

ROWS = 2000
RANDOM = np.random.default_rng(7)
LATE = RANDOM.random(ROWS) < 0.3
SCORE = RANDOM.normal(size=ROWS)
TOWNS = RANDOM.integers(0, 400, ROWS)


def table(**planted):
    honest = {
        "late": LATE.astype(int),
        "sex": RANDOM.choice(["f", "m"], ROWS),
        "age": RANDOM.integers(18, 80, ROWS),
        "debt": SCORE + 0.8 * LATE,
        "town": TOWNS,
        "gaps": np.where(RANDOM.random(ROWS) < 0.4, np.nan, RANDOM.random(ROWS)),
    }
    return pd.DataFrame(honest | planted)


def flipped(share):
    return LATE ^ (np.random.default_rng(1).random(ROWS) < share)


PLANTED = {
    "text that stands for the label": (np.where(LATE, "declined", "approved"), "one to one"),
    "numbers that stand for the label": (np.where(LATE, 7, 3), "one to one"),
    "a value for one label, nothing for the other": (np.where(LATE, 1.0, np.nan), "one to one"),
    "an amount written off": (np.where(LATE, 100 + 1e3 * RANDOM.random(ROWS), 0), "threshold"),
    "a falling threshold": (np.where(LATE, -1, 1) * (1 + RANDOM.random(ROWS)), "threshold"),
    "codes, each of one label": (np.where(LATE, RANDOM.choice([2, 5, 7], ROWS), RANDOM.choice([1, 3, 6], ROWS)), "function"),
    "many text codes, each of one label": (np.where(LATE, "x", "y").astype(object) + (TOWNS // 2).astype(str), "function"),
    "a date only of those late": (np.where(LATE, RANDOM.random(ROWS) * 1e4, np.nan), "empty cells"),
    "empty for those late, nearly": (np.where(flipped(0.01), np.nan, RANDOM.integers(0, 9, ROWS)), "empty cells"),
    "a copy with one error in 50": (flipped(0.02).astype(int), "near copy"),
    "a score from afterwards": (SCORE + 4 * LATE, "strong"),
    "an amount in between": (np.where(LATE, RANDOM.random(ROWS) - 0.5, np.sign(SCORE) * (0.5 + RANDOM.random(ROWS))), "strong"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_leak_is_found_and_named_and_nothing_honest_is(what):
    values, kind = PLANTED[what]
    (leak,) = find_leaks(table(planted=values), "late").label
    assert (leak.feature, leak.kind) == ("planted", kind)
    assert leak.auc > 0.9
    assert leak.share > 0.95
    if kind in {"one to one", "threshold", "function"}:
        assert leak.share == leak.auc == 1 or (what.startswith("many") and leak.auc > 0.98)


def test_the_auc_of_numbers_is_scikit_learns():
    values = SCORE + 4 * LATE
    (leak,) = find_leaks(table(planted=-values.round(1)), "late").label
    assert leak.auc == pytest.approx(roc_auc_score(LATE, values.round(1)), abs=1e-12)
    cuts = [((values.round(1) > cut) == LATE).sum() for cut in np.unique(values.round(1))]
    assert leak.agreeing_rows == max(cuts)


def test_the_auc_of_a_category_is_that_of_its_rates():
    values = pd.Series(np.where(flipped(0.02), "a", "b")).where(RANDOM.random(ROWS) > 0.01, "c")
    (leak,) = find_leaks(table(planted=values), "late").label
    rates = pd.Series(LATE).groupby(values).transform("mean")
    assert leak.auc == pytest.approx(roc_auc_score(LATE, rates), abs=1e-12)
    assert leak.agreeing_rows == sum(part.value_counts().max() for _, part in pd.Series(LATE).groupby(values))


def test_rates_of_many_values_are_those_of_other_rows():
    """scikit-learn's folds of whole rows, a rate for each fold from the others."""
    values = TOWNS % 97 + 100 * flipped(0.01)
    digests = np.random.default_rng(3).integers(0, 2**63, ROWS).astype(np.uint64)
    folds = digests % label_leaks.FOLDS
    found = label_leaks._by_rate_of_other_rows(code_column(pd.Series(values)), LATE.astype(float), folds.astype(np.int64))
    scores = np.empty(ROWS)
    for others, here in GroupKFold(label_leaks.FOLDS).split(values, groups=folds):
        rows = pd.Series(LATE[others]).groupby(values[others]).agg(["sum", "size"])
        rate = (rows["sum"] + LATE.mean()) / (rows["size"] + 1)
        scores[here] = [rate.get(value, LATE.mean()) for value in values[here]]
    assert found.auc == pytest.approx(roc_auc_score(LATE, scores), abs=1e-12)
    assert found.agreeing == ((scores > 0.5) == LATE).sum()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, 0, 1, 2.5, 7])), min_size=2, max_size=60))
def test_the_order_of_values_with_missing_ones_at_either_end(rows):
    label, values = np.array([one for one, _ in rows]), pd.Series([value for _, value in rows], dtype=float)
    column = code_column(values)
    if label.all() or not label.any() or not len(column.values):
        return
    ones = np.bincount(column.codes, weights=label, minlength=len(column.counts))
    zeros = column.counts - ones
    found = label_leaks._by_order(zeros[:-1], ones[:-1], zeros[-1], ones[-1])
    judged = [roc_auc_score(label, values.fillna(end)) for end in (-9, 9)]
    assert found.auc == pytest.approx(max(*judged, *(1 - one for one in judged)))


def test_a_column_of_many_values_is_not_accused_by_its_own_rows_or_their_twins():
    """An employer named once or twice says nothing of others, even where every row stands in the table twice."""
    names = np.array([f"employer {i}" for i in RANDOM.integers(0, 1500, ROWS)])
    frame = table(employer=names)
    assert find_leaks(frame, "late").label == ()
    assert find_leaks(pd.concat([frame, frame], ignore_index=True), "late").label == ()


def test_few_rows_prove_nothing():
    frame = pd.DataFrame({"late": [0, 0, 0, 1, 1, 1], "a": [1, 2, 3, 4, 5, 6], "b": ["x", "x", "x", "y", "y", "y"]})
    assert find_leaks(frame, "late").label == ()
    assert len(find_leaks(pd.concat([frame] * 10), "late").label) == 2


def test_random_columns_are_hardly_ever_accused():
    random = np.random.default_rng(5)
    accused = 0
    for _ in range(60):
        rows = int(random.integers(10, 60))
        frame = pd.DataFrame(random.normal(size=(rows, 12))).rename(columns=str)
        frame["few"], frame["late"] = random.choice(list("abcd"), rows), (random.random(rows) < 0.2).astype(int)
        accused += bool(find_leaks(frame, "late").label)
    assert accused <= 2


def test_the_bundled_data_have_no_leak():
    roles = bundled_data.BUNDLED_ROLES
    found = find_leaks(bundled_data.read_bundled().drop(columns=list(roles.ignored)), roles.label)
    assert (found.label, found.ids) == ((), ())
    assert (found.twins.rows, found.twins.is_finding) == (70, False)


def test_a_strong_honest_feature_is_named_with_its_auc():
    """Wisconsin's breast cancer: the largest perimeter alone has an AUC of 0.975. It is said, not refused."""
    data = load_breast_cancer(as_frame=True)
    found = {leak.feature: leak for leak in find_leaks(data.frame, "target").label}
    worst = data.frame["worst perimeter"]
    assert found["worst perimeter"].kind == "strong"
    assert found["worst perimeter"].auc == pytest.approx(1 - roc_auc_score(data.target, worst), abs=1e-3)
    assert len(found) < 8
