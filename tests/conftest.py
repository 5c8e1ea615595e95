"""The smallest real thing: an engine of its own on a temporary workspace, ended with the tests."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config

from engine import lifecycle


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """A running engine (``engine.lifecycle.Running``) on an empty workspace."""
    workspace = tmp_path_factory.mktemp("engine")
    yield lifecycle.ensure(workspace)
    lifecycle.stop(workspace)


@pytest.fixture(scope="session")
def client(engine):
    """``client("s3")``: boto3's client of a service, talking to the engine."""

    def build(service, **changes):
        settings = {
            "endpoint_url": engine.endpoint,
            "aws_access_key_id": engine.access_key_id,
            "aws_secret_access_key": engine.secret_access_key,
            "region_name": engine.region,
            "config": Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None),
        }
        return boto3.client(service, **{**settings, **changes})

    return build
