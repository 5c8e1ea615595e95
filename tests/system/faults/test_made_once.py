"""A create whose answer is lost, or that AWS's lists and descriptions don't show yet, makes one thing."""

from __future__ import annotations

import secrets
from collections import Counter

import boto3
import pytest
from botocore.exceptions import IncompleteReadError
from botocore.retries import quota, standard
from proxy import Fault, Proxy

import core.aws.target
from core.aws import aws_names, complete_responses, container_images, idempotency, retries
from core.aws.idempotency import NameTaken, create_once
from core.aws.target import Target, connect
from core.data import bundled_data, datasets, table_check
from core.errors import Conflict, GovernanceError, NotFound, TargetUnavailable
from core.governance.model_cards import model_card
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, models, processing_requests, rebalancing_jobs, training_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.ledger import audit_log
from core.lineage import lineage_graph
from core.registry import model_evaluation, model_packages, registry_types
from core.reports import bias_jobs, shap_jobs
from core.settings import Settings

MAKES = "sagemaker:(Create|Add).*"


@pytest.fixture(scope="module")
def proxy(engine):
    with Proxy(engine.endpoint) as between:
        yield between


@pytest.fixture(autouse=True)
def hasty(monkeypatch, proxy):
    """No pauses, the weather is fine again, and a client doesn't give up early because of what it met in an earlier test."""
    monkeypatch.setattr(quota.RetryQuota, "acquire", lambda self, amount: True)
    monkeypatch.setattr(standard.ExponentialBackoff, "delay_amount", lambda self, context: 0)
    monkeypatch.setattr(retries, "READ_AFTER_CREATE_PAUSES", (0.02,))
    proxy.set()
    idempotency.forget_created_resources()


@pytest.fixture(scope="module")
def target(engine, engine_workspace, proxy) -> Target:
    """Of the engine, through the proxy, with a group of its own."""
    found = {"endpoint": proxy.endpoint, "region": engine.region}
    found |= {"access_key_id": engine.access_key_id, "secret_access_key": engine.secret_access_key}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.aws.target, "_ensure_local_engine", lambda workspace: found)
        return connect(Settings(workspace=engine_workspace, group=f"weather-{secrets.token_hex(3)}"))


def request(target: Target, kind: str, name: str) -> dict:
    """The least that a create of the kind asks for."""
    artifact = target.files.write(target.uri("weather/model.tar.gz"), b"nothing")
    image = container_images.xgboost_image(target)
    source = {"SourceUri": target.uri("weather", name)}
    return {
        "TrainingJob": lambda: {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": target.role,
            "InputDataConfig": [
                training_jobs.build_channel("train", target.files.write(target.uri("weather/train.csv"), b"0,1\n1,2\n" * 20))
            ],
            "OutputDataConfig": {"S3OutputPath": target.uri("weather/out")},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": {"num_round": "1"},
        },
        "ProcessingJob": lambda: processing_requests.build_processing_request(target, name, "rebalance", {}, target.uri("weather/out"), {}),
        "Model": lambda: {
            "ModelName": name,
            "ExecutionRoleArn": target.role,
            "PrimaryContainer": {"Image": image, "ModelDataUrl": artifact},
        },
        "ModelPackageGroup": lambda: {"ModelPackageGroupName": name},
        "Action": lambda: {"ActionName": name, "Source": source, "ActionType": "test"},
        "ModelCard": lambda: {"ModelCardName": name, "Content": "{}", "ModelCardStatus": "Draft"},
    }[kind]()


KINDS = ("TrainingJob", "ProcessingJob", "Model", "ModelPackageGroup", "Action", "ModelCard")


@pytest.fixture(params=KINDS)
def made(request) -> tuple[str, str]:
    return request.param, f"weather-{secrets.token_hex(4)}"


def test_a_create_whose_answer_was_lost_is_recognised_as_its_own(target, proxy, made):
    kind, name = made
    proxy.set(Fault("cut after", MAKES, 1))
    arn = create_once(target, kind, request(target, kind, name))
    assert proxy.seen.count(f"sagemaker:Create{kind}") == 2
    assert arn.endswith(f"/{name}")


def test_a_name_that_somebody_else_has_taken_is_no_success(target, proxy, made):
    kind, name = made
    first = create_once(target, kind, request(target, kind, name))
    with pytest.raises(NameTaken, match="Choose another name"):
        create_once(target, kind, request(target, kind, name))
    assert create_once(target, kind, request(target, kind, name), shared=True) == first


def test_a_create_of_which_every_answer_was_lost_is_found_or_said_to_be_uncertain(target, proxy, made):
    kind, name = made
    proxy.set(Fault("cut after", MAKES))
    assert create_once(target, kind, request(target, kind, name)).endswith(name)
    proxy.set(Fault("cut before", MAKES))
    with pytest.raises(TargetUnavailable, match="check the list before you start it again"):
        create_once(target, kind, request(target, kind, f"{name}-b"))


def test_a_create_that_was_throttled_for_ever_is_not_said_to_be_uncertain(target, proxy):
    proxy.set(Fault("throttle", MAKES))
    with pytest.raises(TargetUnavailable, match="slow down") as raised:
        create_once(target, "Action", request(target, "Action", f"weather-{secrets.token_hex(4)}"))
    assert idempotency.MAYBE_DONE_HINT not in str(raised.value)


def test_what_was_just_made_is_waited_for_and_what_is_gone_is_not(target, proxy):
    name = f"weather-{secrets.token_hex(4)}"
    proxy.set(Fault("late", MAKES, 3))
    create_once(target, "ProcessingJob", request(target, "ProcessingJob", name))
    assert [job.name for job in jobs.list_jobs(target, "processing", name_contains=name)] == [name]
    assert proxy.seen.count("sagemaker:DescribeProcessingJob") == 4
    proxy.set()
    with pytest.raises(NotFound):
        jobs.describe_job(target, "processing", "nobody-made-this")
    assert proxy.seen == ["sagemaker:DescribeProcessingJob"]


def test_a_model_of_that_name_with_another_artifact_is_not_taken_for_the_jobs_own(target):
    train = target.files.write(target.uri("weather/train.csv"), b"0,1\n1,2\n" * 20)
    job = training_jobs.launch_job(target, WORKFLOW_IDENTITY, train, train, {"num_round": "1"}, name=f"weather-{secrets.token_hex(4)}")
    jobs.wait_for_jobs(target, [("training", job)])
    create_once(target, "Model", request(target, "Model", f"{job}-model"))
    with pytest.raises(Conflict, match="already exists for another training job"):
        models.ensure_model(target, WORKFLOW_IDENTITY, job)


def test_the_way_to_a_version_in_bad_weather_makes_one_of_each(target, proxy, client):
    """Every create's first answer is lost, and what was made is missing from the next two lists and the next two descriptions."""
    weather = (Fault("cut after", MAKES, 1), Fault("throttle", "sagemaker:(List|Describe).*", 1), Fault("late", MAKES, 2))
    proxy.set(*weather)
    frame = bundled_data.read_bundled().sample(400, random_state=3)
    checked = table_check.check_table(frame, bundled_data.BUNDLED_ROLES)
    dataset = datasets.upload_dataset(target, WORKFLOW_IDENTITY, checked, f"weather-{secrets.token_hex(3)}")
    rebalanced = rebalancing_jobs.launch_job(target, WORKFLOW_IDENTITY, dataset, RebalancingOptions("none"))
    assert rebalanced in [job.name for job in rebalancing_jobs.list_jobs(target, rebalanced)]
    jobs.wait_for_jobs(target, [("processing", rebalanced)])
    data = rebalancing_jobs.read_result(target, rebalanced)
    job = training_jobs.launch_job(
        target, WORKFLOW_IDENTITY, data.uri("train.csv"), data.uri("validation_res.csv"), {"num_round": "2"}, rebalanced=rebalanced
    )
    jobs.wait_for_jobs(target, [("training", job)])
    begun = model_evaluation.start_jobs(target, WORKFLOW_IDENTITY, job, data)
    assert begun.bias_job
    assert begun.shap_job
    idempotency.forget_created_resources()  # another copy of the dashboard, which doesn't know what this one has made
    again = model_evaluation.start_jobs(target, WORKFLOW_IDENTITY, job, data)
    jobs.wait_for_jobs(target, [("processing", begun.bias_job.name), ("processing", begun.shap_job.name)])
    proxy.set(*weather)  # by now AWS's lists have the two jobs
    arn = model_evaluation.register_evaluated_model(target, WORKFLOW_IDENTITY, job, data, "mitigated")
    assert model_evaluation.register_evaluated_model(target, WORKFLOW_IDENTITY, job, data, "mitigated") == arn
    package = model_packages.read_package(target, arn)
    card = model_card.ensure_card(target, package, data)
    assert (card.version, again.training_job) == (1, job)

    direct, mark = client("sagemaker"), aws_names.short_hash(job)
    made = [j["ProcessingJobName"] for j in direct.list_processing_jobs(NameContains=mark)["ProcessingJobSummaries"]]
    assert sorted(made) == sorted([f"{bias_jobs.JOB_NAME_PREFIX}-{mark}-1", f"{shap_jobs.JOB_NAME_PREFIX}-{mark}-1"])
    group = direct.list_model_packages(ModelPackageGroupName=target.settings.group)["ModelPackageSummaryList"]
    assert [version["ModelPackageArn"] for version in group] == [arn]
    assert len(direct.list_models(NameContains=job)["Models"]) == 1
    registered = [event for event in audit_log.read_events(target) if event.subject == arn]
    assert [event.kind for event in registered] == [registry_types.REGISTER_EVENT]
    edges = direct.list_associations(DestinationArn=lineage_graph.find_artifact_arn(target, arn))["AssociationSummaries"]
    assert max(Counter((e["SourceArn"], e["DestinationArn"]) for e in edges).values()) == 1
    assert Counter(proxy.seen)["sagemaker:CreateModelPackage"] >= 2
    proxy.set()
    other = model_evaluation.register_evaluated_model(target, WORKFLOW_IDENTITY, job, data, "mitigated", "second-group")
    assert other.endswith("/second-group/1")


def test_two_registrations_with_one_token_are_one_version_and_with_other_content_a_conflict(target, proxy):
    name = f"weather-{secrets.token_hex(4)}"
    create_once(target, "ModelPackageGroup", request(target, "ModelPackageGroup", name))
    container = {"Image": container_images.xgboost_image(target), "ModelDataUrl": target.uri("weather/model.tar.gz")}
    asked = {
        "ModelPackageGroupName": name,
        "InferenceSpecification": {"Containers": [container], "SupportedContentTypes": ["text/csv"]},
        "ClientToken": secrets.token_hex(8),
    }
    proxy.set(Fault("cut after", MAKES, 1))
    arn = create_once(target, "ModelPackage", asked)
    assert create_once(target, "ModelPackage", asked) == arn
    assert [version.arn for version in model_packages.list_versions(target, name)] == [arn]
    with pytest.raises(Conflict):
        create_once(target, "ModelPackage", asked | {"ModelPackageDescription": "another"})


def test_a_new_version_and_its_group_are_shown_before_aws_lists_them(target, proxy):
    name = f"weather-{secrets.token_hex(4)}"
    proxy.set(Fault("late", MAKES, 2))
    create_once(target, "ModelPackageGroup", request(target, "ModelPackageGroup", name))
    container = {"Image": container_images.xgboost_image(target), "ModelDataUrl": target.uri("weather/model.tar.gz")}
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
    arn = create_once(target, "ModelPackage", {"ModelPackageGroupName": name, "InferenceSpecification": specification})
    for _ in range(4):
        assert [version.arn for version in model_packages.list_versions(target, name)] == [arn]


# answers that break off ----------------------------------------------------------------------------


@pytest.fixture
def session(engine):
    keys = {"aws_access_key_id": engine.access_key_id, "aws_secret_access_key": engine.secret_access_key, "region_name": engine.region}
    return complete_responses.retry_incomplete_responses(boto3.Session(**keys))


def test_a_list_that_breaks_off_is_asked_for_again_and_never_read_as_empty(session, proxy):
    sagemaker = session.client("sagemaker", endpoint_url=proxy.endpoint)
    whole = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    proxy.set(Fault("cut within", "sagemaker:.*", 2))
    assert sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == whole
    assert len(proxy.seen) == 3
    proxy.set(Fault("cut within", "sagemaker:.*"))
    with pytest.raises(IncompleteReadError):
        sagemaker.list_processing_jobs()


def test_a_file_that_breaks_off_is_asked_for_again(target, session, proxy):
    uri = target.files.write(target.uri("weather/long"), b"abc" * 10_000)
    s3 = session.client("s3", endpoint_url=proxy.endpoint)
    where = dict(zip(("Bucket", "Key"), uri.removeprefix("s3://").split("/", 1), strict=True))
    proxy.set(Fault("cut within", "s3:.*", 2))
    content, answer = complete_responses.read_body(lambda: s3.get_object(**where))
    assert (content, answer["ContentLength"]) == (b"abc" * 10_000, 30_000)
    proxy.set(Fault("cut within", "s3:.*"))
    with pytest.raises(GovernanceError, match="broke off during the response"):
        target.files.read(uri)
