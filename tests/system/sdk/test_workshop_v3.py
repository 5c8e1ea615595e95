"""A real client, unmodified: the workshop in the SageMaker SDK v3's classes, against the engine, in its own environment."""

from __future__ import annotations

import pytest

from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING


@pytest.fixture(scope="module")
def ran(run_client):
    return run_client(".venv", "workshop_v3.py", 280)


@pytest.fixture(scope="module")
def outcome(ran):
    return ran.outcome


def test_both_models_train_and_the_tuner_names_its_best_job(outcome):
    assert set(outcome["jobs"].values()) == {"Completed"}
    assert outcome["tuning"]["status"] == "Completed"
    assert outcome["tuning"]["completed"] == 3
    assert outcome["model_files"] == ["xgboost-model"]


def test_lineage_leads_from_the_model_to_the_trial_component(outcome):
    component = f"{outcome['tuning']['best']}-aws-training-job"
    assert any(arn.endswith(f"experiment-trial-component/{component}") for arn in outcome["upstream_of_model"])


def test_clarify_reports_every_bias_metric(outcome):
    def names(section):
        return [m["name"] for m in outcome["bias"][section]["facets"]["SEX"][0]["metrics"]]

    assert names("pre_training_bias_metrics") == sorted(PRE_TRAINING)
    assert names("post_training_bias_metrics") == sorted(POST_TRAINING)


def test_clarify_explains_every_feature(outcome):
    (values,) = outcome["shap"]["explanations"]["kernel_shap"].values()
    assert len(values["global_shap_values"]) == 23
    assert max(values["global_shap_values"].values()) > 0


def test_the_package_takes_its_decision(outcome):
    assert outcome["package"]["status"] == "Rejected"


def test_nothing_but_loopback_was_looked_up(ran):
    assert ran.hosts == {"127.0.0.1"}
