"""A version's model card in the target: read, saved in versions, given the version's status, and exported as PDF."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.aws import idempotency, request_defaults, retries
from core.aws.target import Target
from core.errors import Conflict, DataError, NotFound, TargetUnavailable, translate_aws_errors
from core.governance.model_cards.model_card_content import (
    CUSTOM_DETAILS,
    FIELDS,
    CardField,
    build_known_content,
    filled_fields,
    set_at_path,
    value_at,
)
from core.identity import Identity, require_permission
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger.signing import canonical_json, sha256
from core.registry import model_packages
from core.registry.registry_types import Package
from core.stored_json import parse_stored_json

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ModelCardStatusType
    from mypy_boto3_sagemaker.type_defs import DescribeModelCardRequestTypeDef, DescribeModelCardResponseTypeDef


CARD_STATUS: dict[str, ModelCardStatusType] = {
    "submitted": "PendingReview",
    "validated": "PendingReview",
    "approved": "Approved",
    "retired": "Archived",
}
"""Status of a version -> status of its card; Draft for all others."""


@dataclass(frozen=True)
class Card:
    """A version of a card; ``version`` 0: not saved yet."""

    name: str
    version: int
    status: str
    changed_at: datetime | None
    content: dict[str, object]

    @property
    def json_bytes(self) -> bytes:
        return canonical_json(self.content)

    def answer(self, path: str) -> str:
        """What people wrote in the field with this path."""
        text = value_at(self.content, path)
        return text if isinstance(text, str) else ""


def card_name(package: Package) -> str:
    """The name of a version's card: at most 63 characters."""
    if not package.group:
        return f"{package.label[:40].rstrip('-')}-{sha256(package.arn.encode())[:8]}-package"
    name = f"{package.group}-v{package.version}"
    return name if len(name) <= 63 else f"{package.group[:40].rstrip('-')}-{sha256(package.group.encode())[:8]}-v{package.version}"


def read_card(target: Target, package: Package, version: int | None = None) -> Card:
    """The latest card of a version, or one of the card's own versions; if none was saved, a card of what is known, with version 0.
    Raises NotFound for a card version that doesn't exist."""
    saved = find_card(target, package, version)
    return saved or _unsaved_card(target, package, model_packages.find_rebalancing(target, package))


def find_card(target: Target, package: Package, version: int | None = None) -> Card | None:
    """The latest card of a version, or one of the card's own versions; None if none was saved. Raises NotFound for a card version that
    doesn't exist."""
    name = card_name(package)
    try:
        described = idempotency.read_after_create(target, "ModelCard", name, lambda: _describe_card(target, name, version))
    except NotFound:
        if version:
            raise
        return None
    return Card(
        name,
        described["ModelCardVersion"],
        described["ModelCardStatus"],
        described.get("LastModifiedTime") or described["CreationTime"],
        parse_content(name, described["Content"]),
    )


def parse_content(name: str, content: str) -> dict[str, object]:
    """The content of a card in its JSON text. ``name``: of the card. Raises DataError."""
    error = DataError(f"The model card {name} isn't a JSON object.", resource=name, hint="Delete the card, and save it again.")
    found = parse_stored_json(content, error)
    if not isinstance(found, dict):
        raise error
    return found


def _unsaved_card(target: Target, package: Package, data: RebalancedData | None) -> Card:
    return Card(card_name(package), 0, "Draft", None, build_known_content(target, package, data))


def _describe_card(target: Target, name: str, version: int | None) -> DescribeModelCardResponseTypeDef:
    request: DescribeModelCardRequestTypeDef = {"ModelCardName": name}
    if version:
        request["ModelCardVersion"] = version
    with translate_aws_errors(name):
        return target.sagemaker.describe_model_card(**request)


def list_versions(target: Target, package: Package) -> list[tuple[int, datetime]]:
    """(version, time of creation), newest first; empty if no card was saved."""
    try:
        with translate_aws_errors(package.label):
            pages = target.sagemaker.get_paginator("list_model_card_versions").paginate(ModelCardName=card_name(package))
            versions = [(v["ModelCardVersion"], v["CreationTime"]) for page in pages for v in page["ModelCardVersionSummaryList"]]
    except NotFound:
        return []
    return sorted(versions, reverse=True)


def save_answers(target: Target, identity: Identity, arn: str, answers: dict[str, str], *, seen_version: int) -> Card:
    """Save a new version: what is known, and the answers (path of the field -> text). ``seen_version``: the version that the author saw.
    Raises DataError for an answer that doesn't fit, Conflict if somebody else saved the card meanwhile."""
    require_permission(identity, "edit card", resource=arn, target_kind=target.settings.target)
    package = model_packages.read_package(target, arn)
    data = model_packages.find_rebalancing(target, package)
    content = build_known_content(target, package, data)
    fields = {field.path: field for field in FIELDS}
    for path, text in answers.items():
        if path not in fields:
            raise DataError(f"A model card has no field {path}.", resource=path, hint="Leave it out.")
        field, text = fields[path], text.strip()
        if len(text) > field.max_length:
            raise DataError(
                f"{field.title} has {len(text):,} characters.", resource=field.title, hint=f"Keep it under {field.max_length:,}."
            )
        if field.choices and text and text not in field.choices:
            raise DataError(f"{field.title} can't be {text}.", resource=field.title, hint=f"Choose one of {', '.join(field.choices)}.")
        if text:
            set_at_path(content, path, text)
    set_at_path(content, CUSTOM_DETAILS + "last_edited_by", identity.name)
    before = find_card(target, package) or _unsaved_card(target, package, data)
    if before.version != seen_version:
        when = f" at {before.changed_at:%Y-%m-%d %H:%M} UTC" if before.changed_at else ""
        who = before.answer(CUSTOM_DETAILS + "last_edited_by")
        raise Conflict(
            f"The card has changed since you opened it: {who or 'somebody'} made version {before.version}{when}.",
            resource=before.name,
            hint="Copy what you wrote, reload the page, and enter it in the newest version.",
        )
    return _write_card(target, package, content, before)


def ensure_card(target: Target, package: Package, data: RebalancedData | None) -> Card:
    """The latest card; if none was saved yet, one is saved with what is known. ``data``: what the model was trained and tested on."""
    saved = find_card(target, package)
    if saved:
        return saved
    blank = _unsaved_card(target, package, data)
    _create_card(target, blank)
    return replace(blank, version=1, content=json.loads(blank.json_bytes))


def _create_card(target: Target, card: Card) -> None:
    request = {
        "ModelCardName": card.name,
        "Content": card.json_bytes.decode(),
        "ModelCardStatus": "Draft",
        "Tags": request_defaults.tags(target.settings),
    }
    idempotency.create_once(target, "ModelCard", request)


def _write_card(target: Target, package: Package, content: dict[str, object], before: Card) -> Card:
    if not before.version:
        _create_card(target, replace(before, content=content))
    with translate_aws_errors(before.name):
        if before.version and content != before.content:
            target.sagemaker.update_model_card(ModelCardName=before.name, Content=canonical_json(content).decode())
            if before.status != "Draft":
                target.sagemaker.update_model_card(ModelCardName=before.name, ModelCardStatus="Draft")
    return read_card(target, package)


def sync_status(target: Target, card: Card | None, status: str) -> None:
    """Set the status of a saved card to what the version's ``status`` means for it."""
    expected = CARD_STATUS.get(status, "Draft")
    if card and card.version and card.status != expected:
        with translate_aws_errors(card.name):
            target.sagemaker.update_model_card(ModelCardName=card.name, ModelCardStatus=expected)


def export_pdf(target: Target, identity: Identity, arn: str, *, timeout_seconds: float = retries.CARD_EXPORT_SECONDS) -> bytes:
    """The latest card as a PDF, made by the target's own export. Raises NotFound if none was saved."""
    require_permission(identity, "export", resource=arn, target_kind=target.settings.target)
    package = model_packages.read_package(target, arn)
    card = read_card(target, package)
    if not card.version:
        raise NotFound("No card was saved yet.", resource=card.name, hint="Save it first.")
    job = f"governance-card-v{card.version}-{secrets.token_hex(5)}"
    request = {
        "ModelCardName": card.name,
        "ModelCardVersion": card.version,
        "ModelCardExportJobName": job,
        "OutputConfig": {"S3OutputPath": target.uri("governance/cards")},
    }
    export_arn = idempotency.create_once(target, "ModelCardExportJob", request)
    with translate_aws_errors(card.name):
        until = time.monotonic() + timeout_seconds
        while (described := target.sagemaker.describe_model_card_export_job(ModelCardExportJobArn=export_arn))["Status"] == "InProgress":
            if time.monotonic() > until:
                raise TargetUnavailable(f"The export {job} takes too long.", resource=card.name, hint="Try again in a minute.")
            time.sleep(retries.CARD_EXPORT_PAUSE)
    if described["Status"] != "Completed":
        raise Conflict(
            f"The card was not exported: {described.get('FailureReason', 'no reason was given')}", resource=card.name, hint="Try again."
        )
    return target.files.read(described["ExportArtifacts"]["S3ExportArtifacts"])


def filled_and_missing_fields(card: Card) -> tuple[list[CardField], list[CardField]]:
    """Which of the fields that people fill in are filled, and which are missing."""
    filled = filled_fields(card.content)
    return filled, [field for field in FIELDS if field not in filled]


def last_edit_text(card: Card) -> str:
    """Who saved the card last and when, in words."""
    who = card.answer(CUSTOM_DETAILS + "last_edited_by")
    when = card.changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if card.changed_at else ""
    return " ".join(part for part in (f"version {card.version}", f"by {who}" if who else "", when) if part)
