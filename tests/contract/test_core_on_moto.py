"""``core`` on a target that nobody here wrote: moto's server, reached as AWS is (GOVERNANCE_TARGET=aws, and AWS's own AWS_ENDPOINT_URL).

moto's jobs complete at once and write nothing; it has no lineage. Where it does another thing than AWS, the test must fail on it, and says
which page of AWS's decides.
"""

import io
import json
import time

import boto3
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from deciding import DANA
from moto.server import ThreadedMotoServer

from core import (
    bias,
    datasets,
    evaluation,
    explainability,
    jobs,
    lineage,
    lineage_search,
    models,
    rebalancing,
    registry,
    tables,
    training,
    tuning,
)
from core.analysis.performance import evaluate
from core.clients import connect
from core.errors import Conflict, NotFound, TargetUnavailable
from core.governance import decisions, log, model_card, signing
from core.rebalancing import Rebalance
from core.settings import Settings

TAKEN = "moto takes a name twice (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html: ResourceInUse)"
STATUSLESS = "moto forgets a status that isn't given (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelCard.html)"
UNTRACKED = "moto makes no trial components of jobs (https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-entities.html)"
REGION = "eu-central-1"


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """A new account in Frankfurt, with the execution role and the bucket that the product asks for, and nothing else."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    key = tmp_path_factory.mktemp("keys") / "own.pem"
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    variables = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    variables |= {"AWS_REGION": REGION, "GOVERNANCE_TARGET": "aws", "GOVERNANCE_SIGNING_KEY": f"file2:{key}"}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        iam = boto3.client("iam", region_name=REGION)
        iam.create_role(RoleName="governance-execution", Path="/service-role/", AssumeRolePolicyDocument="{}")
        made = connect(Settings())
        made.s3.create_bucket(Bucket=made.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield made
    server.stop()


@pytest.fixture(scope="module")
def checked():
    frame = pd.read_csv(io.BytesIO(tables.to_csv(tables.bundled().sample(300, random_state=1))))
    return tables.check(frame, tables.BUNDLED_ROLES)


@pytest.fixture(scope="module")
def dataset(clients, checked):
    return datasets.upload(clients, DANA, checked, "Credit")


@pytest.fixture(scope="module")
def data(clients, dataset):
    """What a rebalancing job would have written."""
    job = rebalancing.launch(clients, DANA, dataset, Rebalance(), name="governance-rebalance-1")
    folder = jobs.output_of(jobs.describe(clients, "processing", job))
    file = {"sha256": "0" * 64, "rows": 1, "columns": ["LABEL", "SEX"]}
    files = dict.fromkeys(("train_res.csv", "test_res.csv", "test_header.csv"), file)
    manifest = {"files": files, "weights": False, "counts": {"before": [{"facet": 1}, {"facet": 2}]}}
    clients.write(f"{folder}/manifest.json", json.dumps(manifest).encode())
    return rebalancing.result(clients, job)


@pytest.fixture(scope="module")
def trained(clients, data):
    files = (data.uri("train_res.csv"), data.uri("validation_res.csv"))
    name = training.launch(clients, DANA, *files, name="governance-train-1", rebalanced=data.job)
    clients.write(training.describe(clients, name).raw["ModelArtifacts"]["S3ModelArtifacts"], b"a model")
    return name


def test_the_account_is_asked_who_it_is_and_what_its_jobs_run_as(clients):
    assert (clients.account, clients.region, clients.bucket) == ("123456789012", REGION, f"sagemaker-{REGION}-123456789012")
    assert clients.role == "arn:aws:iam::123456789012:role/service-role/governance-execution"
    assert {client.meta.endpoint_url for client in (clients.s3, clients.sagemaker, clients.logs)} == {clients.s3.meta.endpoint_url}


def test_a_data_set_comes_back_as_it_was_uploaded_and_twice_is_once(clients, checked, dataset):
    assert datasets.get(clients, dataset.uri) == dataset
    assert (datasets.list_datasets(clients), datasets.count(clients)) == ([dataset], 1)
    frame = datasets.fetch(clients, DANA, dataset.uri)
    assert len(frame) == 300
    assert datasets.upload(clients, DANA, checked, "Credit") == dataset
    assert datasets.head(clients, dataset.uri, rows=3).equals(frame.head(3))


def test_of_two_who_write_the_same_object_one_is_told(clients):
    uri = clients.uri("once")
    assert (clients.create(uri, b"1"), clients.create(uri, b"2")) == (True, False)
    content, tag = clients.read_tagged(uri)
    assert (content, clients.create(uri, b"3", instead_of=tag), clients.create(uri, b"4", instead_of=tag)) == (b"1", True, False)
    assert clients.create(clients.uri("never"), b"5", instead_of=tag) is False
    assert (clients.read(uri), clients.exists(uri), clients.exists(clients.uri("never"))) == (b"3", True, False)


def test_keys_come_in_order_beyond_a_page(clients, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    wanted = [clients.write(clients.uri("many", f"{number:04d} ü+"), b"") for number in range(13)]
    assert clients.keys(clients.uri("many/")) == wanted
    assert clients.keys(clients.uri("many/"), after=wanted[6]) == wanted[7:]


def test_what_is_not_there_is_not_found(clients):
    for ask in (
        lambda: clients.read(clients.uri("none")),
        lambda: clients.read("s3://no-such-bucket-anywhere/k"),
        lambda: training.describe(clients, "none"),
        lambda: jobs.describe(clients, "processing", "none"),
        lambda: tuning.describe(clients, "none"),
        lambda: registry.get(clients, f"arn:aws:sagemaker:{REGION}:123456789012:model-package/none/1"),
        lambda: models.ensure_model(clients, DANA, "none"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_a_training_job_is_what_was_asked_for(clients, data, trained):
    job = training.describe(clients, trained)
    assert (job.status, job.raw["RoleArn"]) == ("Completed", clients.role)
    image = f"492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:{Settings().xgboost_version}"
    assert job.raw["AlgorithmSpecification"]["TrainingImage"] == image
    assert {name: job.raw["HyperParameters"][name] for name in training.BASELINE} == training.BASELINE
    assert jobs.channels(job) == {"train": data.uri("train_res.csv"), "validation": data.uri("validation_res.csv")}
    assert evaluation.data_of(clients, job) == data
    assert training.launched_by(clients, job.raw["TrainingJobArn"]) == (DANA.tag, "Dana")
    assert [found.name for found in jobs.listed(clients, "training", contains=training.PREFIX)] == [trained]
    assert jobs.listed(clients, "training", contains="other") == []
    assert jobs.wait(clients, [("training", trained)])[0].name == trained


def test_a_job_that_printed_nothing_has_no_lines_and_no_curves(clients, trained):
    assert jobs.logs(clients, "training", trained) == []
    assert training.curves(clients, trained).empty
    assert training.report(clients, training.describe(clients, trained)) is None


def test_the_lines_of_a_job_are_all_its_lines(clients):
    group, stream = "/aws/sagemaker/ProcessingJobs", "printed/algo-1-1700000000"
    clients.logs.create_log_group(logGroupName=group)
    clients.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    lines, now = [f"line {number}" for number in range(12_000)], int(time.time() * 1000) - 60_000
    for start in (0, 6000):
        events = [{"timestamp": now + i, "message": lines[i]} for i in range(start, start + 6000)]
        clients.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert jobs.logs(clients, "processing", "printed", most=20_000) == lines
    assert jobs.logs(clients, "processing", "printed", most=7) == lines[:7]
    assert jobs.logs(clients, "processing", "print") == []


@pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason=TAKEN)
def test_a_job_name_is_used_once(clients, data, trained):
    with pytest.raises(Conflict):
        training.launch(clients, DANA, data.uri("train_res.csv"), data.uri("validation_res.csv"), name=trained)


@pytest.mark.parametrize("strategy", tuning.STRATEGIES)
def test_a_tuning_job_is_what_was_asked_for(clients, data, strategy):
    ranges = tuning.DEFAULT_RANGES[:1] if strategy == "Grid" else tuning.DEFAULT_RANGES
    request = tuning.TuningRequest(data, ranges, strategy=strategy, max_jobs=4)
    name = tuning.launch(clients, DANA, request)
    job = tuning.describe(clients, name)
    assert (tuning.objective(job), tuning.uses(job, data), evaluation.data_of(clients, job)) == (("validation:auc", True), True, data)
    assert name in {found.name for found in tuning.list_jobs(clients)}
    limits = job.raw["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits["MaxParallelTrainingJobs"] == 2
    assert ("MaxNumberOfTrainingJobs" in limits) is (strategy != "Grid")


def test_a_model_is_made_once_and_says_where_it_is_from(clients, data, trained):
    assert models.ensure_model(clients, DANA, trained) == models.ensure_model(clients, DANA, trained) == f"{trained}-model"
    assert len(clients.sagemaker.list_models()["Models"]) == 1
    job = bias.launch(clients, DANA, f"{trained}-model", data)
    assert bias.origin(clients, job) == bias.Origin(f"{trained}-model", trained, data.job)
    assert job in {found.name for found in bias.list_jobs(clients)}
    with pytest.raises(NotFound, match=r"analysis\.json"):
        bias.report(clients, job)
    shap = explainability.launch(clients, DANA, f"{trained}-model", data)
    about = explainability.about(clients, shap)
    assert (about.model, about.training_job, about.rebalanced, about.facet) == (f"{trained}-model", trained, data.job, "SEX")


def test_a_processing_job_runs_the_products_image_as_the_execution_role(clients, data):
    raw = jobs.describe(clients, "processing", data.job).raw
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/governance-analysis:latest"
    assert raw["AppSpecification"] == {"ImageUri": image, "ContainerEntrypoint": ["rebalance"]}
    assert raw["RoleArn"] == clients.role


def test_the_log_is_written_read_and_verified(clients):
    written = [log.append(clients, DANA, "note", "subject", {"n": n}) for n in range(3)]
    log._read.clear()
    assert list(log.read(clients)) == written
    uri = clients.uri(log.key(2))
    clients.write(uri, clients.read(uri).replace(b'"payload":"', b'"payload":"ey'))
    log._read.clear()
    with pytest.raises(signing.Forged):
        log.read(clients)


def register(clients, data, trained):
    model = models.ensure_model(clients, DANA, trained)
    made = {"bias_job": bias.launch(clients, DANA, model, data), "shap_job": explainability.launch(clients, DANA, model, data)}
    for job in made.values():
        quality = {"performance": evaluate([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.6]).to_json()}
        report = json.dumps({"pre_training_bias_metrics": {"facets": {}}, "governance": quality})
        clients.write(f"{jobs.output_of(jobs.describe(clients, 'processing', job))}/analysis.json", report.encode())
    return registry.register(clients, DANA, training_job=trained, data=data, role="baseline", group="credit", **made)


@pytest.fixture(scope="module")
def registered(clients, data, trained):
    """A version, though moto lacks the lineage that belongs to it."""
    log._read.clear()
    for uri in clients.keys(clients.uri("governance/log/")):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        clients.s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(NotFound, match="trial component"):
        register(clients, data, trained)
    (found,) = registry.versions(clients, "credit")
    return found


def test_a_version_holds_its_evidence_and_awaits_a_decision(clients, data, trained, registered):
    assert (registered.group, registered.version, registered.status) == ("credit", 1, "PendingManualApproval")
    assert registry.groups(clients) == ["credit"]
    assert registry.version(clients, registered.arn) == registered
    package = registry.get(clients, registered.arn)
    assert (package.training_job, package.performance["auc"]["value"]) == (trained, 1.0)
    assert package.model_uri == training.describe(clients, trained).raw["ModelArtifacts"]["S3ModelArtifacts"]
    assert package.properties["governance:trained-by"] == DANA.tag
    assert registry.missing_evidence(clients, package) == []
    clients.write(package.raw["ModelMetrics"]["Bias"]["Report"]["S3Uri"], b"{}")
    assert registry.missing_evidence(clients, package) == ["bias"]
    assert decisions.state(clients, registered.arn).status == "registered"


def test_a_card_is_kept(clients, registered):
    package = registry.get(clients, registered.arn)
    kept = model_card._keep(clients, package, {"a": 1}, model_card.Card(model_card.name_of(package), 0, "Draft", None, {}))
    assert (kept.version, kept.status, kept.content) == (1, "Draft", {"a": 1})
    assert [version for version, _ in model_card.versions(clients, package)] == [1]


@pytest.mark.xfail(strict=True, raises=KeyError, reason=STATUSLESS)
def test_a_changed_card_is_a_new_version(clients, registered):
    package = registry.get(clients, registered.arn)
    kept = model_card._keep(clients, package, {"a": 2}, model_card.current(clients, package))
    assert (kept.version, kept.status, kept.content) == (2, "Draft", {"a": 2})


@pytest.mark.xfail(strict=True, raises=NotFound, reason=UNTRACKED)
def test_a_registration_is_recorded_in_the_lineage(clients, data, trained, registered):
    register(clients, data, trained)


def test_a_target_without_lineage_is_told_in_words(clients, dataset, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between the tries
    for ask in (
        lambda: lineage.artifact_of(clients, dataset.uri),
        lambda: lineage.graph(clients, f"arn:aws:sagemaker:{REGION}:123456789012:artifact/a"),
        lambda: lineage_search.find(clients, "a"),
    ):
        with pytest.raises(TargetUnavailable):
            ask()
