"""A model's features are found in a table by name, and by nothing else where they have names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.explanations.shap_values import predict_probabilities
from core.analysis.tables.feature_names import FeatureError, match_features

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True).filter(
    lambda names: names != [f"f{i}" for i in range(len(names))]
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(NAMES, st.randoms())
def test_any_order_of_the_same_names_is_the_models_own(names, random):
    assert match_features(names, random.sample(names, len(names))) == names


@settings(max_examples=60, deadline=None, derandomize=True)
@given(NAMES, st.data())
def test_one_differing_name_is_refused_and_both_lists_are_named(names, data):
    place = data.draw(st.integers(0, len(names) - 1))
    changed = [name if i != place else f"{name}x" for i, name in enumerate(names)]
    if changed[place] in names:
        return
    with pytest.raises(FeatureError) as error:
        match_features(names, changed)
    for part in (", ".join(names), ", ".join(changed), f"missing: {names[place]}", f"unexpected: {changed[place]}"):
        assert part in str(error.value)


@pytest.mark.parametrize(("name", "like"), [("age", "Age"), ("income", "incomme"), ("annual_income", "Annual income"), ("café", "cafe")])
def test_a_nearly_equal_name_is_pointed_out(name, like):
    with pytest.raises(FeatureError, match=rf"missing: {name} \(is it {like}\?\)"):
        match_features([name, "sex"], [like, "sex"])


@pytest.mark.parametrize("features", [None, [], ["f0", "f1"]])
def test_a_model_without_names_takes_the_tables_order(features):
    assert match_features(features, ["income", "age"]) == ["income", "age"]


def test_a_table_with_xgboosts_own_names_is_matched_by_them():
    assert match_features(["f0", "f1"], ["f1", "f0"]) == ["f0", "f1"]


def test_the_same_names_in_another_order_give_the_same_predictions():
    random = np.random.default_rng(0)
    table = pd.DataFrame({"income": random.normal(50, 20, 200), "age": random.integers(18, 80, 200)})
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(table, table["income"] > 50), num_boost_round=5)
    expected = booster.predict(xgboost.DMatrix(table))
    assert predict_probabilities(booster, table[["age", "income"]]) == pytest.approx(expected)
