"""The whole chain on the engine, through the command line, twice in one workspace; on rows of strangers."""

import re

import boto3
import numpy as np
import pandas as pd
import pytest
from replacing import replaced

from core.aws.target import connect
from core.identity import Identity, Role
from core.jobs import xgboost_report_jobs
from core.jobs.tuning import tuning_jobs
from core.lineage import lineage_graph
from core.registry import model_packages, version_comparison, version_registration
from core.reports import bias_jobs, shap_jobs
from core.settings import Settings
from engine import lifecycle

pytestmark = pytest.mark.engine

OFFICER = Identity("Olga", Role.COMPLIANCE_OFFICER)


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


def test_the_report_holds_both_models_with_every_metric(demo):
    _, (report, _) = demo
    assert [model["role"] for model in report["models"]] == ["baseline", "mitigated"]
    for model in report["models"]:
        assert len(model["bias"]["pre_training"]) == 8
        assert len(model["bias"]["post_training"]) == 13
        assert 0.5 < model["metrics"]["auc"]["value"] < 1
        assert set(model["shap"]) == {"region", "age", "income", "kind", "debt", "customer"} or "customer" not in model["shap"]
        assert max(model["shap"], key=model["shap"].get) == "income"
    assert report["data"]["leaked_rows"] == 0
    assert report["data"]["split"]["disjoint"] is True
    assert set(report["seconds"]) >= {"data", "rebalancing", "training", "bias and SHAP", "registration"}
    assert report["lineage"]["vertices"] > 5


def test_a_second_run_makes_new_versions_and_keeps_the_old(demo, target):
    arns = [model["model_package_arn"] for report in demo[1] for model in report["models"]]
    assert [int(arn.rsplit("/", 1)[1]) for arn in arns] == [1, 2, 3, 4]
    assert [version.arn for version in model_packages.list_versions(target, "loans")] == arns[::-1]


def test_the_tuning_job_trained_on_the_rebalanced_rows(demo, target):
    report = demo[1][0]
    job = tuning_jobs.describe_job(target, report["tuning_job"])
    (channel,) = [c for c in job.raw["TrainingJobDefinition"]["InputDataConfig"] if c["ChannelName"] == "train"]
    assert channel["DataSource"]["S3DataSource"]["S3Uri"].endswith("/train_res.csv")
    values = {trial.name: trial.objective for trial in tuning_jobs.list_trials(target, job.name)}
    assert max(values, key=values.get) == tuning_jobs.best_job_name(target, job.name) == report["models"][1]["training_job"]


def test_both_models_are_judged_on_the_same_rows_and_paired(demo, target):
    left, right = (model["model_package_arn"] for model in demo[1][0]["models"])
    comparison = version_comparison.compare_packages(target, left, right)
    assert comparison.differences is not None
    auc = comparison.differences["auc"]
    assert auc.value == pytest.approx(auc.b - auc.a)
    pd.testing.assert_series_equal(
        version_comparison.read_scores(target, comparison.a)["label"], version_comparison.read_scores(target, comparison.b)["label"]
    )


def test_shap_adds_up_to_the_prediction_on_every_row(demo, target):
    for job in shap_jobs.list_jobs(target):
        shap = shap_jobs.read_job_result(target, job.name)
        total = shap.expected + shap.values.sum(axis=1)
        assert np.abs(total - shap.predictions).max() <= 1e-5


def test_lineage_leads_from_the_data_to_the_model(demo, target):
    report = demo[1][0]
    start = lineage_graph.find_artifact_arn(target, report["data"]["uri"])
    graph = lineage_graph.read_graph(target, start, hops=10)
    names = {node.name for node in graph.nodes}
    assert any(name.endswith("-aws-training-job") for name in names)
    assert any(node.kind == "Model" for node in graph.nodes)
    assert len(lineage_graph.read_graph(target, start, hops=1).nodes) < len(graph.nodes) == graph.total


def test_a_version_descends_from_its_data_its_jobs_and_its_reports(demo, target):
    _, (report, _) = demo
    model = report["models"][1]
    package = model_packages.read_package(target, model["model_package_arn"])
    start = lineage_graph.find_artifact_arn(target, package.arn)
    shown = lineage_graph.read_graph(target, start, hops=10, direction="Ascendants")
    assert report["data"]["uri"] in {node.uri for node in shown.nodes}
    names = {node.name for node in shown.nodes if node.type == "TrialComponent"}
    properties = package.properties
    expected = {f"{properties[f'governance:{key}']}-aws-processing-job" for key in ("rebalanced", "bias-job", "shap-job")}
    assert names >= expected | {f"{model['training_job']}-aws-training-job"}  # other tests' jobs may have read the same files


def test_every_attached_report_opens_and_has_its_pinned_hash(demo, target):
    for version in model_packages.list_versions(target, "loans"):
        package = model_packages.read_package(target, version.arn)
        assert version_registration.list_broken_evidence(target, package) == []
    uri = package.raw["ModelMetrics"]["Bias"]["Report"]["S3Uri"]
    with replaced(target, {uri: target.files.read(uri) + b" "}):
        assert version_registration.list_broken_evidence(target, package) == ["bias"]


def test_reports_of_training_jobs_open(demo, target):
    from core.jobs import training_jobs

    for model in demo[1][0]["models"]:
        uri = xgboost_report_jobs.find_report_uri(target, training_jobs.describe_job(target, model["training_job"]))
        assert uri is not None
        page = target.files.read(uri).decode()
        assert "Confusion matrix" in page
        assert "data:image/png" in page
        assert "predicted outcome = late" in page
        assert not re.findall(r"label [01]|predicted [01]", page)


def read_mitigated(demo, target):
    """The workflow's mitigated model; other tests start jobs too."""
    return model_packages.read_package(target, demo[1][0]["models"][1]["model_package_arn"])


def test_an_explanation_marks_the_facet_and_the_group_as_sensitive(demo, target):
    folder = shap_jobs.read_job_result(target, read_mitigated(demo, target).properties["governance:shap-job"]).folder
    page = target.files.read(f"{folder}/report.html").decode()
    assert {"region (sensitive)", "age (sensitive)"} <= set(re.findall(r"\w+ \(sensitive\)", page))
    assert "income (sensitive)" not in page
    assert "Sensitive are the columns of the facets and the group: region, age." in page


def test_the_clarify_report_is_there_in_every_format(demo, target):
    report = bias_jobs.read_job_report(target, read_mitigated(demo, target).properties["governance:bias-job"])
    for name, start in (("report.pdf", b"%PDF"), ("report.html", b"<!"), ("analysis.json", b"{")):
        assert target.files.read(f"{report.folder}/{name}").lstrip().startswith(start)


def test_the_plain_sdk_sees_the_same_packages(demo):
    running = lifecycle.ensure_running(demo[0])
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=running.endpoint,
        aws_access_key_id=running.access_key_id,
        aws_secret_access_key=running.secret_access_key,
        region_name=running.region,
    )
    packages = sagemaker.list_model_packages(ModelPackageGroupName="loans")["ModelPackageSummaryList"]
    assert len(packages) == 4
