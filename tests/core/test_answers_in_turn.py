"""SageMaker's and CloudWatch's answers in turn, in the shapes of AWS's API reference: pages, states, what isn't there.

botocore's Stubber checks each answer against the model of the service, and each request against what is wanted.
"""

import dataclasses

import botocore.session
import pytest
from answering import ACCOUNT, MODELS, ROLE
from botocore.stub import ANY, Stubber

from core.aws.target import connect
from core.errors import GovernanceError, NotFound
from core.governance.model_cards import model_card
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, training_data, training_jobs
from core.jobs.tuning import tuning_history, tuning_jobs
from core.lineage import lineage_graph, lineage_record
from core.registry import model_packages
from core.settings import Settings

ARN = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:model-package/credit/1"
ENTITY = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:{{}}"


@pytest.fixture(scope="module")
def unanswered():
    """Clients to be told what to answer, call by call."""
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "eu-central-1"}
    session = botocore.session.Session()
    session.register_component("data_loader", MODELS)
    return {name: session.create_client(name, **keys) for name in ("sagemaker", "logs")}


@pytest.fixture(scope="module")
def there(engine_workspace, unanswered):
    found = connect(Settings(workspace=engine_workspace, role=ROLE))
    return dataclasses.replace(
        found, region="eu-central-1", account=ACCOUNT, sagemaker=unanswered["sagemaker"], client=unanswered.__getitem__
    )


@pytest.fixture
def told(there, unanswered):
    """(clients, what SageMaker is told to answer, what CloudWatch Logs is); all of it has to be asked for, with just these parameters."""
    with Stubber(unanswered["sagemaker"]) as sagemaker, Stubber(unanswered["logs"]) as logs:
        yield there, sagemaker, logs
        sagemaker.assert_no_pending_responses()
        logs.assert_no_pending_responses()


def test_a_lineage_goes_on_where_its_page_ends(told):
    """Shapes of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_QueryLineage.html; a vertex need not say its type."""
    target, sagemaker, _ = told
    data, model, job = (
        ENTITY.format(name) for name in ("artifact/data", "artifact/model", "experiment-trial-component/t-aws-training-job")
    )
    asked = {"StartArns": [model], "Direction": "Both", "IncludeEdges": True, "MaxDepth": 10, "MaxResults": 50}
    edges = [
        {"SourceArn": data, "DestinationArn": job, "AssociationType": "ContributedTo"},
        {"SourceArn": job, "DestinationArn": model, "AssociationType": "SomethingNew"},
    ]
    first = {"Vertices": [{"Arn": model, "Type": "Model", "LineageType": "Artifact"}], "Edges": edges[1:], "NextToken": "n"}
    sagemaker.add_response("query_lineage", first, asked)
    vertices = [{"Arn": job}, {"Arn": data, "Type": "DataSet", "LineageType": "Artifact"}]
    sagemaker.add_response("query_lineage", {"Vertices": vertices, "Edges": edges[:1]}, asked | {"NextToken": "n"})
    for arn, uri in ((data, "s3://b/data/train.csv"), (model, "s3://b/t/output/model.tar.gz")):
        sagemaker.add_response("describe_artifact", {"ArtifactArn": arn, "Source": {"SourceUri": uri}}, {"ArtifactArn": arn})
    found = lineage_graph.read_graph(target, model, hops=10)
    assert [(node.name, node.type, node.kind) for node in found.nodes] == [
        ("data/train.csv", "Artifact", "DataSet"),
        ("output/model.tar.gz", "Artifact", "Model"),
        ("t-aws-training-job", "TrialComponent", "experiment-trial-component"),
    ]
    assert {edge.association for edge in found.edges} == {"ContributedTo", "SomethingNew"}


def test_the_lines_of_a_log_go_on_until_its_token_stays(told):
    """ "If you have reached the end of the stream, it returns the same token you passed in":
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html."""
    target, _, logs = told
    group, stream = "/aws/sagemaker/TrainingJobs", "j/algo-1-1600000000"
    logs.add_response(
        "describe_log_streams", {"logStreams": [{"logStreamName": stream}]}, {"logGroupName": group, "logStreamNamePrefix": "j/"}
    )
    asked = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
    for token, said, then in ((None, ["one", "two"], "f/2"), ("f/2", [], "f/3"), ("f/3", ["three"], "f/4"), ("f/4", [], "f/4")):
        events = [{"timestamp": 1600000000000, "message": line, "ingestionTime": 1600000000001} for line in said]
        more = {"nextToken": token} if token else {}
        left = 5000 - {None: 0, "f/2": 2, "f/3": 2, "f/4": 3}[token]
        logs.add_response("get_log_events", {"events": events, "nextForwardToken": then}, asked | {"limit": left} | more)
    assert jobs.read_logs(target, "training", "j") == ["one", "two", "three"]


def test_an_account_without_a_job_has_no_log_group_and_so_no_lines(told):
    target, _, logs = told
    logs.add_client_error("describe_log_streams", "ResourceNotFoundException", "The specified log group does not exist.")
    assert jobs.read_logs(target, "processing", "j") == []


def test_trials_come_in_pages_and_some_have_no_objective(told):
    target, sagemaker, _ = told
    asked = {"HyperParameterTuningJobName": "t", "SortBy": "CreationTime", "SortOrder": "Ascending"}
    base = {"TrainingJobArn": ARN, "CreationTime": 1600000000, "TunedHyperParameters": {"eta": "0.1", "booster": "gbtree"}}
    metric = {"FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:auc", "Value": 0.75}}
    rows = [base | {"TrainingJobName": "t-1", "TrainingJobStatus": "Completed"} | metric]
    rows += [base | {"TrainingJobName": "t-2", "TrainingJobStatus": "SomethingNew"}]
    operation = "list_training_jobs_for_hyper_parameter_tuning_job"
    sagemaker.add_response(operation, {"TrainingJobSummaries": rows[:1], "NextToken": "n"}, asked)
    sagemaker.add_response(operation, {"TrainingJobSummaries": rows[1:]}, asked | {"NextToken": "n"})
    found = tuning_jobs.trials_to_frame(tuning_jobs.list_trials(target, "t"))
    assert list(found["objective"].fillna(-1)) == [0.75, -1]
    assert list(found["status"]) == ["Completed", "SomethingNew"]
    assert list(found["eta"]) == [0.1, 0.1]


def test_a_tuning_job_of_several_algorithms_has_the_objective_of_its_definitions(told):
    """As Autopilot makes them: https://docs.aws.amazon.com/sagemaker/latest/dg/multiple-algorithm-hpo.html."""
    target, sagemaker, _ = told
    counters = {"Completed": 1, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
    definition = {
        "DefinitionName": "linear",
        "TuningObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    said = {
        "HyperParameterTuningJobName": "t",
        "HyperParameterTuningJobArn": ARN,
        "HyperParameterTuningJobConfig": {"Strategy": "Bayesian", "ResourceLimits": {"MaxParallelTrainingJobs": 1}},
        "TrainingJobDefinitions": [definition],
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": 1600000000,
        "TrainingJobStatusCounters": counters,
        "ObjectiveStatusCounters": {"Succeeded": 1, "Pending": 0, "Failed": 0},
    }
    sagemaker.add_response("describe_hyper_parameter_tuning_job", said, {"HyperParameterTuningJobName": "t"})
    job = tuning_jobs.describe_job(target, "t")
    assert tuning_jobs.first_objective(job) == ("validation:auc", True)
    assert tuning_history.settings_as_text(job)["objective"] == "validation:auc"
    assert training_data.find_rebalancing(target, job) is None


def test_a_training_job_that_reads_a_file_system_has_no_channels_in_s3(told):
    target, sagemaker, _ = told
    there = {"FileSystemId": "fs-0123456789", "FileSystemAccessMode": "ro", "FileSystemType": "FSxLustre", "DirectoryPath": "/data"}
    s3 = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/governance/rebalanced/train.csv"}
    sagemaker.add_response(
        "describe_training_job",
        {
            "TrainingJobName": "j",
            "TrainingJobArn": ARN,
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "AlgorithmSpecification": {"AlgorithmName": "bought", "TrainingInputMode": "File"},
            "StoppingCondition": {},
            "CreationTime": 1600000000,
            "InputDataConfig": [
                {"ChannelName": "train", "DataSource": {"FileSystemDataSource": there}},
                {"ChannelName": "validation", "DataSource": {"S3DataSource": s3}},
            ],
        },
        {"TrainingJobName": "j"},
    )
    job = training_jobs.describe_job(target, "j")
    assert jobs.channel_uris(job) == {"validation": s3["S3Uri"]}
    assert training_data.find_rebalancing(target, job) is None
    assert not training_data.is_baseline(job)


def test_a_decision_is_drawn_once(told):
    target, sagemaker, _ = told
    action, artifact = ENTITY.format("action/a"), ENTITY.format("artifact/0")
    made = {
        "ActionName": "a",
        "Source": {"SourceUri": "s3://b/e", "SourceType": "governance-event"},
        "ActionType": "approve",
        "Description": "r" * 3072,
        "Status": "Completed",
        "Properties": {"event": "0"},
        "Tags": ANY,  # by which call it was made
    }
    sagemaker.add_response("create_action", {"ActionArn": action}, made)
    between = {"SourceArn": action, "DestinationArn": artifact}
    sagemaker.add_response("add_association", between, between | {"AssociationType": "ContributedTo"})
    sagemaker.add_client_error("create_action", "ValidationException", "Action with name (a) already exists.", http_status_code=400)
    sagemaker.add_response("describe_action", {"ActionName": "a", "ActionArn": action}, {"ActionName": "a"})
    sagemaker.add_client_error(
        "add_association", "ValidationException", "Association between a and 0 already exists.", http_status_code=400
    )
    for _ in range(2):
        assert lineage_record.record_action(target, "a", "s3://b/e", "approve", "r" * 4000, {"event": "0"}) == action
        lineage_record.add_association(target, action, artifact, "ContributedTo")


@pytest.mark.parametrize(("end", "reason"), [("Completed", None), ("Failed", "Access denied to the output path"), ("SomethingNew", None)])
def test_a_cards_export_is_waited_for(told, monkeypatch, end, reason):
    """States of https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModelCardExportJob.html."""
    monkeypatch.setattr("core.governance.model_cards.model_card.time.sleep", lambda _: None)
    target, sagemaker, _ = told
    package = {
        "ModelPackageName": "credit",
        "ModelPackageGroupName": "credit",
        "ModelPackageVersion": 1,
        "ModelPackageArn": ARN,
        "CreationTime": 1600000000,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
    }
    sagemaker.add_response("describe_model_package", package, {"ModelPackageName": ARN})
    card_ = {
        "ModelCardArn": ENTITY.format("model-card/credit-v1"),
        "ModelCardName": "credit-v1",
        "ModelCardVersion": 3,
        "Content": "{}",
        "ModelCardStatus": "PendingReview",
        "CreationTime": 1600000000,
        "CreatedBy": {},
    }
    sagemaker.add_response("describe_model_card", card_, {"ModelCardName": "credit-v1"})
    job = ENTITY.format("model-card/credit-v1/export-job/e")
    asked = {
        "ModelCardName": "credit-v1",
        "ModelCardVersion": 3,
        "ModelCardExportJobName": ANY,
        "OutputConfig": {"S3OutputPath": target.uri("governance/cards")},
    }
    sagemaker.add_response("create_model_card_export_job", {"ModelCardExportJobArn": job}, asked)
    said = {
        "ModelCardExportJobName": "e",
        "ModelCardExportJobArn": job,
        "ModelCardName": "credit-v1",
        "ModelCardVersion": 3,
        "OutputConfig": {"S3OutputPath": target.uri("governance/cards")},
        "CreatedAt": 1600000000,
        "LastModifiedAt": 1600000001,
    }
    ends = {"Status": end, **({"FailureReason": reason} if reason else {})}
    ends |= {"ExportArtifacts": {"S3ExportArtifacts": target.uri("card.pdf")}} if end == "Completed" else {}
    for state in ({"Status": "InProgress"}, {"Status": "InProgress"}, ends):
        sagemaker.add_response("describe_model_card_export_job", said | state, {"ModelCardExportJobArn": job})
    if end == "Completed":
        target.files.write(target.uri("card.pdf"), b"%PDF")
        assert model_card.export_pdf(target, WORKFLOW_IDENTITY, ARN) == b"%PDF"
    else:
        with pytest.raises(GovernanceError, match=reason or "no reason was given"):
            model_card.export_pdf(target, WORKFLOW_IDENTITY, ARN)


def test_groups_and_jobs_found_by_name_come_in_pages(told):
    target, sagemaker, _ = told
    group = {
        "ModelPackageGroupArn": ENTITY.format("model-package-group/a"),
        "CreationTime": 1600000000,
        "ModelPackageGroupStatus": "Completed",
    }
    for name, asked, then in (("a", {}, {"NextToken": "n"}), ("b", {"NextToken": "n"}, {})):
        said = {"ModelPackageGroupSummaryList": [group | {"ModelPackageGroupName": name}], **then}
        sagemaker.add_response("list_model_package_groups", said, asked | {"MaxResults": 100})
    assert model_packages.list_groups(target) == ["a", "b"]


def test_what_is_not_there_is_not_found_in_sagemakers_own_words(told):
    """SageMaker says it with a ValidationException: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html."""
    target, sagemaker, _ = told
    for call, ask, words in (
        ("describe_training_job", lambda: training_jobs.describe_job(target, "j"), "Requested resource not found."),
        ("describe_model_package", lambda: model_packages.read_package(target, ARN), f"ModelPackage {ARN} does not exist."),
    ):
        sagemaker.add_client_error(call, "ValidationException", words)
        with pytest.raises(NotFound, match=words):
            ask()
