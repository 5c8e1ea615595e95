"""Gates on constructed evidence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

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
    data = None if found is None else SimpleNamespace(manifest=found)
    inputs = GateInputs(SimpleNamespace(), None, "", "", data, (), ())
    (result,) = evaluate_profile(parse_toml((POLICY + more).encode()).profiles["p"], inputs)
    return result


def test_labels_that_moved_beyond_the_target_fail_and_the_group_is_named():
    result = judge(manifest(share("1", 0.758, 0.796, 0.758), share("2", 0.79, 0.79, 0.79)))
    assert (result.status, result.is_blocking) == ("fail", True)
    assert result.found == "SEX, group 1: 75.8 % before, 79.6 % after, +3.80 points beyond the target of the rebalancing"
    assert "at most 2 points" in result.wanted


@pytest.mark.parametrize(
    ("more", "status"), [("", "pass"), ('of = "moved"', "fail"), ('of = "moved"\nmax = 0.3', "pass"), ("max = 0.0", "fail")]
)
def test_what_the_target_asks_for_counts_only_if_the_policy_says_so(more, status):
    assert judge(manifest(share("1", 0.75, 0.51, 0.5)), more).status == status


def test_further_facets_are_bounded_too():
    assert judge(manifest(share("1", 0.5, 0.5, 0.5), further=[share("others", 0.5, 0.6, 0.5)])).found.startswith("AGE, group others")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "names no rebalancing job"),
        ({"config": {"facet": "SEX"}}, "earlier version"),
        (manifest({"group": "3", "before": 0.5, "after": None, "moved": None, "beyond_target": None}), "No rows are left of SEX, group 3"),
    ],
)
def test_what_was_not_measured_is_not_computable(found, words):
    result = judge(found)
    assert (result.status, words in result.reason) == ("not computable", True)


def test_a_bound_that_is_no_share_is_refused():
    with pytest.raises(InvalidPolicy):
        parse_toml((POLICY + "max = 2.0").encode())
