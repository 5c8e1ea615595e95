"""Model cards: their versions, and their export as PDF (https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards.html).

A change of the content makes a new version; a change of the status does not, it is the latest version's. Every version stays as it was.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from engine.context import AWSError, Context, Request, Response, operation
from engine.s3.objects import NoSuchBucket
from engine.sagemaker import tags
from engine.sagemaker.identity import user_context
from engine.sagemaker.listing import listed, pick
from engine.store import Body, Exists

KIND = "model-card"
VERSION = "model-card-version"
EXPORT = "model-card-export-job"
SCHEMA = Path(__file__).with_name("model_card_schema.json")
PLAIN = {
    "model_overview": ("model_id", "model_name"),
    "intended_uses": ("risk_rating",),
    "model_package_details": ("model_package_group_name", "model_package_arn"),
}
"""What IncludedData=MetadataOnly leaves of the content."""
SUMMARY = ("ModelCardName", "ModelCardArn", "ModelCardStatus", "CreationTime", "LastModifiedTime")


def find_card(context: Context, name_or_arn: str, version: int | None = None) -> Body:
    """The card of that name or ARN, in that version or the latest. Raises ResourceNotFound."""
    name = name_or_arn.rpartition("/")[2]
    found = None
    if name_or_arn in {name, context.arn(f"{KIND}/{name}")}:
        found = context.store.get(KIND, name) if version is None else context.store.get(VERSION, _row(name, version))
    if found is None:
        shown = name_or_arn if version is None else f"{name_or_arn} with version {version}"
        raise AWSError("ResourceNotFound", f"Model card {shown} does not exist.")
    return found


def _row(name: str, version: int) -> str:
    return f"{name}/{version:010d}"


# content -------------------------------------------------------------------------------------------


def parsed(content: str) -> Body:
    """The content as an object. Raises ValidationException for text that isn't JSON, or not of the model card JSON schema."""
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

    try:
        found = json.loads(content, parse_constant=_number, parse_float=_number, parse_int=_whole)
    except (ValueError, OverflowError, RecursionError) as error:
        raise AWSError("ValidationException", f"The model card content is not valid JSON: {error}") from error
    problem = best_match(_validator().iter_errors(found))
    if problem is not None:
        shown = problem.message if len(problem.message) <= 300 else f"{problem.message[:140]} … {problem.message[-140:]}"
        message = f"The model card content does not follow the model card JSON schema: {problem.json_path}: {shown}"
        raise AWSError("ValidationException", message)
    return dict(found)


def _number(text: str) -> float:
    """Numbers that a reader in another language can hold: no NaN, no infinity, not by overflow either."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def _whole(text: str) -> int:
    _number(text)
    return int(text)


@lru_cache(maxsize=1)
def _validator() -> Draft7Validator:
    from jsonschema import Draft7Validator  # here, as its import would be four fifths of the engine's start

    return Draft7Validator(json.loads(SCHEMA.read_text()))


SEARCHED = ("ModelId", "RiskRating", "ModelPackageGroupName")
"""The members that only Search shows."""


def _searched(content: Body) -> Body:
    return {
        "ModelId": content.get("model_overview", {}).get("model_id"),
        "RiskRating": content.get("intended_uses", {}).get("risk_rating"),
        "ModelPackageGroupName": content.get("model_package_details", {}).get("model_package_group_name"),
    }


# cards ---------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateModelCard")
def create_model_card(context: Context, request: Request) -> Response:
    name, now = request["ModelCardName"], context.now()
    arn = context.arn(f"{KIND}/{name}")
    body: Body = {
        **pick(request, "ModelCardName", "Content", "ModelCardStatus", "SecurityConfig"),
        **_searched(parsed(request["Content"])),
        "ModelCardArn": arn,
        "ModelCardVersion": 1,
        "CreationTime": now,
        "CreatedBy": user_context(),
        "LastModifiedTime": now,
        "LastModifiedBy": user_context(),
    }
    with context.store.transaction():
        try:
            context.store.insert(KIND, name, body, arn=arn, now=now, status=body["ModelCardStatus"])
        except Exists:
            raise AWSError("ConflictException", f"Model card {name} already exists.") from None
        _keep_version(context, body)
        tags.tag(context, arn, request.get("Tags", []))
    return {"ModelCardArn": arn}


def _keep_version(context: Context, body: Body) -> None:
    name = body["ModelCardName"]
    row = _row(name, body["ModelCardVersion"])
    context.store.insert(VERSION, row, body, arn=None, now=body["CreationTime"], parent=name, status=body["ModelCardStatus"])


@operation("sagemaker", "DescribeModelCard")
def describe_model_card(context: Context, request: Request) -> Response:
    body = find_card(context, request["ModelCardName"], request.get("ModelCardVersion"))
    if request.get("IncludedData") == "MetadataOnly":
        content = json.loads(body["Content"])
        kept = {part: pick(content.get(part, {}), *names) for part, names in PLAIN.items()}
        body["Content"] = json.dumps({part: members for part, members in kept.items() if members})
    return {member: value for member, value in body.items() if member not in SEARCHED}


@operation("sagemaker", "UpdateModelCard")
def update_model_card(context: Context, request: Request) -> Response:
    content, status = request.get("Content"), request.get("ModelCardStatus")
    if (content is None) == (status is None):
        raise AWSError("ValidationException", "Give either Content or ModelCardStatus: one call cannot update both.")
    searched = _searched(parsed(content)) if content is not None else {}
    now = context.now()
    with context.store.transaction():
        body = find_card(context, request["ModelCardName"])
        name = body["ModelCardName"]
        body |= {"LastModifiedTime": now, "LastModifiedBy": user_context()}
        if content is None:
            body["ModelCardStatus"] = status
            context.store.update(VERSION, _row(name, body["ModelCardVersion"]), lambda _: body, now=now, status=status)
        elif body["ModelCardStatus"] == "Archived":
            raise AWSError("ConflictException", f"Model card {name} is archived: its content can no longer be updated.")
        else:
            body |= {"Content": content, **searched, "ModelCardVersion": body["ModelCardVersion"] + 1}
            _keep_version(context, body | {"CreationTime": now})
        context.store.update(KIND, name, lambda _: body, now=now, status=status)
    return {"ModelCardArn": body["ModelCardArn"]}


@operation("sagemaker", "DeleteModelCard")
def delete_model_card(context: Context, request: Request) -> Response:
    with context.store.transaction():
        name = find_card(context, request["ModelCardName"])["ModelCardName"]
        for kind in (VERSION, EXPORT):
            for row in _names(context, kind, name):
                context.store.delete(kind, row)
        context.store.delete(KIND, name)
    return {}


def _names(context: Context, kind: str, card: str) -> list[str]:
    """The names of all records of a card."""
    found, token = [], None
    while True:
        bodies, token = context.store.page(kind, where=[("parent", "=", card)], limit=500, token=token)
        found += [_row(card, b["ModelCardVersion"]) if kind == VERSION else f"{card}/{b['ModelCardExportJobName']}" for b in bodies]
        if token is None:
            return found


@operation("sagemaker", "ListModelCards")
def list_model_cards(context: Context, request: Request) -> Response:
    where = [("status", "=", request["ModelCardStatus"])] if "ModelCardStatus" in request else []
    return listed(context, KIND, request, result="ModelCardSummaries", summary=lambda b: pick(b, *SUMMARY), where=where, order="Ascending")


@operation("sagemaker", "ListModelCardVersions")
def list_model_card_versions(context: Context, request: Request) -> Response:
    where = [("parent", "=", find_card(context, request["ModelCardName"])["ModelCardName"])]
    if "ModelCardStatus" in request:
        where.append(("status", "=", request["ModelCardStatus"]))
    return listed(
        context,
        VERSION,
        request,
        result="ModelCardVersionSummaryList",
        summary=lambda body: pick(body, *SUMMARY, "ModelCardVersion"),
        where=where,
        sort="Version",
        sorts={"Version": "name"},
        order="Ascending",
    )


# export --------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateModelCardExportJob")
def create_model_card_export_job(context: Context, request: Request) -> Response:
    """The PDF is written before the answer, so that no crash leaves a job in progress."""
    card = find_card(context, request["ModelCardName"], request.get("ModelCardVersion"))
    name, job, now = card["ModelCardName"], request["ModelCardExportJobName"], context.now()
    arn = context.arn(f"{KIND}/{name}/export-job/{job}")
    if context.store.find(arn) is not None:
        raise _taken(job)
    body: Body = {
        "ModelCardExportJobName": job,
        "ModelCardExportJobArn": arn,
        "ModelCardName": name,
        "ModelCardVersion": card["ModelCardVersion"],
        "OutputConfig": request["OutputConfig"],
        "CreatedAt": now,
        **_exported(context, card, f"{request['OutputConfig']['S3OutputPath'].rstrip('/')}/{name}/{job}.pdf"),
        "LastModifiedAt": context.now(),
    }
    try:
        context.store.insert(EXPORT, f"{name}/{job}", body, arn=arn, now=now, parent=name, status=body["Status"])
    except Exists:
        raise _taken(job) from None
    return {"ModelCardExportJobArn": arn}


def _taken(job: str) -> AWSError:
    return AWSError("ConflictException", f"Model card export job {job} already exists.")


def _exported(context: Context, card: Body, uri: str) -> Body:
    """Write the PDF: the members of the job that say how it ended."""
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3":
        raise AWSError("ValidationException", "The S3OutputPath must be an s3:// URI.")
    from engine.sagemaker.card_pdf import pdf  # here: it loads numpy, which the idle engine does without

    try:
        with context.objects.incoming() as file:
            file.write(pdf(card))
            context.objects.put(bucket, key, file, {"content-type": "application/pdf"}, context.now())
    except NoSuchBucket:
        return {"Status": "Failed", "FailureReason": f"ClientError: The bucket {bucket} does not exist."}
    return {"Status": "Completed", "ExportArtifacts": {"S3ExportArtifacts": uri}}


@operation("sagemaker", "DescribeModelCardExportJob")
def describe_model_card_export_job(context: Context, request: Request) -> Response:
    found = context.store.find(request["ModelCardExportJobArn"])
    if found is None or found[0] != EXPORT:
        raise AWSError("ResourceNotFound", f"Model card export job {request['ModelCardExportJobArn']} does not exist.")
    return found[2]


@operation("sagemaker", "ListModelCardExportJobs")
def list_model_card_export_jobs(context: Context, request: Request) -> Response:
    where: list[tuple[str, str, Any]] = [("parent", "=", request["ModelCardName"])]
    if "ModelCardVersion" in request:
        where.append(("$.ModelCardVersion", "=", request["ModelCardVersion"]))
    if "ModelCardExportJobNameContains" in request:
        where.append(("$.ModelCardExportJobName", "contains", request["ModelCardExportJobNameContains"]))
    members = ("JobName", "JobArn")
    return listed(
        context,
        EXPORT,
        request,
        result="ModelCardExportJobSummaries",
        summary=lambda body: pick(
            body, *(f"ModelCardExport{m}" for m in members), "Status", "ModelCardName", "ModelCardVersion", "CreatedAt", "LastModifiedAt"
        ),
        where=where,
    )
