"""What the explainability page asks of core: whose explanation it is, whether it is right, and the model itself to predict a row again."""

from __future__ import annotations

import numpy as np
import pytest
from replacing import replaced

from core.aws.target import connect
from core.errors import DataError, NotFound
from core.identity import WORKFLOW_IDENTITY
from core.jobs import rebalancing_jobs
from core.registry import model_packages, version_registration
from core.reports import shap_jobs
from core.settings import Settings


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def job(demo, target):
    """That of the workflow's mitigated model; other tests start jobs too."""
    arn = demo[1][0]["models"][1]["model_package_arn"]
    return model_packages.read_properties(target, arn)["governance:shap-job"]


def test_an_explanation_knows_its_model_its_data_and_what_the_columns_are_for(target, job):
    known = shap_jobs.read_request(target, job)
    data = rebalancing_jobs.read_result(target, known.rebalancing_job)
    assert known.model_uri.endswith(f"/{known.training_job}/output/model.tar.gz")
    assert target.files.exists(known.model_uri)
    assert (known.label, known.favourable, known.facet) == (data.roles.label, data.roles.favourable, data.roles.facet)
    assert known.sensitive == (data.roles.facet, data.roles.group)
    assert known.is_higher_unfavourable == (data.roles.favourable == 0)


def test_the_model_predicts_every_explained_row_as_the_job_did(target, job):
    shap, known = shap_jobs.read_job_result(target, job), shap_jobs.read_request(target, job)
    again = shap_jobs.predict_rows(shap_jobs.load_model(target, known.model_uri), shap.data)
    assert np.abs(np.array(again) - shap.predictions.to_numpy()).max() < 1e-6


def test_a_changed_row_is_predicted_otherwise(target, job):
    shap, known = shap_jobs.read_job_result(target, job), shap_jobs.read_request(target, job)
    model = shap_jobs.load_model(target, known.model_uri)
    first = max(shap.global_values, key=shap.global_values.__getitem__)
    row = shap.data.iloc[[0]]
    ends = [row.assign(**{first: shap.data[first].min()}), row.assign(**{first: shap.data[first].max()})]
    low, high = (shap_jobs.predict_rows(model, end)[0] for end in ends)
    assert low != high


def test_a_job_that_is_gone_is_an_error_of_the_product(target):
    with pytest.raises(NotFound):
        shap_jobs.read_request(target, "governance-shap-gone")


# wrong explanations ---------------------------------------------------------------------------------


@pytest.fixture
def tampered(target, job):
    """The job, in whose values of row 3 something was changed; afterwards they are as before."""
    uri = f"{shap_jobs.read_job_result(target, job).folder}/explanations_shap/out.csv"
    lines = target.files.read(uri).decode().splitlines()
    lines[4] = ",".join(str(float(value) + 0.01) for value in lines[4].split(","))
    with replaced(target, {uri: "\n".join(lines).encode()}):
        yield job


def test_values_that_do_not_add_up_are_not_shown_nor_registered(target, tampered):
    with pytest.raises(DataError, match=r"The explanation in .* is wrong: in row 3 .* allowed is 0\.0001"):
        shap_jobs.read_job_result(target, tampered)
    versions = model_packages.list_versions(target, "loans")
    package = next(p for v in versions if (p := model_packages.read_package(target, v.arn)).properties["governance:shap-job"] == tampered)
    names = {f"{kind}_job": package.properties[f"governance:{kind}-job"] for kind in ("training", "bias", "shap")}
    data = model_packages.find_rebalancing(target, package)
    with pytest.raises(DataError, match="is wrong: in row 3"):
        version_registration.register_version(target, WORKFLOW_IDENTITY, data=data, role="mitigated", **names)
    assert model_packages.list_versions(target, "loans") == versions


def report(**measured):
    explained = {"kernel_shap": {"label0": {"global_shap_values": {"age": 0.1}, "expected_value": 0.2}}}
    return {"explanations": explained, "governance": {"shap": measured}}


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        ({"additivity": 4.16, "baseline_rows": 2, "output": "raw"}, "miss the model's prediction by up to 4.16; allowed is 0.01"),
        ({"additivity": 0.002, "baseline_rows": 2, "output": "probability"}, "by up to 0.002; allowed is 0.0001"),
        ({"additivity": 1e-7, "baseline_rows": 1000}, "used 100 of its 1,000 baseline rows"),
    ],
)
def test_wrong_explanations_of_earlier_versions_are_recognised_by_their_own_record(measured, why):
    with pytest.raises(DataError, match=r"The explanation in s3://b/analysis\.json is wrong") as refused:
        shap_jobs.summarize_report(report(**measured), "s3://b/analysis.json")
    assert why in refused.value.message


@pytest.mark.parametrize("measured", [{}, {"additivity": 1e-6, "baseline_rows": 12}, {"error_bound": 1e-4, "baseline_rows": 1000}])
def test_right_explanations_are_read(measured):
    assert shap_jobs.summarize_report(report(**measured)).labels[0].values == {"age": 0.1}


def test_a_report_says_why_it_has_no_explanation():
    raw = {"explanations": {"kernel_shap": {"label0": {"error": "Model m: this model (dart) can't be explained"}}}}
    with pytest.raises(DataError, match=r"s3://b/a.json has no explanation: Model m: this model .dart. can't be explained\."):
        shap_jobs.summarize_report(raw, "s3://b/a.json")
