"""A version's model card in the target: filled from what is known, with what only people know asked for."""

from __future__ import annotations

import json
import math
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.aws import idempotency, request_defaults, retries
from core.aws.target import Target
from core.errors import Conflict, DataError, NotFound, TargetUnavailable, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger.signing import canonical_json, sha256
from core.registry import model_packages
from core.registry.model_packages import Package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ModelCardStatusType


@dataclass(frozen=True)
class CardField:
    """What is asked of people. ``path``: where in AWS's model card JSON schema the answer goes; ``max_length``: characters that it
    takes."""

    path: str
    title: str
    question: str
    max_length: int = 2048
    choices: tuple[str, ...] = ()


_CUSTOM = "additional_information.custom_details."
FIELDS = (
    CardField("model_overview.model_description", "Description", "What the model predicts, of whom, and from what", 1024),
    CardField("model_overview.model_owner", "Owner", "Who answers for it", 1024),
    CardField("business_details.line_of_business", "Line of business", "Where it is used"),
    CardField("business_details.business_problem", "Problem", "What it is to solve"),
    CardField("business_details.business_stakeholders", "Stakeholders", "Who uses it, and who is affected"),
    CardField("intended_uses.purpose_of_model", "Purpose", "Which decision it supports, and how"),
    CardField("intended_uses.intended_uses", "Intended uses", "By whom and on whom it may be used"),
    CardField(_CUSTOM + "out_of_scope_uses", "Out of scope", "What it must not be used for", 1024),
    CardField("intended_uses.factors_affecting_model_efficiency", "What quality depends on", "Conditions under which it does worse"),
    CardField("intended_uses.risk_rating", "Risk rating", "How much harm an error does", choices=("Unknown", "Low", "Medium", "High")),
    CardField("intended_uses.explanations_for_risk_rating", "Why that rating", "Who is affected, how many, how badly"),
    CardField("additional_information.ethical_considerations", "Ethics", "Who may be harmed, and what is done about it"),
    CardField("additional_information.caveats_and_recommendations", "Limitations and misuse", "What it can't do, and foreseeable misuse"),
    CardField(_CUSTOM + "reason_for_change", "Reason for this version", "What it changes against its predecessor", 1024),
    CardField(_CUSTOM + "sensitive_inputs", "Sensitive inputs", "Which protected or proxy features it uses, and why they stay", 1024),
    CardField(_CUSTOM + "threshold_rationale", "Threshold", "At which score a person is turned away, and why there", 1024),
    CardField(
        _CUSTOM + "alternatives_considered", "Alternatives considered", "Which less discriminatory ones, and why they were not taken", 1024
    ),
    CardField(_CUSTOM + "adverse_action_reasons", "Reasons given", "How people who are turned away learn the reasons", 1024),
    CardField(_CUSTOM + "human_oversight", "Human oversight", "Who can overrule it, and how", 1024),
    CardField(_CUSTOM + "monitoring_plan", "Monitoring", "What is watched in use, how often, and by whom", 1024),
    CardField(_CUSTOM + "rollback_version", "Rollback", "Which version is gone back to when this one fails", 1024),
)
CARD_STATUS: dict[str, ModelCardStatusType] = {
    "submitted": "PendingReview",
    "validated": "PendingReview",
    "approved": "Approved",
    "retired": "Archived",
}
"""How a card's status follows its version's; Draft for the rest."""


@dataclass(frozen=True)
class Card:
    """A version of a card; ``version`` 0: not kept yet."""

    name: str
    version: int
    status: str
    changed_at: datetime | None
    content: dict[str, Any]

    @property
    def json_bytes(self) -> bytes:
        return canonical_json(self.content)

    def answer(self, path: str) -> str:
        """What people wrote at a field's path."""
        found = value_at(self.content, path)
        return found if isinstance(found, str) else ""


def value_at(content: Any, path: str) -> Any:
    """What is at a dotted path; None where nothing is."""
    for part in path.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def card_name(package: Package) -> str:
    """What the version's card is called: up to 63 characters."""
    if not package.group:
        return f"{package.label[:40].rstrip('-')}-{sha256(package.arn.encode())[:8]}-package"
    name = f"{package.group}-v{package.version}"
    return name if len(name) <= 63 else f"{package.group[:40].rstrip('-')}-{sha256(package.group.encode())[:8]}-v{package.version}"


def read_card(target: Target, package: Package, version: int | None = None) -> Card:
    """The latest card of a version, or one of the card's own versions; where none was saved, a card of what is known, with version 0.
    Raises NotFound for a card version that doesn't exist."""
    saved = find_card(target, package, version)
    return saved or _unsaved_card(target, package, model_packages.find_rebalancing(target, package))


def find_card(target: Target, package: Package, version: int | None = None) -> Card | None:
    """The latest card of a version, or one of the card's own versions; None where none was saved. Raises NotFound for a card version that
    doesn't exist."""
    name = card_name(package)
    asked: Any = {"ModelCardVersion": version} if version else {}
    try:
        found = idempotency.read_after_create(target, "ModelCard", name, lambda: _describe_card(target, name, asked))
    except NotFound:
        if version:
            raise
        return None
    return Card(
        name,
        found["ModelCardVersion"],
        found["ModelCardStatus"],
        found.get("LastModifiedTime") or found["CreationTime"],
        json.loads(found["Content"]),
    )


def _unsaved_card(target: Target, package: Package, data: RebalancedData | None) -> Card:
    return Card(card_name(package), 0, "Draft", None, build_known_content(target, package, data))


def _describe_card(target: Target, name: str, asked: dict[str, Any]) -> Any:
    with translate_aws_errors(name):
        return target.sagemaker.describe_model_card(ModelCardName=name, **asked)


def list_versions(target: Target, package: Package) -> list[tuple[int, datetime]]:
    """(version, when it was made), newest first; nothing where no card was kept."""
    try:
        with translate_aws_errors(package.label):
            pages = target.sagemaker.get_paginator("list_model_card_versions").paginate(ModelCardName=card_name(package))
            found = [(v["ModelCardVersion"], v["CreationTime"]) for page in pages for v in page["ModelCardVersionSummaryList"]]
    except NotFound:
        return []
    return sorted(found, reverse=True)


def save_answers(target: Target, identity: Identity, arn: str, answers: dict[str, str], *, seen_version: int) -> Card:
    """Keep a new version: what is known, and the answers (field's path -> text). ``seen_version``: the version that the author saw. Raises
    DataError for an answer that doesn't fit, Conflict where somebody else was first."""
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
            _set_at_path(content, path, text)
    _set_at_path(content, _CUSTOM + "last_edited_by", identity.name)
    before = find_card(target, package) or _unsaved_card(target, package, data)
    if before.version != seen_version:
        when = f" at {before.changed_at:%Y-%m-%d %H:%M} UTC" if before.changed_at else ""
        who = before.answer(_CUSTOM + "last_edited_by")
        raise Conflict(
            f"The card has changed since you opened it: {who or 'somebody'} made version {before.version}{when}.",
            resource=before.name,
            hint="Copy what you wrote, load the page anew, and write it into the newest version.",
        )
    return _write_card(target, package, content, before)


def ensure_card(target: Target, package: Package, data: RebalancedData | None) -> Card:
    """The latest card; where none was saved yet, one is made of what is known. ``data``: what the model was trained and tested on."""
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


def _write_card(target: Target, package: Package, content: dict[str, Any], before: Card) -> Card:
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
    """The latest card as a PDF, by the target's own export. Raises NotFound where none was kept."""
    require_permission(identity, "export", resource=arn, target_kind=target.settings.target)
    package = model_packages.read_package(target, arn)
    card = read_card(target, package)
    if not card.version:
        raise NotFound("No card was kept yet.", resource=card.name, hint="Save it first.")
    job = f"governance-card-v{card.version}-{secrets.token_hex(5)}"
    request = {
        "ModelCardName": card.name,
        "ModelCardVersion": card.version,
        "ModelCardExportJobName": job,
        "OutputConfig": {"S3OutputPath": target.uri("governance/cards")},
    }
    made = idempotency.create_once(target, "ModelCardExportJob", request)
    with translate_aws_errors(card.name):
        until = time.monotonic() + timeout_seconds
        while (found := target.sagemaker.describe_model_card_export_job(ModelCardExportJobArn=made))["Status"] == "InProgress":
            if time.monotonic() > until:
                raise TargetUnavailable(f"The export {job} takes long.", resource=card.name, hint="Try again in a minute.")
            time.sleep(retries.CARD_EXPORT_PAUSE)
    if found["Status"] != "Completed":
        raise Conflict(
            f"The card was not exported: {found.get('FailureReason', 'no reason was given')}", resource=card.name, hint="Try again."
        )
    return target.files.read(found["ExportArtifacts"]["S3ExportArtifacts"])


def filled_and_missing_fields(card: Card) -> tuple[list[CardField], list[CardField]]:
    """Which of the fields that people fill in are filled, and which are missing."""
    there = [field for field in FIELDS if card.answer(field.path) not in {"", "Unknown"}]
    return there, [field for field in FIELDS if field not in there]


# what is known -------------------------------------------------------------------------------------


def build_known_content(target: Target, package: Package, data: RebalancedData | None) -> dict[str, Any]:
    """The part of a card that nobody has to write, in AWS's schema: from the version, its training job, its reports and its data."""
    container = (package.raw.get("InferenceSpecification", {}).get("Containers") or [{}])[0]
    image, artifact = container.get("Image", ""), package.model_uri
    training: dict[str, Any] = {
        "hyper_parameters": [{"name": k[:255], "value": str(v)[:255]} for k, v in sorted(package.hyperparameters.items())][:100],
        **({"training_environment": {"container_image": [image]}} if image and package.training_job else {}),
    }
    if package.training:
        job = package.training.raw
        training["training_arn"] = job["TrainingJobArn"]
        training["training_metrics"] = [
            {"name": m["MetricName"], "value": float(m["Value"])}
            for m in job.get("FinalMetricDataList", [])
            if math.isfinite(m.get("Value", math.nan))
        ][:50]
        training["training_datasets"] = [
            channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in job.get("InputDataConfig", [])
            if "S3DataSource" in channel.get("DataSource", {})
        ][:15]
    content: dict[str, Any] = {
        "model_overview": {
            "model_name": package.group or package.label,
            "model_id": package.arn,
            **({"model_version": package.version} if package.version else {}),
            **({"model_artifact": [artifact]} if artifact else {}),
            **({"algorithm_type": "XGBoost (gradient-boosted trees)"} if "xgboost" in image else {}),
            **({"problem_type": "Binary classification"} if package.performance else {}),
            "model_creator": package.properties.get("governance:trained-by-name", "unknown"),
            **({"inference_environment": {"container_image": [image]}} if image else {}),
        },
        "training_details": {"training_observations": _observations(data), "training_job_details": training},
        "evaluation_details": _evaluations(target, package),
        "model_package_details": {
            "model_package_arn": package.arn,
            **({"model_package_group_name": package.group, "model_package_version": package.version} if package.group else {}),
        },
    }
    if data is not None:
        custom = {
            "data_set": data.dataset.uri,
            "data_sha256": data.dataset.sha256,
            "data_rows": f"{data.dataset.rows}",
            "split_seed": f"{data.manifest['split']['seed']}",
            "rows_leaked": f"{data.manifest['leaked_rows']}",
        }
        content["additional_information"] = {"custom_details": {k: v[:1024] for k, v in custom.items()}}
    return {part: value for part, value in content.items() if value}


def _observations(data: Any) -> str:
    if data is None:
        return "The training data was not recorded."
    manifest = data.manifest
    split, config = manifest["split"], manifest["config"]
    rows = f"{split['original_train_rows']:,} training, {split['validation_rows']:,} validation and {split['test_rows']:,} test rows"
    return (
        f"{rows}, split once (seed {split['seed']}). Rebalancing: {config['method']} of {config['target']}; "
        f"{manifest['synthetic']['count']:,} synthetic training rows; {manifest['leaked_rows']:,} held-out rows used in training."
    )[:1024]


def _evaluations(target: Target, package: Package) -> list[dict[str, Any]]:
    found = []
    performance = {
        name: value
        for name, value in (package.performance or {}).items()
        if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys()
    }
    if performance:
        n = next(iter(performance.values()))["n"]
        groups = [{"name": "Quality", "metric_data": [_metric_entry(k, v["value"], _interval_note(v)) for k, v in performance.items()]}]
        found.append(_evaluation("Quality", f"{n:,} held-out test rows; 95 % intervals.", groups, [package.scores_uri]))
    facets = package.bias.facets if package.bias else ()
    if facets:
        groups = [
            {
                "name": f"{facet.facet} = {facet.value}"[:63],
                "metric_data": [
                    _metric_entry(name, m.value, m.error or m.in_words) for name, m in {**facet.pre_training, **facet.post_training}.items()
                ],
            }
            for facet in facets
        ]
        job = package.properties.get("governance:bias-job")
        where = {"test": "On the held-out test rows.", "": "On which rows, the report doesn't say."}
        measured_on = package.bias.measured_on if package.bias else ""
        said = where.get(measured_on, f"On the {measured_on} rows.")
        found.append(_evaluation("Bias", said, groups, [], _processing_job_arn(target, job)))
    if package.shap:
        top = sorted(package.shap.items(), key=lambda item: -item[1])[:20]
        chart = {
            "name": "mean |SHAP|",
            "type": "bar_chart",
            "value": [float(v) for _, v in top],
            "x_axis_name": [str(k)[:63] for k, _ in top],
        }
        job = package.properties.get("governance:shap-job")
        found.append(_evaluation("Explainability", "", [{"name": "SHAP", "metric_data": [chart]}], [], _processing_job_arn(target, job)))
    return found


def _evaluation(name: str, text: str, groups: list[dict[str, Any]], datasets: list[str | None], arn: str = "") -> dict[str, Any]:
    made = {"name": name, "evaluation_observation": text, "metric_groups": groups, "evaluation_job_arn": arn, "datasets": datasets}
    return {k: v for k, v in made.items() if v and v != [None]}


def _processing_job_arn(target: Target, job: str | None) -> str:
    arn = f"arn:{target.partition}:sagemaker:{target.region}:{target.account}:processing-job/{job}" if job else ""
    return arn if len(arn) <= 256 else ""


def _metric_entry(name: str, value: float | None, notes: str | None) -> dict[str, Any]:
    if value is None or not math.isfinite(value):
        made: dict[str, Any] = {"name": name[:255], "type": "string", "value": "not defined" if value is None else str(value)}
    else:
        made = {"name": name[:255], "type": "number", "value": float(value)}
    return made | ({"notes": notes[:1024]} if notes else {})


def _interval_note(value: dict[str, Any]) -> str:
    return "" if value["low"] is None else f"95 % interval {value['low']:.4f} to {value['high']:.4f}, n = {value['n']:,}"


def _set_at_path(content: dict[str, Any], path: str, text: str) -> None:
    *parts, last = path.split(".")
    for part in parts:
        content = content.setdefault(part, {})
    content[last] = text


def last_edit_text(card: Card) -> str:
    """Who wrote it last and when, in words."""
    who = card.answer(_CUSTOM + "last_edited_by")
    when = card.changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if card.changed_at else ""
    return " ".join(part for part in (f"version {card.version}", f"by {who}" if who else "", when) if part)
