"""All trials of a tuning job measured for bias by one job on the engine."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xgboost

from core.aws.target import connect
from core.data import column_roles, datasets, table_check
from core.errors import Conflict, Forbidden, JobFailed
from core.governance.findings import alternatives_search
from core.identity import WORKFLOW_IDENTITY, Identity, Role
from core.jobs import jobs, rebalancing_jobs, training_jobs, xgboost_report_jobs
from core.jobs.tuning import tuning_history, tuning_jobs
from core.reports import trial_bias_jobs
from core.settings import Settings

SMALL = {"objective": "binary:logistic", "num_round": "8", "seed": "1"}


@pytest.fixture(scope="module")
def target(engine, engine_workspace):
    return connect(Settings(workspace=engine_workspace))


@pytest.fixture(scope="module")
def data(target):
    random = np.random.default_rng(5)
    n = 1200
    sex, age, pay = random.integers(1, 3, n), random.integers(20, 70, n), random.normal(0, 1, n).round(3)
    label = (random.random(n) < 1 / (1 + np.exp(1.2 - pay - 0.8 * (sex == 1)))).astype(int)
    region = np.where(random.random(n) < 0.4, "north", "south")
    frame = pd.DataFrame({"LABEL": label, "SEX": sex, "AGE": age, "PAY": pay, "REGION": region})
    roles = column_roles.ColumnRoles("LABEL", 0, "SEX", 1, "AGE", further_facets=(("REGION", "north"),))
    dataset = datasets.upload_dataset(target, WORKFLOW_IDENTITY, table_check.check_table(frame, roles), "trials")
    name = rebalancing_jobs.launch_job(target, WORKFLOW_IDENTITY, dataset, rebalancing_jobs.RebalancingOptions("none"))
    jobs.wait_for_jobs(target, [("processing", name)])
    return rebalancing_jobs.read_result(target, name)


@pytest.fixture(scope="module")
def tuned(target, data) -> str:
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, static=SMALL, max_jobs=3, strategy="Random"))
    jobs.wait_for_jobs(target, [("tuning", name)])
    return name


@pytest.fixture(scope="module")
def measured(target, tuned) -> str:
    name = trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, tuned)
    jobs.wait_for_jobs(target, [("processing", name)])
    return name


def booster(target, uri: str) -> xgboost.Booster:
    with tarfile.open(fileobj=io.BytesIO(target.files.read(uri))) as tar:
        found = xgboost.Booster()
        found.load_model(bytearray(tar.extractfile("xgboost-model").read()))
    return found


def test_every_trial_has_the_disparity_that_its_model_has_on_the_validation_rows(target, data, tuned, measured) -> None:
    report = trial_bias_jobs.read_result(target, measured)
    rows = pd.read_csv(io.BytesIO(target.files.read(data.uri("validation_header.csv"))))
    men = (rows["SEX"] == 1).to_numpy()
    assert [trial["name"] for trial in report["trials"]] == [trial.name for trial in tuning_jobs.list_trials(target, tuned)]
    for trial in report["trials"]:
        job = training_jobs.describe_job(target, trial["name"])
        model = booster(target, job.raw["ModelArtifacts"]["S3ModelArtifacts"])
        accepted = model.predict(xgboost.DMatrix(rows.drop(columns="LABEL").to_numpy(dtype=float))) <= 0.5
        facet, further = trial["facets"]
        north = (rows["REGION"] == 0).to_numpy()
        assert (further["name"], further["value"]) == ("REGION", 0)
        assert further["measures"]["DPPL"]["value"] == pytest.approx(accepted[~north].mean() - accepted[north].mean())
        assert facet["measures"]["DPPL"]["value"] == pytest.approx(accepted[~men].mean() - accepted[men].mean())
        assert facet["counts"]["facet"]["accepted"] == accepted[men].sum()
        assert trial["performance"]["auc"]["value"] == pytest.approx(training_jobs.final_metrics(job)["validation:auc"], abs=1e-4)
        conditional = facet["measures"]["CDDPL"]
        if accepted.all():
            assert "every row has the favourable outcome" in conditional["error"]
        else:
            assert conditional["low"] <= conditional["value"] <= conditional["high"]
    assert report["reference"] == tuning_jobs.best_job_name(target, tuned)
    assert report["left_out"] == []


def test_the_job_says_what_it_came_from_and_who_started_it(target, data, tuned, measured) -> None:
    arn = jobs.describe_job(target, "processing", measured).raw["ProcessingJobArn"]
    tags = {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags["governance:tuning-job"] == tuned
    assert tags["governance:rebalanced"] == data.job
    assert tags["governance:launched-by"] == "workflow"


def test_a_versions_search_shows_the_measured_trials_its_own_place_and_the_fairer_ones(target, tuned, measured) -> None:
    best = tuning_jobs.named_best_job(target, tuned)
    search = alternatives_search.find_search(target, SimpleNamespace(training=training_jobs.describe_job(target, best)))
    assert (search.tuning_job, search.measurement, search.rank, len(search.trials)) == (tuned, measured, 1, 3)
    report = trial_bias_jobs.read_result(target, measured)
    for place, one in enumerate(alternatives_search.compare_trials(search)):
        disparities = {trial["name"]: trial["facets"][place]["measures"]["DPPL"]["value"] for trial in report["trials"]}
        assert dict(zip(one.table["name"], one.table["disparity"], strict=True)) == disparities
        own = abs(disparities[best])
        assert set(one.fairer["name"]) == {row["name"] for _, row in one.table.iterrows() if row["front"] and row["distance"] < own}
    alone = SimpleNamespace(training=SimpleNamespace(raw={}, name="alone"))
    assert "no tuning job" in alternatives_search.find_search(target, alone)


def test_the_table_has_a_line_for_each_figure_of_each_trial(target, measured) -> None:
    table = pd.read_csv(io.BytesIO(target.files.read(trial_bias_jobs.trials_csv_uri(target, measured))))
    report = trial_bias_jobs.read_result(target, measured)
    figures = len(report["trials"][0]["performance"]) + sum(len(facet["measures"]) for facet in report["trials"][0]["facets"])
    assert len(table) == figures * len(report["trials"])


def test_measuring_again_finds_what_is_there(target, tuned, measured) -> None:
    assert trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, tuned) == measured
    assert trial_bias_jobs.find_newest_job(target, tuned).name == measured


def test_who_may_not_launch_may_not_measure(target, tuned) -> None:
    with pytest.raises(Forbidden):
        trial_bias_jobs.launch_job(target, Identity("Vera", Role.VIEWER), tuned)


def test_a_tuning_job_that_runs_cannot_be_measured_and_says_to_wait(target, data) -> None:
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, static=SMALL, max_jobs=50, strategy="Random"))
    try:
        with pytest.raises(Conflict, match="still running"):
            trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, name)
        assert trial_bias_jobs.find_newest_job(target, name) is None
    finally:
        tuning_jobs.stop_job(target, WORKFLOW_IDENTITY, name)


def test_a_model_that_cannot_be_read_is_left_out_with_the_reason_and_the_best_one_is_needed(target, data) -> None:
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, static=SMALL, max_jobs=2, strategy="Random"))
    jobs.wait_for_jobs(target, [("tuning", name)])
    best = tuning_jobs.best_job_name(target, name)
    (other,) = [trial.name for trial in tuning_jobs.list_trials(target, name) if trial.name != best]
    artifacts = {trial: training_jobs.describe_job(target, trial).raw["ModelArtifacts"]["S3ModelArtifacts"] for trial in (best, other)}
    whole = target.files.read(artifacts[best])
    target.files.write(artifacts[best], b"no archive")
    first = trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, name)
    with pytest.raises(JobFailed, match=f"{best}, with which the others are compared, can't be used"):
        jobs.wait_for_jobs(target, [("processing", first)])
    target.files.write(artifacts[best], whole)
    target.files.write(artifacts[other], pickled())
    second = trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, name)
    assert second != first
    jobs.wait_for_jobs(target, [("processing", second)])
    report = trial_bias_jobs.read_result(target, second)
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


def test_a_clone_has_the_settings_that_were_asked_for(target, data) -> None:
    ranges = (
        tuning_jobs.HyperparameterRange("eta", 0.05, 0.5, scaling="Logarithmic"),
        tuning_jobs.HyperparameterRange("max_depth", 2, 4, "integer"),
    )
    asked = tuning_jobs.TuningRequest(
        data, ranges, {**SMALL, "lambda": "2"}, "validation:logloss", "Random", 2, 1, False, (), 9, "ml.m5.large"
    )
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, asked)
    job = tuning_jobs.describe_job(target, name)
    cloned = tuning_history.rebuild_request(job, data)
    assert replace(cloned, ranges=tuple(sorted(cloned.ranges, key=lambda one: one.name))) == asked
    assert tuning_history.settings_as_text(job)["range of eta"] == "0.05 to 0.5, Logarithmic"
    tuning_jobs.stop_job(target, WORKFLOW_IDENTITY, name)


def test_the_report_counts_every_row_by_score_and_by_residual(target, data, tuned) -> None:
    job = training_jobs.describe_job(target, tuning_jobs.best_job_name(target, tuned))
    assert xgboost_report_jobs.read_report(target, job) is None
    name = xgboost_report_jobs.launch_job(target, WORKFLOW_IDENTITY, job, data)
    assert xgboost_report_jobs.launch_job(target, WORKFLOW_IDENTITY, job) == name
    jobs.wait_for_jobs(target, [("processing", name)])
    page = target.files.read(xgboost_report_jobs.find_report_uri(target, job)).decode()
    assert {"predicted LABEL = 0", "predicted LABEL = 1", "<td>PAY</td>"} <= set(re.findall(r"predicted LABEL = \d|<td>\w+</td>", page))
    assert not re.search(r"label [01]", page)
    assert not re.search(r"<td>f\d", page.partition("Feature importance")[2])
    report = xgboost_report_jobs.read_report(target, job)
    for kind in ("score", "residual"):
        found = report["distributions"]["validation"][kind]
        assert sum(found["label 0"]) + sum(found["label 1"]) == data.manifest["split"]["validation_rows"]
    assert sum(report["distributions"]["validation"]["residual"]["label 1"][:20]) == 0
    residuals = report["distributions"]["validation"]["residual"]
    confusion = report["performance"]["validation"]["confusion"]
    assert sum(residuals["label 1"][30:]) == pytest.approx(confusion["fn"], abs=2)
