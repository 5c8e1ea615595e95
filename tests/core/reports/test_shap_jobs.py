"""What the explainability page asks of core: whose explanation it is, and the model itself to predict a row anew."""

from __future__ import annotations

import numpy as np
import pytest

from core.aws.target import connect
from core.errors import NotFound
from core.jobs import rebalancing_jobs
from core.reports import shap_jobs
from core.settings import Settings


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def job(target):
    return shap_jobs.list_jobs(target)[0].name


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
