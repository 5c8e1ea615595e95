"""The doctor: what the workflow would fail on is missing, once, and with a remedy that fits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from core.aws.target import connect
from core.doctor import doctor, target_checks
from core.errors import CHECK_NAME_HINT
from core.settings import Settings

pytestmark = pytest.mark.engine

NOBODY = "arn:aws:iam::000000000000:role/nobody"


def found(workspace, **change):
    target = connect(Settings(workspace=workspace, **change))
    return [finding for finding in doctor.check_target(target) if finding.state != "ok"]


@pytest.mark.parametrize(
    ("change", "subject", "remedy"),
    [
        ({"bucket": "nobodys-bucket"}, "the bucket nobodys-bucket", "GOVERNANCE_BUCKET"),
        ({"bucket": "Bad_Bucket"}, "the bucket Bad_Bucket", "GOVERNANCE_BUCKET"),
        ({"role": NOBODY}, NOBODY, "GOVERNANCE_ROLE"),
        ({"assume": {"viewer": NOBODY}}, NOBODY, "GOVERNANCE_ASSUME"),
        ({"kms_key": "alias/nobody"}, "alias/nobody", "with the embedded engine, which has no"),
        ({"subnets": ("subnet-1",), "security_groups": ("sg-1",)}, "subnet-1", "with the embedded engine, which has no"),
        ({"instance_type": "ml.bogus.large", "processing_instance_type": "ml.m5.large"}, "ml.bogus.large for training job usage", "Check"),
        ({"prices": "nowhere.toml"}, "GOVERNANCE_PRICES", "unset GOVERNANCE_PRICES"),
        ({"policy": "nowhere.toml"}, "GOVERNANCE_POLICY", "stays as it is"),
        ({"security_groups": ("sg-1",)}, "GOVERNANCE_SECURITY_GROUPS", "GOVERNANCE_SUBNETS"),
        ({"signing_key": "file2:/nowhere.pem"}, "/nowhere.pem", "GOVERNANCE_SIGNING_KEY"),
        ({"signing_key": "file2:README.md"}, "README.md", "GOVERNANCE_SIGNING_KEY"),
        ({"profiles": "nowhere.toml"}, "GOVERNANCE_PROFILES", "GOVERNANCE_PROFILES"),
        ({"roles_file": "nowhere.toml"}, "GOVERNANCE_ROLES_FILE", "GOVERNANCE_ROLES_FILE"),
        ({"trusted_keys": ("nowhere.pem",)}, "GOVERNANCE_TRUSTED_KEYS", "GOVERNANCE_TRUSTED_KEYS"),
    ],
)
def test_what_the_work_would_fail_on_is_missing_and_said_once(engine_workspace, engine, change, subject, remedy):
    about = found(engine_workspace, **change)
    (missing,) = [finding for finding in about if finding.state == "missing"]
    assert missing.subject == subject
    assert remedy in missing.remedy
    assert sum(finding.state == "unknown" for finding in about) <= 1
    assert not any(CHECK_NAME_HINT in finding.remedy for finding in about)


def test_a_bucket_that_keeps_no_versions_is_named_with_the_command_that_changes_it(engine_workspace, engine, client):
    s3, name = client("s3"), "doctors-own-bucket"
    s3.create_bucket(Bucket=name)

    def versioning():
        target = connect(Settings(workspace=engine_workspace, bucket=name))
        (finding,) = [each for each in target_checks.check_bucket(target) if each.subject == f"{name}: versioning"]
        return finding

    assert (versioning().state, "off" in versioning().what) == ("advice", True)
    *command, last = versioning().remedy.partition("aws s3api ")[2].split()
    assert command == ["put-bucket-versioning", "--bucket", name, "--versioning-configuration"]
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=dict([last.split("=")]))
    assert versioning().state == "ok"
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert versioning().state == "advice"
    (own,) = [each for each in found(engine_workspace) if "versioning" in each.subject] or [None]
    assert own is None, "the engine's own bucket keeps versions"


def test_files_that_can_be_read_are_all_right(engine_workspace, engine, tmp_path):
    file = tmp_path / "roles.toml"
    file.write_text('[people]\n"a@example.com" = "viewer"\n')
    target = connect(Settings(workspace=engine_workspace, roles_file=file))
    assert [(f.subject, f.state) for f in doctor.check_target(target) if f.area == "settings"] == [("GOVERNANCE_ROLES_FILE", "ok")]


def test_a_quota_below_what_the_workflow_starts_at_a_time_is_advice(engine_workspace, engine, monkeypatch):
    target = connect(Settings(workspace=engine_workspace))
    own = target.client("service-quotas")
    quotas = {f"ml.m5.xlarge for {use} job usage": value for use, value in (("training", 1.0), ("processing", 0.0))}
    pages = [{"Quotas": [{"QuotaName": name, "Value": value} for name, value in quotas.items()]}]
    monkeypatch.setattr(own, "get_paginator", lambda operation: type("Pages", (), {"paginate": lambda self, **asked: pages})())
    target = replace(target, client=lambda service: own)
    states = {finding.subject: finding for finding in target_checks.check_quotas(target)}
    assert states["ml.m5.xlarge for training job usage"].state == "advice"
    assert "3" in states["ml.m5.xlarge for training job usage"].what
    assert states["ml.m5.xlarge for processing job usage"].state == "missing"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"GOVERNANCE_SUBNETS": "subnet-1"}, "GOVERNANCE_SUBNETS=subnet-1 can't be used"),
        ({"GOVERNANCE_TARGET": "aws"}, "Unable to locate credentials"),
        ({"GOVERNANCE_TARGET": "aws", "GOVERNANCE_REGOIN": "eu-central-1"}, "Do you mean GOVERNANCE_REGION?"),
        ({"GOVERNANCE_WORKSPACE": "/proc/nowhere"}, "GOVERNANCE_WORKSPACE, or --workspace"),
    ],
)
def test_without_a_target_the_command_says_why_in_json_too(environment, words, tmp_path):
    own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-m", "core", "doctor"]
    for arguments in ([], ["--json"]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False, env={**own, **environment})
        assert done.returncode == 1
        assert words in done.stdout
        assert not done.stderr
    assert "missing" in {finding["state"] for finding in json.loads(done.stdout)}
