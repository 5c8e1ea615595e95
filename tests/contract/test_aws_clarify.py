"""Bias and SHAP jobs on AWS's Clarify container (``clarify=aws``): what it is asked, what it gives, and what is measured beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sagemaker.core.clarify import ANALYSIS_CONFIG_SCHEMA_V1_0 as SCHEMA
from schema import SchemaError

from core import bias, bias_outcomes, clarify, evaluation, explainability, jobs, models, registry
from core.clients import connect
from core.errors import DataError
from core.governance import evidence, policy
from core.identity import WORKFLOW
from core.settings import Settings

KEY = "region=0"
BIAS, SHAP = "by-awss-clarify-bias", "by-awss-clarify-shap"
"""Not of the names that lists show: other tests share the workspace."""


@pytest.fixture(scope="module")
def clients(demo):
    return connect(Settings(workspace=demo[0], clarify="aws"))


@pytest.fixture(scope="module")
def own(clients, demo):
    """The mitigated version of the first run, whose reports the product's own image wrote."""
    return registry.get(clients, next(m["model_package_arn"] for m in demo[1][0]["models"] if m["role"] == "mitigated"))


@pytest.fixture(scope="module")
def done(clients, own):
    """The bias and the SHAP job of that version's model, on AWS's container; its data."""
    data = registry.data_of(clients, own)
    model = models.ensure_model(clients, WORKFLOW, own.training_job)
    bias.launch(clients, WORKFLOW, model, data, name=BIAS)
    explainability.launch(clients, WORKFLOW, model, data, name=SHAP)
    jobs.wait(clients, [("processing", name) for name in (*clarify.names(clients, BIAS), SHAP)])
    return data


def config(clients, name):
    return clients.read_json(jobs.input_of(jobs.describe(clients, "processing", name), "analysis_config"))


def files(clients, name):
    folder = jobs.output_of(jobs.describe(clients, "processing", name))
    return {uri.removeprefix(f"{folder}/") for uri in clients.keys(f"{folder}/")}


def test_awss_container_is_asked_as_its_schema_wants(clients, done):
    """The schema is the SDK's own; it refuses our part, which the product's image is given."""
    for name in (BIAS, SHAP):
        SCHEMA.validate(config(clients, name))
    full = config(clients, clarify.companion(BIAS))
    SCHEMA.validate({key: value for key, value in full.items() if key != "governance"})
    with pytest.raises(SchemaError, match="governance"):
        SCHEMA.validate(full)


@pytest.mark.parametrize("name", [BIAS, SHAP])
def test_the_job_is_what_clarifys_documentation_says(clients, done, name):
    raw = jobs.describe(clients, "processing", name).raw
    assert raw["AppSpecification"] == {"ImageUri": "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"}
    assert [item["InputName"] for item in raw["ProcessingInputs"]] == ["analysis_config", "dataset"]
    (output,) = raw["ProcessingOutputConfig"]["Outputs"]
    assert (output["OutputName"], output["S3Output"]["LocalPath"]) == ("analysis_result", "/opt/ml/processing/output")
    assert "NetworkConfig" not in raw  # it asks an endpoint


def test_awss_container_writes_its_files_and_none_of_ours(clients, done):
    assert files(clients, BIAS) == {"analysis.json", "report.html", "report.pdf"}
    assert files(clients, SHAP) == {f"explanations_shap/{n}" for n in ("out.csv", "baseline.csv")} | files(clients, BIAS)
    assert "governance" not in clients.read_json(f"{jobs.output_of(jobs.describe(clients, 'processing', BIAS))}/analysis.json")
    assert "scores.csv" in files(clients, clarify.companion(BIAS))


def test_the_report_has_awss_values_and_our_own_intervals_where_both_agree(clients, own, done):
    """AWS groups people by each single age, this product by bins: one metric before and one after differ, and have no interval."""
    (ours,), (theirs,) = own.bias.facets, bias.report(clients, BIAS).facets
    for stage in ("pre_training", "post_training"):
        for name, measure in getattr(ours, stage).items():
            found = getattr(theirs, stage)[name]
            same = measure.value is None or found.value == pytest.approx(measure.value, rel=1e-6)
            assert same == (name not in {"CDDL", "CDDPL"}), name
            assert found.in_words == measure.in_words or not same
            assert found.interval == (measure.interval if same else None), name


def test_what_awss_report_lacks_the_companion_measured(clients, own, done):
    report = bias.report(clients, BIAS)
    assert report.measured_on == "test"
    assert report.governance["performance"] == own.bias.governance["performance"]
    assert report.counts(KEY) == own.bias.counts(KEY)
    assert bias_outcomes.rows(clients, report).equals(bias_outcomes.rows(clients, own.bias))
    assert bias_outcomes.paired(clients, own.bias, report)[1] == ""


def test_shap_values_of_awss_container_are_shown_with_rows_and_predictions(clients, own, done):
    ours, theirs = explainability.result(clients, own.properties["governance:shap-job"]), explainability.result(clients, SHAP)
    assert theirs.data.equals(ours.data)
    assert np.allclose(theirs.predictions, ours.predictions, atol=1e-6)
    assert np.allclose(theirs.values, ours.values)
    assert theirs.additivity == pytest.approx(np.abs(theirs.values.sum(axis=1) + theirs.expected - theirs.predictions).max())
    assert theirs.additivity < 1e-4
    assert explainability.about(clients, SHAP) == explainability.about(clients, own.properties["governance:shap-job"])


def test_a_model_measured_on_awss_container_can_be_registered_with_all_its_evidence(clients, own, done):
    arn = registry.register(
        clients, WORKFLOW, training_job=own.training_job, data=done, bias_job=BIAS, shap_job=SHAP, role="mitigated", group="measured-by-aws"
    )
    package = registry.get(clients, arn)
    assert package.performance == own.performance
    assert registry.missing_evidence(clients, package) == []
    assert registry.differences(clients, own, package)[1] == ""
    policy.keep(clients, rules := policy.in_force(clients)[0])
    pinned = evidence.collect(clients, package, rules)
    evidence.keep(clients, pinned)
    assert {"bias", "measured", "scores"} <= pinned.files.keys()
    uri = pinned.files["measured"]["uri"]
    assert uri.endswith("/own/output/analysis.json")
    before = clients.read(uri)
    try:
        clients.write(uri, before + b" ")
        assert evidence.problems(clients, pinned.digest) == [f"measured has changed ({uri})"]
    finally:
        clients.write(uri, before)


def test_a_bias_job_is_done_when_its_companion_is_and_fails_with_it(clients, own, done):
    job = jobs.describe(clients, "processing", BIAS)
    assert clarify.joint(clients, job) == job
    broken = own.properties["governance:bias-job"]  # has no companion, and is given one that has no rows
    alone = jobs.describe(clients, "processing", broken)
    assert clarify.joint(clients, alone) == alone
    clarify._create(clients, clarify.companion(broken), clients.uri("lost"), clients.uri("no-rows"), {"methods": {}}, {}, image=None)
    with pytest.raises(Exception, match="Data download failed"):
        jobs.wait(clients, [("processing", clarify.companion(broken))])
    both = clarify.joint(clients, alone)
    assert (both.name, both.status) == (broken, "Failed")
    assert "Data download failed" in both.reason
    assert evaluation.Evaluation("t", both, job, None).failed == both


def test_a_region_without_awss_clarify_names_the_remedy(clients):
    with pytest.raises(DataError, match=r"AWS's Clarify is not in il-central-1") as error:
        clarify.aws_image(replace(clients, region="il-central-1"))
    assert "GOVERNANCE_CLARIFY=own" in error.value.remedy
