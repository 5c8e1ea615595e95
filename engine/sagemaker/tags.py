"""Tags on any resource that the engine knows: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from collections.abc import Sequence

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import given, operation
from engine.paging import paginate

MAX_TAGS = 50
"""Tags that a resource may have."""


def tag_resource(context: Context, arn: str, tags: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Put ``tags`` (Key, Value) on ``arn`` and return all tags that it has then.

    Raises ValidationException for a key given twice, a key of AWS's own, or more than 50 tags.
    """
    new = {entry["Key"]: entry["Value"] for entry in tags}
    if len(new) < len(tags):
        raise AWSError("ValidationException", "Duplicate tag keys found. Please note that tag keys are case-sensitive.")
    for key in new:
        if key.lower().startswith("aws:"):
            raise AWSError("ValidationException", f"Tag key {key!r} is invalid: the prefix aws: is reserved.")
    with context.store.transaction():
        together = context.store.read_tags(arn) | new
        if len(together) > MAX_TAGS:
            raise AWSError("ValidationException", f"The number of tags on {arn} would exceed the limit of {MAX_TAGS}.")
        context.store.add_tags(arn, new)
    return _tag_list(together)


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _require_resource(context: Context, arn: str) -> str:
    if context.store.find_by_arn(arn) is None:
        raise AWSError("ValidationException", f"Could not find resource {arn!r}.")
    return arn


@operation("sagemaker", "AddTags", on=given("ResourceArn"))
def add_tags(context: Context, request: Request) -> Response:
    return {"Tags": tag_resource(context, _require_resource(context, request["ResourceArn"]), request["Tags"])}


@operation("sagemaker", "ListTags", on=given("ResourceArn"))
def list_tags(context: Context, request: Request) -> Response:
    tags = _tag_list(context.store.read_tags(_require_resource(context, request["ResourceArn"])))
    page, token = paginate(tags, request, MAX_TAGS)
    return {"Tags": list(page), "NextToken": token}


@operation("sagemaker", "DeleteTags", on=given("ResourceArn"))
def delete_tags(context: Context, request: Request) -> Response:
    context.store.remove_tags(_require_resource(context, request["ResourceArn"]), request["TagKeys"])
    return {}
