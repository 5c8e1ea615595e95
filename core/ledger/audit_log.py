"""The audit log: numbered, signed events in the target's S3, each with the hash of the event before it.

An event is the object ``governance/log/events/00000001.json``, a DSSE envelope, written with ``If-None-Match: *``: of two writers, one
gets the number. The other reads the log again and is checked again: a second decision on the same version is refused, an event about
another version takes the next number. A hundred events are also kept together in one signed object, so that ten thousand are read in a
hundred requests; and ten, so that the events after the last full hundred are read in at most 18. ``head.json`` names the last event,
signed: with a copy of it kept elsewhere, a log that was cut short is found.
"""

from __future__ import annotations

import secrets
import threading
import time as clock
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.aws import retries
from core.aws.target import Target
from core.errors import Conflict, GovernanceError, NotFound
from core.identity import Identity
from core.ledger.event_body import EVENT_FORMAT, EventBody
from core.ledger.signing import (
    Forged,
    canonical_json,
    in_toto_statement,
    load_verification_keys,
    open_envelope,
    parse_signed_json,
    sha256,
    sign_envelope,
)

if TYPE_CHECKING:
    from securesystemslib.signer import Key

EVENTS_FOLDER, PARTS_FOLDER, TENS_FOLDER = "governance/log/events", "governance/log/parts", "governance/log/tens"
HEAD_KEY = "governance/log/head.json"
EVENT_TYPE, PART_TYPE = "application/vnd.governance.event+json", "application/vnd.governance.events+json-lines"
HEAD_PREDICATE_TYPE = "urn:governance-dashboard:log-head:1"
EVENTS_PER_PART, EVENTS_PER_TEN = 100, 10
"""Events kept together in one object, of two sizes."""
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

    @property
    def format(self) -> int:
        """Which rules the event follows, see ``EVENT_FORMAT``."""
        return self.body.get("format", 1)


AppendCheck = Callable[[Sequence[Event]], None]
"""Called with all events just before one is written; raises to refuse it."""

_events_cache: dict[str, tuple[Event, ...]] = {}
_lock = threading.Lock()
_CACHED_LOGS = 8


def event_key(number: int) -> str:
    """The S3 key of an event, by its number."""
    return f"{EVENTS_FOLDER}/{number:08d}.json"


def part_key(number: int) -> str:
    """The S3 key of a part, which has a hundred events in one file, by its number."""
    return f"{PARTS_FOLDER}/{number:06d}.json"


def ten_key(number: int) -> str:
    """The S3 key of ten events in one file, by its number."""
    return f"{TENS_FOLDER}/{number:07d}.json"


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
                "body": {**body, "format": EVENT_FORMAT},
                "previous": last.hash if last else NO_PREVIOUS_HASH,
            }
        )
        event = parse_event(payload)
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
    """All events, oldest first; each one's signature and its link to the one before are checked. An object that isn't an event doesn't
    matter, unless it is in the place of one. Raises Forged, naming the first event that is missing or isn't what was written."""
    return target.read_once("the log", lambda: _read_events(target))


def _read_events(target: Target) -> tuple[Event, ...]:
    known_events = _events_cache.get(_cache_key(target), ())
    events = list(known_events) or _read_full_parts(target)
    new = target.files.list_uris(target.uri(EVENTS_FOLDER) + "/", after=target.uri(event_key(len(events))) if events else None)
    if known_events and not new:
        return known_events
    trusted, end = load_verification_keys(target), _first_missing(target, len(events) + 1, new)
    numbers = range(len(events) + 1, end)
    _check_nothing_follows(target, end, new, trusted)
    with ThreadPoolExecutor(8) as pool:
        for payloads in pool.map(lambda span: _read_span(target, span, trusted), _spans(numbers)):
            _extend_chain(events, payloads)
    result = tuple(events)
    _cache_events(target, result)
    return result


def _first_missing(target: Target, number: int, uris: Sequence[str]) -> int:
    """The first number, from ``number`` on, of which there is no object among ``uris``."""
    present = set(uris)
    while target.uri(event_key(number)) in present:
        number += 1
    return number


def _check_nothing_follows(target: Target, number: int, uris: Sequence[str], trusted: Sequence[Key]) -> None:
    """Raises Forged if an event follows one that is missing. Objects after ``number`` that nobody signed as that event are no events."""
    for uri in uris:
        found = number_of_event(target, uri)
        if found is not None and found > number:
            try:
                payload = open_envelope(target.files.read(uri), trusted, EVENT_TYPE)
                is_event = parse_event(payload).number == found
            except (Forged, NotFound):
                is_event = False
            if is_event:
                raise Forged(f"Event {number} is missing.", resource=uri, hint="Run the verification on the decisions page.")


def number_of_event(target: Target, uri: str) -> int | None:
    """The number that an object's name gives it as an event of the log; None if its name isn't that of an event."""
    name = uri.rpartition("/")[2].removesuffix(".json")
    number = int(name) if name.isascii() and name.isdigit() else 0
    return number if number > 0 and uri == target.uri(event_key(number)) else None


def _spans(numbers: range) -> Iterator[range]:
    """Consecutive event numbers as full tens, each kept in one object, and single numbers before and after them."""
    first = numbers.start
    while first < numbers.stop:
        is_ten = first % EVENTS_PER_TEN == 1 and first + EVENTS_PER_TEN <= numbers.stop
        yield range(first, first + (EVENTS_PER_TEN if is_ten else 1))
        first += EVENTS_PER_TEN if is_ten else 1


def _read_span(target: Target, numbers: range, trusted: Sequence[Key]) -> list[bytes]:
    if len(numbers) == 1:
        return [_read_payload(target, numbers.start, trusted)]
    return _read_together(target, ten_key(numbers.start // EVENTS_PER_TEN), numbers, trusted)


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
        events.append(check_link(parse_event(payload), events[-1] if events else None))


def _is_own_event(target: Target, event: Event) -> bool:
    """Whether the event was written by a first try whose answer was lost."""
    return parse_event(_read_payload(target, event.number, load_verification_keys(target))).id == event.id


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
    """The payloads of events number · 100 + 1 and on."""
    return _read_together(target, part_key(number), numbers_in_part(number, EVENTS_PER_PART), trusted)


def _read_together(target: Target, key: str, numbers: range, trusted: Sequence[Key]) -> list[bytes]:
    """The payloads of the events with these numbers, which are kept in one object; from the events themselves where they aren't (yet)."""
    try:
        return open_envelope(target.files.read(target.uri(key)), trusted, PART_TYPE).split(b"\n")
    except (Forged, NotFound):
        return [_read_payload(target, n, trusted) for n in numbers]


def numbers_in_part(part: int, size: int) -> range:
    """The numbers of the events in a part, by the part's number (from 0) and its size in events."""
    return range(part * size + 1, (part + 1) * size + 1)


def parse_event(payload: bytes) -> Event:
    """The event that was signed. Raises Forged for what isn't one."""
    not_an_event = Forged("This is not a log event.", hint="Compare with a copy kept elsewhere.")
    raw = parse_signed_json(payload, not_an_event.message, dict)
    try:
        event = Event(**raw, hash=sha256(payload))
        texts = (event.id, event.time, event.kind, event.subject, event.previous, *(event.actor[key] for key in ("name", "role", "id")))
        is_event = type(event.number) is int and all(isinstance(text, str) for text in texts) and type(event.format) is int
    except (TypeError, KeyError, AttributeError) as error:
        raise not_an_event from error
    if not is_event:
        raise not_an_event
    return event


def event_payload(event: Event) -> bytes:
    """The bytes of an event that are signed."""
    return canonical_json({name: value for name, value in event.__dict__.items() if name != "hash"})


def part_payload(events: Sequence[Event]) -> bytes:
    """Several events as the payload of one object."""
    return b"\n".join(event_payload(event) for event in events)


def _write_full_parts(target: Target, events: Sequence[Event]) -> None:
    """Keep full hundreds and tens in one object each; the one before too, in case its writer was interrupted."""
    for size, key_of in ((EVENTS_PER_PART, part_key), (EVENTS_PER_TEN, ten_key)):
        full = len(events) // size
        if full and len(events) % size in {0, 1}:
            for number in range(max(full - 2, 0), full):
                uri = target.uri(key_of(number))
                if not target.files.exists(uri):
                    payload = part_payload(events[number * size : (number + 1) * size])
                    target.files.write_conditionally(uri, sign_envelope(target, payload, PART_TYPE), "application/json")


def head_statement(event: Event, *, exported_at: str | None = None) -> bytes:
    """The statement that the log contains ``event`` and everything before it. ``exported_at``: ISO 8601, when it was made to be kept
    elsewhere; None for the log's own head."""
    predicate = {"number": event.number, "time": event.time} | ({"exported": exported_at} if exported_at else {})
    return in_toto_statement({event_key(event.number): event.hash}, HEAD_PREDICATE_TYPE, predicate)


def read_head(content: bytes, trusted: Sequence[Key]) -> tuple[int, str]:
    """(number, hash) of a signed head. Raises Forged."""
    not_a_head = Forged("This file is not a log head.", hint="Give the file that the export wrote.")
    raw = parse_signed_json(open_envelope(content, trusted), not_a_head.message, dict)
    try:
        if raw["predicateType"] != HEAD_PREDICATE_TYPE:
            raise not_a_head
        return int(raw["predicate"]["number"]), str(raw["subject"][0]["digest"]["sha256"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise not_a_head from error


def advance_head(target: Target, event: Event, *, replace_missing: bool = False) -> None:
    """Write the head, unless a later one exists. A head that is missing is written for the first two events only (a process may have
    stopped before it wrote the first one), or with ``replace_missing``: whoever cut the log short may have removed it."""
    uri, waits = target.uri(HEAD_KEY), retries.MISSING_HEAD_READS
    for _ in range(20):
        try:
            content, etag = target.files.read_with_etag(uri)
            if read_head(content, load_verification_keys(target))[0] >= event.number:
                return
        except NotFound:
            if event.number > 2 and not replace_missing:  # perhaps the writer of the first event is about to write it
                if not (waits := waits - 1):
                    return  # the verification reports it
                clock.sleep(retries.LOG_HEAD_PAUSE)
                continue
            etag = None
        except GovernanceError:
            return  # the verification reports it
        if target.files.write_conditionally(uri, sign_envelope(target, head_statement(event)), "application/json", expected_etag=etag):
            return
