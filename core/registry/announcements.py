"""Registrations that were cut off between the registry and the log are taken up again.

Before a package is created, its registration is announced: a signed file says who registers what. If the process ends before the log has
the registration, the next try finds the announcement and the package that it describes, and writes the event that is missing. A package
that nobody announced is never taken up: somebody else made it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from core.aws.target import Target
from core.errors import GovernanceError, NotFound
from core.identity import Identity, identity_from_record
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.event_body import EventBody
from core.ledger.signing import Forged, canonical_json, load_verification_keys, open_envelope, parse_signed_json, sha256, sign_envelope
from core.registry import model_packages
from core.registry.registry_types import DECISION_PROPERTIES, REGISTER_EVENT

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

FOLDER = "governance/registrations"
ANNOUNCEMENT_TYPE = "application/vnd.governance.registration+json"
COMPARED_FIELDS = ("InferenceSpecification", "ModelMetrics")


class _AnnouncementRecord(TypedDict):
    id: str
    actor: dict[str, str]
    group: str
    properties: dict[str, str]
    specification: dict[str, object]


@dataclass(frozen=True)
class Announcement:
    """A registration as it was announced. ``id``: random; ``specification``: the model and the reports that the package names."""

    id: str
    person: Identity
    group: str
    properties: dict[str, str]
    specification: dict[str, object]

    @property
    def folder(self) -> str:
        """Where all announcements of the same registration lie."""
        return f"{FOLDER}/{sha256(canonical_json([self.group, self.properties]))}"


def announce(target: Target, identity: Identity, request: Mapping[str, object]) -> Announcement:
    """Write who is about to create which package, signed. ``request``: the package, as it will be created."""
    made = _announcement(identity, request)
    record: _AnnouncementRecord = {
        "id": made.id,
        "actor": {"name": identity.name, "role": identity.role.value, "id": identity.id},
        "group": made.group,
        "properties": made.properties,
        "specification": made.specification,
    }
    content = sign_envelope(target, canonical_json(record), ANNOUNCEMENT_TYPE)
    target.files.write_conditionally(target.uri(made.folder, f"{made.id}.json"), content, "application/json")
    return made


def take_up_earlier(target: Target, identity: Identity, request: Mapping[str, object]) -> str | None:
    """Write the missing event of an earlier try of the same registration; returns the ARN of its package, None if there was none."""
    uris = target.files.list_uris(target.uri(_announcement(identity, request).folder) + "/")
    return next(_take_up(target, uris), None)


def take_up_all(target: Target) -> Iterator[str]:
    """Write the missing event of every registration that was cut off; yields the ARNs of their packages."""
    yield from _take_up(target, target.files.list_uris(target.uri(FOLDER) + "/"))


def log_registration(target: Target, announced: Announcement, arn: str) -> None:
    """Write the event that says who registered the package, unless the log has one."""
    events = audit_log.read_events(target)
    if not is_registered(events, arn):
        body: EventBody = {"properties": announced.properties, "registration": announced.id}
        with suppress(_RegisteredMeanwhile):
            audit_log.append_event(target, announced.person, REGISTER_EVENT, arn, body, check=_refuse_second(arn), known_events=events)


def is_registered(events: Sequence[Event], arn: str) -> bool:
    """Whether the log says who registered a version."""
    return any(event.subject == arn and event.kind == REGISTER_EVENT for event in events)


class _RegisteredMeanwhile(GovernanceError):
    """Another process wrote the event first."""


def _refuse_second(arn: str) -> audit_log.AppendCheck:
    def check(events: Sequence[Event]) -> None:
        if is_registered(events, arn):
            raise _RegisteredMeanwhile(f"{arn} is registered already.", resource=arn)

    return check


def _announcement(identity: Identity, request: Mapping[str, object]) -> Announcement:
    properties, specification = request["CustomerMetadataProperties"], {key: request[key] for key in COMPARED_FIELDS}
    assert isinstance(properties, dict)
    return Announcement(secrets.token_hex(8), identity, str(request["ModelPackageGroupName"]), properties, specification)


def _take_up(target: Target, uris: Sequence[str]) -> Iterator[str]:
    events = audit_log.read_events(target)
    done = {event.body.get("registration") for event in events if event.kind == REGISTER_EVENT}
    open_uris = [uri for uri in uris if uri.rpartition("/")[2].removesuffix(".json") not in done]
    for uri in open_uris:
        try:
            announced = _read(target, uri)
        except Forged:
            continue  # nobody announced it: it stops no registration
        arn = _find_package(target, announced, audit_log.read_events(target))
        if arn is not None:
            log_registration(target, announced, arn)
            yield arn


def _read(target: Target, uri: str) -> Announcement:
    payload = open_envelope(target.files.read(uri), load_verification_keys(target), ANNOUNCEMENT_TYPE)
    raw = parse_signed_json(payload, "This file is not the announcement of a registration.", _AnnouncementRecord)
    return Announcement(raw["id"], identity_from_record(raw["actor"]), raw["group"], raw["properties"], raw["specification"])


def _find_package(target: Target, announced: Announcement, events: Sequence[Event]) -> str | None:
    """The ARN of the oldest package that is what was announced and that the log doesn't know; None if none was created."""
    registered = {event.subject for event in events if event.kind == REGISTER_EVENT}
    if announced.group not in model_packages.list_groups(target):
        return None
    for version in reversed(list(model_packages.iterate_versions(target, announced.group))):
        if version.arn not in registered:
            try:
                raw = model_packages.describe_package(target, version.arn)
            except NotFound:
                continue
            if _is_announced(raw, announced):
                return version.arn
    return None


def _is_announced(raw: DescribeModelPackageOutputTypeDef, announced: Announcement) -> bool:
    properties = {k: v for k, v in raw.get("CustomerMetadataProperties", {}).items() if k not in DECISION_PROPERTIES}
    described = json.loads(json.dumps({key: raw.get(key) for key in COMPARED_FIELDS}, default=str))
    return properties == announced.properties and _contains(described, announced.specification)


def _contains(found: object, expected: object) -> bool:
    """Whether a response says what the request asked for; AWS may add to it."""
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and all(_contains(found.get(key), value) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(_contains, found, expected))
    return found == expected
