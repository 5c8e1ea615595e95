"""Whether what follows the log says what the log says: the registry's statuses and properties, and the lineage's actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from core import lineage, registry
from core.clients import Clients
from core.errors import NotFound, translated
from core.governance import elsewhere, log, states
from core.governance.log import Event

ACTION = "governance-{:08d}"


@dataclass(frozen=True)
class Problem:
    """``number``: the event that it concerns first, None where it concerns none."""

    number: int | None
    subject: str
    what: str


def registered(clients: Clients, events: Sequence[Event]) -> Iterator[Problem]:
    """No version may be decided on beside the log, nor lag behind it, nor be another than was registered; what others have made before this
    product registered anything in a group is not looked at."""
    first = elsewhere.first_registered(events)
    for group in registry.groups(clients):
        for version in registry.all_versions(clients, group):
            now = states.fold(events, version.arn)
            if elsewhere.unknown(now) and elsewhere.predates(first, version.arn):
                continue  # somebody else's, and older than this product's first in its group
            expected, last = states.STATUS.get(now.status, registry.PENDING), now.version or None
            if version.status != expected:
                yield Problem(last, version.arn, f"The registry says {version.status}, and the log says {now.status}.")
            if not now.version and now.registered is None:
                continue
            try:
                properties = registry.properties(clients, version.arn)
            except NotFound:
                continue  # deleted meanwhile
            decided = (properties.get(registry.DECISION, ""), properties.get(registry.EVIDENCE, ""))
            if version.status == expected and decided != (str(now.version or ""), now.evidence or ""):
                yield Problem(last, version.arn, "The registry doesn't name the log's last event and its evidence.")
            kept = {k: v for k, v in properties.items() if k not in registry.DECIDED}
            if now.registered is not None and kept != now.registered:
                number = next(e.number for e in reversed(events) if e.subject == version.arn and e.kind == registry.REGISTERED)
                yield Problem(number, version.arn, "The version's properties are not those that were registered.")


def drawn(clients: Clients, events: Sequence[Event]) -> Iterator[Problem]:
    """Each decision is an action of the lineage, and no action says that something was decided that wasn't."""
    wanted = {ACTION.format(event.number): event for event in events if event.kind in states.FROM}
    with translated("actions"):
        pages = clients.sagemaker.get_paginator("list_actions").paginate()
        found = {summary["ActionName"]: summary["ActionType"] for page in pages for summary in page["ActionSummaries"]}
    for name in sorted(wanted.keys() - found.keys()):
        yield Problem(wanted[name].number, name, f"The lineage lacks the action of event {wanted[name].number}.")
    for name in sorted(name for name, kind in found.items() if name not in wanted and kind in states.FROM):
        yield Problem(None, name, f"The lineage has an action, {found[name]}, that is no event of the log.")
    there = sorted(wanted.keys() & found.keys())
    with ThreadPoolExecutor(8) as pool:
        described = pool.map(lambda name: _action(clients, name), there)
    for name, action in zip(there, described, strict=True):
        event = wanted[name]
        said = (action.get("ActionType"), action.get("Source", {}).get("SourceUri"), action.get("Properties", {}).get("event"))
        if said != (event.kind, clients.uri(log.key(event.number)), event.hash):
            yield Problem(event.number, name, f"The lineage's action of event {event.number} doesn't say what the event says.")
    for subject in dict.fromkeys(event.subject for event in wanted.values()):
        own = {name for name, event in wanted.items() if event.subject == subject}
        about = _about(clients, subject)
        for name in sorted(own - about):
            yield Problem(wanted[name].number, subject, f"The lineage doesn't join event {wanted[name].number} to its version.")
        for name in sorted((about & wanted.keys()) - own):
            yield Problem(wanted[name].number, subject, f"The lineage joins event {wanted[name].number} to a version that it isn't about.")


def _action(clients: Clients, name: str) -> dict[str, Any]:
    with translated(name):
        return dict(clients.sagemaker.describe_action(ActionName=name))


def _about(clients: Clients, subject: str) -> set[str]:
    """The names of the actions that the lineage joins to a version."""
    artifact = lineage.artifact_of(clients, subject)
    if artifact is None:
        return set()
    with translated(subject):
        pages = clients.sagemaker.get_paginator("list_associations").paginate(DestinationArn=artifact)
        sources = [summary["SourceArn"] for page in pages for summary in page["AssociationSummaries"]]
    return {arn.rpartition("/")[2] for arn in sources if ":action/" in arn}
