"""Service Quotas: how many instances SageMaker's jobs may use."""

from __future__ import annotations

from engine import limits
from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, operation
from engine.paging import paginate
from engine.service_models import service_model


@operation("service-quotas", "ListServiceQuotas", on=ANY_RESOURCE)
def list_service_quotas(context: Context, request: Request) -> Response:
    """How many instances of each type may be used at a time: as many as jobs may wait in this engine's queue."""
    if request["ServiceCode"] != "sagemaker":
        raise AWSError("NoSuchResourceException", f"The service {request['ServiceCode']} has no quotas in this engine.")
    uses = {"training": "TrainingInstanceType", "processing": "ProcessingInstanceType"}
    quotas = [
        {"ServiceCode": "sagemaker", "QuotaName": f"{kind} for {use} job usage", "Value": float(limits.MAX_WAITING_JOBS)}
        for use, shape in uses.items()
        for kind in service_model("sagemaker").shape_for(shape).metadata["enum"]
    ]
    page, token = paginate(quotas, request, 100)
    return {"Quotas": list(page), "NextToken": token}
