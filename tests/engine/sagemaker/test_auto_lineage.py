"""The lineage that the engine makes by itself, on a store of its own."""

import itertools

import pytest

from engine.context import Context
from engine.sagemaker.lineage import lineage_entities
from engine.sagemaker.lineage.associations import list_associations
from engine.sagemaker.lineage.query_lineage import query_lineage
from engine.sagemaker.registry import model_packages
from engine.sagemaker.registry.model_package_groups import create_model_package_group
from engine.sagemaker.tracking import auto_lineage
from engine.sagemaker.tracking.experiments import create_experiment, create_trial
from engine.sagemaker.tracking.trial_components import describe_trial_component, list_trial_components
from engine.store.records import Store

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
DATA = "s3://bucket/train.csv"


@pytest.fixture
def context(tmp_path):
    clock = itertools.count(1_700_000_000, 1)
    store = Store(tmp_path / "engine.db")
    yield Context(tmp_path, "us-east-1", store, objects=None, now=lambda: float(next(clock)))
    store.close()


def training(context, name, **more):
    return {
        "TrainingJobName": name,
        "TrainingJobArn": context.arn(f"training-job/{name}"),
        "TrainingJobStatus": "InProgress",
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "HyperParameters": {"max_depth": "5", "objective": "binary:logistic", "seed": "nan"},
        "InputDataConfig": [
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": {"S3Uri": DATA, "S3DataType": "S3Prefix"}}},
        ],
        **more,
    }


def finished(context, name, **more):
    return training(
        context,
        name,
        **{
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "TrainingStartTime": 1.0,
            "TrainingEndTime": 9.0,
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://bucket/{name}/output/model.tar.gz"},
            "FinalMetricDataList": [{"MetricName": "train:auc", "Value": 0.9, "Timestamp": 9.0}],
            **more,
        },
    )


def component(context, name):
    return describe_trial_component(context, {"TrialComponentName": name})


def edges(context, arn):
    """{(type, association, "in" | "out")} of the entities next to ``arn``."""
    into = list_associations(context, {"DestinationArn": arn, "MaxResults": 100})["AssociationSummaries"]
    out = list_associations(context, {"SourceArn": arn, "MaxResults": 100})["AssociationSummaries"]
    return {(e["SourceType"], e["AssociationType"], "in") for e in into} | {
        (e["DestinationType"], e["AssociationType"], "out") for e in out
    }


def test_a_training_job_has_a_trial_component_from_its_start(context):
    auto_lineage.record_training_created(context, training(context, "job"))
    found = component(context, "job-aws-training-job")
    assert found["Source"] == {"SourceArn": context.arn("training-job/job"), "SourceType": "SageMakerTrainingJob"}
    assert found["Status"]["PrimaryStatus"] == "InProgress"
    assert found["Parameters"]["max_depth"] == {"NumberValue": 5.0}
    assert found["Parameters"]["objective"] == {"StringValue": "binary:logistic"}
    assert found["Parameters"]["seed"] == {"StringValue": "nan"}
    assert found["Parameters"]["SageMaker.ImageUri"] == {"StringValue": IMAGE}
    assert found["Parameters"]["SageMaker.InstanceCount"] == {"NumberValue": 1.0}
    assert found["InputArtifacts"] == {"train": {"MediaType": "text/csv", "Value": DATA}}
    assert edges(context, found["TrialComponentArn"]) == {("Image", "ContributedTo", "in"), ("DataSet", "ContributedTo", "in")}
    listed = list_trial_components(context, {"SourceArn": context.arn("training-job/job")})["TrialComponentSummaries"]
    assert [entry["TrialComponentName"] for entry in listed] == ["job-aws-training-job"]


def test_a_finished_job_produced_its_model(context):
    auto_lineage.record_training_created(context, training(context, "job"))
    auto_lineage.record_training_finished(context, finished(context, "job"))
    found = component(context, "job-aws-training-job")
    assert found["Status"]["PrimaryStatus"] == "Completed"
    assert (found["StartTime"], found["EndTime"]) == (1.0, 9.0)
    assert found["OutputArtifacts"]["SageMaker.ModelArtifact"] == {"Value": "s3://bucket/job/output/model.tar.gz"}
    assert ("Model", "Produced", "out") in edges(context, found["TrialComponentArn"])


def test_a_failed_job_produced_nothing_and_says_why(context):
    failed = finished(context, "job", TrainingJobStatus="Failed", FailureReason="AlgorithmError: no rows", ModelArtifacts=None)
    auto_lineage.record_training_finished(context, failed)
    found = component(context, "job-aws-training-job")
    assert found["Status"]["PrimaryStatus"] == "Failed"
    assert "AlgorithmError: no rows" in found["Status"]["Message"]
    assert not any(way == "out" for _, _, way in edges(context, found["TrialComponentArn"]))


def test_metrics_sum_up_the_rounds_of_the_log(context):
    lines = ["Train matrix has 10 rows", *(f"[{i}]\ttrain-auc:{value}\tvalidation-auc:0.5" for i, value in enumerate((0.5, 0.9, 0.7)))]
    context.store.append_log("/aws/sagemaker/TrainingJobs", "job/algo-1-1", [(1000 * i, line) for i, line in enumerate(lines)])
    auto_lineage.record_training_finished(context, finished(context, "job"))
    metrics = {metric["MetricName"]: metric for metric in component(context, "job-aws-training-job")["Metrics"]}
    auc = metrics["train:auc"]
    assert (auc["Min"], auc["Max"], auc["Last"], auc["Count"]) == (0.5, 0.9, 0.7, 3)
    assert auc["Avg"] == pytest.approx(0.7)
    assert auc["StdDev"] == pytest.approx(0.2)
    assert metrics["validation:auc"]["Count"] == 3
    assert auc["SourceArn"] == context.arn("training-job/job")


def test_a_job_taken_up_again_counts_only_its_last_run(context):
    for stream, at, value in (("job/algo-1-1", 1000, 0.1), ("job/algo-1-2", 2000, 0.8)):
        context.store.append_log("/aws/sagemaker/TrainingJobs", stream, [(at, f"[0]\ttrain-auc:{value}")])
    auto_lineage.record_training_finished(context, finished(context, "job"))
    (metric,) = component(context, "job-aws-training-job")["Metrics"]
    assert (metric["Last"], metric["Count"]) == (0.8, 1)


def test_two_jobs_on_the_same_data_meet_in_one_artifact(context):
    for name in ("one", "two", "one"):
        auto_lineage.record_training_created(context, training(context, name))
        auto_lineage.record_training_finished(context, finished(context, name))
    (data,) = lineage_entities.list_artifacts(context, {"SourceUri": DATA})["ArtifactSummaries"]
    assert data["ArtifactType"] == "DataSet"
    reached = list_associations(context, {"SourceArn": data["ArtifactArn"]})["AssociationSummaries"]
    assert sorted(entry["DestinationName"] for entry in reached) == ["one-aws-training-job", "two-aws-training-job"]


def test_a_job_joins_the_trial_that_it_names(context):
    create_experiment(context, {"ExperimentName": "credit"})
    create_trial(context, {"TrialName": "first", "ExperimentName": "credit"})
    experiment = {"ExperimentName": "credit", "TrialName": "first", "TrialComponentDisplayName": "Training"}
    auto_lineage.record_training_created(context, training(context, "job", ExperimentConfig=experiment))
    (found,) = list_trial_components(context, {"TrialName": "first"})["TrialComponentSummaries"]
    assert (found["TrialComponentName"], found["DisplayName"]) == ("job-aws-training-job", "Training")


def processing(context, status):
    return {
        "ProcessingJobName": "bias",
        "ProcessingJobArn": context.arn("processing-job/bias"),
        "ProcessingJobStatus": status,
        "AppSpecification": {"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/governance-analysis:1", "ContainerEntrypoint": ["clarify"]},
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}},
        "ProcessingInputs": [{"InputName": "data", "S3Input": {"S3Uri": DATA, "LocalPath": "/opt/ml/processing/input/data"}}],
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "report", "S3Output": {"S3Uri": "s3://bucket/bias", "LocalPath": "/opt/ml/processing/output"}}]
        },
        "ProcessingStartTime": 1.0,
        "ProcessingEndTime": 2.0,
    }


@pytest.mark.parametrize(("status", "produced"), [("Completed", True), ("Failed", False), ("Stopped", False)])
def test_a_processing_job_produced_its_outputs_when_it_completed(context, status, produced):
    auto_lineage.record_processing_finished(context, processing(context, status))
    found = component(context, "bias-aws-processing-job")
    assert found["Status"]["PrimaryStatus"] == status
    assert found["Parameters"]["SageMaker.ContainerEntrypoint"] == {"StringValue": "clarify"}
    assert (("DataSet", "Produced", "out") in edges(context, found["TrialComponentArn"])) is produced
    assert ("DataSet", "ContributedTo", "in") in edges(context, found["TrialComponentArn"])


@pytest.fixture
def package(context):
    auto_lineage.record_training_finished(context, finished(context, "job"))
    create_model_package_group(context, {"ModelPackageGroupName": "credit"})
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/job/output/model.tar.gz"}
    request = {"ModelPackageGroupName": "credit", "InferenceSpecification": {"Containers": [container]}}
    return model_packages.create_model_package(context, request)["ModelPackageArn"]


def test_a_version_comes_from_its_model_and_belongs_to_its_group(context, package):
    (artifact,) = lineage_entities.list_artifacts(context, {"SourceUri": package})["ArtifactSummaries"]
    assert edges(context, artifact["ArtifactArn"]) == {
        ("Image", "ContributedTo", "in"),
        ("Model", "ContributedTo", "in"),
        ("Approval", "ContributedTo", "in"),
        ("ModelGroup", "AssociatedWith", "out"),
    }
    found = query_lineage(context, {"StartArns": [artifact["ArtifactArn"]], "Direction": "Ascendants"})["Vertices"]
    assert {vertex.get("Type") for vertex in found} == {"ModelPackage", "Model", "Image", "Approval", "TrainingJob", "DataSet"}


def test_every_change_of_approval_is_an_action_of_its_own(context, package):
    for status in ("Approved", "Rejected", "Approved"):
        model_packages.update_model_package(
            context, {"ModelPackageArn": package, "ModelApprovalStatus": status, "ApprovalDescription": "because"}
        )
    model_packages.update_model_package(context, {"ModelPackageArn": package, "ModelApprovalStatus": "Approved"})
    actions = lineage_entities.list_actions(context, {"SourceUri": package, "SortOrder": "Ascending"})["ActionSummaries"]
    told = [
        lineage_entities.describe_action(context, {"ActionName": action["ActionName"]})["Properties"]["ModelApprovalStatus"]
        for action in actions
    ]
    assert told == ["PendingManualApproval", "Approved", "Rejected", "Approved"]
    assert {action["ActionType"] for action in actions} == {"Approval"}


def test_what_the_engine_makes_by_itself_has_no_creator(context, package):
    (artifact,) = lineage_entities.list_artifacts(context, {"SourceUri": package})["ArtifactSummaries"]
    assert lineage_entities.describe_artifact(context, {"ArtifactArn": artifact["ArtifactArn"]})["CreatedBy"] == {}
