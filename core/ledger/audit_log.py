"""The audit log: numbered, signed events in the target's S3, each holding the hash of the one before.

An event is the object ``governance/log/events/00000001.json``, a DSSE envelope, written with ``If-None-Match: *``: of two writers one has
the number, the other looks again and takes the next. A hundred events are also kept together in one signed object, so that ten thousand
are read in a hundred requests. ``head.json`` names the last event, signed: where it is kept elsewhere, a log cut short is found out.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.clients import Clients
from core.errors import Conflict, GovernanceError, NotFound
from core.governance.signing import Forged, canonical, keys, opened, sha256, sign, statement
from core.identity import Identity

EVENTS, PARTS, HEAD = "governance/log/events", "governance/log/parts", "governance/log/head.json"
EVENT_TYPE, PART_TYPE = "application/vnd.governance.event+json", "application/vnd.governance.events+json-lines"
HEAD_KIND = "urn:governance-dashboard:log-head:1"
PART = 100
"""Events kept together in one object."""
NOTHING = "0" * 64
"""What the first event holds as the hash of the one before."""
ATTEMPTS = 200


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
    body: dict[str, Any]
    previous: str
    hash: str


Check = Callable[[Sequence[Event]], None]
"""Called with all events just before one is written; raises to refuse it."""

_read: dict[str, tuple[Event, ...]] = {}
_lock = threading.Lock()
_KEPT = 8


def key(number: int) -> str:
    return f"{EVENTS}/{number:08d}.json"


def part_key(number: int) -> str:
    return f"{PARTS}/{number:06d}.json"


def append(clients: Clients, identity: Identity, kind: str, subject: str, body: dict[str, Any], *, check: Check | None = None) -> Event:
    """Write the next event. ``check`` sees every event before it, whoever else is writing. Raises what ``check`` raises, and Conflict where
    the log is too busy."""
    actor = {"name": identity.name, "role": identity.role.value, "id": identity.id}
    for _ in range(ATTEMPTS):
        events = read(clients)
        if check is not None:
            check(events)
        last = events[-1] if events else None
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        payload = canonical(
            {
                "number": last.number + 1 if last else 1,
                "id": secrets.token_hex(8),
                "time": max(time, last.time) if last else time,
                "kind": kind,
                "actor": actor,
                "subject": subject,
                "body": body,
                "previous": last.hash if last else NOTHING,
            }
        )
        event = _event(payload)
        uri = clients.uri(key(event.number))
        if clients.create(uri, sign(clients, payload, EVENT_TYPE), "application/json") or _is_ours(clients, event):
            _remember(clients, (*events, event))
            _keep_together(clients, (*events, event))
            move_head(clients, event)
            return event
    raise Conflict("The log is too busy.", subject=subject, remedy="Try again.")


def read(clients: Clients) -> tuple[Event, ...]:
    """All events, oldest first; each one's signature and its link to the one before are checked. Raises Forged, naming the first event that
    isn't what was written."""
    known = _read.get(_where(clients), ())
    events = list(known) or _kept_together(clients)
    new = clients.keys(clients.uri(EVENTS) + "/", after=clients.uri(key(len(events))) if events else None)
    if known and not new:
        return known
    wanted = range(len(events) + 1, len(events) + len(new) + 1)
    for number, found in zip(wanted, new, strict=True):
        if found != clients.uri(key(number)):
            raise Forged(f"Event {number} is missing.", subject=found, remedy="Run the verification on the decisions page.")
    trusted = keys(clients)
    with ThreadPoolExecutor(8) as pool:
        _extend(events, pool.map(lambda n: _single(clients, n, trusted), wanted))
    result = tuple(events)
    _remember(clients, result)
    return result


def known(clients: Clients) -> int:
    """How many events this process knows of, without looking."""
    return len(_read.get(_where(clients), ()))


def length(clients: Clients) -> int:
    """How many events there are."""
    return len(read(clients))


def _where(clients: Clients) -> str:
    return clients.uri(EVENTS) + clients.s3.meta.endpoint_url


def _remember(clients: Clients, events: tuple[Event, ...]) -> None:
    with _lock:
        _read[_where(clients)] = events
        while len(_read) > _KEPT:
            del _read[next(iter(_read))]


def _kept_together(clients: Clients) -> list[Event]:
    """The events of the full hundreds, each read as one object."""
    events: list[Event] = []
    parts = clients.keys(clients.uri(PARTS) + "/")
    whole = next((n for n, uri in enumerate(parts) if uri != clients.uri(part_key(n))), len(parts))
    trusted = keys(clients)
    with ThreadPoolExecutor(8) as pool:
        for payloads in pool.map(lambda n: _part(clients, n, trusted), range(whole)):
            _extend(events, payloads)
    return events


def _extend(events: list[Event], payloads: Iterable[bytes]) -> None:
    for payload in payloads:
        events.append(linked(_event(payload), events[-1] if events else None))


def _is_ours(clients: Clients, event: Event) -> bool:
    """Whether the event was written by a first try whose answer was lost."""
    return _event(_single(clients, event.number, keys(clients))).id == event.id


def linked(event: Event, before: Event | None) -> Event:
    """The event, if it follows the one before. Raises Forged."""
    number, previous = (before.number + 1, before.hash) if before else (1, NOTHING)
    if event.number != number or event.previous != previous:
        raise Forged(f"Event {number} doesn't follow the one before.", subject=key(number), remedy="Compare with a copy kept elsewhere.")
    return event


def _single(clients: Clients, number: int, trusted: Any) -> bytes:
    try:
        return opened(clients.read(clients.uri(key(number))), trusted, EVENT_TYPE)
    except (Forged, NotFound) as error:
        raise Forged(f"Event {number}: {error.what}", subject=key(number), remedy="Compare with a copy kept elsewhere.") from error


def _part(clients: Clients, number: int, trusted: Any) -> list[bytes]:
    """The payloads of events number · 100 + 1 and on; from the events themselves where they aren't kept together (yet)."""
    try:
        return opened(clients.read(clients.uri(part_key(number))), trusted, PART_TYPE).split(b"\n")
    except (Forged, NotFound):
        return [_single(clients, n, trusted) for n in range(number * PART + 1, (number + 1) * PART + 1)]


def _event(payload: bytes) -> Event:
    try:
        return Event(**json.loads(payload), hash=sha256(payload))
    except (ValueError, TypeError) as error:
        raise Forged("This is no event.", remedy="Compare with a copy kept elsewhere.") from error


def payload(event: Event) -> bytes:
    """What was signed."""
    return canonical({name: value for name, value in event.__dict__.items() if name != "hash"})


def together(events: Sequence[Event]) -> bytes:
    """A hundred events as the payload of one object."""
    return b"\n".join(payload(event) for event in events)


def _keep_together(clients: Clients, events: Sequence[Event]) -> None:
    """Keep full hundreds in one object each; the one before too, in case its writer was interrupted."""
    full = len(events) // PART
    if full and len(events) % PART in {0, 1}:
        for number in range(max(full - 2, 0), full):
            uri = clients.uri(part_key(number))
            if not clients.exists(uri):
                clients.create(uri, sign(clients, together(events[number * PART : (number + 1) * PART]), PART_TYPE), "application/json")


def head(event: Event) -> bytes:
    """The statement that ``event`` is in the log, and everything before it."""
    return statement({key(event.number): event.hash}, HEAD_KIND, {"number": event.number, "time": event.time})


def read_head(content: bytes, trusted: Any) -> tuple[int, str]:
    """(number, hash) of a signed head. Raises Forged."""
    raw = json.loads(opened(content, trusted))
    if raw.get("predicateType") != HEAD_KIND:
        raise Forged("This is no head of the log.", remedy="Give the file that the export wrote.")
    return int(raw["predicate"]["number"]), str(raw["subject"][0]["digest"]["sha256"])


def move_head(clients: Clients, event: Event) -> None:
    """Write the head, unless a later one is there."""
    uri = clients.uri(HEAD)
    for _ in range(20):
        try:
            content, etag = clients.read_tagged(uri)
            if read_head(content, keys(clients))[0] >= event.number:
                return
        except NotFound:
            etag = None
        except GovernanceError:
            return  # the verification says so
        if clients.create(uri, sign(clients, head(event)), "application/json", instead_of=etag):
            return
