"""Which version is the first of its kind, by the log: a fresh group for known data doesn't make one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.governance.first_version import find_predecessor

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/{}"


def registered(name, *, data="loans", rows="a", role="mitigated"):
    properties = {"governance:dataset": data, "governance:test-sha256": rows, "governance:role": role}
    return SimpleNamespace(kind="register", subject=ARN.format(name), body={"properties": properties})


def approved(name):
    return SimpleNamespace(kind="approve", subject=ARN.format(name), body={})


OTHERS = {
    "nothing before it": ([], None),
    "others that nobody approved": ([registered("credit/2"), registered("loans/1")], None),
    "a baseline of the group": ([registered("credit/2", data="other", rows="b", role="baseline")], "credit/2"),
    "an approval in the group": ([registered("credit/2", data="other", rows="b"), approved("credit/2")], "credit/2"),
    "an approval of the group that the registry has lost": ([approved("credit/9")], "credit/9"),
    "an approval of its data in another group": ([registered("loans/1", rows="b"), approved("loans/1")], "loans/1"),
    "a baseline of its rows under another name": ([registered("loans/1", data="renamed", role="baseline")], "loans/1"),
    "an approval of other data in another group": ([registered("houses/1", data="h", rows="h"), approved("houses/1")], None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_version_is_the_first_unless_one_came_before_in_its_group_or_on_its_data(name):
    others, expected = OTHERS[name]
    found = find_predecessor([registered("credit/1"), *others], ARN.format("credit/1"))
    assert found == (expected and ARN.format(expected))


@pytest.mark.parametrize("arn", [ARN.format("credit/7"), ARN.format("alone"), "no arn"])
def test_what_the_log_does_not_know_or_no_group_has_is_no_first_version(arn):
    assert find_predecessor([registered("alone")], arn) == arn
