"""Reasons and proxies in sentences: shares, sides and signs as the figures have them, and what couldn't be measured by name."""

from __future__ import annotations

import pytest

from core.views.explainability import why_tables as views


def reasons(**changes):
    found = {
        "rows": 900,
        "declined": 200,
        "same": 0.95,
        "hold": 0.9,
        "same_alone": 0.3,
        "prohibited": ["sex"],
        "flagged": 3,
        "reasons": [
            {"words": "debts", "features": ["debt", "loans"], "first": 150, "named": 180},
            {"words": "income", "features": ["income"], "first": 50, "named": 60},
        ],
        "rules": {"share": 0.5, "limit": 4},
        "all_rows": 900,
        "passing_rows": 100,
        "alternatives": 20,
    }
    return found | changes


def figure(value, half=0.01):
    return {"value": value, "low": value - half, "high": value + half}


def flow(total, *, why="", **shares):
    flows = [
        {
            "features": [name],
            "gap": figure(share * total),
            "share": None if why else share,
            "group_size": figure(1),
            "others_size": figure(1),
        }
        for name, share in shares.items()
    ]
    return {"facet": "sex", "group": "women", "flow": {"total": figure(total), "flows": flows, "why": why}}


def test_both_shares_are_said_and_none_where_nothing_was_measured():
    assert views.reasons_sentence(reasons()) == (
        "95 % of 200 declined rows have the same reasons by both methods, and the reasons of 90 % hold in models trained again too. "
        "The others are for a person."
    )
    assert views.reasons_sentence(reasons(hold=None)) == "95 % of 200 declined rows have the same reasons by both methods."
    assert views.reasons_sentence(reasons(declined=0, same=None)) == "None of 900 rows is declined, so there are no reasons."
    assert "In 3 declined rows such a column counted" in views.reasons_note(reasons())


def test_bars_and_table_say_how_often_a_reason_is_first_and_named():
    first, later = views.reasons_bars(reasons()).data
    assert dict(zip(first.y, first.x, strict=True)) == {"debts": 150, "income": 50}
    assert dict(zip(later.y, later.x, strict=True)) == {"debts": 30, "income": 10}
    assert views.reasons_table(reasons())["features"].tolist() == ["debt, loans", "income"]


@pytest.mark.parametrize(("total", "side"), [(0.25, "higher"), (-0.25, "lower")])
def test_the_side_of_a_difference_and_the_largest_share_of_it_are_said(total, side):
    said = views.flow_sentence(flow(total, debt=0.7, age=-0.9, income=1.2), "late")
    assert said == (
        f"The mean log-odds of late are 0.250 {side} for women than for the others. The largest part of this, 120 %, comes through income."
    )


def test_no_share_of_a_difference_within_noise_is_said():
    said = views.flow_sentence(flow(0.001, why="the difference is within noise", debt=0.7), "late")
    assert said.endswith("than for the others. The difference is within noise.")
    assert "%" not in said


def proxies(*, found=True, tests=3, not_measured=()):
    one = {"features": ["height"], "attribute": "sex", "value": None, "name": "sex", "auc": 0.8, "low": 0.75, "high": 0.85}
    one |= {"rows": 500, "p_value": 0.0, "gain": None, "is_found": found}
    return {
        "features": [one] if tests else [],
        "pairs": [],
        "tests": tests,
        "not_measured": list(not_measured),
        "skipped": [],
        "unpaired": [],
    }


def test_the_strongest_proxy_is_said_and_what_was_not_tested_is_not_called_absent():
    assert views.proxies_sentence(proxies()).startswith("height gives sex away most: a guess from it is right in 80 % of pairs")
    assert views.proxies_sentence(proxies(found=False)).startswith("No feature gives a protected group away beyond chance (3 tests")
    untested = proxies(tests=0, not_measured=[{"name": "sex = x", "why": "it has 4 rows, and 30 are needed"}])
    assert views.proxies_sentence(untested).endswith("couldn't be tested. sex = x: it has 4 rows, and 30 are needed.")
    assert views.proxies_note(untested) == "Not tested: sex = x: it has 4 rows, and 30 are needed."
    assert views.proxies_note(proxies()) == ""
