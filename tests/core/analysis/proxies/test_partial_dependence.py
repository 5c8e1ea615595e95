"""Partial dependence: scikit-learn's means, and the rows behind each point."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from scipy import stats
from sklearn.inspection import partial_dependence
from sklearn.tree import DecisionTreeClassifier

from core.analysis.proxies.partial_dependence import PartialDependence, compute_partial_dependence


@pytest.fixture(scope="module")
def model():
    random = np.random.default_rng(1)
    n = 500
    table = pd.DataFrame(
        {
            "debt": random.lognormal(size=n),
            "age": random.integers(18, 90, n).astype(float),
            "code": random.choice([2.0, 3.0, 7.0, 40.0], n, p=[0.6, 0.3, 0.08, 0.02]),
            "income": np.where(random.random(n) < 0.2, np.nan, random.random(n)),
        }
    )
    late = table["debt"] * (table["code"] == 3) + table["income"].fillna(2) + random.normal(0, 0.5, n) > 1.5
    fitted = DecisionTreeClassifier(max_depth=6, random_state=0).fit(table, late)
    return fitted, table, lambda rows: fitted.predict_proba(rows)[:, 1]


@pytest.mark.parametrize(("feature", "kind"), [("debt", "bins"), ("age", "bins"), ("code", "values"), ("income", "bins")])
def test_means_are_scikit_learns(model, feature, kind):
    fitted, table, predict = model
    found = compute_partial_dependence(predict, table, feature, coded=feature == "code")
    grid = np.array([point.value for point in found.points if point.value is not None])
    theirs = partial_dependence(fitted, table, [feature], custom_values={feature: grid}, method="brute")["average"][0]
    assert [point.mean for point in found.points if point.value is not None] == pytest.approx(theirs)
    assert found.kind == kind
    assert sum(point.rows for point in found.points) == found.rows == 500


def test_each_interval_is_that_of_a_mean(model):
    _, table, predict = model
    (first, *_) = compute_partial_dependence(predict, table, "age").points
    predictions = predict(table.assign(age=first.value))
    theirs = stats.ttest_1samp(predictions, 0).confidence_interval()
    assert (first.low, first.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_the_middle_of_whole_numbers_is_one_of_them_and_rows_are_counted_in_its_range(model):
    _, table, predict = model
    found = compute_partial_dependence(predict, table, "age")
    assert all(point.value.is_integer() for point in found.points)
    width = found.points[1].value - found.points[0].value
    for point in found.points[1:-1]:
        low = point.value - (width - 1) // 2
        assert point.rows == ((table["age"] >= low) & (table["age"] < low + width)).sum()


def test_codes_are_points_with_their_rows_and_thin_ones_show(model):
    _, table, predict = model
    found = compute_partial_dependence(predict, table, "code", coded=True)
    assert {point.value: point.rows for point in found.points} == table["code"].value_counts().to_dict()


def test_missing_is_a_point_of_its_own(model):
    _, table, predict = model
    last = compute_partial_dependence(predict, table, "income").points[-1]
    assert (last.value, last.label, last.rows) == (None, "missing", table["income"].isna().sum())
    assert last.mean == pytest.approx(predict(table.assign(income=np.nan)).mean())
    empty = compute_partial_dependence(predict, table.assign(income=np.nan), "income")
    assert [point.label for point in empty.points] == ["missing"]


def test_few_rows_have_no_interval_and_none_are_refused(model):
    _, table, predict = model
    point = compute_partial_dependence(predict, table[:3], "debt").points[0]
    assert (point.low, point.high) == (None, None)
    with pytest.raises(ValueError, match="no rows"):
        compute_partial_dependence(predict, table[:0], "debt")


def test_it_comes_back_from_json(model):
    _, table, predict = model
    found = compute_partial_dependence(predict, table, "income")
    assert TypeAdapter(PartialDependence).validate_python(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
