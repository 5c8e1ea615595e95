"""The audit log: numbered, signed events in the target's S3, each with the hash of the event before it.

An event is the object ``governance/log/events/00000001.json``, a DSSE envelope, written with ``If-None-Match: *``: of two writers, one
gets the number. The other reads the log again and is checked again: a second decision on the same version is refused, an event about
another version takes the next number. A hundred events are also kept together in one signed object, so that ten thousand are read in a
hundred requests. ``head.json`` names the last event, signed: with a copy of it kept elsewhere, a log that was cut short is found.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.aws import retries
from core.aws.target import Target
from core.errors import Conflict, GovernanceError, NotFound
from core.identity import Identity
from core.ledger.event_body import EventBody
from core.ledger.signing import Forged, canonical_json, in_toto_statement, load_verification_keys, open_envelope, sha256, sign_envelope

if TYPE_CHECKING:
    from securesystemslib.signer import Key

EVENTS_FOLDER, PARTS_FOLDER, HEAD_KEY = "governance/log/events", "governance/log/parts", "governance/log/head.json"
EVENT_TYPE, PART_TYPE = "application/vnd.governance.event+json", "application/vnd.governance.events+json-lines"
HEAD_PREDICATE_TYPE = "urn:governance-dashboard:log-head:1"
EVENTS_PER_PART = 100
"""Events kept together in one object."""
NO_PREVIOUS_HASH = "0" * 64
"""``Event.previous`` of the first event."""


@dataclass(frozen=True)
class Event:
    """``number`` from 1; ``id`` is random; ``time``: ISO 8601, UTC; ``actor``: name, role and id; ``subject``: what it is about, mostly the
    ARN of a package; ``hash``: SHA-256 of the event as it was signed; ``previous``: that of the event before."""

    number: int
    id: str
    time: str
    kind: str
    actor: dict[str, str]
    subject: str
    body: EventBody
    previous: str
    hash: str


AppendCheck = Callable[[Sequence[Event]], None]
"""Called with all events just before one is written; raises to refuse it."""

_events_cache: dict[str, tuple[Event, ...]] = {}
_lock = threading.Lock()
_CACHED_LOGS = 8


def event_key(number: int) -> str:
    """The S3 key of an event, by its number."""
    return f"{EVENTS_FOLDER}/{number:08d}.json"


def part_key(number: int) -> str:
    """The S3 key of a part, which has many events in one file, by its number."""
    return f"{PARTS_FOLDER}/{number:06d}.json"


def append_event(
    target: Target,
    identity: Identity,
    kind: str,
    subject: str,
    body: EventBody,
    *,
    check: AppendCheck | None = None,
    known_events: Sequence[Event] | None = None,
) -> Event:
    """Write the next event. ``check`` is called with all events before it, and may refuse it by raising. ``known_events``: the log as the
    caller has just read it, which saves reading it again: if another event was written since, S3 refuses the write, and the log is read
    and checked again. Raises Conflict if other writers were first every time."""
    actor = {"name": identity.name, "role": identity.role.value, "id": identity.id}
    for attempt in range(retries.LOG_APPEND_ATTEMPTS):
        events = tuple(known_events) if known_events is not None and attempt == 0 else read_events(target)
        if check is not None:
            check(events)
        last = events[-1] if events else None
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        payload = canonical_json(
            {
                "number": last.number + 1 if last else 1,
                "id": secrets.token_hex(8),
                "time": max(time, last.time) if last else time,
                "kind": kind,
                "actor": actor,
                "subject": subject,
                "body": body,
                "previous": last.hash if last else NO_PREVIOUS_HASH,
            }
        )
        event = _parse_event(payload)
        uri = target.uri(event_key(event.number))
        if target.files.write_conditionally(uri, sign_envelope(target, payload, EVENT_TYPE), "application/json") or _is_own_event(
            target, event
        ):
            _cache_events(target, (*events, event))
            _write_full_parts(target, (*events, event))
            advance_head(target, event)
            return event
    raise Conflict("The log is too busy.", resource=subject, hint="Try again.")


def read_events(target: Target) -> tuple[Event, ...]:
    """All events, oldest first; each one's signature and its link to the one before are checked. Raises Forged, naming the first event that
    isn't what was written."""
    return target.read_once("the log", lambda: _read_events(target))


def _read_events(target: Target) -> tuple[Event, ...]:
    known_events = _events_cache.get(_cache_key(target), ())
    events = list(known_events) or _read_full_parts(target)
    new = target.files.list_uris(target.uri(EVENTS_FOLDER) + "/", after=target.uri(event_key(len(events))) if events else None)
    if known_events and not new:
        return known_events
    numbers = range(len(events) + 1, len(events) + len(new) + 1)
    for number, uri in zip(numbers, new, strict=True):
        if uri != target.uri(event_key(number)):
            raise Forged(f"Event {number} is missing.", resource=uri, hint="Run the verification on the decisions page.")
    trusted = load_verification_keys(target)
    with ThreadPoolExecutor(8) as pool:
        _extend_chain(events, pool.map(lambda n: _read_payload(target, n, trusted), numbers))
    result = tuple(events)
    _cache_events(target, result)
    return result


def forget_read_events() -> None:
    """Forget the events that this process keeps, so that the next reading reads and checks all of them."""
    with _lock:
        _events_cache.clear()


def count_known_events(target: Target) -> int:
    """How many events this process has read or written so far; reads nothing."""
    return len(_events_cache.get(_cache_key(target), ()))


def count_events(target: Target) -> int:
    """How many events there are."""
    return len(read_events(target))


def _cache_key(target: Target) -> str:
    return target.uri(EVENTS_FOLDER) + target.s3.meta.endpoint_url


def _cache_events(target: Target, events: tuple[Event, ...]) -> None:
    with _lock:
        _events_cache[_cache_key(target)] = events
        while len(_events_cache) > _CACHED_LOGS:
            del _events_cache[next(iter(_events_cache))]


def _read_full_parts(target: Target) -> list[Event]:
    """The events of the full hundreds, each read as one object."""
    events: list[Event] = []
    parts = target.files.list_uris(target.uri(PARTS_FOLDER) + "/")
    part_count = next((n for n, uri in enumerate(parts) if uri != target.uri(part_key(n))), len(parts))
    trusted = load_verification_keys(target)
    with ThreadPoolExecutor(8) as pool:
        for payloads in pool.map(lambda n: _read_part(target, n, trusted), range(part_count)):
            _extend_chain(events, payloads)
    return events


def _extend_chain(events: list[Event], payloads: Iterable[bytes]) -> None:
    for payload in payloads:
        events.append(check_link(_parse_event(payload), events[-1] if events else None))


def _is_own_event(target: Target, event: Event) -> bool:
    """Whether the event was written by a first try whose answer was lost."""
    return _parse_event(_read_payload(target, event.number, load_verification_keys(target))).id == event.id


def check_link(event: Event, before: Event | None) -> Event:
    """The event, if it follows the one before. Raises Forged."""
    number, previous = (before.number + 1, before.hash) if before else (1, NO_PREVIOUS_HASH)
    if event.number != number or event.previous != previous:
        raise Forged(
            f"Event {number} doesn't follow the one before.", resource=event_key(number), hint="Compare with a copy kept elsewhere."
        )
    return event


def _read_payload(target: Target, number: int, trusted: Sequence[Key]) -> bytes:
    try:
        return open_envelope(target.files.read(target.uri(event_key(number))), trusted, EVENT_TYPE)
    except (Forged, NotFound) as error:
        raise Forged(f"Event {number}: {error.message}", resource=event_key(number), hint="Compare with a copy kept elsewhere.") from error


def _read_part(target: Target, number: int, trusted: Sequence[Key]) -> list[bytes]:
    """The payloads of events number · 100 + 1 and on; from the events themselves where they aren't kept together (yet)."""
    try:
        return open_envelope(target.files.read(target.uri(part_key(number))), trusted, PART_TYPE).split(b"\n")
    except (Forged, NotFound):
        return [_read_payload(target, n, trusted) for n in range(number * EVENTS_PER_PART + 1, (number + 1) * EVENTS_PER_PART + 1)]


def _parse_event(payload: bytes) -> Event:
    try:
        return Event(**json.loads(payload), hash=sha256(payload))
    except (ValueError, TypeError) as error:
        raise Forged("This is not a log event.", hint="Compare with a copy kept elsewhere.") from error


def event_payload(event: Event) -> bytes:
    """The bytes of an event that are signed."""
    return canonical_json({name: value for name, value in event.__dict__.items() if name != "hash"})


def part_payload(events: Sequence[Event]) -> bytes:
    """A hundred events as the payload of one object."""
    return b"\n".join(event_payload(event) for event in events)


def _write_full_parts(target: Target, events: Sequence[Event]) -> None:
    """Keep full hundreds in one object each; the one before too, in case its writer was interrupted."""
    full = len(events) // EVENTS_PER_PART
    if full and len(events) % EVENTS_PER_PART in {0, 1}:
        for number in range(max(full - 2, 0), full):
            uri = target.uri(part_key(number))
            if not target.files.exists(uri):
                target.files.write_conditionally(
                    uri,
                    sign_envelope(target, part_payload(events[number * EVENTS_PER_PART : (number + 1) * EVENTS_PER_PART]), PART_TYPE),
                    "application/json",
                )


def head_statement(event: Event) -> bytes:
    """The statement that the log contains ``event`` and everything before it."""
    return in_toto_statement({event_key(event.number): event.hash}, HEAD_PREDICATE_TYPE, {"number": event.number, "time": event.time})


def read_head(content: bytes, trusted: Sequence[Key]) -> tuple[int, str]:
    """(number, hash) of a signed head. Raises Forged."""
    raw = json.loads(open_envelope(content, trusted))
    if raw.get("predicateType") != HEAD_PREDICATE_TYPE:
        raise Forged("This file is not a log head.", hint="Give the file that the export wrote.")
    return int(raw["predicate"]["number"]), str(raw["subject"][0]["digest"]["sha256"])


def advance_head(target: Target, event: Event) -> None:
    """Write the head, unless a later one exists."""
    uri = target.uri(HEAD_KEY)
    for _ in range(20):
        try:
            content, etag = target.files.read_with_etag(uri)
            if read_head(content, load_verification_keys(target))[0] >= event.number:
                return
        except NotFound:
            etag = None
        except GovernanceError:
            return  # the verification reports it
        if target.files.write_conditionally(uri, sign_envelope(target, head_statement(event)), "application/json", expected_etag=etag):
            return
