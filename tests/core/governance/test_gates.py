"""Gates on constructed evidence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.tables.value_names import ValueNames
from core.governance.gates import GateInputs, evaluate_profile
from core.governance.policy import InvalidPolicy, parse_toml

POLICY = """
version = "1"
title = "t"
approvals = {low = 1, medium = 1, high = 1}
expiry = {low = 1, medium = 1, high = 1}
[profiles.p]
title = "P"
[[profiles.p.gates]]
kind = "label_shares"
"""


def share(group, before, after, asked):
    return {"group": group, "before": before, "after": after, "moved": after - before, "beyond_target": after - asked}


def manifest(*shares, further=()):
    return {"config": {"facet": "SEX"}, "label_shares": list(shares), "further_facets": [{"facet": "AGE", "label_shares": list(further)}]}


def judge(found, more=""):
    data = None if found is None else SimpleNamespace(manifest=found, value_names=ValueNames())
    inputs = GateInputs(SimpleNamespace(), None, "", "", data, (), ())
    (result,) = evaluate_profile(parse_toml((POLICY + more).encode()).profiles["p"], inputs)
    return result


def test_labels_that_moved_beyond_the_target_fail_and_the_group_is_named():
    result = judge(manifest(share("1", 0.758, 0.796, 0.758), share("2", 0.79, 0.79, 0.79)))
    assert (result.status, result.is_blocking) == ("fail", True)
    assert result.found == "SEX = 1: 75.8 % before, 79.6 % after, +3.80 points beyond the target of the rebalancing"
    assert "at most 2 points" in result.wanted


@pytest.mark.parametrize(
    ("more", "status"), [("", "pass"), ('of = "moved"', "fail"), ('of = "moved"\nmax = 0.3', "pass"), ("max = 0.0", "fail")]
)
def test_what_the_target_asks_for_counts_only_if_the_policy_says_so(more, status):
    assert judge(manifest(share("1", 0.75, 0.51, 0.5)), more).status == status


def test_further_facets_are_bounded_too():
    assert judge(manifest(share("1", 0.5, 0.5, 0.5), further=[share("others", 0.5, 0.6, 0.5)])).found.startswith("AGE, others")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "names no rebalancing job"),
        ({"config": {"facet": "SEX"}}, "earlier version"),
        (manifest({"group": "3", "before": 0.5, "after": None, "moved": None, "beyond_target": None}), "No rows are left of SEX = 3"),
    ],
)
def test_what_was_not_measured_is_not_computable(found, words):
    result = judge(found)
    assert (result.status, words in result.reason) == ("not computable", True)


def test_a_bound_that_is_no_share_is_refused():
    with pytest.raises(InvalidPolicy):
        parse_toml((POLICY + "max = 2.0").encode())


NAMES = ValueNames.from_coding({"paid": {"yes": 0, "no": 1}, "SEX": {"f": 1, "m": 0}})


def judge_figures(gate, *, performance=None, metric=None, differences=None, is_first=False, card=None):
    """The outcome of one gate on a version with these figures."""
    facet = SimpleNamespace(facet="SEX", value="1", pre_training={}, post_training={"DI": metric} if metric else {})
    package = SimpleNamespace(
        performance=performance,
        bias=SimpleNamespace(facets=(facet,), value_names=NAMES, describe_label=lambda code: NAMES.describe("paid", code)),
    )
    policy = parse_toml(POLICY.replace('kind = "label_shares"', gate).encode())
    (result,) = evaluate_profile(policy.profiles["p"], GateInputs(package, differences, "", "v1", None, (), (), is_first, card=card or {}))
    return result


def test_a_bounded_figure_that_is_undefined_does_not_pass_and_says_why():
    figure = {"value": None, "low": None, "high": None, "n": 50, "why": "label 1 is predicted for no row"}
    precision = judge_figures('kind = "quality"\nmetric = "precision"\nmin = 0', performance={"precision": figure})
    assert (precision.status, precision.reason) == ("not computable", "The metric is undefined: paid = no is predicted for no row.")
    reason = "Nobody is accepted, in the facet or in the rest"
    ratio = judge_figures('kind = "bias"\nmetric = "DI"\nmin = 0', metric=SimpleNamespace(value=None, error=reason))
    assert (ratio.status, ratio.reason, ratio.is_blocking) == ("not computable", reason, True)
    infinite = SimpleNamespace(value=0.0, error=None, in_words="Nobody is accepted on either side. It compares nothing.")
    assert judge_figures('kind = "bias"\nmetric = "DI"\nmax = 1', metric=infinite).status == "not computable"


@pytest.mark.parametrize(("facet", "is_measured"), [("SEX", True), ("SEX=1", True), ("SEX = f", True), ("SEX=m", False), ("AGE", False)])
def test_a_policy_names_a_facet_by_its_code_or_by_its_value(facet, is_measured):
    ratio = SimpleNamespace(value=0.9, error=None, in_words="")
    result = judge_figures(f'kind = "bias"\nmetric = "DI"\nmin = 0\nfacet = "{facet}"', metric=ratio)
    assert (result.status, "for SEX = f" in result.title) == (("pass", True) if is_measured else ("not computable", False))


def test_a_value_without_an_interval_is_judged_by_the_value_and_not_by_its_ends():
    figure = {"value": 0.8, "low": None, "high": None, "n": 2}
    gate = 'kind = "quality"\nmetric = "auc"\nmin = 0.7\nbound = '
    assert judge_figures(f'{gate}"value"', performance={"auc": figure}).found == "0.8, n = 2"
    assert judge_figures(f'{gate}"low"', performance={"auc": figure}).reason == "The metric has no interval."
    one = PerformanceDifference(0.8, 0.9, 0.1, None, None, None, "DeLong")
    assert judge_figures(f'{gate}"value"'.replace("quality", "baseline"), differences={"auc": one}).found == "+0.1000, DeLong"


BASELINE = 'kind = "baseline"\nmetric = "auc"\nmin = -0.02\n'


@pytest.mark.parametrize(
    ("more", "is_first", "status"),
    [('first_version = "pass"', True, "pass"), ('first_version = "pass"', False, "not computable"), ("", True, "not computable")],
)
def test_a_first_version_has_nothing_to_be_compared_with_where_the_policy_says_so(more, is_first, status):
    result = judge_figures(BASELINE + more, is_first=is_first)
    assert (result.status, "nothing to compare with" in result.found) == (status, status == "pass")


def test_a_first_version_is_said_of_a_baseline_only():
    with pytest.raises(InvalidPolicy, match="belongs to a gate of kind baseline"):
        judge_figures('kind = "quality"\nmetric = "auc"\nmin = 0.5\nfirst_version = "pass"')


def test_the_model_card_must_have_the_fields_that_the_policy_names():
    gate = 'kind = "card"\nfields = ["model_owner", "human_oversight"]\nmin_filled = 3'
    empty = judge_figures(gate)
    assert (empty.status, empty.found, empty.wanted) == ("fail", "0 of 21 fields filled", "at least 3 of 21 fields; Owner, Human oversight")
    assert empty.reason.startswith("Not filled in: Owner, Human oversight. 3 more must be filled in.")
    card = {"model_overview": {"model_owner": "Zo\u00eb"}, "additional_information": {"custom_details": {"human_oversight": "..."}}}
    assert judge_figures(gate, card=card).reason.startswith("Not filled in: Human oversight.")  # three dots are no answer
    card["additional_information"]["custom_details"]["human_oversight"] = "\u62c5\u5f53\u8005"
    assert judge_figures(gate, card=card).reason.startswith("1 more must be filled in.")
    card["intended_uses"] = {"risk_rating": "Unknown", "purpose_of_model": "To decide"}
    assert judge_figures(gate, card=card).status == "pass"


@pytest.mark.parametrize(("gate", "words"), [('fields = ["owner"]', "owner isn't a field"), ("", "needs fields, min_filled or both")])
def test_a_gate_about_the_card_that_asks_for_nothing_known_is_refused(gate, words):
    with pytest.raises(InvalidPolicy, match=words):
        judge_figures(f'kind = "card"\n{gate}')


def test_a_gate_that_the_policy_marks_cannot_be_waived():
    failing = judge_figures('kind = "card"\nmin_filled = 1\nwaivable = false')
    assert (failing.is_blocking, failing.is_waivable) == (True, False)
    assert judge_figures('kind = "card"\nmin_filled = 1').is_waivable
