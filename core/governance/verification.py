"""Verifies that the log is complete, that its evidence hasn't changed, and that the registry and the lineage agree with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.aws import retries
from core.aws.file_snapshot import TargetSnapshot, take_snapshot
from core.aws.target import Target
from core.errors import INCONCLUSIVE_ERRORS, DataError, GovernanceError, NotFound
from core.governance import agreement_gate, consistency, evidence, policy, version_state
from core.governance.consistency import Problem
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.signing import Forged, load_verification_keys, open_envelope, sha256, sign_envelope
from core.registry import model_packages, registry_types

if TYPE_CHECKING:
    from securesystemslib.signer import Key


@dataclass(frozen=True)
class Verification:
    """``events``: how many were read; ``files``: how many files of evidence were hashed; ``head``: the last event's number and hash."""

    events: int
    files: int
    head: tuple[int, str] | None
    problems: tuple[Problem, ...]

    @property
    def is_valid(self) -> bool:
        return not self.problems


def verify_log(target: Target, *, exported_head: bytes | None = None) -> Verification:
    """Verify the log (every event, the head, the parts), the evidence and the policies that it names, and whether registry and lineage
    agree with it; everything is read from the stored objects. ``exported_head``: an exported head that was kept elsewhere; without it, a
    log whose last events were removed together with its head looks like a valid, shorter log. Raises Forbidden and TargetUnavailable:
    what can't be read now may be valid."""
    trusted = load_verification_keys(target)
    head = _read_or_none(target, audit_log.HEAD_KEY)  # read before the events, so that it can't name a later one
    events, problems = _check_chain(target, trusted)
    problems += _check_heads(
        events, trusted, {audit_log.HEAD_KEY: head} | ({"the head that was kept elsewhere": exported_head} if exported_head else {})
    )
    problems += _check_head_current(target, events, trusted, head)
    problems += _check_parts(target, events, trusted)
    snapshot = take_snapshot(target)  # pieces of evidence share most of their files
    problems += _check_agreement(snapshot, events)
    problems += _check_evidence(target, events, snapshot)
    problems += _check_stored_files(target)
    problems += consistency.registry_problems(target, events)
    problems += consistency.lineage_problems(target, events)
    ordered = sorted(problems, key=lambda p: (p.number is None, p.number or 0))
    return Verification(len(events), snapshot.files.digest_count, (events[-1].number, events[-1].hash) if events else None, tuple(ordered))


def export_head(target: Target) -> bytes:
    """The signed head of the log, for safekeeping elsewhere. Raises NotFound for an empty log."""
    events = audit_log.read_events(target)
    if not events:
        raise NotFound("The log is empty.", hint="Submit a version first.")
    return sign_envelope(target, audit_log.head_statement(events[-1]))


def repair_registry_and_lineage(target: Target) -> list[str]:
    """Update registry, lineage and head from the log, if a process ended before it did so. Returns the labels of the versions whose record
    in the registry was out of date."""
    repaired, events = [], audit_log.read_events(target)
    if events:
        audit_log.advance_head(target, events[-1])
    subjects = {event.number: event.subject for event in events}
    wrong = [*consistency.registry_problems(target, events), *consistency.lineage_problems(target, events)]
    behind = {subjects.get(problem.number or 0, problem.subject) for problem in wrong}
    for subject in dict.fromkeys(e.subject for e in events if e.kind in version_state.ALLOWED_FROM and e.subject in behind):
        try:
            package = model_packages.read_package(target, subject)
        except NotFound:
            continue  # deleted: the verification reports it
        consistency.sync_registry_and_lineage(target, package)
        after = model_packages.read_package(target, subject)
        if (after.status, after.properties) != (package.status, package.properties):
            repaired.append(after.label)
    return repaired


def _check_chain(target: Target, trusted: Sequence[Key]) -> tuple[list[Event], list[Problem]]:
    """Read and check every event object: numbered without a gap, signed, and linked to the event before it."""
    uris = target.files.list_uris(target.uri(audit_log.EVENTS_FOLDER) + "/")
    problems, numbers = [], []
    for uri in uris:
        name = uri.rpartition("/")[2].removesuffix(".json")
        if name.isdigit() and uri == target.uri(audit_log.event_key(int(name))) and int(name) > 0:
            numbers.append(int(name))
        else:
            problems.append(Problem(None, uri, "This object is not an event of the log."))
    last = max(numbers, default=0)
    with ThreadPoolExecutor(8) as pool:
        contents = dict(zip(numbers, pool.map(lambda n: _read_or_none(target, audit_log.event_key(n)), numbers), strict=True))
    events: list[Event] = []
    before: Event | None = None
    for number in range(1, last + 1):
        content = contents.get(number)
        if content is None:
            problems.append(Problem(number, audit_log.event_key(number), f"Event {number} is missing."))
            before = None
            continue
        try:
            payload = open_envelope(content, trusted, audit_log.EVENT_TYPE)
            event = Event(**json.loads(payload), hash=sha256(payload))
            if event.number != number:
                raise Forged(f"Its content claims to be event {event.number}.")
            if number == 1 or before is not None:
                audit_log.check_link(event, before)
        except (GovernanceError, ValueError, TypeError) as error:
            reason = error.message if isinstance(error, GovernanceError) else "It is not a log event."
            problems.append(Problem(number, audit_log.event_key(number), f"Event {number}: {reason}"))
            before = None
            continue
        if before is not None and event.time < before.time:
            problems.append(Problem(number, audit_log.event_key(number), f"Event {number} is dated earlier than the event before it."))
        before = event
        events.append(event)
    return events, problems


def _read_or_none(target: Target, key: str) -> bytes | None:
    try:
        return target.files.read(target.uri(key))
    except NotFound:
        return None


def _check_heads(events: list[Event], trusted: Sequence[Key], heads: dict[str, bytes | None]) -> Iterator[Problem]:
    hashes = {event.number: event.hash for event in events}
    for name, content in heads.items():
        if content is None:
            if events:
                yield Problem(None, name, "The head of the log is missing.")
            continue
        try:
            number, digest = audit_log.read_head(content, trusted)
        except (GovernanceError, ValueError, KeyError) as error:
            yield Problem(
                None, name, f"The head of the log: {error.message if isinstance(error, GovernanceError) else 'it is not a log head.'}"
            )
            continue
        if number not in hashes:
            yield Problem(number, name, f"The head says that there are {number} events, and event {number} doesn't exist or has changed.")
        elif hashes[number] != digest:
            yield Problem(number, name, f"Event {number} is not the one that the head names.")


def _check_head_current(target: Target, events: list[Event], trusted: Sequence[Key], head: bytes | None) -> Iterator[Problem]:
    """Check that the head names the last event. ``head``: as it was before the events were read; it is read again for a moment, for a
    writer that is not done yet."""
    number = 0
    for attempt in range(retries.LOG_HEAD_READS if events else 0):
        if attempt:
            time.sleep(retries.LOG_HEAD_PAUSE)
            head = _read_or_none(target, audit_log.HEAD_KEY)
        try:
            number, _ = audit_log.read_head(head or b"", trusted)
        except (GovernanceError, ValueError, KeyError):
            if attempt:
                yield Problem(None, audit_log.HEAD_KEY, "The head of the log was removed or replaced while the log was verified.")
            return  # the first one is reported by _check_heads
        if number >= events[-1].number:
            return
    if events:
        yield Problem(
            None, audit_log.HEAD_KEY, f"The head names event {number}, and the log has {events[-1].number}: an older head was put back."
        )


def _check_parts(target: Target, events: list[Event], trusted: Sequence[Key]) -> Iterator[Problem]:
    events_by_number = {event.number: event for event in events}
    for uri in target.files.list_uris(target.uri(audit_log.PARTS_FOLDER) + "/"):
        name = uri.rpartition("/")[2].removesuffix(".json")
        number = int(name) if name.isdigit() else -1
        part_events = [
            events_by_number.get(n) for n in range(number * audit_log.EVENTS_PER_PART + 1, (number + 1) * audit_log.EVENTS_PER_PART + 1)
        ]
        if number < 0 or uri != target.uri(audit_log.part_key(number)):
            yield Problem(None, uri, "This object is not a part of the log.")
            continue
        try:
            payload = open_envelope(target.files.read(uri), trusted, audit_log.PART_TYPE)
        except INCONCLUSIVE_ERRORS:
            raise
        except GovernanceError as error:
            yield Problem(number * audit_log.EVENTS_PER_PART + 1, uri, error.message)
            continue
        if all(part_events) and payload != audit_log.part_payload([event for event in part_events if event]):
            yield Problem(number * audit_log.EVENTS_PER_PART + 1, uri, "The copy of these events differs from the events.")
    present = set(target.files.list_uris(target.uri(audit_log.PARTS_FOLDER) + "/"))
    for number in range(len(events) // audit_log.EVENTS_PER_PART - 1):  # the last one may not be written yet
        if target.uri(audit_log.part_key(number)) not in present:
            yield Problem(number * audit_log.EVENTS_PER_PART + 1, audit_log.part_key(number), "The copy of these events is missing.")


def _check_evidence(target: Target, events: list[Event], snapshot: TargetSnapshot) -> Iterator[Problem]:
    """Check each piece of evidence once, at the first event that names it. ``snapshot``: hashes each file only once."""
    seen: set[str] = set()
    for event in events:
        digest = event.body.get("evidence")
        if digest and digest not in seen:
            seen.add(digest)
            for change in evidence.find_changes(snapshot, digest):
                yield Problem(event.number, event.subject, f"Evidence of event {event.number}: {change}")
        rules = event.body.get("policy")
        if rules and rules not in seen:
            seen.add(rules)
            content = _read_or_none(target, f"{policy.FOLDER}/{rules}.toml")
            if content is None or sha256(content) != rules:
                yield Problem(event.number, event.subject, f"The policy of event {event.number} has changed or no longer exists.")
    for uri in target.files.list_uris(target.uri(evidence.FOLDER) + "/"):
        if uri.rpartition("/")[2].removesuffix(".json") in seen:
            continue
        try:  # its submission was refused or interrupted; its signature and its hash must be valid all the same
            evidence.read_evidence(target, uri.rpartition("/")[2].removesuffix(".json"))
        except INCONCLUSIVE_ERRORS:
            raise
        except GovernanceError as error:
            yield Problem(None, uri, error.message)


def _check_agreement(snapshot: TargetSnapshot, events: Sequence[Event]) -> Iterator[Problem]:
    """Check, for each version that was submitted, that its evidence agrees with the records of its jobs. ``snapshot``: reads each file only
    once for a version, and keeps its digest."""
    for subject in dict.fromkeys(event.subject for event in events if event.kind == "submit"):
        state = version_state.fold_events(events, subject)
        if registry_types.THRESHOLD_PROPERTY not in (state.registered_properties or {}):
            continue  # older evidence: an earlier release registered it
        try:
            package = model_packages.read_package(snapshot, subject, with_training=False)
            found = agreement_gate.check_version_agreement(snapshot, package, model_packages.find_rebalancing(snapshot, package))
            problems: Sequence[str] = found.problems
        except INCONCLUSIVE_ERRORS:
            raise
        except NotFound:
            continue  # deleted: reported with the registry
        except GovernanceError as error:
            problems = [error.message]
        number = next(event.number for event in reversed(state.history) if event.kind == "submit")
        for what in problems[: agreement_gate.MAX_SHOWN]:
            yield Problem(number, subject, f"Evidence of event {number} doesn't agree with the jobs' records: {what}")
        snapshot.files.forget_large_contents()


def _check_stored_files(target: Target) -> Iterator[Problem]:
    """Check the files that the product stores under their own hash, whether a decision names them or not, and the last valid policy."""
    for uri in target.files.list_uris(target.uri(evidence.FILES_FOLDER) + "/"):
        if sha256(_read_or_none(target, uri.partition(target.uri(""))[2]) or b"") != uri.rpartition("/")[0].rpartition("/")[2]:
            yield Problem(None, uri, "This file differs from the one that was written.")
    for uri in target.files.list_uris(target.uri(policy.FOLDER) + "/"):
        name = uri.rpartition("/")[2]
        try:
            if uri == target.uri(policy.LAST_VALID_KEY):
                policy.load_last_valid(target)
            elif name != f"{sha256(target.files.read(uri))}.toml":
                yield Problem(None, uri, "This policy differs from the one that was written.")
        except INCONCLUSIVE_ERRORS:
            raise
        except GovernanceError as error:
            yield Problem(None, uri, f"The last valid policy: {error.message}")


def read_head_file(content: bytes) -> bytes:
    """The content of an exported head, as given by a user. Raises DataError for what can't be one."""
    try:
        json.loads(content)
    except ValueError as error:
        raise DataError("This file is not a log head.", resource="head", hint="Give the file that `audit head` wrote.") from error
    return content.strip()
