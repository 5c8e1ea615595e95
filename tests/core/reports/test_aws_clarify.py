"""Bias and SHAP jobs on AWS's Clarify container (``clarify=aws``): what it is asked, what it gives, and what is measured beside it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from replacing import replaced
from sagemaker.core.clarify import ANALYSIS_CONFIG_SCHEMA_V1_0 as SCHEMA
from schema import SchemaError

from core.aws.target import connect
from core.errors import DataError
from core.governance import evidence, policy, policy_adoption
from core.governance.model_cards import model_card
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, models
from core.provenance import job_files
from core.registry import model_evaluation, model_packages, version_comparison, version_registration
from core.reports import bias_jobs, bias_outcomes, clarify_jobs, shap_jobs
from core.settings import Settings

KEY = "region=0"
BIAS, SHAP = "by-awss-clarify-bias", "by-awss-clarify-shap"
"""Not of the names that lists show: other tests share the workspace."""


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0], clarify="aws"))


@pytest.fixture(scope="module")
def own(target, demo):
    """The mitigated version of the first run, whose reports the product's own image wrote."""
    return model_packages.read_package(target, next(m["model_package_arn"] for m in demo[1][0]["models"] if m["role"] == "mitigated"))


@pytest.fixture(scope="module")
def done(target, own):
    """The bias and the SHAP job of that version's model, on AWS's container; its data."""
    data = model_packages.find_rebalancing(target, own)
    model = models.ensure_model(target, WORKFLOW_IDENTITY, own.training_job)
    bias_jobs.launch_job(target, WORKFLOW_IDENTITY, model, data, name=BIAS)
    shap_jobs.launch_job(target, WORKFLOW_IDENTITY, model, data, name=SHAP)
    jobs.wait_for_jobs(target, [("processing", name) for name in (*clarify_jobs.job_and_companion(target, BIAS), SHAP)])
    return data


def config(target, name):
    return target.files.read_json(jobs.input_uri(jobs.describe_job(target, "processing", name), "analysis_config"))


def files(target, name):
    folder = jobs.output_uri(jobs.describe_job(target, "processing", name))
    return {uri.removeprefix(f"{folder}/") for uri in target.files.list_uris(f"{folder}/")}


def test_awss_container_is_asked_as_its_schema_wants(target, done):
    """The schema is the SDK's own; it refuses our part, which the product's image is given."""
    for name in (BIAS, SHAP):
        SCHEMA.validate(config(target, name))
    full = config(target, clarify_jobs.companion_name(BIAS))
    SCHEMA.validate({key: value for key, value in full.items() if key != "governance"})
    with pytest.raises(SchemaError, match="governance"):
        SCHEMA.validate(full)


@pytest.mark.parametrize("name", [BIAS, SHAP])
def test_the_job_is_what_clarifys_documentation_says(target, done, name):
    raw = jobs.describe_job(target, "processing", name).raw
    assert raw["AppSpecification"] == {"ImageUri": "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"}
    assert [item["InputName"] for item in raw["ProcessingInputs"]] == ["analysis_config", "dataset"]
    (output,) = raw["ProcessingOutputConfig"]["Outputs"]
    assert (output["OutputName"], output["S3Output"]["LocalPath"]) == ("analysis_result", "/opt/ml/processing/output")
    assert "NetworkConfig" not in raw  # it asks an endpoint


def test_awss_container_writes_its_files_and_none_of_ours(target, done):
    assert files(target, BIAS) == {"analysis.json", "report.html", "report.pdf"}
    assert files(target, SHAP) == {f"explanations_shap/{n}" for n in ("out.csv", "baseline.csv")} | files(target, BIAS)
    assert "governance" not in target.files.read_json(f"{jobs.output_uri(jobs.describe_job(target, 'processing', BIAS))}/analysis.json")
    assert "scores.csv" in files(target, clarify_jobs.companion_name(BIAS))


def test_the_report_has_awss_values_and_our_own_intervals_where_both_agree(target, own, done):
    """AWS groups people by each single age, this product by bins: one metric before and one after differ, and have no interval."""
    (ours,), (theirs,) = own.bias.facets, bias_jobs.read_job_report(target, BIAS).facets
    for stage in ("pre_training", "post_training"):
        for name, measure in getattr(ours, stage).items():
            found = getattr(theirs, stage)[name]
            same = measure.value is None or found.value == pytest.approx(measure.value, rel=1e-6)
            assert same == (name not in {"CDDL", "CDDPL"}), name
            assert found.in_words == measure.in_words or not same
            assert found.interval == (measure.interval if same else None), name


def test_what_awss_report_lacks_the_companion_measured(target, own, done):
    report = bias_jobs.read_job_report(target, BIAS)
    assert report.measured_on == "test"
    assert report.governance["performance"] == own.bias.governance["performance"]
    assert report.counts(KEY) == own.bias.counts(KEY)
    assert bias_outcomes.read_scored_rows(target, report).equals(bias_outcomes.read_scored_rows(target, own.bias))
    assert bias_outcomes.paired_differences(target, own.bias, report)[1] == ""


def test_shap_values_of_awss_container_are_shown_with_rows_and_predictions(target, own, done):
    ours, theirs = shap_jobs.read_job_result(target, own.properties["governance:shap-job"]), shap_jobs.read_job_result(target, SHAP)
    assert theirs.data.equals(ours.data)
    assert np.allclose(theirs.predictions, ours.predictions, atol=1e-6)
    assert np.allclose(theirs.values, ours.values)
    assert theirs.additivity_error == pytest.approx(np.abs(theirs.values.sum(axis=1) + theirs.expected - theirs.predictions).max())
    assert theirs.additivity_error < 1e-4
    assert shap_jobs.read_request(target, SHAP) == shap_jobs.read_request(target, own.properties["governance:shap-job"])


def test_a_model_measured_on_awss_container_can_be_registered_with_all_its_evidence(target, own, done, monkeypatch):
    arn = version_registration.register_version(
        target,
        WORKFLOW_IDENTITY,
        training_job=own.training_job,
        data=done,
        bias_job=BIAS,
        shap_job=SHAP,
        role="mitigated",
        group="measured-by-aws",
    )
    package = model_packages.read_package(target, arn)
    assert package.performance == own.performance
    assert version_registration.list_broken_evidence(target, package) == []
    assert version_comparison.paired_differences(target, own, package)[1] == ""
    policy.store_in_target(target, rules := policy_adoption.load_in_force(target))
    pinned = evidence.collect_evidence(
        target, package, rules, model_packages.find_rebalancing(target, package), model_card.read_card(target, package)
    )
    evidence.store_signed(target, pinned)
    assert {"bias", "measured", "scores"} <= pinned.files.keys()
    uri = pinned.files["measured"]["uri"]
    assert uri.endswith("/own/output/analysis.json")
    monkeypatch.setattr(job_files, "CLOCK_TOLERANCE", timedelta(0))
    time.sleep(1)  # S3 tells whole seconds
    with replaced(target, {uri: target.files.read(uri) + b" "}):
        changed, late = evidence.find_changes(target, pinned.digest)
        assert changed == f"measured has changed ({uri}; the recorded version is {pinned.files['measured']['version']})"
        assert late.startswith("measured was written on")
        assert f"after its job {clarify_jobs.companion_name(BIAS)} had ended" in late


def test_a_bias_job_is_done_when_its_companion_is_and_fails_with_it(target, own, done):
    job = jobs.describe_job(target, "processing", BIAS)
    assert clarify_jobs.with_companion(target, job) == job
    broken = own.properties["governance:bias-job"]  # has no companion, and is given one that has no rows
    alone = jobs.describe_job(target, "processing", broken)
    assert clarify_jobs.with_companion(target, alone) == alone
    clarify_jobs._create_job(
        target, clarify_jobs.companion_name(broken), target.uri("lost"), target.uri("no-rows"), {"methods": {}}, {}, image=None
    )
    with pytest.raises(Exception, match="Data download failed"):
        jobs.wait_for_jobs(target, [("processing", clarify_jobs.companion_name(broken))])
    both = clarify_jobs.with_companion(target, alone)
    assert (both.name, both.status) == (broken, "Failed")
    assert "Data download failed" in both.reason
    assert model_evaluation.Evaluation("t", both, job, None).failed_job == both


def test_a_region_without_awss_clarify_names_the_remedy(target):
    with pytest.raises(DataError, match=r"AWS's Clarify is not available in il-central-1") as error:
        clarify_jobs.aws_image(replace(target, region="il-central-1"))
    assert "GOVERNANCE_CLARIFY=own" in error.value.hint


def test_data_with_other_features_than_the_models_training_is_refused_before_launch(target, own):
    data = model_packages.find_rebalancing(target, own)
    first, *rest = data.manifest["features"]
    model = models.ensure_model(target, WORKFLOW_IDENTITY, own.training_job)
    for features, words in (([f"{first}s", *rest], f"missing: {first} .is it {first}s"), ([*rest, first], "in another one")):
        other = replace(data, manifest={**data.manifest, "features": features})
        with pytest.raises(DataError, match=words):
            bias_jobs.launch_job(target, WORKFLOW_IDENTITY, model, other, name="never-launched")


def test_rows_with_empty_cells_are_not_explained_by_awss_container_and_the_remedy_is_named(target):
    uri = target.files.write(target.uri("mine", "gaps.csv"), b"label,age,debt\n1,,2.5\n0,30,\n,31,1\n", "text/csv")
    with pytest.raises(DataError, match=r"empty cells \(age: 1, debt: 1\)") as error:
        clarify_jobs.require_no_gaps(target, uri, "label")
    assert "GOVERNANCE_CLARIFY=own" in error.value.hint


def test_rows_that_awss_container_misreads_are_refused_naming_column_and_word(target):
    uri = target.files.write(target.uri("mine", "misread.csv"), b"label,country\n1,NA\n0,DE\n", "text/csv")
    with pytest.raises(DataError, match="column country: 'NA' in row 1"):
        clarify_jobs._require_read_by_aws(target, uri)
