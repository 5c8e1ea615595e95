"""A real client, unmodified: the workshop in the SageMaker SDK v2's classes, against the engine, in its own environment."""

from __future__ import annotations

import pytest

from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def ran(run_client):
    return run_client(".venv-v2", "workshop_v2.py", 850)


@pytest.fixture(scope="module")
def outcome(ran):
    return ran.outcome


def test_the_client_is_the_workshops(outcome):
    assert outcome["versions"]["sagemaker"].startswith("2.257.")


def test_a_run_keeps_its_parameters_metrics_and_the_job_that_ran_in_it(outcome):
    found = outcome["experiment"]
    assert found["status"] == "Completed"
    assert found["parameters"] == ["rows", "split"]
    assert found["metric"] == {"MetricName": "held-out", "Count": 12, "Last": 0.61, "Max": 0.61}
    assert found["runs"] == ["baseline"]
    assert any(name.endswith("-aws-training-job") for name in found["components"])


def test_both_models_train_and_the_tuner_names_its_best_job(outcome):
    tuning = outcome["tuning"]
    assert set(outcome["jobs"].values()) == {"Completed"}
    assert (tuning["completed"], tuning["rows"]) == (3, 3)
    assert tuning["attached"] == tuning["best"]
    assert tuning["ranges"] == ["alpha", "eta", "gamma", "max_depth"]
    assert outcome["model_files"] == ["xgboost-model"]
    assert outcome["models"] == [True, True]


def test_tuning_starts_warm_and_stops(outcome):
    tuning = outcome["tuning"]
    assert (tuning["warm"], tuning["parents"]) == ("Completed", [tuning["name"]])
    assert (tuning["stopped"], outcome["stopped"]) == ("Stopped", "Stopped")


def test_lineage_leads_from_the_model_to_the_raw_data(outcome):
    found = outcome["lineage"]
    assert found["associations"] == ["ContributedTo", "ValidationException", "Produced"]  # the data was joined by itself
    assert found["training_jobs"]
    assert all(arn.rpartition("/")[2] == outcome["tuning"]["best"] for arn in found["training_jobs"])
    assert any(uri.endswith("train.csv") for uri in found["datasets"])
    assert found["pipeline"] is None
    assert any(uri.endswith("/credit.csv") for uri in found["upstream"])
    assert found["vertices"] == ["Artifact", "TrialComponent"]
    assert found["edges"] > 3
    assert found["shown"] == ["ContributedTo", "Produced"]
    assert found["licence"] == "CC BY 4.0"
    assert (found["review"], found["actions"], found["contexts"]) == ("Completed", ["workshop-review"], ["workshop-project"])
    assert found["left"] == ["TrainingScript"]


def test_clarify_reports_every_bias_metric_and_explains_every_feature(outcome):
    def names(section):
        return [m["name"] for m in outcome["bias"][section]["facets"]["SEX"][0]["metrics"]]

    assert outcome["before"] == ["CI", "DPL"]
    assert names("pre_training_bias_metrics") == sorted(PRE_TRAINING)
    assert names("post_training_bias_metrics") == sorted(POST_TRAINING)
    assert {"analysis.json", "report.html", "report.pdf"} <= set(outcome["reports"])
    (values,) = outcome["shap"]["explanations"]["kernel_shap"].values()
    assert len(values["global_shap_values"]) == 23


def test_the_package_takes_its_decision(outcome):
    package = outcome["package"]
    assert (package["status"], package["description"]) == ("Approved", "The reports were read")
    assert package["newest_approved"] == package["arn"]
    assert package["properties"].keys() == {"data", "reviewed"}
    assert package["reports"] == ["Bias", "Explainability", "ModelQuality"]
    assert (package["approvals"], package["approval"]) == (2, "Approved")
    assert package["shown"] > 2
    assert {"Key": "workshop", "Value": "governance"} in package["tags"]


def test_model_cards_find_out_about_model_and_package_by_themselves(outcome):
    cards = outcome["cards"]
    assert (cards["risk"], cards["status"]) == ("High", "PendingReview")
    assert cards["versions"] == [1, 2]
    assert cards["training"]
    assert len(cards["groups"]) == 2
    assert cards["pdf"]
    assert cards["exports"] == 1
    assert cards["package_evaluations"] == ["Bias Report", "Explainability report", "Model quality report"]
    assert cards["package_trained_by"]
    assert cards["names"] == ["workshop-card", "workshop-package-card"]
    assert outcome["left_models"]


def test_nothing_but_loopback_was_looked_up(ran):
    assert ran.hosts == {"127.0.0.1"}
