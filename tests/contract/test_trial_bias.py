"""All trials of a tuning job measured for bias by one job on the engine."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost

from core import datasets, jobs, rebalancing, tables, training, trial_bias, tuning, tuning_history
from core.clients import connect
from core.errors import Conflict, Forbidden, JobFailed
from core.identity import WORKFLOW, Identity, Role
from core.settings import Settings

SMALL = {"objective": "binary:logistic", "num_round": "8", "seed": "1"}


@pytest.fixture(scope="module")
def clients(engine, engine_workspace):
    return connect(Settings(workspace=engine_workspace))


@pytest.fixture(scope="module")
def data(clients):
    random = np.random.default_rng(5)
    n = 1200
    sex, age, pay = random.integers(1, 3, n), random.integers(20, 70, n), random.normal(0, 1, n).round(3)
    label = (random.random(n) < 1 / (1 + np.exp(1.2 - pay - 0.8 * (sex == 1)))).astype(int)
    frame = pd.DataFrame({"LABEL": label, "SEX": sex, "AGE": age, "PAY": pay})
    dataset = datasets.upload(clients, WORKFLOW, tables.check(frame, tables.Roles("LABEL", 0, "SEX", 1, "AGE")), "trials")
    name = rebalancing.launch(clients, WORKFLOW, dataset, rebalancing.Rebalance("none"))
    jobs.wait(clients, [("processing", name)])
    return rebalancing.result(clients, name)


@pytest.fixture(scope="module")
def tuned(clients, data) -> str:
    name = tuning.launch(clients, WORKFLOW, tuning.TuningRequest(data, static=SMALL, max_jobs=3, strategy="Random"))
    jobs.wait(clients, [("tuning", name)])
    return name


@pytest.fixture(scope="module")
def measured(clients, tuned) -> str:
    name = trial_bias.launch(clients, WORKFLOW, tuned)
    jobs.wait(clients, [("processing", name)])
    return name


def booster(clients, uri: str) -> xgboost.Booster:
    with tarfile.open(fileobj=io.BytesIO(clients.read(uri))) as tar:
        found = xgboost.Booster()
        found.load_model(bytearray(tar.extractfile("xgboost-model").read()))
    return found


def test_every_trial_has_the_disparity_that_its_model_has_on_the_validation_rows(clients, data, tuned, measured) -> None:
    report = trial_bias.read(clients, measured)
    rows = pd.read_csv(io.BytesIO(clients.read(data.uri("validation_header.csv"))))
    men = (rows["SEX"] == 1).to_numpy()
    assert [trial["name"] for trial in report["trials"]] == [trial.name for trial in tuning.trials(clients, tuned)]
    for trial in report["trials"]:
        job = training.describe(clients, trial["name"])
        model = booster(clients, job.raw["ModelArtifacts"]["S3ModelArtifacts"])
        accepted = model.predict(xgboost.DMatrix(rows.drop(columns="LABEL").to_numpy(dtype=float))) <= 0.5
        facet = trial["facets"][0]
        assert facet["measures"]["DPPL"]["value"] == pytest.approx(accepted[~men].mean() - accepted[men].mean())
        assert facet["counts"]["facet"]["accepted"] == accepted[men].sum()
        assert trial["performance"]["auc"]["value"] == pytest.approx(training.metrics(job)["validation:auc"], abs=1e-4)
        conditional = facet["measures"]["CDDPL"]
        if accepted.all():
            assert "every row has the favourable outcome" in conditional["error"]
        else:
            assert conditional["low"] <= conditional["value"] <= conditional["high"]
    assert report["reference"] == tuning.best(clients, tuned)
    assert report["left_out"] == []


def test_the_job_says_what_it_came_from_and_who_started_it(clients, data, tuned, measured) -> None:
    arn = jobs.describe(clients, "processing", measured).raw["ProcessingJobArn"]
    tags = {tag["Key"]: tag["Value"] for tag in clients.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags["governance:tuning-job"] == tuned
    assert tags["governance:rebalanced"] == data.job
    assert tags["governance:launched-by"] == "workflow"


def test_the_table_has_a_line_for_each_figure_of_each_trial(clients, measured) -> None:
    table = pd.read_csv(io.BytesIO(clients.read(trial_bias.table_uri(clients, measured))))
    report = trial_bias.read(clients, measured)
    figures = len(report["trials"][0]["performance"]) + len(report["trials"][0]["facets"][0]["measures"])
    assert len(table) == figures * len(report["trials"])


def test_measuring_again_finds_what_is_there(clients, tuned, measured) -> None:
    assert trial_bias.launch(clients, WORKFLOW, tuned) == measured
    assert trial_bias.of(clients, tuned).name == measured


def test_who_may_not_launch_may_not_measure(clients, tuned) -> None:
    with pytest.raises(Forbidden):
        trial_bias.launch(clients, Identity("Vera", Role.VIEWER), tuned)


def test_a_tuning_job_that_runs_cannot_be_measured_and_says_to_wait(clients, data) -> None:
    name = tuning.launch(clients, WORKFLOW, tuning.TuningRequest(data, static=SMALL, max_jobs=50, strategy="Random"))
    try:
        with pytest.raises(Conflict, match="still running"):
            trial_bias.launch(clients, WORKFLOW, name)
        assert trial_bias.of(clients, name) is None
    finally:
        tuning.stop(clients, WORKFLOW, name)


def test_a_model_that_cannot_be_read_is_left_out_with_the_reason_and_the_best_one_is_needed(clients, data) -> None:
    name = tuning.launch(clients, WORKFLOW, tuning.TuningRequest(data, static=SMALL, max_jobs=2, strategy="Random"))
    jobs.wait(clients, [("tuning", name)])
    best = tuning.best(clients, name)
    (other,) = [trial.name for trial in tuning.trials(clients, name) if trial.name != best]
    artifacts = {trial: training.describe(clients, trial).raw["ModelArtifacts"]["S3ModelArtifacts"] for trial in (best, other)}
    whole = clients.read(artifacts[best])
    clients.write(artifacts[best], b"no archive")
    first = trial_bias.launch(clients, WORKFLOW, name)
    with pytest.raises(JobFailed, match=f"{best}, with which the others are compared, can't be used"):
        jobs.wait(clients, [("processing", first)])
    clients.write(artifacts[best], whole)
    clients.write(artifacts[other], pickled())
    second = trial_bias.launch(clients, WORKFLOW, name)
    assert second != first
    jobs.wait(clients, [("processing", second)])
    report = trial_bias.read(clients, second)
    assert [trial["name"] for trial in report["trials"]] == [best]
    assert report["left_out"][0]["name"] == other
    assert "not an XGBoost model in UBJSON or JSON" in report["left_out"][0]["reason"]


def pickled() -> bytes:
    import pickle

    content, out = pickle.dumps({"model": 1}), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("xgboost-model")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_a_clone_has_the_settings_that_were_asked_for(clients, data) -> None:
    ranges = (tuning.Range("eta", 0.05, 0.5, scaling="Logarithmic"), tuning.Range("max_depth", 2, 4, "integer"))
    asked = tuning.TuningRequest(data, ranges, {**SMALL, "lambda": "2"}, "validation:f1", "Random", 2, 1, False, (), 9, "ml.m5.large")
    name = tuning.launch(clients, WORKFLOW, asked)
    job = tuning.describe(clients, name)
    cloned = tuning_history.request_of(job, data)
    assert replace(cloned, ranges=tuple(sorted(cloned.ranges, key=lambda one: one.name))) == asked
    assert tuning_history.settings(job)["range of eta"] == "0.05 to 0.5, Logarithmic"
    tuning.stop(clients, WORKFLOW, name)


def test_the_report_counts_every_row_by_score_and_by_residual(clients, data, tuned) -> None:
    job = training.describe(clients, tuning.best(clients, tuned))
    assert training.report(clients, job) is None
    name = training.launch_report(clients, WORKFLOW, job)
    assert training.launch_report(clients, WORKFLOW, job) == name
    jobs.wait(clients, [("processing", name)])
    report = training.report(clients, job)
    for kind in ("score", "residual"):
        found = report["distributions"]["validation"][kind]
        assert sum(found["label 0"]) + sum(found["label 1"]) == data.manifest["split"]["validation_rows"]
    assert sum(report["distributions"]["validation"]["residual"]["label 1"][:20]) == 0
    residuals = report["distributions"]["validation"]["residual"]
    confusion = report["performance"]["validation"]["confusion"]
    assert sum(residuals["label 1"][30:]) == pytest.approx(confusion["fn"], abs=2)
