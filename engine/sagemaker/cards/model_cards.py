"""Model cards and their versions (https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards.html).

A change of the content makes a new version; a change of the status does not, it is the latest version's. Older versions don't change.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, named, operation
from engine.sagemaker import tags
from engine.sagemaker.listing import page_response
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists, pick

KIND = "model-card"
VERSION_KIND = "model-card-version"
EXPORT_KIND = "model-card-export-job"
SCHEMA_PATH = Path(__file__).with_name("model_card_schema.json")
METADATA_MEMBERS = {
    "model_overview": ("model_id", "model_name"),
    "intended_uses": ("risk_rating",),
    "model_package_details": ("model_package_group_name", "model_package_arn"),
}
"""The members of the content that IncludedData=MetadataOnly shows."""
SUMMARY_MEMBERS = ("ModelCardName", "ModelCardArn", "ModelCardStatus", "CreationTime", "LastModifiedTime")


def find_card(context: Context, name_or_arn: str, version: int | None = None) -> Body:
    """The card of that name or ARN, in that version or the latest. Raises ResourceNotFound."""
    name = name_or_arn.rpartition("/")[2]
    found = None
    if name_or_arn in {name, context.arn(f"{KIND}/{name}")}:
        found = context.store.get(KIND, name) if version is None else context.store.get(VERSION_KIND, _version_key(name, version))
    if found is None:
        shown = name_or_arn if version is None else f"{name_or_arn} with version {version}"
        raise AWSError("ResourceNotFound", f"Model card {shown} does not exist.")
    return found


def _version_key(name: str, version: int) -> str:
    return f"{name}/{version:010d}"


# content -------------------------------------------------------------------------------------------


def parse_content(content: str) -> Body:
    """The content as an object. Raises ValidationException for text that isn't JSON, or not of the model card JSON schema."""
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

    try:
        found = json.loads(content, parse_constant=_finite_number, parse_float=_finite_number, parse_int=_finite_integer)
    except (ValueError, OverflowError, RecursionError) as error:
        raise AWSError("ValidationException", f"The model card content is not valid JSON: {error}") from error
    problem = best_match(_validator().iter_errors(found))
    if problem is not None:
        shown = problem.message if len(problem.message) <= 300 else f"{problem.message[:140]} … {problem.message[-140:]}"
        message = f"The model card content does not follow the model card JSON schema: {problem.json_path}: {shown}"
        raise AWSError("ValidationException", message)
    return dict(found)


def _finite_number(text: str) -> float:
    """A number that readers in other languages can represent. Raises ValueError for NaN and infinity, also by overflow."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def _finite_integer(text: str) -> int:
    _finite_number(text)
    return int(text)


@lru_cache(maxsize=1)
def _validator() -> Draft7Validator:
    from jsonschema import Draft7Validator  # imported here: it would take four fifths of the engine's start

    return Draft7Validator(json.loads(SCHEMA_PATH.read_text()))


SEARCH_ONLY_MEMBERS = ("ModelId", "RiskRating", "ModelPackageGroupName")
"""The members that only Search shows."""


def _search_only_values(content: Body) -> Body:
    return {
        "ModelId": content.get("model_overview", {}).get("model_id"),
        "RiskRating": content.get("intended_uses", {}).get("risk_rating"),
        "ModelPackageGroupName": content.get("model_package_details", {}).get("model_package_group_name"),
    }


# cards ---------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateModelCard", on=named("model-card", "ModelCardName"))
def create_model_card(context: Context, request: Request) -> Response:
    name, now = request["ModelCardName"], context.now()
    arn = context.arn(f"{KIND}/{name}")
    body: Body = {
        **pick(request, "ModelCardName", "Content", "ModelCardStatus", "SecurityConfig"),
        **_search_only_values(parse_content(request["Content"])),
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
        except RecordExists:
            raise AWSError("ConflictException", f"Model card {name} already exists.") from None
        _insert_version(context, body)
        tags.tag_resource(context, arn, request.get("Tags", []))
    return {"ModelCardArn": arn}


def _insert_version(context: Context, body: Body) -> None:
    name = body["ModelCardName"]
    row = _version_key(name, body["ModelCardVersion"])
    context.store.insert(VERSION_KIND, row, body, arn=None, now=body["CreationTime"], parent=name, status=body["ModelCardStatus"])


@operation("sagemaker", "DescribeModelCard", on=named("model-card", "ModelCardName"))
def describe_model_card(context: Context, request: Request) -> Response:
    body = find_card(context, request["ModelCardName"], request.get("ModelCardVersion"))
    if request.get("IncludedData") == "MetadataOnly":
        content = json.loads(body["Content"])
        kept = {part: pick(content.get(part, {}), *names) for part, names in METADATA_MEMBERS.items()}
        body["Content"] = json.dumps({part: members for part, members in kept.items() if members})
    return {member: value for member, value in body.items() if member not in SEARCH_ONLY_MEMBERS}


@operation("sagemaker", "UpdateModelCard", on=named("model-card", "ModelCardName"))
def update_model_card(context: Context, request: Request) -> Response:
    content, status = request.get("Content"), request.get("ModelCardStatus")
    if (content is None) == (status is None):
        raise AWSError("ValidationException", "Give either Content or ModelCardStatus: one call cannot update both.")
    searched = _search_only_values(parse_content(content)) if content is not None else {}
    now = context.now()
    with context.store.transaction():
        body = find_card(context, request["ModelCardName"])
        name = body["ModelCardName"]
        body |= {"LastModifiedTime": now, "LastModifiedBy": user_context()}
        if content is None:
            body["ModelCardStatus"] = status
            context.store.update(VERSION_KIND, _version_key(name, body["ModelCardVersion"]), lambda _: body, now=now, status=status)
        elif body["ModelCardStatus"] == "Archived":
            raise AWSError("ConflictException", f"Model card {name} is archived: its content can no longer be updated.")
        else:
            body |= {"Content": content, **searched, "ModelCardVersion": body["ModelCardVersion"] + 1}
            _insert_version(context, body | {"CreationTime": now})
        context.store.update(KIND, name, lambda _: body, now=now, status=status)
    return {"ModelCardArn": body["ModelCardArn"]}


@operation("sagemaker", "DeleteModelCard", on=named("model-card", "ModelCardName"))
def delete_model_card(context: Context, request: Request) -> Response:
    with context.store.transaction():
        name = find_card(context, request["ModelCardName"])["ModelCardName"]
        for kind in (VERSION_KIND, EXPORT_KIND):
            for row in _record_names(context, kind, name):
                context.store.delete(kind, row)
        context.store.delete(KIND, name)
    return {}


def _record_names(context: Context, kind: str, card: str) -> list[str]:
    """The names of all records of a card."""
    found, token = [], None
    while True:
        bodies, token = context.store.read_page(kind, where=[("parent", "=", card)], limit=500, token=token)
        found += [
            _version_key(card, b["ModelCardVersion"]) if kind == VERSION_KIND else f"{card}/{b['ModelCardExportJobName']}" for b in bodies
        ]
        if token is None:
            return found


@operation("sagemaker", "ListModelCards", on=ANY_RESOURCE)
def list_model_cards(context: Context, request: Request) -> Response:
    where = [("status", "=", request["ModelCardStatus"])] if "ModelCardStatus" in request else []
    return page_response(
        context,
        KIND,
        request,
        result_member="ModelCardSummaries",
        summarize=lambda b: pick(b, *SUMMARY_MEMBERS),
        where=where,
        default_order="Ascending",
    )


@operation("sagemaker", "ListModelCardVersions", on=named("model-card", "ModelCardName"))
def list_model_card_versions(context: Context, request: Request) -> Response:
    where = [("parent", "=", find_card(context, request["ModelCardName"])["ModelCardName"])]
    if "ModelCardStatus" in request:
        where.append(("status", "=", request["ModelCardStatus"]))
    return page_response(
        context,
        VERSION_KIND,
        request,
        result_member="ModelCardVersionSummaryList",
        summarize=lambda body: pick(body, *SUMMARY_MEMBERS, "ModelCardVersion"),
        where=where,
        default_sort="Version",
        sort_columns={"Version": "name"},
        default_order="Ascending",
    )
