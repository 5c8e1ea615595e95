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

from core.analysis.performance.performance import evaluate_performance
from core.analysis.tables import csv_writer
from core.aws import retries
from core.aws.target import connect
from core.data import bundled_data, datasets, table_check
from core.errors import Conflict, NotFound, TargetUnavailable
from core.governance.model_cards import model_card
from core.governance.version_state import read_state
from core.jobs import jobs, models, rebalancing_jobs, training_data, training_jobs, xgboost_report_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.jobs.tuning import tuning_jobs
from core.ledger import audit_log, signing
from core.lineage import lineage_graph, lineage_search
from core.registry import model_packages, version_registration
from core.reports import bias_jobs, shap_jobs
from core.settings import Settings

pytestmark = pytest.mark.engine

TAKEN = "moto takes a name twice (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html: ResourceInUse)"
STATUSLESS = "moto forgets a status that isn't given (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelCard.html)"
UNTRACKED = "moto makes no trial components of jobs (https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-entities.html)"
REGION = "eu-central-1"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
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
    frame = pd.read_csv(io.BytesIO(csv_writer.to_csv(bundled_data.read_bundled().sample(300, random_state=1))))
    return table_check.check_table(frame, bundled_data.BUNDLED_ROLES)


@pytest.fixture(scope="module")
def dataset(target, checked):
    return datasets.upload_dataset(target, DANA, checked, "Credit")


@pytest.fixture(scope="module")
def data(target, dataset):
    """What a rebalancing job would have written."""
    job = rebalancing_jobs.launch_job(target, DANA, dataset, RebalancingOptions(), name="governance-rebalance-1")
    folder = jobs.output_uri(jobs.describe_job(target, "processing", job))
    file = {"sha256": "0" * 64, "rows": 1, "columns": ["LABEL", "SEX"]}
    files = dict.fromkeys(("train_res.csv", "test_res.csv", "test_header.csv"), file)
    manifest = {"files": files, "weights": False, "counts": {"before": [{"label": 0, "facet": 1}, {"label": 1, "facet": 2}]}}
    target.files.write(f"{folder}/manifest.json", json.dumps(manifest).encode())
    return rebalancing_jobs.read_result(target, job)


@pytest.fixture(scope="module")
def trained(target, data):
    files = (data.uri("train_res.csv"), data.uri("validation_res.csv"))
    name = training_jobs.launch_job(target, DANA, *files, name="governance-train-1", rebalanced=data.job)
    target.files.write(training_jobs.describe_job(target, name).raw["ModelArtifacts"]["S3ModelArtifacts"], b"a model")
    return name


def test_the_account_is_asked_who_it_is_and_what_its_jobs_run_as(target):
    assert (target.account, target.region, target.bucket) == ("123456789012", REGION, f"sagemaker-{REGION}-123456789012")
    assert target.role == "arn:aws:iam::123456789012:role/service-role/governance-execution"
    assert {client.meta.endpoint_url for client in (target.s3, target.sagemaker, target.logs)} == {target.s3.meta.endpoint_url}


def test_a_data_set_comes_back_as_it_was_uploaded_and_twice_is_once(target, checked, dataset):
    assert datasets.read_dataset(target, dataset.uri) == dataset
    assert (datasets.list_datasets(target), datasets.count_datasets(target)) == ([dataset], 1)
    frame = datasets.fetch_csv(target, DANA, dataset.uri).frame
    assert len(frame) == 300
    assert datasets.upload_dataset(target, DANA, checked, "Credit") == dataset
    assert datasets.read_first_rows(target, dataset.uri, rows=3).equals(frame.head(3))


def test_of_two_who_write_the_same_object_one_is_told(target):
    uri = target.uri("once")
    assert (target.files.write_conditionally(uri, b"1"), target.files.write_conditionally(uri, b"2")) == (True, False)
    content, tag = target.files.read_with_etag(uri)
    assert (
        content,
        target.files.write_conditionally(uri, b"3", expected_etag=tag),
        target.files.write_conditionally(uri, b"4", expected_etag=tag),
    ) == (b"1", True, False)
    assert target.files.write_conditionally(target.uri("never"), b"5", expected_etag=tag) is False
    assert (target.files.read(uri), target.files.exists(uri), target.files.exists(target.uri("never"))) == (b"3", True, False)


def test_keys_come_in_order_beyond_a_page(target, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    wanted = [target.files.write(target.uri("many", f"{number:04d} ü+"), b"") for number in range(13)]
    assert target.files.list_uris(target.uri("many/")) == wanted
    assert target.files.list_uris(target.uri("many/"), after=wanted[6]) == wanted[7:]


def test_what_is_not_there_is_not_found(target):
    for ask in (
        lambda: target.files.read(target.uri("none")),
        lambda: target.files.read("s3://no-such-bucket-anywhere/k"),
        lambda: training_jobs.describe_job(target, "none"),
        lambda: jobs.describe_job(target, "processing", "none"),
        lambda: tuning_jobs.describe_job(target, "none"),
        lambda: model_packages.read_package(target, f"arn:aws:sagemaker:{REGION}:123456789012:model-package/none/1"),
        lambda: models.ensure_model(target, DANA, "none"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_a_training_job_is_what_was_asked_for(target, data, trained):
    job = training_jobs.describe_job(target, trained)
    assert (job.status, job.raw["RoleArn"]) == ("Completed", target.role)
    image = f"492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-xgboost:{Settings().xgboost_version}"
    assert job.raw["AlgorithmSpecification"]["TrainingImage"] == image
    assert {
        name: job.raw["HyperParameters"][name] for name in training_jobs.BASELINE_HYPERPARAMETERS
    } == training_jobs.BASELINE_HYPERPARAMETERS
    assert jobs.channel_uris(job) == {"train": data.uri("train_res.csv"), "validation": data.uri("validation_res.csv")}
    assert training_data.find_rebalancing(target, job) == data
    assert training_jobs.read_launcher(target, job.raw["TrainingJobArn"]) == (DANA.tag, "Dana")
    assert [found.name for found in jobs.list_jobs(target, "training", name_contains=training_jobs.JOB_NAME_PREFIX)] == [trained]
    assert jobs.list_jobs(target, "training", name_contains="other") == []
    assert jobs.wait_for_jobs(target, [("training", trained)])[0].name == trained


def test_a_job_that_printed_nothing_has_no_lines_and_no_curves(target, trained):
    assert jobs.read_logs(target, "training", trained) == []
    assert training_jobs.read_curves(target, trained).empty
    assert xgboost_report_jobs.read_report(target, training_jobs.describe_job(target, trained)) is None


def test_the_lines_of_a_job_are_all_its_lines(target):
    group, stream = "/aws/sagemaker/ProcessingJobs", "printed/algo-1-1700000000"
    target.logs.create_log_group(logGroupName=group)
    target.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    lines, now = [f"line {number}" for number in range(12_000)], int(time.time() * 1000) - 60_000
    for start in (0, 6000):
        events = [{"timestamp": now + i, "message": lines[i]} for i in range(start, start + 6000)]
        target.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert jobs.read_logs(target, "processing", "printed", max_lines=20_000) == lines
    assert jobs.read_logs(target, "processing", "printed", max_lines=7) == lines[:7]
    assert jobs.read_logs(target, "processing", "print") == []


@pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason=TAKEN)
def test_a_job_name_is_used_once(target, data, trained):
    with pytest.raises(Conflict):
        training_jobs.launch_job(target, DANA, data.uri("train_res.csv"), data.uri("validation_res.csv"), name=trained)


@pytest.mark.parametrize("strategy", tuning_jobs.STRATEGIES)
def test_a_tuning_job_is_what_was_asked_for(target, data, strategy):
    ranges = tuning_jobs.DEFAULT_RANGES[:1] if strategy == "Grid" else tuning_jobs.DEFAULT_RANGES
    request = tuning_jobs.TuningRequest(data, ranges, strategy=strategy, max_jobs=4)
    name = tuning_jobs.launch_job(target, DANA, request)
    job = tuning_jobs.describe_job(target, name)
    assert (tuning_jobs.first_objective(job), tuning_jobs.is_trained_on(job, data), training_data.find_rebalancing(target, job)) == (
        ("validation:auc", True),
        True,
        data,
    )
    assert name in {found.name for found in tuning_jobs.list_jobs(target)}
    limits = job.raw["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits["MaxParallelTrainingJobs"] == 2
    assert ("MaxNumberOfTrainingJobs" in limits) is (strategy != "Grid")


def test_a_model_is_made_once_and_says_where_it_is_from(target, data, trained):
    assert models.ensure_model(target, DANA, trained) == models.ensure_model(target, DANA, trained) == f"{trained}-model"
    assert len(target.sagemaker.list_models()["Models"]) == 1
    job = bias_jobs.launch_job(target, DANA, f"{trained}-model", data)
    assert bias_jobs.find_origin(target, job) == bias_jobs.ReportOrigin(f"{trained}-model", trained, data.job)
    assert job in {found.name for found in bias_jobs.list_jobs(target)}
    with pytest.raises(NotFound, match=r"analysis\.json"):
        bias_jobs.read_job_report(target, job)
    shap = shap_jobs.launch_job(target, DANA, f"{trained}-model", data)
    about = shap_jobs.read_request(target, shap)
    assert (about.model, about.training_job, about.rebalancing_job, about.facet) == (f"{trained}-model", trained, data.job, "SEX")


def test_a_processing_job_runs_the_products_image_as_the_execution_role(target, data):
    raw = jobs.describe_job(target, "processing", data.job).raw
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/governance-analysis:latest"
    assert raw["AppSpecification"] == {"ImageUri": image, "ContainerEntrypoint": ["rebalance"]}
    assert raw["RoleArn"] == target.role


def test_the_log_is_written_read_and_verified(target):
    written = [audit_log.append_event(target, DANA, "register", "subject", {"properties": {"n": str(n)}}) for n in range(3)]
    audit_log.forget_read_events()
    assert list(audit_log.read_events(target)) == written
    uri = target.uri(audit_log.event_key(2))
    target.files.write(uri, target.files.read(uri).replace(b'"payload":"', b'"payload":"ey'))
    audit_log.forget_read_events()
    with pytest.raises(signing.Forged):
        audit_log.read_events(target)


def register(target, data, trained):
    model = models.ensure_model(target, DANA, trained)
    made = {"bias_job": bias_jobs.launch_job(target, DANA, model, data), "shap_job": shap_jobs.launch_job(target, DANA, model, data)}
    for job in made.values():
        quality = {"performance": evaluate_performance([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.6]).to_json()}
        explained = {"kernel_shap": {"label0": {"global_shap_values": {"SEX": 0.1}, "expected_value": 0.2}}}
        report = json.dumps({"pre_training_bias_metrics": {"facets": {}}, "explanations": explained, "governance": quality})
        folder = jobs.output_uri(jobs.describe_job(target, "processing", job))
        target.files.write(f"{folder}/analysis.json", report.encode())
        target.files.write(f"{folder}/scores.csv", b"label,score\n0,0.1\n")
        target.files.write(f"{folder}/explanations_shap/out.csv", b"SEX_label0\n0.1\n")
        target.files.write(f"{folder}/explanations_shap/data.csv", b"row,SEX,prediction\n0,1,0.3\n")
    return version_registration.register_version(target, DANA, training_job=trained, data=data, role="baseline", group="credit", **made)


@pytest.fixture(scope="module")
def registered(target, data, trained):
    """A version, though moto lacks the lineage that belongs to it."""
    audit_log.forget_read_events()
    for uri in target.files.list_uris(target.uri("governance/log/")):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        target.s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(Conflict, match="its evidence doesn't agree with the jobs' records"):
        register(target, data, trained)  # moto's jobs make nothing, and what lies in their place isn't what they would have made
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(version_registration.evidence_agreement, "require_agreement", lambda *_: None)
        patched.setattr(version_registration.job_files, "find_late_files", lambda *_: [])  # moto's jobs end before anything is written
        patched.setattr(retries, "DESCRIBE_LAG_SECONDS", 0.5)
        with pytest.raises(NotFound, match="trial component"):
            register(target, data, trained)
    (found,) = model_packages.list_versions(target, "credit")
    return found


def test_a_version_holds_its_evidence_and_awaits_a_decision(target, data, trained, registered):
    assert (registered.group, registered.version, registered.status) == ("credit", 1, "PendingManualApproval")
    assert model_packages.list_groups(target) == ["credit"]
    assert model_packages.find_version(target, registered.arn) == registered
    package = model_packages.read_package(target, registered.arn)
    assert (package.training_job, package.performance["auc"]["value"]) == (trained, 1.0)
    assert package.model_uri == training_jobs.describe_job(target, trained).raw["ModelArtifacts"]["S3ModelArtifacts"]
    assert package.properties["governance:trained-by"] == DANA.tag
    assert version_registration.list_broken_evidence(target, package) == []
    target.files.write(package.raw["ModelMetrics"]["Bias"]["Report"]["S3Uri"], b"{}")
    assert version_registration.list_broken_evidence(target, package) == ["bias"]
    assert read_state(target, registered.arn).status == "registered"


def test_a_card_is_kept(target, registered):
    package = model_packages.read_package(target, registered.arn)
    kept = model_card._write_card(target, package, {"a": 1}, model_card.Card(model_card.card_name(package), 0, "Draft", None, {}))
    assert (kept.version, kept.status, kept.content) == (1, "Draft", {"a": 1})
    assert [version for version, _ in model_card.list_versions(target, package)] == [1]


@pytest.mark.xfail(strict=True, raises=KeyError, reason=STATUSLESS)
def test_a_changed_card_is_a_new_version(target, registered):
    package = model_packages.read_package(target, registered.arn)
    kept = model_card._write_card(target, package, {"a": 2}, model_card.read_card(target, package))
    assert (kept.version, kept.status, kept.content) == (2, "Draft", {"a": 2})


@pytest.mark.xfail(strict=True, raises=NotFound, reason=UNTRACKED)
def test_a_registration_is_recorded_in_the_lineage(target, data, trained, registered, monkeypatch):
    monkeypatch.setattr(version_registration.evidence_agreement, "require_agreement", lambda *_: None)
    monkeypatch.setattr(retries, "DESCRIBE_LAG_SECONDS", 0.5)
    register(target, data, trained)


def test_a_target_without_lineage_is_told_in_words(target, dataset, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between the tries
    for ask in (
        lambda: lineage_graph.find_artifact_arn(target, dataset.uri),
        lambda: lineage_graph.read_graph(target, f"arn:aws:sagemaker:{REGION}:123456789012:artifact/a"),
        lambda: lineage_search.find_nodes(target, "a"),
    ):
        with pytest.raises(TargetUnavailable):
            ask()
