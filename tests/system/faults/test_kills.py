"""kill -9 of the engine, of workers, and of both, while clients write: what was acknowledged is there, nothing is there by halves.

``FAULTS_KILLS`` says how often, twenty times without it; ``FAULTS_SEED`` repeats a run's choices.
"""

from __future__ import annotations

import io
import os
import random
import signal
import tarfile
import time
from collections import Counter

import pytest
import xgboost
from botocore.exceptions import BotoCoreError
from hosting import Host, forkserver, members, until, workers
from workload import BUCKET, FINAL, describe, ended, fill, rebalancing, training, tuning
from writers import Lineage, Log, Objects, Registry, Versions

KILLS = int(os.environ.get("FAULTS_KILLS", "20"))
SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))


@pytest.fixture(autouse=True)
def choices():
    print(f"FAULTS_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """An engine with a bucket of data to train on."""
    host = Host(tmp_path_factory.mktemp("kills") / "ws")
    host.start()
    fill(host.s3)
    yield host
    host.end()


def test_what_was_acknowledged_outlives_the_engine(tmp_path, choices, survived):
    host = Host(tmp_path / "ws")
    kills = KILLS * 29 // 50
    try:
        host.start()
        audit = Log(host, SEED)
        writers = [Objects(host, SEED), Versions(host, SEED), Registry(host, SEED), Lineage(host, SEED), audit]
        for _ in range(kills):
            for writer in writers:
                writer.begin()
            time.sleep(choices.uniform(0.01, 0.35))
            host.kill()
            for writer in writers:
                writer.join()
            host.start()
            for writer in writers:
                writer.check()
        audit.verify()
        assert all(writer.acknowledged > kills // 4 for writer in writers), "the clients hardly got to write"
    finally:
        host.end()
    survived("kill -9 of the engine, clients writing", kills)
    survived("writes acknowledged before a kill and found after it", sum(writer.acknowledged for writer in writers))


RULE = {"RuleConfigurationName": "report", "RuleEvaluatorImage": "r", "RuleParameters": {"rule_to_invoke": "CreateXgboostReport"}}


def launch(host, kind, name):
    if kind == "training":
        rules = {"DebugRuleConfigurations": [RULE]} if name.endswith("-0") else {}
        host.sagemaker.create_training_job(TrainingJobName=name, **training(40, **rules))
    elif kind == "tuning":
        host.sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **tuning(2))
    else:
        host.sagemaker.create_processing_job(ProcessingJobName=name, **rebalancing(name))


def test_jobs_resume_when_the_engine_and_its_workers_were_killed(warm, choices, survived):
    kills = max(2, KILLS * 4 // 50)
    jobs, finished, kinds = {}, {}, Counter()
    for number in range(kills):
        deadline = time.monotonic() + choices.uniform(0.3, 3)
        try:
            for kind in choices.sample(["training", "tuning", "processing"], 1 if number else 3):
                launch(warm, kind, f"{kind}-{number}")
                jobs[f"{kind}-{number}"] = kind
            while time.monotonic() < deadline:
                for name, kind in jobs.items():
                    body, status = describe(warm, kind, name)
                    if body[status] in FINAL:
                        finished[name] = without_rules(body)
                time.sleep(0.2)
        except BotoCoreError as error:
            raise AssertionError("the engine ended by itself") from error
        its = [pid for pid in (*workers(warm.pid), forkserver(warm.pid)) if pid and number % 2]
        os.kill(warm.pid, signal.SIGSTOP)  # so that all end as one: it doesn't see them go
        for pid in its:
            os.kill(pid, signal.SIGKILL)
        warm.kill()
        kinds["kill -9 of the engine and of its workers" if its else "kill -9 of the engine, jobs running"] += 1
        warm.start()
        for name, kind in jobs.items():
            body, status = describe(warm, kind, name)
            assert name not in finished or without_rules(body) == finished[name], f"{name} was ended and changed"
            assert body[status] not in {"Failed", "Stopped"}, body.get("FailureReason")
    for name, kind in jobs.items():
        body = ended(warm, kind, name)
        status = describe(warm, kind, name)[1]
        assert body[status] == "Completed", body.get("FailureReason")
        RESULTS[kind](warm, name, body)
    for engine in warm.sessions[:-1]:
        until(lambda engine=engine: not members(engine), what=f"what the killed engine {engine} started is still there: {members(engine)}")
    assert not list((warm.workspace / "jobs").rglob("*.csv")), "a job left its folder behind"
    for kind, times in kinds.items():
        survived(kind, times)
    survived("jobs interrupted or ended, and whole at the end", len(jobs))


def without_rules(body):
    return {key: value for key, value in body.items() if key not in {"DebugRuleEvaluationStatuses", "LastModifiedTime", "ResponseMetadata"}}


def training_result(host, name, body):
    key = body["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://jobs/")
    with tarfile.open(fileobj=io.BytesIO(host.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())) as tar:
        xgboost.Booster().load_model(bytearray(tar.extractfile("xgboost-model").read()))
    assert {metric["MetricName"] for metric in body["FinalMetricDataList"]} == {"train:auc", "validation:auc"}
    component = host.sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-training-job")
    assert component["Status"]["PrimaryStatus"] == "Completed"
    produced = host.sagemaker.list_associations(SourceArn=component["TrialComponentArn"])["AssociationSummaries"]
    assert [edge["AssociationType"] for edge in produced] == ["Produced"]
    until(lambda: "InProgress" not in rules_of(host, name), what="the rule to end, or to be interrupted")


def rules_of(host, name):
    return [rule["RuleEvaluationStatus"] for rule in describe(host, "training", name)[0].get("DebugRuleEvaluationStatuses", [])]


def tuning_result(host, name, body):
    trials = host.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)["TrainingJobSummaries"]
    assert len(trials) == body["TrainingJobStatusCounters"]["Completed"] == 2
    assert len({str(trial["TunedHyperParameters"]) for trial in trials}) == 2
    for trial in trials:
        training_result(host, trial["TrainingJobName"], describe(host, "training", trial["TrainingJobName"])[0])


def processing_result(host, name, body):
    keys = {o["Key"].rpartition("/")[2] for o in host.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"rebalanced/{name}/")["Contents"]}
    assert {"manifest.json", "train_res_header.csv"} <= keys
    component = host.sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-processing-job")
    assert component["Status"]["PrimaryStatus"] == "Completed"


RESULTS = {"training": training_result, "tuning": tuning_result, "processing": processing_result}


def test_a_killed_worker_ends_its_job_and_nothing_else(warm, choices, survived):
    kills = KILLS * 16 // 50
    until(lambda: not workers(warm.pid), what="other jobs to end")
    for number in range(kills):
        name = f"victim-{number}"
        before = set(workers(warm.pid))
        warm.sagemaker.create_training_job(TrainingJobName=name, **training(1_000_000))
        (victim,) = until(lambda before=before: set(workers(warm.pid)) - before, what="a worker")
        time.sleep(choices.uniform(0, 0.2))
        os.kill(victim, signal.SIGKILL)
        body = ended(warm, "training", name)
        assert body["TrainingJobStatus"] == body["SecondaryStatus"] == "Failed"
        assert "SIGKILL" in body["FailureReason"]
        assert "ModelArtifacts" not in body or not body["ModelArtifacts"].get("S3ModelArtifacts")
    launch(warm, "training", "after-victims")
    assert ended(warm, "training", "after-victims")["TrainingJobStatus"] == "Completed"
    survived("kill -9 of a worker", kills)


def test_the_process_that_workers_are_forked_from_may_die(warm, choices, survived):
    kills = max(1, KILLS // 50)
    until(lambda: not workers(warm.pid), what="other jobs to end")
    for number in range(kills):
        running, following = f"orphan-{number}", f"next-{number}"
        warm.sagemaker.create_training_job(TrainingJobName=running, **training(1_000_000))
        until(lambda: workers(warm.pid), what="a worker")
        time.sleep(choices.uniform(0, 0.2))
        os.kill(forkserver(warm.pid), signal.SIGKILL)
        launch(warm, "training", following)
        body = ended(warm, "training", following)
        assert body["TrainingJobStatus"] == "Completed", body.get("FailureReason")
        if describe(warm, "training", running)[0]["TrainingJobStatus"] not in FINAL:
            warm.sagemaker.stop_training_job(TrainingJobName=running)
        body = ended(warm, "training", running)
        assert body["TrainingJobStatus"] == "Stopped" or body["FailureReason"]
    survived("kill -9 of the process that workers are forked from", kills)
