"""A workspace to decide in; a module may have its own of each name."""

from __future__ import annotations

import pytest
from deciding import DANA, EASY

from core.aws.target import connect
from core.registry import model_packages
from core.settings import Settings


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(EASY)
    return path


@pytest.fixture
def target(demo, rules):
    return connect(Settings(workspace=demo[0], policy=rules))


@pytest.fixture
def arn(demo, target):
    """A version of its own for each test, trained by the workflow and registered by Dana."""
    model = demo[1][0]["models"][1]
    package = model_packages.read_package(target, model["model_package_arn"])
    data = model_packages.find_rebalancing(target, package)
    assert data is not None
    jobs = {"bias_job": package.properties["governance:bias-job"], "shap_job": package.properties["governance:shap-job"]}
    return model_packages.register_version(
        target, DANA, training_job=model["training_job"], data=data, role="mitigated", group="decided", **jobs
    )
