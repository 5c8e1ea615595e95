"""Groups of features: proposed from names, completed, refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.explanations.reason_groups import ReasonError, complete_groups, find_prohibited, propose_groups
from core.analysis.tables.prohibited_bases import JURISDICTIONS
from core.data.bundled_data import BUNDLED_REASONS, BUNDLED_ROLES, read_bundled


@pytest.fixture(scope="module")
def features():
    roles = BUNDLED_ROLES
    return [column for column in read_bundled().columns if column != roles.label and column not in roles.ignored]


def test_the_bundled_columns_fall_into_payments_bills_amounts_and_single_ones(features):
    proposed = propose_groups(features, ["SEX", "AGE", "MARRIAGE"])
    assert sorted(proposed.values()) == sorted(BUNDLED_REASONS.values())


def test_the_words_for_the_bundled_columns_cover_all_that_may_be_a_reason(features):
    prohibited = find_prohibited(features, [BUNDLED_ROLES.facet, BUNDLED_ROLES.group], "US credit")
    assert prohibited == ("SEX", "MARRIAGE", "AGE")
    assert complete_groups(BUNDLED_REASONS, features, prohibited) == BUNDLED_REASONS


@settings(max_examples=50, deadline=None)
@given(features=st.lists(st.from_regex(r"[a-c]{0,2}[_ ]?[0-9]{0,2}", fullmatch=True), min_size=1, max_size=12, unique=True), data=st.data())
def test_each_feature_that_is_not_prohibited_is_in_one_group(features, data):
    prohibited = data.draw(st.sets(st.sampled_from(features)))
    groups = propose_groups(features, prohibited)
    members = [feature for group in groups.values() for feature in group]
    assert sorted(members) == sorted(set(features) - prohibited)


def test_features_that_are_only_counted_make_no_group():
    assert len(propose_groups([f"x{number}" for number in range(20)])) == 20
    assert propose_groups(["1", "2", "a_1", "a_2", "b", "c"]) == {"1": ("1",), "2": ("2",), "a": ("a_1", "a_2"), "b": ("b",), "c": ("c",)}


def test_a_stem_that_is_a_feature_too_takes_it_in():
    assert propose_groups(["pay", "pay_2", "pay_3", "a", "b", "c"])["pay"] == ("pay", "pay_2", "pay_3")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"debts": ["debt", "loan"]}, "debts: the model has no feature loan. It has debt, income, sex"),
        ({"debts": ["debt"], "money": ["income", "debt"]}, "debt is in two groups: debts and money"),
        ({"person": ["income", "sex"]}, "person: sex is prohibited and can't be a reason. Take it out"),
        ({"debts": []}, "'debts' has no features"),
        ({" ": ["debt"]}, "has no words"),
        ({"income": ["debt"]}, "The group income has the name of a feature that isn't in it"),
    ],
)
def test_a_group_that_does_not_fit_is_refused_with_what_to_do(groups, message):
    with pytest.raises(ReasonError, match=message):
        complete_groups(groups, ["debt", "income", "sex"], ["sex"])


def test_a_model_of_prohibited_features_alone_has_no_reasons():
    with pytest.raises(ReasonError, match="Every feature of the model is prohibited"):
        complete_groups({}, ["sex"], ["sex"])


@pytest.mark.parametrize("jurisdiction", JURISDICTIONS)
def test_the_bases_of_a_law_are_prohibited_beside_the_columns_that_are_named(jurisdiction):
    assert find_prohibited(["sex", "region", "debt"], ["region"], jurisdiction) == ("sex", "region")
    assert find_prohibited(["sex", "region", "debt"], ["region"]) == ("region",)


def test_an_unknown_law_is_refused():
    with pytest.raises(ReasonError, match="No prohibited bases are listed for Atlantis: choose one of US credit"):
        find_prohibited(["sex"], (), "Atlantis")
