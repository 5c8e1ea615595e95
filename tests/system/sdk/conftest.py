"""Real clients, unmodified, each in its own environment, run against an engine; every host that they look up is recorded."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "core" / "data" / "uci_credit_default.csv.gz"
TELEMETRY_OFF = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
ROWS = 3000


@dataclass(frozen=True)
class Ran:
    """What a client's script came to: the JSON of its last line, and the hosts that its processes looked up or connected to."""

    outcome: dict[str, Any]
    hosts: set[str]


@pytest.fixture(scope="module")
def run_client(engine, tmp_path_factory):
    """``run_client(environment, script, seconds)``: run the script of this folder with that virtual environment's own programs first."""

    def run(environment: str, script: str, seconds: int) -> Ran:
        folder = tmp_path_factory.mktemp("client")
        programs = HERE / environment / "bin"
        assert (programs / "python").exists(), f"{environment} is missing: `make test` makes .venv, `make clients` the others"
        with gzip.open(DATA) as file:
            pd.read_csv(file).drop(columns="ID").head(ROWS).to_csv(folder / "credit.csv", index=False)
        config, hosts = folder / "sdk.yaml", folder / "hosts"
        config.write_text(TELEMETRY_OFF)
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_", "PYTHON", "VIRTUAL_ENV"))}
        variables |= {
            "AWS_ACCESS_KEY_ID": engine.access_key_id,
            "AWS_SECRET_ACCESS_KEY": engine.secret_access_key,
            "AWS_REGION": engine.region,
            "AWS_DEFAULT_REGION": engine.region,
            "AWS_ENDPOINT_URL": engine.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
            "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(config),
            "PYTHONPATH": str(HERE / "recorder"),
            "LOOKED_UP": str(hosts),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
        }
        command = ["bash" if script.endswith(".sh") else "python", HERE / script, folder / "credit.csv"]
        done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        return Ran(json.loads(done.stdout.rstrip().splitlines()[-1]), set(hosts.read_text().split()))

    return run
