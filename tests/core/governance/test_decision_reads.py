"""How often a decision asks the target: counted on the engine's access log, and by object at the clients."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager

import pytest
from deciding import CHRIS, DANA, VIC, WHY, seen

from core.errors import Conflict
from core.governance import decisions, evidence
from core.governance.version_state import read_state
from core.ledger import audit_log

DECISIONS = {
    "submit": (decisions.submit, DANA, {"code": "first version", "tier": "low", "tier_rationale": WHY, "profile": "easy"}),
    "validate": (decisions.validate, VIC, {"code": "evidence reviewed"}),
    "approve": (decisions.approve, CHRIS, {"code": "meets the policy"}),
}
MAX_REQUESTS = 25
"""Requests of one decision, beside one for each file of the evidence, whose content has to be read to be hashed."""


@contextmanager
def reads_of(target):
    """Counts (operation, what it names) of everything that the clients read meanwhile."""
    found = Counter()

    def note(params, model, **_):
        if model.name.startswith(("Get", "Head", "Describe", "List", "Query")):
            found[model.name, json.dumps(params, sort_keys=True, default=str)] += 1

    for client in (target.s3, target.sagemaker):
        client.meta.events.register("provide-client-params.*", note, unique_id="reads")
    try:
        yield found
    finally:
        for client in (target.s3, target.sagemaker):
            client.meta.events.unregister("provide-client-params.*", unique_id="reads")


@contextmanager
def requests_to(workspace):
    """The lines that the engine adds to its access log meanwhile."""
    log, lines = workspace / "access.log", []
    start = log.stat().st_size
    yield lines
    lines += log.read_bytes()[start:].splitlines()


def test_a_decision_reads_each_object_once(demo, target, arn):
    """The requests that remain, in this order.

    Version: DescribeModelPackage; its bias and SHAP reports; submit also describes its training job, since its settings are recorded.
    Log: one list of the events after those known to this process. Policy: its copy in the target, and the note of the last valid one.
    Data: the rebalancing job, its manifest, the description of the data set.
    Submit: the model card (described; made if there is none, and set to pending review), the bias and the SHAP job for their
    configurations, the copies of requirements and card, the signed evidence.
    Validate and approve: the version to compare with (a list of the group, its description, its reports, both files of scores), the
    lineage (one query, and three lists of artifacts by URI), the signed evidence, and each file that it names, to hash it.
    Write: the event, which S3 takes only if nobody else wrote one since the log was read; the head of the log, read and written.
    Follow: the log once more, so that registry and lineage never go back behind a newer decision; the version's status; the model card,
    described and written if its status changes; the earlier decisions in the lineage; the new one, looked for, made and joined.
    """
    for kind, (decide, who, arguments) in DECISIONS.items():
        last = seen(target, arn)
        with requests_to(demo[0]) as lines, reads_of(target) as reads:
            decide(target, who, arn, seen_event=last, reason=WHY, **arguments)
        files = evidence.read_evidence(target, read_state(target, arn).evidence).files
        repeated = {read: count for read, count in reads.items() if count > 1 and "governance/log/events/" not in read[1]}
        assert repeated == {}, kind
        assert len(lines) <= MAX_REQUESTS + len(files), (kind, len(lines), len(files))


def test_the_log_is_read_again_only_after_somebody_else_wrote(demo, target, arn, monkeypatch):
    decide, who, arguments = DECISIONS["submit"]
    append, checks = audit_log.append_event, []

    def meanwhile(target, identity, kind, subject, body, *, check, known_events):
        append(target, DANA, "note", "somebody else's", {"n": 1})

        def counted(events):
            checks.append(len(events))
            check(events)

        return append(target, identity, kind, subject, body, check=counted, known_events=known_events)

    monkeypatch.setattr(audit_log, "append_event", meanwhile)
    state = decide(target, who, arn, seen_event=0, reason=WHY, **arguments)
    assert state.status == "submitted"
    assert checks == [state.last_event - 2, state.last_event - 1]


def test_a_decision_that_another_one_overtook_is_refused(target, arn, monkeypatch):
    decide, who, arguments = DECISIONS["submit"]
    state = decide(target, who, arn, seen_event=0, reason=WHY, **arguments)
    append = audit_log.append_event

    def meanwhile(target, identity, kind, subject, body, **more):
        monkeypatch.setattr(audit_log, "append_event", append)
        decisions.withdraw(target, DANA, arn, seen_event=state.last_event, reason=WHY, code="error found")
        return append(target, identity, kind, subject, body, **more)

    monkeypatch.setattr(audit_log, "append_event", meanwhile)
    decide, who, arguments = DECISIONS["validate"]
    with pytest.raises(Conflict, match="Dana withdrew it"):
        decide(target, who, arn, seen_event=state.last_event, reason=WHY, **arguments)
    assert read_state(target, arn).status == "withdrawn"
