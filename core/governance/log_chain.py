"""Checks the log's own objects: the chain of events, the heads that name its end, and the copies of a hundred events each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.aws import retries
from core.aws.target import Target
from core.errors import GovernanceError, NotFound
from core.governance.consistency import Problem
from core.governance.damaged_files import VerificationTarget
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.signing import Forged, open_envelope, open_signed

if TYPE_CHECKING:
    from securesystemslib.signer import Key

STRAY_OBJECT = (
    "This object is not an event of the log, and nothing reads it. Where Object Lock forbids to delete it, a delete marker hides it: "
    "docs/governance.md, “A stray object”."
)


@dataclass(frozen=True)
class LogChain:
    """``events``: those that are valid, in order; ``keys``: id of a key -> how many of them it signed."""

    events: tuple[Event, ...]
    keys: dict[str, int]
    problems: tuple[Problem, ...]


def check_chain(target: VerificationTarget, trusted: Sequence[Key]) -> LogChain:
    """Read and check every event object: numbered without a gap, signed, and linked to the event before it. Takes as long as there are
    objects, whatever their numbers are."""
    problems, numbers = [], []
    for uri in target.files.list_uris(target.uri(audit_log.EVENTS_FOLDER) + "/"):
        number = audit_log.number_of_event(target, uri)
        if number is None:
            problems.append(Problem(None, uri, STRAY_OBJECT))
        else:
            numbers.append(number)
    with ThreadPoolExecutor(8) as pool:
        read = dict(zip(numbers, pool.map(lambda number: _read_event(target, number, trusted), numbers), strict=True))
    events: list[Event] = []
    keys: Counter[str] = Counter()
    before, expected, last_signed = None, 1, max((n for n, found in read.items() if not isinstance(found, str)), default=0)
    for number, found in read.items():
        if number > max(expected, last_signed):
            problems.append(Problem(None, target.uri(audit_log.event_key(number)), STRAY_OBJECT))
            continue
        if number > expected:
            gap = f"Event {expected} is" if number == expected + 1 else f"Events {expected} to {number - 1} are"
            problems.append(Problem(expected, audit_log.event_key(expected), f"{gap} missing."))
            before = None
        expected = number + 1
        what = found if isinstance(found, str) else _broken_link(found[0], before)
        if what or isinstance(found, str):
            problems.append(Problem(number, audit_log.event_key(number), f"Event {number}: {what}"))
            before = None
            continue
        before, keyids = found
        events.append(before)
        keys.update(keyids)
    return LogChain(tuple(events), dict(keys.most_common()), tuple(problems))


def _read_event(target: VerificationTarget, number: int, trusted: Sequence[Key]) -> tuple[Event, tuple[str, ...]] | str:
    """The event of this number and the keys that signed it, or what is wrong with it."""
    try:
        signed = open_signed(target.files.read(target.uri(audit_log.event_key(number))), trusted, audit_log.EVENT_TYPE)
        event = audit_log.parse_event(signed.payload)
        if audit_log.event_payload(event) != signed.payload:
            return "It is not written as the product writes events."
    except GovernanceError as error:
        return error.message
    except RecursionError:
        return "Its parts lie too deep in each other."
    return (event, signed.keyids) if event.number == number else f"Its content claims to be event {event.number}."


def _broken_link(event: Event, before: Event | None) -> str:
    if before is None and event.number > 1:
        return ""  # the one before is reported
    try:
        audit_log.check_link(event, before)
    except Forged as error:
        return error.message
    return ""


def read_or_none(target: Target, key: str) -> bytes | None:
    """The content of an object of the workspace, None if it doesn't exist."""
    try:
        return target.files.read(target.uri(key))
    except NotFound:
        return None


def check_heads(events: Sequence[Event], trusted: Sequence[Key], heads: Mapping[str, bytes | None]) -> Iterator[Problem]:
    """Check that each head names an event of the log. ``heads``: name -> content, None for one that doesn't exist."""
    hashes = {event.number: event.hash for event in events}
    for name, content in heads.items():
        if content is None:
            if events:
                what = (
                    "The head of the log is missing. Compare with a head kept elsewhere; then `audit repair --sign-head` writes it again."
                )
                yield Problem(None, name, what)
            continue
        try:
            number, digest = audit_log.read_head(content, trusted)
        except GovernanceError as error:
            yield Problem(None, name, f"The head of the log: {error.message}")
            continue
        if number not in hashes:
            yield Problem(number, name, f"The head says that there are {number} events, and event {number} doesn't exist or has changed.")
        elif hashes[number] != digest:
            yield Problem(number, name, f"Event {number} is not the one that the head names.")


def check_head_current(target: Target, events: Sequence[Event], trusted: Sequence[Key], head: bytes | None) -> Iterator[Problem]:
    """Check that the head names the last event. ``head``: as it was before the events were read; it is read again for a moment, for a
    writer that is not done yet."""
    number = 0
    for attempt in range(retries.LOG_HEAD_READS if events else 0):
        if attempt:
            time.sleep(retries.LOG_HEAD_PAUSE)
            head = read_or_none(target, audit_log.HEAD_KEY)
        try:
            number, _ = audit_log.read_head(head or b"", trusted)
        except GovernanceError:
            if attempt:
                yield Problem(None, audit_log.HEAD_KEY, "The head of the log was removed or replaced while the log was verified.")
            return  # the first one is reported by check_heads
        if number >= events[-1].number:
            return
    if events:
        yield Problem(
            None, audit_log.HEAD_KEY, f"The head names event {number}, and the log has {events[-1].number}: an older head was put back."
        )


def check_parts(target: VerificationTarget, events: Sequence[Event], trusted: Sequence[Key]) -> Iterator[Problem]:
    """Check that the copies of a hundred and of ten events each say what the events say, and that none of a hundred is missing. Those of
    ten may be: earlier versions of the product wrote none."""
    events_by_number = {event.number: event for event in events}
    present = target.files.list_uris(target.uri(audit_log.PARTS_FOLDER) + "/")
    hundreds = [(uri, audit_log.EVENTS_PER_PART, audit_log.part_key) for uri in present]
    tens = [(uri, audit_log.EVENTS_PER_TEN, audit_log.ten_key) for uri in target.files.list_uris(target.uri(audit_log.TENS_FOLDER) + "/")]
    for uri, size, key_of in hundreds + tens:
        name = uri.rpartition("/")[2].removesuffix(".json")
        number = int(name) if name.isascii() and name.isdigit() else -1
        if number < 0 or uri != target.uri(key_of(number)):
            yield Problem(None, uri, "This object is not a part of the log.")
            continue
        numbers = audit_log.numbers_in_part(number, size)
        try:
            payload = open_envelope(target.files.read(uri), trusted, audit_log.PART_TYPE)
        except GovernanceError as error:
            yield Problem(numbers.start, uri, error.message)
            continue
        own = [event for n in numbers if (event := events_by_number.get(n))]
        if len(own) == size and payload != audit_log.part_payload(own):
            yield Problem(numbers.start, uri, "The copy of these events differs from the events.")
    for number in range(len(events) // audit_log.EVENTS_PER_PART - 1):  # the last one may not be written yet
        if target.uri(audit_log.part_key(number)) not in set(present):
            yield Problem(number * audit_log.EVENTS_PER_PART + 1, audit_log.part_key(number), "The copy of these events is missing.")
