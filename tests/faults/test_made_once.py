"""A create whose answer is lost, or that AWS's lists and descriptions don't show yet, makes one thing."""

from __future__ import annotations

import secrets
from collections import Counter

import boto3
import pytest
from botocore.exceptions import IncompleteReadError
from botocore.retries import quota, standard
from proxy import Fault, Proxy

import core.clients
from core import (
    answers,
    bias,
    creating,
    datasets,
    evaluation,
    explainability,
    jobs,
    lineage,
    models,
    rebalancing,
    registry,
    tables,
    training,
)
from core.clients import Clients, connect
from core.creating import Taken, once
from core.errors import Conflict, GovernanceError, NotFound, TargetUnavailable
from core.governance import log, model_card
from core.identity import WORKFLOW
from core.rebalancing import Rebalance
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
    monkeypatch.setattr(creating, "PAUSES", (0.02,))
    proxy.set()
    creating._made.clear()


@pytest.fixture(scope="module")
def clients(engine, engine_workspace, proxy) -> Clients:
    """Of the engine, through the proxy, with a group of its own."""
    found = {"endpoint": proxy.endpoint, "region": engine.region}
    found |= {"access_key_id": engine.access_key_id, "secret_access_key": engine.secret_access_key}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.clients, "_engine", lambda workspace: found)
        return connect(Settings(workspace=engine_workspace, group=f"weather-{secrets.token_hex(3)}"))


def request(clients: Clients, kind: str, name: str) -> dict:
    """The least that a create of the kind asks for."""
    artifact = clients.write(clients.uri("weather/model.tar.gz"), b"nothing")
    image = jobs.xgboost_image(clients)
    source = {"SourceUri": clients.uri("weather", name)}
    return {
        "TrainingJob": lambda: {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": clients.role,
            "InputDataConfig": [training.channel("train", clients.write(clients.uri("weather/train.csv"), b"0,1\n1,2\n" * 20))],
            "OutputDataConfig": {"S3OutputPath": clients.uri("weather/out")},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": {"num_round": "1"},
        },
        "ProcessingJob": lambda: jobs.processing_request(clients, name, "rebalance", {}, clients.uri("weather/out"), {}),
        "Model": lambda: {
            "ModelName": name,
            "ExecutionRoleArn": clients.role,
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


def test_a_create_whose_answer_was_lost_is_recognised_as_its_own(clients, proxy, made):
    kind, name = made
    proxy.set(Fault("cut after", MAKES, 1))
    arn = once(clients, kind, request(clients, kind, name))
    assert proxy.seen.count(f"sagemaker:Create{kind}") == 2
    assert arn.endswith(f"/{name}")


def test_a_name_that_somebody_else_has_taken_is_no_success(clients, proxy, made):
    kind, name = made
    first = once(clients, kind, request(clients, kind, name))
    with pytest.raises(Taken, match="Choose another name"):
        once(clients, kind, request(clients, kind, name))
    assert once(clients, kind, request(clients, kind, name), shared=True) == first


def test_a_create_of_which_every_answer_was_lost_is_found_or_said_to_be_uncertain(clients, proxy, made):
    kind, name = made
    proxy.set(Fault("cut after", MAKES))
    assert once(clients, kind, request(clients, kind, name)).endswith(name)
    proxy.set(Fault("cut before", MAKES))
    with pytest.raises(TargetUnavailable, match="look at the list before you start it again"):
        once(clients, kind, request(clients, kind, f"{name}-b"))


def test_a_create_that_was_throttled_for_ever_is_not_said_to_be_uncertain(clients, proxy):
    proxy.set(Fault("throttle", MAKES))
    with pytest.raises(TargetUnavailable, match="slow down") as raised:
        once(clients, "Action", request(clients, "Action", f"weather-{secrets.token_hex(4)}"))
    assert creating.UNSURE not in str(raised.value)


def test_what_was_just_made_is_waited_for_and_what_is_gone_is_not(clients, proxy):
    name = f"weather-{secrets.token_hex(4)}"
    proxy.set(Fault("late", MAKES, 3))
    once(clients, "ProcessingJob", request(clients, "ProcessingJob", name))
    assert [job.name for job in jobs.listed(clients, "processing", contains=name)] == [name]
    assert proxy.seen.count("sagemaker:DescribeProcessingJob") == 4
    proxy.set()
    with pytest.raises(NotFound):
        jobs.describe(clients, "processing", "nobody-made-this")
    assert proxy.seen == ["sagemaker:DescribeProcessingJob"]


def test_a_model_of_that_name_with_another_artifact_is_not_taken_for_the_jobs_own(clients):
    train = clients.write(clients.uri("weather/train.csv"), b"0,1\n1,2\n" * 20)
    job = training.launch(clients, WORKFLOW, train, train, {"num_round": "1"}, name=f"weather-{secrets.token_hex(4)}")
    jobs.wait(clients, [("training", job)])
    once(clients, "Model", request(clients, "Model", f"{job}-model"))
    with pytest.raises(Conflict, match=f"isn't that of {job}"):
        models.ensure_model(clients, WORKFLOW, job)


def test_the_way_to_a_version_in_bad_weather_makes_one_of_each(clients, proxy, client):
    """Every create's first answer is lost, and what was made is missing from the next two lists and the next two descriptions."""
    weather = (Fault("cut after", MAKES, 1), Fault("throttle", "sagemaker:(List|Describe).*", 1), Fault("late", MAKES, 2))
    proxy.set(*weather)
    frame = tables.bundled().sample(400, random_state=3)
    checked = tables.check(frame, tables.BUNDLED_ROLES)
    dataset = datasets.upload(clients, WORKFLOW, checked, f"weather-{secrets.token_hex(3)}")
    rebalanced = rebalancing.launch(clients, WORKFLOW, dataset, Rebalance("none"))
    assert rebalanced in [job.name for job in rebalancing.list_jobs(clients, rebalanced)]
    jobs.wait(clients, [("processing", rebalanced)])
    data = rebalancing.result(clients, rebalanced)
    job = training.launch(
        clients, WORKFLOW, data.uri("train.csv"), data.uri("validation_res.csv"), {"num_round": "2"}, rebalanced=rebalanced
    )
    jobs.wait(clients, [("training", job)])
    begun = evaluation.start(clients, WORKFLOW, job, data)
    assert begun.bias_job
    assert begun.shap_job
    creating._made.clear()  # another copy of the dashboard, which doesn't know what this one has made
    again = evaluation.start(clients, WORKFLOW, job, data)
    jobs.wait(clients, [("processing", begun.bias_job.name), ("processing", begun.shap_job.name)])
    proxy.set(*weather)  # by now AWS's lists have the two jobs
    arn = evaluation.register(clients, WORKFLOW, job, data, "mitigated")
    assert evaluation.register(clients, WORKFLOW, job, data, "mitigated") == arn
    package = registry.get(clients, arn)
    card = model_card.ensure(clients, package)
    assert (card.version, again.training_job) == (1, job)

    direct, mark = client("sagemaker"), evaluation._mark(job)
    made = [j["ProcessingJobName"] for j in direct.list_processing_jobs(NameContains=mark)["ProcessingJobSummaries"]]
    assert sorted(made) == sorted([f"{bias.PREFIX}-{mark}-1", f"{explainability.PREFIX}-{mark}-1"])
    group = direct.list_model_packages(ModelPackageGroupName=clients.settings.group)["ModelPackageSummaryList"]
    assert [version["ModelPackageArn"] for version in group] == [arn]
    assert len(direct.list_models(NameContains=job)["Models"]) == 1
    registered = [event for event in log.read(clients) if event.subject == arn]
    assert [event.kind for event in registered] == [registry.REGISTERED]
    edges = direct.list_associations(DestinationArn=lineage.artifact_of(clients, arn))["AssociationSummaries"]
    assert max(Counter((e["SourceArn"], e["DestinationArn"]) for e in edges).values()) == 1
    assert Counter(proxy.seen)["sagemaker:CreateModelPackage"] >= 2


def test_two_registrations_with_one_token_are_one_version_and_with_other_content_a_conflict(clients, proxy):
    name = f"weather-{secrets.token_hex(4)}"
    once(clients, "ModelPackageGroup", request(clients, "ModelPackageGroup", name))
    container = {"Image": jobs.xgboost_image(clients), "ModelDataUrl": clients.uri("weather/model.tar.gz")}
    asked = {
        "ModelPackageGroupName": name,
        "InferenceSpecification": {"Containers": [container], "SupportedContentTypes": ["text/csv"]},
        "ClientToken": secrets.token_hex(8),
    }
    proxy.set(Fault("cut after", MAKES, 1))
    arn = once(clients, "ModelPackage", asked)
    assert once(clients, "ModelPackage", asked) == arn
    assert [version.arn for version in registry.versions(clients, name)] == [arn]
    with pytest.raises(Conflict):
        once(clients, "ModelPackage", asked | {"ModelPackageDescription": "another"})


def test_a_new_version_and_its_group_are_shown_before_aws_lists_them(clients, proxy):
    name = f"weather-{secrets.token_hex(4)}"
    proxy.set(Fault("late", MAKES, 2))
    once(clients, "ModelPackageGroup", request(clients, "ModelPackageGroup", name))
    container = {"Image": jobs.xgboost_image(clients), "ModelDataUrl": clients.uri("weather/model.tar.gz")}
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
    arn = once(clients, "ModelPackage", {"ModelPackageGroupName": name, "InferenceSpecification": specification})
    for _ in range(4):
        assert [version.arn for version in registry.versions(clients, name)] == [arn]


# answers that break off ----------------------------------------------------------------------------


@pytest.fixture
def session(engine):
    keys = {"aws_access_key_id": engine.access_key_id, "aws_secret_access_key": engine.secret_access_key, "region_name": engine.region}
    return answers.checked(boto3.Session(**keys))


def test_a_list_that_breaks_off_is_asked_for_again_and_never_read_as_empty(session, proxy):
    sagemaker = session.client("sagemaker", endpoint_url=proxy.endpoint)
    whole = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    proxy.set(Fault("cut within", "sagemaker:.*", 2))
    assert sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == whole
    assert len(proxy.seen) == 3
    proxy.set(Fault("cut within", "sagemaker:.*"))
    with pytest.raises(IncompleteReadError):
        sagemaker.list_processing_jobs()


def test_a_file_that_breaks_off_is_asked_for_again(clients, session, proxy):
    uri = clients.write(clients.uri("weather/long"), b"abc" * 10_000)
    s3 = session.client("s3", endpoint_url=proxy.endpoint)
    where = dict(zip(("Bucket", "Key"), uri.removeprefix("s3://").split("/", 1), strict=True))
    proxy.set(Fault("cut within", "s3:.*", 2))
    content, answer = answers.body(lambda: s3.get_object(**where))
    assert (content, answer["ContentLength"]) == (b"abc" * 10_000, 30_000)
    proxy.set(Fault("cut within", "s3:.*"))
    with pytest.raises(GovernanceError, match="broke within the answer"):
        clients.read(uri)
