"""What SageMaker answers about a job: the parts of its responses that the product reads, whichever kind of job it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_sagemaker.type_defs import (
        AlgorithmSpecificationOutputTypeDef,
        AppSpecificationOutputTypeDef,
        AutotuneTypeDef,
        ChannelOutputTypeDef,
        CheckpointConfigTypeDef,
        DebugRuleConfigurationOutputTypeDef,
        DebugRuleEvaluationStatusTypeDef,
        HyperParameterAlgorithmSpecificationOutputTypeDef,
        HyperParameterTrainingJobSummaryTypeDef,
        HyperParameterTuningJobConfigOutputTypeDef,
        HyperParameterTuningJobObjectiveTypeDef,
        HyperParameterTuningJobWarmStartConfigOutputTypeDef,
        HyperParameterTuningResourceConfigOutputTypeDef,
        MetricDataTypeDef,
        ModelArtifactsTypeDef,
        OutputDataConfigTypeDef,
        ParameterRangesOutputTypeDef,
        ProcessingInputTypeDef,
        ProcessingOutputConfigOutputTypeDef,
        ProcessingResourcesOutputTypeDef,
        ResourceConfigOutputTypeDef,
        ResourceLimitsTypeDef,
        TrainingJobStatusCountersTypeDef,
    )


class TrialDefinition(TypedDict, total=False):
    """What a tuning job's training jobs have in common. Any of the parts may be missing."""

    DefinitionName: str
    TuningObjective: HyperParameterTuningJobObjectiveTypeDef
    HyperParameterRanges: ParameterRangesOutputTypeDef
    StaticHyperParameters: dict[str, str]
    AlgorithmSpecification: HyperParameterAlgorithmSpecificationOutputTypeDef
    InputDataConfig: list[ChannelOutputTypeDef]
    OutputDataConfig: OutputDataConfigTypeDef
    ResourceConfig: ResourceConfigOutputTypeDef
    HyperParameterTuningResourceConfig: HyperParameterTuningResourceConfigOutputTypeDef


class JobResponse(TypedDict, total=False):
    """Parts of SageMaker's response about a job, by the names of its API. A job has those of its kind; a list has few of them."""

    Environment: dict[str, str]

    # training jobs
    TrainingJobArn: str
    TuningJobArn: str
    ModelArtifacts: ModelArtifactsTypeDef
    CheckpointConfig: CheckpointConfigTypeDef
    HyperParameters: dict[str, str]
    AlgorithmSpecification: AlgorithmSpecificationOutputTypeDef
    InputDataConfig: list[ChannelOutputTypeDef]
    OutputDataConfig: OutputDataConfigTypeDef
    ResourceConfig: ResourceConfigOutputTypeDef
    TrainingStartTime: datetime
    BillableTimeInSeconds: int
    FinalMetricDataList: list[MetricDataTypeDef]
    DebugRuleConfigurations: list[DebugRuleConfigurationOutputTypeDef]
    DebugRuleEvaluationStatuses: list[DebugRuleEvaluationStatusTypeDef]

    # processing jobs
    AppSpecification: AppSpecificationOutputTypeDef
    ProcessingInputs: list[ProcessingInputTypeDef]
    ProcessingOutputConfig: ProcessingOutputConfigOutputTypeDef
    ProcessingResources: ProcessingResourcesOutputTypeDef
    ProcessingStartTime: datetime

    # tuning jobs
    HyperParameterTuningJobConfig: HyperParameterTuningJobConfigOutputTypeDef
    TrainingJobDefinition: TrialDefinition
    TrainingJobDefinitions: list[TrialDefinition]
    TrainingJobStatusCounters: TrainingJobStatusCountersTypeDef
    BestTrainingJob: HyperParameterTrainingJobSummaryTypeDef
    WarmStartConfig: HyperParameterTuningJobWarmStartConfigOutputTypeDef
    Autotune: AutotuneTypeDef
    ResourceLimits: ResourceLimitsTypeDef
