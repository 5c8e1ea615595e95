"""What a version waits for, by whom, and who of those who are here can act."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from deciding import CHRIS, DANA, OLGA, VERA, VIC

from core.governance.review_summary import describe_wait, read_review
from core.governance.version_state import Condition, State, last_approved

PEOPLE = (DANA, VIC, CHRIS, OLGA, VERA)
REGISTERED = {"governance:registered-by": DANA.tag, "governance:trained-by": DANA.tag}
HANDED_IN = {"submitter": DANA.id}
WAITS = {
    "registered": ({}, "can be submitted by a data scientist or an administrator. Here that is Dana."),
    "withdrawn": ({}, "can be submitted again"),
    "submitted": ({"person_ids": HANDED_IN}, "Here that is Vic. 2 compliance officers approve after that."),
    "validated": (
        {"person_ids": {**HANDED_IN, "validator": VIC.id, "approver 1": CHRIS.id}, "approvals": (CHRIS.id,)},
        "(1 of 2 approvals given), by a compliance officer who had no part in it. Here that is Olga.",
    ),
    "approved": ({"conditions": (Condition(1, "Watch drift", "Dana", "2026-12-31"),)}, "1 condition is open. Somebody who didn't build it"),
    "retired": ({}, "Nothing waits."),
}


@pytest.mark.parametrize("status", WAITS)
def test_everybody_is_told_what_a_version_waits_for_and_who_can_act(status, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_TARGET", "local")
    more, words = WAITS[status]
    state = State("arn", REGISTERED, status=status, approvals_needed=2, **more)
    assert words in describe_wait(state, SimpleNamespace(properties={}), PEOPLE)
    assert "Here" not in describe_wait(state, SimpleNamespace(properties={}))


def test_nobody_is_named_where_nobody_can():
    state = State("arn", REGISTERED, status="submitted", person_ids=HANDED_IN)
    assert "Nobody here can." in describe_wait(state, SimpleNamespace(properties={}), (DANA, CHRIS))


def event(kind, subject="a:model-package/g/1"):
    return SimpleNamespace(kind=kind, subject=subject)


def test_only_what_came_after_the_last_submission_counts():
    kinds = ("submit", "validate", "approve", "withdraw", "submit", "validate", "approve", "approve")
    history = tuple(event(kind) for kind in kinds)
    found = read_review(State("arn", history=history))
    assert (found.submission, found.validation, found.approvals) == (history[4], history[5], history[6:])
    assert read_review(State("arn", history=history[:5])).validation is None


def test_the_last_approved_version_is_another_one_of_the_group_that_still_is(monkeypatch):
    arn = "arn:aws:sagemaker:us-east-1:000000000000:model-package/{}".format
    events = [event("approve", arn(name)) for name in ("g/1", "g/2", "g/3", "other/1", "g/4")]
    monkeypatch.setattr("core.governance.version_state.approved_versions", lambda _: frozenset(map(arn, ("g/1", "g/2", "other/1", "g/4"))))
    assert last_approved(events, arn("g/4")) == arn("g/2")
    assert last_approved(events, arn("g/9")) == arn("g/4")
    assert last_approved(events, arn("new/1")) is None
