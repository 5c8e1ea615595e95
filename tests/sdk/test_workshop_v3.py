"""A real client, unmodified: the workshop in the SageMaker SDK v3's classes, against the engine, in its own environment."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from core.analysis.bias import POST_TRAINING, PRE_TRAINING

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
DATA = HERE.parents[1] / "core" / "data" / "uci_credit_default.csv.gz"


@pytest.fixture(scope="module")
def outcome(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("workshop")
    with gzip.open(DATA) as file:
        pd.read_csv(file).drop(columns="ID").head(3000).to_csv(folder / "credit.csv", index=False)
    config = folder / "sdk.yaml"
    config.write_text("SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
    environment |= {
        "AWS_ACCESS_KEY_ID": engine.access_key_id,
        "AWS_SECRET_ACCESS_KEY": engine.secret_access_key,
        "AWS_REGION": engine.region,
        "AWS_DEFAULT_REGION": engine.region,
        "AWS_ENDPOINT_URL": engine.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(config),
        "HOME": str(folder),
    }
    assert PYTHON.exists(), "the SDK's environment is missing: run `make test`, which makes it"
    run = subprocess.run(
        [PYTHON, HERE / "workshop_v3.py", folder / "credit.csv"], env=environment, cwd=folder, capture_output=True, text=True, timeout=280
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return json.loads(run.stdout.rstrip().splitlines()[-1])


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


def test_nothing_but_loopback_was_looked_up(outcome):
    assert outcome["looked_up"] == ["127.0.0.1"]
