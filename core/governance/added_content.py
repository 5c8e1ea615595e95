"""Finds what was added beside the log's decisions: a model card that changed after the approval, and approved packages elsewhere that have
one of our models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from core.aws.s3_files import split_uri
from core.aws.target import Target
from core.errors import GovernanceError, NotFound, translate_aws_errors
from core.governance import evidence, foreign_versions, version_state
from core.governance.consistency import Problem
from core.governance.damaged_files import VerificationTarget
from core.governance.model_cards import model_card
from core.governance.version_state import State
from core.ledger.audit_log import Event
from core.ledger.signing import Forged, sha256
from core.registry import model_packages
from core.registry.registry_types import NO_GROUP, REGISTER_EVENT, Version

MODEL_DIGEST_PROPERTY = "governance:sha256-model"


def find_changed_cards(target: VerificationTarget, events: Sequence[Event]) -> Iterator[Problem]:
    """Approved versions whose model card says something else than the card that the approval was given on."""
    by_subject = version_state.events_by_subject(events)
    for arn in dict.fromkeys(event.subject for event in events if event.kind == "approve"):
        state = version_state.fold_events(by_subject[arn], arn)
        if state.status == "approved":
            yield from _find_changed_card(target, state)


def _find_changed_card(target: VerificationTarget, state: State) -> Iterator[Problem]:
    try:
        pinned = evidence.read_evidence(target, state.evidence or "").files.get("model-card")
        package = model_packages.read_package(target, state.subject, with_training=False)
    except (Forged, NotFound):
        return  # reported with the evidence
    card = model_card.find_card(target, package)
    if pinned is not None and card is None:
        yield Problem(state.last_event, state.subject, "The model card of the approved version was deleted.")
    elif pinned is not None and card is not None and sha256(card.json_bytes) != pinned["sha256"]:
        what = f"The model card of the approved version has changed: {model_card.last_edit_text(card)}."
        yield Problem(state.last_event, state.subject, what)


def find_copied_models(target: VerificationTarget, events: Sequence[Event]) -> Iterator[Problem]:
    """Packages that somebody approved beside this product, and whose model is that of a version that was registered here: the same file, or
    one with the same content. A file that the target's credentials can't read isn't compared."""
    first = foreign_versions.first_registered_numbers(events)
    registered = {e.subject: e.body["properties"].get(MODEL_DIGEST_PROPERTY, "") for e in events if e.kind == REGISTER_EVENT}
    elsewhere = [
        version
        for group in (*model_packages.list_groups(target), NO_GROUP)
        for version in model_packages.iterate_versions(target, group)
        if version.status == "Approved"
        and version.arn not in registered
        and foreign_versions.is_before_first_registered(first, version.arn)
    ]
    if registered and elsewhere:
        ours = _model_files(target, registered)
        sizes = {_size(target, uri) for uri in ours} - {None}
        for version in elsewhere:
            if (owner := _find_owner(target, version, ours, sizes, registered)) is not None:
                its = owner.rpartition("model-package/")[2]
                what = f"{version.label} is approved, and its model is that of {its}. The log has no decision on it."
                yield Problem(None, version.arn, what)


def _model_files(target: Target, registered: Mapping[str, str]) -> dict[str, str]:
    """URI of a model -> ARN of the version that was registered with it."""
    found: dict[str, str] = {}
    for arn in registered:
        try:
            raw = model_packages.describe_package(target, arn)
        except NotFound:
            continue
        found |= dict.fromkeys(model_uris(raw), arn)
    return found


def model_uris(raw: object) -> list[str]:
    """The S3 URIs of every model that a package names, in any of its specifications. ``raw``: as DescribeModelPackage returns it."""
    if isinstance(raw, dict):
        own = [str(raw[key]) for key in ("ModelDataUrl", "S3Uri") if str(raw.get(key, "")).startswith("s3://")]
        return own + [uri for key, part in raw.items() if key != "ModelMetrics" for uri in model_uris(part)]
    return [uri for part in raw for uri in model_uris(part)] if isinstance(raw, list) else []


def _find_owner(
    target: VerificationTarget, version: Version, ours: Mapping[str, str], sizes: Set[int | None], registered: Mapping[str, str]
) -> str | None:
    """The ARN of the version whose model this one has; None if it has none of ours."""
    try:
        uris = model_uris(model_packages.describe_package(target, version.arn))
    except NotFound:
        return None
    same = next((ours[uri] for uri in uris if uri in ours), None)
    if same is not None:
        return same
    for uri in uris:
        if _size(target, uri) in sizes:
            digest = target.files.digest(uri)
            owner = next((arn for arn, known in registered.items() if digest and known == digest.sha256), None)
            if owner is not None:
                return owner
    return None


def _size(target: Target, uri: str) -> int | None:
    bucket, key = split_uri(uri)
    try:
        with translate_aws_errors(uri):
            return target.s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
    except GovernanceError:
        return None
