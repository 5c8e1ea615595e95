"""What SageMaker answers about an entity of the lineage: the parts that the product reads, whichever kind of entity it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_sagemaker.type_defs import (
        TrialComponentArtifactTypeDef,
        TrialComponentMetricSummaryTypeDef,
        TrialComponentParameterValueTypeDef,
        TrialComponentStatusTypeDef,
        UserContextTypeDef,
    )


class EntitySource(TypedDict, total=False):
    """Where an artifact, an action or a context lies; of a trial component, the ARN of its job."""

    SourceUri: str
    SourceArn: str


class EntityResponse(TypedDict, total=False):
    """Parts of the response about an artifact, action, context or trial component, by the names of SageMaker's API. ``Status``: of an
    action text, of a trial component with a message."""

    Source: EntitySource
    ArtifactName: str
    ArtifactType: str
    ActionType: str
    ContextType: str
    Description: str
    Status: str | TrialComponentStatusTypeDef
    Properties: dict[str, str]
    CreationTime: datetime
    CreatedBy: UserContextTypeDef
    LastModifiedTime: datetime

    # of a trial component
    StartTime: datetime
    EndTime: datetime
    Parameters: dict[str, TrialComponentParameterValueTypeDef]
    InputArtifacts: dict[str, TrialComponentArtifactTypeDef]
    OutputArtifacts: dict[str, TrialComponentArtifactTypeDef]
    Metrics: list[TrialComponentMetricSummaryTypeDef]


def component_status(entity: EntityResponse) -> tuple[str, str]:
    """(status, message) of an entity; "" for what it doesn't have."""
    status = entity.get("Status", "")
    return (status, "") if isinstance(status, str) else (status.get("PrimaryStatus", ""), status.get("Message", ""))


def parameter_value(parameter: TrialComponentParameterValueTypeDef) -> str | float | None:
    """The value of a trial component's parameter: text or a number; None if it has none."""
    return parameter.get("StringValue", parameter.get("NumberValue"))
