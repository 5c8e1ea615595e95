"""Roles are proposed by words and by shares, never by how often a value occurs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.tables.role_proposals import propose_facet_value, propose_favourable, propose_label


@pytest.mark.parametrize(
    ("column", "values", "favourable"),
    [
        ("paid", ["yes", "no"], "yes"),
        ("default", ["yes", "no"], "no"),
        ("default.payment.next.month", [1, 0], 0),
        ("loan_status", ["Charged Off", "Fully Paid"], "Fully Paid"),
        ("status", ["default", "no default"], "no default"),
        ("outcome", ["hired", "rejected"], "hired"),
        ("outcome", ["not hired", "hired"], "hired"),
        ("credit", ["bad", "good"], "good"),
        ("two_year_recid", [0, 1], 0),
        ("LoanApproved", [0, 1], 1),
        ("Attrition", ["Yes", "No"], "No"),
        ("y", ["no", "yes"], "yes"),
        ("hired", [1, -1], 1),
        ("Heart Disease", ["Presence", "Absence"], "Absence"),
        ("Has_Hypertension", ["Yes", "No"], "No"),
        ("smoker", ["yes", "no"], "no"),
        ("decision", ["yes", "no"], "yes"),
        ("Family History of CVD", ["Y", "N"], None),
        ("black", ["yes", "no"], None),
        ("risk", [0, 1], None),
        ("paid", [1, 2], None),
        ("label", [0, 1], None),
        ("class", ["A", "B"], None),
        ("income", ["<=50K", ">50K"], None),
        ("paid", ["yes", "no", "late"], None),
    ],
)
def test_words_decide_the_favourable_value_or_nobody_does(column, values, favourable):
    assert propose_favourable(column, values) == favourable
    assert propose_favourable(column, values[::-1]) == favourable


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=60, max_size=200))
def test_the_facet_value_is_the_group_with_the_lowest_share(rows):
    frame = pd.DataFrame(rows, columns=["facet", "paid"]).astype({"paid": int})
    value = propose_facet_value(frame, "paid", 1, "facet")
    shares = {name: np.mean([p for f, p in rows if f == name]) for name in set(frame["facet"])}
    large = {name: share for name, share in shares.items() if sum(f == name for f, _ in rows) >= 10}
    assert shares[value] == min((large if len(large) >= 2 else shares).values())


def test_the_rarest_group_is_not_proposed_for_being_rare():
    frame = pd.DataFrame({"sex": ["f"] * 20 + ["m"] * 100, "paid": [1] * 18 + [0] * 2 + [1] * 40 + [0] * 60})
    assert propose_facet_value(frame, "paid", 1, "sex") == "m"


@pytest.mark.parametrize(
    ("columns", "two_valued", "label"),
    [
        (["male", "currentSmoker", "age", "TenYearCHD"], ["male", "currentSmoker", "TenYearCHD"], "TenYearCHD"),
        (["work", "hours", "city", "exper"], ["work", "city"], "work"),
        (["income", "owner", "defaulted", "married", "age"], ["owner", "defaulted", "married"], "defaulted"),
        (["income", "paid", "sex"], ["paid", "sex"], "paid"),
        (["income", "member", "owner", "age"], ["member", "owner"], "owner"),
        (["age", "workclass_Private", "salary_>50K"], ["workclass_Private", "salary_>50K"], "salary_>50K"),
        (["judge", "rater", "decision", "language", "success"], ["rater", "decision", "language"], "decision"),
        (["age", "stopped_Y", "owner", "y"], ["stopped_Y", "owner", "y"], "y"),
        (["age", "stopped_Y", "owner"], ["stopped_Y", "owner"], "owner"),
        (["sex", "age"], ["sex"], "sex"),
        (["income", "age"], [], None),
    ],
)
def test_the_label_is_found_by_words_then_at_the_ends_and_no_group_of_people_is_one(columns, two_valued, label):
    assert propose_label(columns, dict.fromkeys(two_valued, (0, 1))) == label


def test_values_that_say_something_good_or_bad_make_a_column_the_label():
    candidates = {"Family_History_Cancer": ["Yes", "No"], "Survival_Status": ["Alive", "Deceased"], "owner": [0, 1]}
    assert propose_label(["id", *candidates, "age"], candidates) == "Survival_Status"
