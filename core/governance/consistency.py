"""Checks that the registry and the lineage agree with the log, and updates them from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.aws import aws_names
from core.aws.target import Target
from core.errors import NotFound, translate_aws_errors
from core.governance import foreign_versions, version_state
from core.governance.model_cards import model_card
from core.governance.model_cards.model_card import Card
from core.governance.version_state import State
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.lineage import lineage_graph, lineage_record
from core.registry import model_packages, registry_types
from core.registry.registry_types import Package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeActionResponseTypeDef

ACTION_NAME = "governance-{:08d}"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. ``number``: the first event that it concerns, None if it concerns no event."""

    number: int | None
    subject: str
    what: str


def registry_problems(target: Target, events: Sequence[Event]) -> Iterator[Problem]:
    """Where the registry disagrees with the log: another status, another last decision, or other properties than were registered. Versions
    that were made before this product registered any in their group are left out."""
    first, by_subject = foreign_versions.first_registered_numbers(events), version_state.events_by_subject(events)
    for group in model_packages.list_groups(target):
        for version in model_packages.iterate_versions(target, group):
            state = version_state.fold_events(by_subject.get(version.arn, ()), version.arn)
            if foreign_versions.is_foreign(state) and foreign_versions.is_before_first_registered(first, version.arn):
                continue  # made elsewhere, before this product's first version in the group
            expected, last = version_state.REGISTRY_STATUS.get(state.status, registry_types.PENDING_STATUS), state.last_event or None
            if version.status != expected:
                yield Problem(last, version.arn, f"The registry says {version.status}, and the log says {state.status}.")
            if not state.last_event and state.registered_properties is None:
                continue
            try:
                raw = model_packages.describe_package(target, version.arn)
            except NotFound:
                continue  # deleted meanwhile
            stage = raw.get("ModelLifeCycle", {}).get("StageStatus", "")
            if stage.casefold() == "approved" != state.status:
                yield Problem(last, version.arn, f"The registry's life cycle says {stage}, and the log says {state.status}.")
            properties = raw.get("CustomerMetadataProperties", {})
            decided = (properties.get(registry_types.DECISION_PROPERTY, ""), properties.get(registry_types.EVIDENCE_PROPERTY, ""))
            if version.status == expected and decided != (str(state.last_event or ""), state.evidence or ""):
                yield Problem(last, version.arn, "The registry doesn't name the log's last event and its evidence.")
            if (
                state.history
                and version.status == expected
                and raw.get("ApprovalDescription", "") != approval_description(state.history[-1])
            ):
                yield Problem(last, version.arn, "The version's approval description isn't the one of its last decision.")
            fixed_properties = {k: v for k, v in properties.items() if k not in registry_types.DECISION_PROPERTIES}
            if state.registered_properties is not None and fixed_properties != state.registered_properties:
                number = next(e.number for e in by_subject[version.arn] if e.kind == registry_types.REGISTER_EVENT)
                yield Problem(number, version.arn, "The version's properties differ from those that were registered.")


def lineage_problems(target: Target, events: Sequence[Event]) -> Iterator[Problem]:
    """Where the lineage disagrees with the log: each decision must be an action of the lineage, and each such action a decision."""
    expected = {ACTION_NAME.format(event.number): event for event in events if event.kind in version_state.ALLOWED_FROM}
    with translate_aws_errors("actions"):
        pages = target.sagemaker.get_paginator("list_actions").paginate(PaginationConfig={"PageSize": 100})
        recorded_kinds = {summary["ActionName"]: summary["ActionType"] for page in pages for summary in page["ActionSummaries"]}
    for name in sorted(expected.keys() - recorded_kinds.keys()):
        yield Problem(expected[name].number, name, f"The lineage has no action for event {expected[name].number}.")
    for name in sorted(name for name, kind in recorded_kinds.items() if name not in expected and kind in version_state.ALLOWED_FROM):
        yield Problem(None, name, f"The lineage has an action ({recorded_kinds[name]}) without an event in the log.")
    recorded_names = sorted(expected.keys() & recorded_kinds.keys())
    names_by_subject: dict[str, set[str]] = {}
    for name, event in expected.items():
        names_by_subject.setdefault(event.subject, set()).add(name)
    with ThreadPoolExecutor(8) as pool:  # of two artifacts of a version the oldest counts, as for the pages and for the repair
        described = pool.map(lambda name: _describe_action(target, name), recorded_names)
        connected = pool.map(lambda subject: _action_names_at(target, lineage_graph.find_artifact_arn(target, subject)), names_by_subject)
    for name, action in zip(recorded_names, described, strict=True):
        event = expected[name]
        recorded = (action.get("ActionType"), action.get("Source", {}).get("SourceUri"), action.get("Properties", {}).get("event"))
        if recorded != (event.kind, target.uri(audit_log.event_key(event.number)), event.hash):
            yield Problem(event.number, name, f"The lineage's action for event {event.number} differs from the event.")
    for (subject, own_names), connected_names in zip(names_by_subject.items(), connected, strict=True):
        for name in sorted(own_names - connected_names):
            yield Problem(expected[name].number, subject, f"The lineage doesn't connect event {expected[name].number} to its version.")
        for name in sorted((connected_names & expected.keys()) - own_names):
            yield Problem(expected[name].number, subject, f"The lineage connects event {expected[name].number} to the wrong version.")


def sync_registry_and_lineage(
    target: Target,
    package: Package,
    card: Card | None = None,
    artifact: str | None = None,
    ancestors: frozenset[str] | None = None,
) -> None:
    """Update a version's status in the registry, its model card and its lineage from the log; what agrees already isn't written again.
    ``package``: the version as just read; ``card``, ``artifact``, ``ancestors``: its model card, its ARN in the lineage and the ARNs of
    everything that it came from, if they were read."""
    state = version_state.read_state(target, package.arn)
    if not state.history:
        return
    _update_registry(target, package, state)
    model_card.sync_status(target, card or model_card.find_card(target, package), state.status)
    artifact = artifact or lineage_record.ensure_artifact(target, package.arn, "ModelPackage", package.label)
    joined: set[str] = set()
    if len(state.history) > 1:  # an earlier decision whose process was interrupted is made up for
        joined = _action_names_at(target, artifact) if ancestors is None else _action_names(ancestors)
    for event in state.history:
        if ACTION_NAME.format(event.number) not in joined:
            _record_action(target, event, artifact, state.evidence)


def _update_registry(target: Target, package: Package, state: State) -> None:
    last, status = state.history[-1], version_state.REGISTRY_STATUS.get(state.status, registry_types.PENDING_STATUS)
    is_current = package.properties.get(registry_types.DECISION_PROPERTY) == str(last.number) and package.status == status
    if is_current and package.comment == approval_description(last):
        return
    with translate_aws_errors(package.label):
        target.sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            **({"ModelApprovalStatus": status} if package.status != status else {}),  # type: ignore[arg-type]
            ApprovalDescription=approval_description(last),
            CustomerMetadataProperties={
                registry_types.DECISION_PROPERTY: str(last.number),
                registry_types.EVIDENCE_PROPERTY: state.evidence or "",
                registry_types.DECIDED_BY_PROPERTY: aws_names.clean_tag_value(last.actor["name"]),
            },
        )


def approval_description(event: Event) -> str:
    """What the registry says of a version's last decision."""
    return f"{event.kind} by {event.actor['name']}, event {event.number}: {event.body['reason']}"[:1024]


def _record_action(target: Target, event: Event, artifact: str, evidence: str | None) -> None:
    """Record a decision in the lineage, connected to its version."""
    properties = {"event": event.hash, "evidence": str(event.body.get("evidence", evidence or "")), "actor": event.actor["name"]}
    name, source = ACTION_NAME.format(event.number), target.uri(audit_log.event_key(event.number))
    action = lineage_record.record_action(target, name, source, event.kind, event.body["reason"], properties)
    lineage_record.add_association(target, action, artifact, "ContributedTo")


def _describe_action(target: Target, name: str) -> DescribeActionResponseTypeDef:
    with translate_aws_errors(name):
        return target.sagemaker.describe_action(ActionName=name)


def _action_names_at(target: Target, artifact: str | None) -> set[str]:
    """The names of the actions that the lineage connects to a version's artifact; none if it has no artifact."""
    if artifact is None:
        return set()
    with translate_aws_errors(artifact):
        pages = target.sagemaker.get_paginator("list_associations").paginate(DestinationArn=artifact, PaginationConfig={"PageSize": 100})
        return _action_names(summary["SourceArn"] for page in pages for summary in page["AssociationSummaries"])


def _action_names(arns: Iterable[str]) -> set[str]:
    """The names of the actions among entities of the lineage."""
    return {arn.rpartition("/")[2] for arn in arns if ":action/" in arn}
