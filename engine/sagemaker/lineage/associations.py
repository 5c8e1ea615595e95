"""The edges of the lineage graph: AddAssociation, DeleteAssociation, ListAssociations."""

from __future__ import annotations

from functools import cache

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, given, operation
from engine.paging import paginate, to_epoch_seconds
from engine.sagemaker.lineage.lineage_entities import missing_entity_error
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists

ASSOCIABLE_KINDS = {
    "artifact": ("ArtifactName", "ArtifactType"),
    "action": ("ActionName", "ActionType"),
    "context": ("ContextName", "ContextType"),
    "experiment": ("ExperimentName", None),
    "experiment-trial-component": ("TrialComponentName", None),
}
"""Kinds that can be associated -> the members of their records with their name and type."""


def name_and_type(kind: str, body: Body) -> tuple[str | None, str | None]:
    """What a list shows of an entity. A job's trial component has the type of its source, e.g. SageMakerTrainingJob."""
    name, type = ASSOCIABLE_KINDS[kind]
    return body.get(name), body.get(type) if type else body.get("Source", {}).get("SourceType")


@operation("sagemaker", "AddAssociation", on=given("SourceArn", "DestinationArn"))
def add_association(context: Context, request: Request) -> Response:
    source, destination = request["SourceArn"], request["DestinationArn"]
    if source == destination:
        raise AWSError("ValidationException", "An entity cannot be associated with itself.")
    with context.store.transaction():
        for arn in (source, destination):
            found = context.store.find_by_arn(arn)
            if found is None or found[0] not in ASSOCIABLE_KINDS:
                raise missing_entity_error(arn)
        try:
            context.store.add_association(source, destination, request.get("AssociationType"), now=context.now())
        except RecordExists:
            raise AWSError("ValidationException", f"Association between {source} and {destination} already exists.") from None
    return {"SourceArn": source, "DestinationArn": destination}


@operation("sagemaker", "DeleteAssociation", on=given("SourceArn"))
def delete_association(context: Context, request: Request) -> Response:
    source, destination = request["SourceArn"], request["DestinationArn"]
    if not context.store.remove_association(source, destination):
        raise AWSError("ResourceNotFound", f"Association between {source} and {destination} does not exist.")
    return {"SourceArn": source, "DestinationArn": destination}


@operation("sagemaker", "ListAssociations", on=ANY_RESOURCE)
def list_associations(context: Context, request: Request) -> Response:
    @cache
    def entity(arn: str) -> tuple[str | None, str | None]:
        found = context.store.find_by_arn(arn)
        return name_and_type(found[0], found[2]) if found and found[0] in ASSOCIABLE_KINDS else (None, None)

    after, before = request.get("CreatedAfter"), request.get("CreatedBefore")
    summaries = []
    for source, destination, type, created in context.store.list_associations(
        source=request.get("SourceArn") or None, destination=request.get("DestinationArn") or None
    ):
        if request.get("AssociationType") and type != request["AssociationType"]:
            continue
        if (after is not None and created <= to_epoch_seconds(after)) or (before is not None and created >= to_epoch_seconds(before)):
            continue
        summary = {
            "SourceArn": source,
            "DestinationArn": destination,
            "SourceName": entity(source)[0],
            "SourceType": entity(source)[1],
            "DestinationName": entity(destination)[0],
            "DestinationType": entity(destination)[1],
            "AssociationType": type,
            "CreationTime": created,
            "CreatedBy": user_context(),
        }
        if all(not request.get(end) or summary[end] == request[end] for end in ("SourceType", "DestinationType")):
            summaries.append({member: value for member, value in summary.items() if value is not None})
    by = request.get("SortBy") or "CreationTime"
    descending = (request.get("SortOrder") or "Descending") == "Descending"
    summaries.sort(key=lambda s: (s.get(by) or "", s["SourceArn"], s["DestinationArn"]), reverse=descending)
    page, token = paginate(summaries, request)
    return {"AssociationSummaries": list(page), "NextToken": token}
