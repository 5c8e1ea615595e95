"""Experiments, trials and trial components, through boto3."""

import uuid
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def code(error):
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture
def trial(sagemaker):
    """(experiment, trial) that hold nothing yet."""
    experiment, trial = name("experiment"), name("trial")
    sagemaker.create_experiment(ExperimentName=experiment, Description="of a test")
    sagemaker.create_trial(TrialName=trial, ExperimentName=experiment)
    return experiment, trial


def test_a_trial_component_is_described_as_it_was_made(sagemaker):
    made = name("component")
    given = {
        "DisplayName": "A-step",
        "Status": {"PrimaryStatus": "InProgress", "Message": "begun"},
        "StartTime": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "Parameters": {"max_depth": {"NumberValue": 5.0}, "objective": {"StringValue": "binary:logistic"}},
        "InputArtifacts": {"train": {"MediaType": "text/csv", "Value": "s3://somewhere/train.csv"}},
        "MetadataProperties": {"CommitId": "abc"},
    }
    arn = sagemaker.create_trial_component(TrialComponentName=made, **given)["TrialComponentArn"]
    found = sagemaker.describe_trial_component(TrialComponentName=made)
    assert {key: found[key] for key in given} == given
    assert found["TrialComponentArn"] == arn
    with pytest.raises(ClientError, match="must be unique"):
        sagemaker.create_trial_component(TrialComponentName=made)


def test_an_update_adds_replaces_and_removes_single_entries(sagemaker):
    made = name("component")
    sagemaker.create_trial_component(
        TrialComponentName=made,
        Parameters={"a": {"NumberValue": 1.0}, "b": {"NumberValue": 2.0}, "c": {"NumberValue": 3.0}},
        OutputArtifacts={"model": {"Value": "s3://somewhere/1"}},
    )
    sagemaker.update_trial_component(
        TrialComponentName=made,
        Status={"PrimaryStatus": "Completed"},
        EndTime=datetime(2026, 1, 2, tzinfo=UTC),
        Parameters={"b": {"NumberValue": 20.0}},
        ParametersToRemove=["c"],
        OutputArtifacts={"report": {"Value": "s3://somewhere/2"}},
        OutputArtifactsToRemove=["model"],
    )
    found = sagemaker.describe_trial_component(TrialComponentName=made)
    assert found["Parameters"] == {"a": {"NumberValue": 1.0}, "b": {"NumberValue": 20.0}}
    assert found["OutputArtifacts"] == {"report": {"Value": "s3://somewhere/2"}}
    assert (found["Status"]["PrimaryStatus"], found["EndTime"]) == ("Completed", datetime(2026, 1, 2, tzinfo=UTC))


def test_components_are_found_by_trial_and_experiment(sagemaker, trial):
    experiment, in_trial = trial
    inside, outside = name("inside"), name("outside")
    for made in (inside, outside):
        sagemaker.create_trial_component(TrialComponentName=made)
    sagemaker.associate_trial_component(TrialComponentName=inside, TrialName=in_trial)
    for where in ({"TrialName": in_trial}, {"ExperimentName": experiment}):
        listed = sagemaker.list_trial_components(**where)["TrialComponentSummaries"]
        assert [entry["TrialComponentName"] for entry in listed] == [inside]
    assert [entry["TrialName"] for entry in sagemaker.list_trials(TrialComponentName=inside)["TrialSummaries"]] == [in_trial]
    assert [entry["TrialName"] for entry in sagemaker.list_trials(ExperimentName=experiment)["TrialSummaries"]] == [in_trial]
    sagemaker.disassociate_trial_component(TrialComponentName=inside, TrialName=in_trial)
    assert sagemaker.list_trial_components(TrialName=in_trial)["TrialComponentSummaries"] == []
    with pytest.raises(ClientError) as error:
        sagemaker.disassociate_trial_component(TrialComponentName=inside, TrialName=in_trial)
    assert code(error) == "ResourceNotFound"


def test_what_holds_something_is_not_deleted(sagemaker, trial):
    experiment, in_trial = trial
    inside = name("inside")
    sagemaker.create_trial_component(TrialComponentName=inside)
    sagemaker.associate_trial_component(TrialComponentName=inside, TrialName=in_trial)
    with pytest.raises(ClientError, match="trials"):
        sagemaker.delete_experiment(ExperimentName=experiment)
    with pytest.raises(ClientError, match="trial components"):
        sagemaker.delete_trial(TrialName=in_trial)
    with pytest.raises(ClientError, match="disassociate"):
        sagemaker.delete_trial_component(TrialComponentName=inside)
    sagemaker.disassociate_trial_component(TrialComponentName=inside, TrialName=in_trial)
    sagemaker.delete_trial_component(TrialComponentName=inside)
    sagemaker.delete_trial(TrialName=in_trial)
    sagemaker.delete_experiment(ExperimentName=experiment)
    with pytest.raises(ClientError) as error:
        sagemaker.describe_experiment(ExperimentName=experiment)
    assert code(error) == "ResourceNotFound"


def test_experiments_and_trials_are_renamed_for_show_only(sagemaker, trial):
    experiment, in_trial = trial
    sagemaker.update_experiment(ExperimentName=experiment, DisplayName="Shown", Description="changed")
    sagemaker.update_trial(TrialName=in_trial, DisplayName="Shown-too")
    assert sagemaker.describe_experiment(ExperimentName=experiment)["Description"] == "changed"
    found = sagemaker.describe_trial(TrialName=in_trial)
    assert (found["DisplayName"], found["TrialName"], found["ExperimentName"]) == ("Shown-too", in_trial, experiment)
    assert experiment in [e["ExperimentName"] for e in sagemaker.list_experiments(MaxResults=100)["ExperimentSummaries"]]


def test_a_source_is_not_searched_together_with_a_trial(sagemaker, trial):
    arn = "arn:aws:sagemaker:us-east-1:000000000000:training-job/none"
    with pytest.raises(ClientError) as error:
        sagemaker.list_trial_components(SourceArn=arn, TrialName=trial[1])
    assert code(error) == "ValidationException"
    assert sagemaker.list_trial_components(SourceArn=arn)["TrialComponentSummaries"] == []


def test_a_trial_needs_its_experiment(sagemaker):
    with pytest.raises(ClientError) as error:
        sagemaker.create_trial(TrialName=name("trial"), ExperimentName=name("none"))
    assert code(error) == "ResourceNotFound"


def test_metrics_that_a_client_measured_are_summed_up_on_its_component(client, sagemaker):
    component = name("measured")
    sagemaker.create_trial_component(TrialComponentName=component)
    metrics, now = client("sagemaker-metrics"), datetime.now(UTC)
    for start in (0, 10):
        points = [{"MetricName": "auc", "Timestamp": now, "Step": step, "Value": step / 100} for step in range(start, start + 10)]
        assert "Errors" not in metrics.batch_put_metrics(TrialComponentName=component, MetricData=points)
    last = {"MetricName": "auc", "Timestamp": now, "Value": 0.3}
    metrics.batch_put_metrics(TrialComponentName=component, MetricData=[last])
    (summary,) = sagemaker.describe_trial_component(TrialComponentName=component)["Metrics"]
    assert (summary["MetricName"], summary["Count"], summary["Min"], summary["Max"], summary["Last"]) == ("auc", 21, 0.0, 0.3, 0.3)
    with pytest.raises(ClientError) as error:
        metrics.batch_put_metrics(TrialComponentName="nobody", MetricData=[last])
    assert code(error) == "ResourceNotFound"
