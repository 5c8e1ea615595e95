"""What a decision asks the target: counted on the engine's access log, and by object at the clients."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager

import pytest
from deciding import CHRIS, DANA, VIC, WHY, approved, register_again, seen, submitted
from paths import ROOT

from core.errors import Conflict
from core.governance import decisions, evidence, package_lock, verification
from core.governance.version_state import read_state
from core.ledger import audit_log
from core.registry import model_packages, version_registration

DECISIONS = {
    "submit": (decisions.submit, DANA, {"code": "first version", "tier": "low", "tier_rationale": WHY, "profile": "easy"}),
    "validate": (decisions.validate, VIC, {"code": "evidence reviewed"}),
    "approve": (decisions.approve, CHRIS, {"code": "meets the policy"}),
}
S3_OPERATIONS = {"REST.GET.OBJECT": "GetObject", "REST.PUT.OBJECT": "PutObject", "REST.GET.BUCKET": "ListObjectsV2"}
"""The names of S3's own access logs, and those of its API."""


def documented_requests(files: int) -> dict[str, Counter[str]]:
    """Decision -> how often it may call each operation, by the table of docs/architecture.md. ``files``: how many the evidence names."""
    section = (ROOT / "docs/architecture.md").read_text().partition("## What a decision asks of the target")[2].partition("\n## ")[0]
    requests: dict[str, Counter[str]] = {kind: Counter() for kind in DECISIONS}
    counts = {"": 0, "files": files, "files - 1": files - 1}
    for operation, *cells in re.findall(r"^\| `(\w+)`[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|", section, re.MULTILINE):
        for kind, cell in zip(DECISIONS, cells, strict=True):
            requests[kind][operation] += counts[cell.strip()] if cell.strip() in counts else int(cell)
    return requests


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


@pytest.fixture
def compared(demo, target):
    """The ARN of a new version whose group has a baseline, on a log in which no event in reach completes a ten."""
    data = model_packages.find_rebalancing(target, model_packages.read_package(target, demo[1][0]["models"][1]["model_package_arn"]))
    for model, role in zip(demo[1][0]["models"], ("baseline", "mitigated"), strict=False):
        package = model_packages.read_package(target, model["model_package_arn"])
        jobs = {f"{kind}_job": package.properties[f"governance:{kind}-job"] for kind in ("training", "bias", "shap")}
        arn = version_registration.register_version(target, DANA, data=data, role=role, group="compared", **jobs)
    lock = package_lock.read_package_lock()
    target.files.write(evidence._stored_uri(target, lock, "requirements.txt"), lock)
    while audit_log.count_events(target) % 10 not in range(1, 6):
        audit_log.append_event(
            target, DANA, "register", f"test/{audit_log.count_events(target)}", {"properties": {"governance:registered-by": DANA.tag}}
        )
    return arn


def test_a_decision_asks_what_the_documentation_lists_and_reads_each_object_once(demo, target, compared):
    for kind, (decide, who, arguments) in DECISIONS.items():
        last = seen(target, compared)
        with requests_to(demo[0]) as lines, reads_of(target) as reads:
            decide(target, who, compared, seen_event=last, reason=WHY, **arguments)
        operations = Counter(json.loads(line)["operation"] for line in lines)
        files = evidence.read_evidence(target, read_state(target, compared).evidence).files
        repeated = {read: count for read, count in reads.items() if count > 1 and "governance/log/events/" not in read[1]}
        assert repeated == {}, kind
        asked = Counter({S3_OPERATIONS.get(name, name): count for name, count in operations.items()})
        assert +documented_requests(len(files))[kind] == asked, kind
        print(f"{kind}: {asked.total()} requests, {len(files)} of them for files of the evidence")


def test_a_verification_asks_each_question_once(target, arn):
    """Also where versions share their jobs, data and reports."""
    approved(target, arn)
    submitted(target, register_again(target, arn))
    with reads_of(target) as reads:
        assert verification.verify_log(target).is_valid
    assert {read: count for read, count in reads.items() if count > 1} == {}
    assert reads.total() > 50


def test_the_log_is_read_again_only_after_somebody_else_wrote(demo, target, arn, monkeypatch):
    decide, who, arguments = DECISIONS["submit"]
    append, checks = audit_log.append_event, []

    def meanwhile(target, identity, kind, subject, body, *, check, known_events):
        append(target, DANA, "register", "somebody else's", {"properties": {"governance:registered-by": DANA.tag}})

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
