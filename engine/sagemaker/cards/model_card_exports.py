"""Export jobs: a version of a model card as a PDF in S3."""

from __future__ import annotations

from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, Permission, given, named, operation
from engine.sagemaker.cards.model_cards import EXPORT_KIND, KIND, find_card
from engine.sagemaker.listing import page_response
from engine.store.records import Body, RecordExists, pick
from engine.store.stored_objects import NoSuchBucket


def _write_permission(context: Context, request: Request) -> list[Permission]:
    """The caller, and not SageMaker, writes the PDF, so the caller needs the permission to."""
    path = str(request["OutputConfig"]["S3OutputPath"]).partition("://")[2].rstrip("/")
    return [Permission("s3:PutObject", f"arn:aws:s3:::{path}/{request['ModelCardExportJobName']}", {})]


@operation("sagemaker", "CreateModelCardExportJob", on=named("model-card", "ModelCardName"), also=_write_permission)
def create_model_card_export_job(context: Context, request: Request) -> Response:
    """The PDF is written before the answer, so that no crash leaves a job in progress."""
    card = find_card(context, request["ModelCardName"], request.get("ModelCardVersion"))
    name, job, now = card["ModelCardName"], request["ModelCardExportJobName"], context.now()
    arn = context.arn(f"{KIND}/{name}/export-job/{job}")
    if context.store.find_by_arn(arn) is not None:
        raise _job_exists_error(job)
    body: Body = {
        "ModelCardExportJobName": job,
        "ModelCardExportJobArn": arn,
        "ModelCardName": name,
        "ModelCardVersion": card["ModelCardVersion"],
        "OutputConfig": request["OutputConfig"],
        "CreatedAt": now,
        **_export_pdf(context, card, f"{request['OutputConfig']['S3OutputPath'].rstrip('/')}/{name}/{job}.pdf"),
        "LastModifiedAt": context.now(),
    }
    try:
        context.store.insert(EXPORT_KIND, f"{name}/{job}", body, arn=arn, now=now, parent=name, status=body["Status"])
    except RecordExists:
        raise _job_exists_error(job) from None
    return {"ModelCardExportJobArn": arn}


def _job_exists_error(job: str) -> AWSError:
    return AWSError("ConflictException", f"Model card export job {job} already exists.")


def _export_pdf(context: Context, card: Body, uri: str) -> Body:
    """Write the PDF: the members of the job that say how it ended."""
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3":
        raise AWSError("ValidationException", "The S3OutputPath must be an s3:// URI.")
    from engine.sagemaker.cards.card_pdf import render_card

    try:
        with context.objects.receive_body() as file:
            file.write(render_card(card))
            context.objects.put(bucket, key, file, {"content-type": "application/pdf"}, context.now())
    except NoSuchBucket:
        return {"Status": "Failed", "FailureReason": f"ClientError: The bucket {bucket} does not exist."}
    return {"Status": "Completed", "ExportArtifacts": {"S3ExportArtifacts": uri}}


@operation("sagemaker", "DescribeModelCardExportJob", on=given("ModelCardExportJobArn"))
def describe_model_card_export_job(context: Context, request: Request) -> Response:
    found = context.store.find_by_arn(request["ModelCardExportJobArn"])
    if found is None or found[0] != EXPORT_KIND:
        raise AWSError("ResourceNotFound", f"Model card export job {request['ModelCardExportJobArn']} does not exist.")
    return found[2]


@operation("sagemaker", "ListModelCardExportJobs", on=ANY_RESOURCE)
def list_model_card_export_jobs(context: Context, request: Request) -> Response:
    where: list[tuple[str, str, Any]] = [("parent", "=", request["ModelCardName"])]
    if "ModelCardVersion" in request:
        where.append(("$.ModelCardVersion", "=", request["ModelCardVersion"]))
    if "ModelCardExportJobNameContains" in request:
        where.append(("$.ModelCardExportJobName", "contains", request["ModelCardExportJobNameContains"]))
    members = ("JobName", "JobArn")
    return page_response(
        context,
        EXPORT_KIND,
        request,
        result_member="ModelCardExportJobSummaries",
        summarize=lambda body: pick(
            body, *(f"ModelCardExport{m}" for m in members), "Status", "ModelCardName", "ModelCardVersion", "CreatedAt", "LastModifiedAt"
        ),
        where=where,
    )
