"""Verification: that the log is whole, that what it rests on is as it was, and that the registry says what the log says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from core import registry
from core.clients import Clients
from core.errors import UNSEEN, DataError, GovernanceError, NotFound
from core.governance import decisions, evidence, following, log, policy
from core.governance.following import Problem
from core.governance.log import Event
from core.governance.signing import Forged, keys, opened, sha256, sign

PATIENCE = 20
"""How often the head is looked at again, a tenth of a second apart, where an event is on its way."""


@dataclass(frozen=True)
class Verification:
    """``events``: how many were read; ``files``: how many files of evidence were hashed; ``head``: the last event's number and hash."""

    events: int
    files: int
    head: tuple[int, str] | None
    problems: tuple[Problem, ...]

    @property
    def holds(self) -> bool:
        return not self.problems


def verify(clients: Clients, *, kept_head: bytes | None = None) -> Verification:
    """Check all of it, from the objects themselves. ``kept_head``: an export of ``export_head`` that was kept elsewhere; without one, a log
    of which the end and its head were both taken back can't be told from a shorter one."""
    trusted = keys(clients)
    head = _content(clients, log.HEAD)  # before the events, so that it names none that was written meanwhile
    events, problems = _chain(clients, trusted)
    problems += _heads(events, trusted, {log.HEAD: head} | ({"the head that was kept elsewhere": kept_head} if kept_head else {}))
    problems += _behind(clients, events, trusted)
    problems += _parts(clients, events, trusted)
    hashes: dict[str, str | None] = {}
    problems += _evidence(clients, events, hashes)
    problems += _kept(clients)
    problems += following.registered(clients, events)
    problems += following.drawn(clients, events)
    ordered = sorted(problems, key=lambda p: (p.number is None, p.number or 0))
    return Verification(len(events), len(hashes), (events[-1].number, events[-1].hash) if events else None, tuple(ordered))


def export_head(clients: Clients) -> bytes:
    """The signed head of the log, for safekeeping elsewhere. Raises NotFound for an empty log."""
    events = log.read(clients)
    if not events:
        raise NotFound("The log is empty.", remedy="Submit a version first.")
    return sign(clients, log.head(events[-1]))


def repair(clients: Clients) -> list[str]:
    """Have registry, lineage and head follow the log, where a process ended between the two. Returns the versions whose record in the
    registry was behind."""
    mended, events = [], log.read(clients)
    if events:
        log.move_head(clients, events[-1])
    about = {event.number: event.subject for event in events}
    wrong = [*following.registered(clients, events), *following.drawn(clients, events)]
    behind = {about.get(problem.number or 0, problem.subject) for problem in wrong}
    for subject in dict.fromkeys(e.subject for e in events if e.kind in decisions.FROM and e.subject in behind):
        try:
            package = registry.get(clients, subject)
        except NotFound:
            continue  # deleted: the verification says so
        decisions.follow(clients, subject)
        after = registry.get(clients, subject)
        if (after.status, after.properties) != (package.status, package.properties):
            mended.append(after.label)
    return mended


def _chain(clients: Clients, trusted: Any) -> tuple[list[Event], list[Problem]]:
    """Every event object: numbered without a gap, signed, and linked to the one before."""
    found = clients.keys(clients.uri(log.EVENTS) + "/")
    problems, numbers = [], []
    for uri in found:
        name = uri.rpartition("/")[2].removesuffix(".json")
        if name.isdigit() and uri == clients.uri(log.key(int(name))) and int(name) > 0:
            numbers.append(int(name))
        else:
            problems.append(Problem(None, uri, "This object is no event of the log."))
    last = max(numbers, default=0)
    with ThreadPoolExecutor(8) as pool:
        contents = dict(zip(numbers, pool.map(lambda n: _content(clients, log.key(n)), numbers), strict=True))
    events: list[Event] = []
    before: Event | None = None
    for number in range(1, last + 1):
        content = contents.get(number)
        if content is None:
            problems.append(Problem(number, log.key(number), f"Event {number} is missing."))
            before = None
            continue
        try:
            payload = opened(content, trusted, log.EVENT_TYPE)
            event = Event(**json.loads(payload), hash=sha256(payload))
            if event.number != number:
                raise Forged(f"It calls itself event {event.number}.")
            if number == 1 or before is not None:
                log.linked(event, before)
        except (GovernanceError, ValueError, TypeError) as error:
            what = error.what if isinstance(error, GovernanceError) else "It is no event."
            problems.append(Problem(number, log.key(number), f"Event {number}: {what}"))
            before = None
            continue
        if before is not None and event.time < before.time:
            problems.append(Problem(number, log.key(number), f"Event {number} is dated before the one before."))
        before = event
        events.append(event)
    return events, problems


def _content(clients: Clients, key: str) -> bytes | None:
    try:
        return clients.read(clients.uri(key))
    except NotFound:
        return None


def _heads(events: list[Event], trusted: Any, heads: dict[str, bytes | None]) -> Iterator[Problem]:
    hashes = {event.number: event.hash for event in events}
    for name, content in heads.items():
        if content is None:
            if events:
                yield Problem(None, name, "The head of the log is missing.")
            continue
        try:
            number, digest = log.read_head(content, trusted)
        except (GovernanceError, ValueError, KeyError) as error:
            yield Problem(None, name, f"The head of the log: {error.what if isinstance(error, GovernanceError) else 'it is no head.'}")
            continue
        if number not in hashes:
            yield Problem(
                number, name, f"The head says that there are {number} events, and event {number} isn't there (or isn't what it was)."
            )
        elif hashes[number] != digest:
            yield Problem(number, name, f"Event {number} is not the one that the head names.")


def _behind(clients: Clients, events: list[Event], trusted: Any) -> Iterator[Problem]:
    """The head names the last event, as soon as its writer is done."""
    for _ in range(PATIENCE if events else 0):
        try:
            number, _digest = log.read_head(_content(clients, log.HEAD) or b"", trusted)
        except (GovernanceError, ValueError, KeyError):
            return  # said already
        if number >= events[-1].number:
            return
        time.sleep(0.1)
    if events:
        yield Problem(None, log.HEAD, f"The head names event {number}, and the log has {events[-1].number}: an older one was put back.")


def _parts(clients: Clients, events: list[Event], trusted: Any) -> Iterator[Problem]:
    whole = {event.number: event for event in events}
    for uri in clients.keys(clients.uri(log.PARTS) + "/"):
        name = uri.rpartition("/")[2].removesuffix(".json")
        number = int(name) if name.isdigit() else -1
        own = [whole.get(n) for n in range(number * log.PART + 1, (number + 1) * log.PART + 1)]
        if number < 0 or uri != clients.uri(log.part_key(number)):
            yield Problem(None, uri, "This object is no part of the log.")
            continue
        try:
            payload = opened(clients.read(uri), trusted, log.PART_TYPE)
        except UNSEEN:
            raise
        except GovernanceError as error:
            yield Problem(number * log.PART + 1, uri, error.what)
            continue
        if all(own) and payload != log.together([event for event in own if event]):
            yield Problem(number * log.PART + 1, uri, "The copy of these events is not what the events are.")
    present = set(clients.keys(clients.uri(log.PARTS) + "/"))
    for number in range(len(events) // log.PART - 1):  # the last one may still be on its way
        if clients.uri(log.part_key(number)) not in present:
            yield Problem(number * log.PART + 1, log.part_key(number), "The copy of these events is missing.")


def _evidence(clients: Clients, events: list[Event], hashes: dict[str, str | None]) -> Iterator[Problem]:
    """Each piece of evidence once, at the first event that names it."""
    seen: set[str] = set()
    for event in events:
        digest = event.body.get("evidence")
        if digest and digest not in seen:
            seen.add(digest)
            for what in evidence.problems(clients, digest, hashes):
                yield Problem(event.number, event.subject, f"Evidence of event {event.number}: {what}")
        rules = event.body.get("policy")
        if rules and rules not in seen:
            seen.add(rules)
            content = _content(clients, f"{policy.FOLDER}/{rules}.toml")
            if content is None or sha256(content) != rules:
                yield Problem(event.number, event.subject, f"The policy of event {event.number} has changed, or is gone.")
    for uri in clients.keys(clients.uri(evidence.FOLDER) + "/"):
        if uri.rpartition("/")[2].removesuffix(".json") in seen:
            continue
        try:  # evidence whose submission was refused or interrupted: it must be what it says all the same
            evidence.read(clients, uri.rpartition("/")[2].removesuffix(".json"))
        except UNSEEN:
            raise
        except GovernanceError as error:
            yield Problem(None, uri, error.what)


def _kept(clients: Clients) -> Iterator[Problem]:
    """Files that the product keeps under their own hash, whether a decision names them or not, and the last valid policy."""
    for uri in clients.keys(clients.uri(evidence.FILES) + "/"):
        if sha256(_content(clients, uri.partition(clients.uri(""))[2]) or b"") != uri.rpartition("/")[0].rpartition("/")[2]:
            yield Problem(None, uri, "This file is not the one that was kept.")
    for uri in clients.keys(clients.uri(policy.FOLDER) + "/"):
        name = uri.rpartition("/")[2]
        try:
            if uri == clients.uri(policy.LAST):
                policy.last_valid(clients)
            elif name != f"{sha256(clients.read(uri))}.toml":
                yield Problem(None, uri, "This policy is not the one that was kept.")
        except UNSEEN:
            raise
        except GovernanceError as error:
            yield Problem(None, uri, f"The last valid policy: {error.what}")


def read_head_file(content: bytes) -> bytes:
    """The content of an exported head, as given by a user. Raises DataError for what can't be one."""
    try:
        json.loads(content)
    except ValueError as error:
        raise DataError("This is no head of a log.", subject="head", remedy="Give the file that `audit head` wrote.") from error
    return content.strip()
