"""What the explainability page asks of core: whose explanation it is, and the model itself to predict a row anew."""

from __future__ import annotations

import numpy as np
import pytest

from core import explainability, rebalancing
from core.clients import connect
from core.errors import NotFound
from core.settings import Settings


@pytest.fixture(scope="module")
def clients(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def job(clients):
    return explainability.list_jobs(clients)[0].name


def test_an_explanation_knows_its_model_its_data_and_what_the_columns_are_for(clients, job):
    known = explainability.about(clients, job)
    data = rebalancing.result(clients, known.rebalanced)
    assert known.model_uri.endswith(f"/{known.training_job}/output/model.tar.gz")
    assert clients.exists(known.model_uri)
    assert (known.label, known.favourable, known.facet) == (data.roles.label, data.roles.favourable, data.roles.facet)
    assert known.sensitive == (data.roles.facet, data.roles.group)
    assert known.unfavourable_raises == (data.roles.favourable == 0)


def test_the_model_predicts_every_explained_row_as_the_job_did(clients, job):
    shap, known = explainability.result(clients, job), explainability.about(clients, job)
    again = explainability.predict(explainability.booster(clients, known.model_uri), shap.data)
    assert np.abs(np.array(again) - shap.predictions.to_numpy()).max() < 1e-6


def test_a_changed_row_is_predicted_otherwise(clients, job):
    shap, known = explainability.result(clients, job), explainability.about(clients, job)
    model = explainability.booster(clients, known.model_uri)
    first = max(shap.global_values, key=shap.global_values.__getitem__)
    row = shap.data.iloc[[0]]
    ends = [row.assign(**{first: shap.data[first].min()}), row.assign(**{first: shap.data[first].max()})]
    low, high = (explainability.predict(model, end)[0] for end in ends)
    assert low != high


def test_a_job_that_is_gone_is_an_error_of_the_product(clients):
    with pytest.raises(NotFound):
        explainability.about(clients, "governance-shap-gone")
