"""Verification: that the log is whole, that what it rests on is as it was, and that the registry says what the log says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from core import registry
from core.clients import Clients
from core.errors import DataError, GovernanceError, NotFound
from core.governance import decisions, evidence, log, policy
from core.governance.log import Event
from core.governance.signing import Forged, keys, opened, sha256, sign


@dataclass(frozen=True)
class Problem:
    """``number``: the event that it concerns first, None where it concerns none."""

    number: int | None
    subject: str
    what: str


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
    events, problems = _chain(clients, trusted)
    problems += _heads(clients, events, trusted, kept_head)
    problems += _parts(clients, events, trusted)
    hashes: dict[str, str | None] = {}
    problems += _evidence(clients, events, hashes)
    problems += _registry(clients, events)
    ordered = sorted(problems, key=lambda p: (p.number is None, p.number or 0))
    return Verification(len(events), len(hashes), (events[-1].number, events[-1].hash) if events else None, tuple(ordered))


def export_head(clients: Clients) -> bytes:
    """The signed head of the log, for safekeeping elsewhere. Raises NotFound for an empty log."""
    events = log.read(clients)
    if not events:
        raise NotFound("The log is empty.", remedy="Submit a version first.")
    return sign(clients, log.head(events[-1]))


def repair(clients: Clients) -> list[str]:
    """Have the registry follow the log, where a process ended between the two. Returns the versions that were behind."""
    mended = []
    for subject in dict.fromkeys(e.subject for e in log.read(clients) if e.kind in decisions.FROM):
        package = registry.get(clients, subject)
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


def _heads(clients: Clients, events: list[Event], trusted: Any, kept: bytes | None) -> Iterator[Problem]:
    hashes = {event.number: event.hash for event in events}
    heads: list[tuple[str, Callable[[], bytes | None]]] = [(log.HEAD, lambda: _content(clients, log.HEAD))]
    if kept is not None:
        heads.append(("the head that was kept elsewhere", lambda: kept))
    for name, content in heads:
        found = content()
        if found is None:
            if events:
                yield Problem(None, name, "The head of the log is missing.")
            continue
        try:
            number, digest = log.read_head(found, trusted)
        except (GovernanceError, ValueError, KeyError) as error:
            yield Problem(None, name, f"The head of the log: {error.what if isinstance(error, GovernanceError) else 'it is no head.'}")
            continue
        if number not in hashes:
            yield Problem(
                number, name, f"The head says that there are {number} events, and event {number} isn't there (or isn't what it was)."
            )
        elif hashes[number] != digest:
            yield Problem(number, name, f"Event {number} is not the one that the head names.")


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
        except GovernanceError as error:
            yield Problem(None, uri, error.what)


def _registry(clients: Clients, events: list[Event]) -> Iterator[Problem]:
    """No version may be decided on beside the log, nor lag behind it."""
    for group in registry.groups(clients):
        for version in registry.all_versions(clients, group):
            now = decisions.fold(events, version.arn)
            expected = decisions.STATUS.get(now.status, registry.PENDING)
            last = now.version or None
            if version.status != expected:
                yield Problem(last, version.arn, f"The registry says {version.status}, and the log says {now.status}.")
            elif now.version:
                properties = registry.properties(clients, version.arn)
                if properties.get(registry.DECISION) != str(now.version) or properties.get(registry.EVIDENCE, "") != (now.evidence or ""):
                    yield Problem(last, version.arn, "The registry doesn't name the log's last event and its evidence.")


def read_head_file(content: bytes) -> bytes:
    """The content of an exported head, as given by a user. Raises DataError for what can't be one."""
    try:
        json.loads(content)
    except ValueError as error:
        raise DataError("This is no head of a log.", subject="head", remedy="Give the file that `audit head` wrote.") from error
    return content.strip()
