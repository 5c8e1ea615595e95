"""The least policies in force on an engine of their own: everybody does their part and nobody another's; what is taken away is named."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time

import boto3
import pandas as pd
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from deciding import ADA, CHRIS, DANA, EASY, VERA, VIC, WHY, approve, seen, submitted

from core.analysis.tables import csv_writer
from core.aws import container_images
from core.aws.target import connect
from core.data import bundled_data, datasets
from core.doctor import doctor, target_checks
from core.errors import Forbidden, NotFound
from core.governance import decisions, kept_heads, policy, policy_adoption
from core.governance.dossier import evidence_pack
from core.governance.model_cards import model_card
from core.identity import Identity, Role
from core.registry import model_packages
from core.settings import Settings
from core.workflow import workflow
from engine import lifecycle
from engine.iam import access_decisions, sessions
from tools import least, policies

pytestmark = pytest.mark.engine
KEPT_FOLDERS = ("governance/log", "governance/evidence", "governance/files", "governance/policies", "governance/datasets")
"""What people decide by; without reports that they have kept, of which this workspace has none."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    workspace = tmp_path_factory.mktemp("least")
    yield least.install(workspace / "ws")
    lifecycle.stop(workspace / "ws")


@pytest.fixture(scope="module")
def owner(settings):
    """Clients of the account's own user, who may do everything."""
    return connect(settings)


@pytest.fixture(scope="module")
def arn(settings):
    """The version that the whole workflow made, run by a data scientist who may do no more than the policy says."""
    frame = pd.read_csv(io.BytesIO(csv_writer.to_csv(bundled_data.read_bundled().sample(1500, random_state=3))))
    report = workflow.run_all_steps(
        connect(settings, DANA), DANA, frame, bundled_data.BUNDLED_ROLES, workflow.WorkflowOptions(max_jobs=1, max_parallel=1)
    )
    return report["models"][1]["model_package_arn"]


def test_whoever_looks_first_writes_nothing_and_whoever_rejects_keeps_the_policy(settings, arn, owner):
    """Of the product's own policy there is a copy from the first submission on; a later version of the product may have another one."""
    other, viewer = model_packages.list_versions(owner)[-1].arn, connect(settings, VERA)
    rules = policy_adoption.load_in_force(viewer)
    uri = policy.policy_uri(viewer, rules.sha256)
    with pytest.raises(NotFound):
        viewer.files.read(uri)
    submitted(connect(settings, DANA), other, profile="standard")
    assert viewer.files.read(uri).decode() == rules.text
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    owner.s3.delete_object(Bucket=bucket, Key=key)
    officers = connect(settings, CHRIS)
    decisions.reject(officers, CHRIS, other, seen_event=seen(officers, other), reason=WHY, code="other")
    assert viewer.files.read(uri).decode() == rules.text


@pytest.fixture(scope="module")
def easy(settings):
    """A policy that an administrator has adopted and an officer confirmed, with no more than the least policies."""
    rules = policy.parse_toml(EASY.encode())
    policy_adoption.adopt_policy(connect(settings, ADA), ADA, rules, reason=WHY)
    policy_adoption.confirm_policy(connect(settings, CHRIS), CHRIS, rules.sha256, reason=WHY)


@pytest.mark.usefixtures("easy")
def test_everybody_does_their_part_with_no_more_than_the_least_policies(settings, arn, owner):
    for person in (DANA, VIC, CHRIS):
        assert (
            f"assumed-role/{least.name(person.role.value)}/{person.name}"
            in connect(settings, person).client("sts").get_caller_identity()["Arn"]
        )
    submitted(connect(settings, DANA), arn)
    vics = connect(settings, VIC)
    decisions.validate(vics, VIC, arn, seen_event=seen(vics, arn), reason=WHY, code="evidence reviewed")
    approve(connect(settings, CHRIS), arn)
    assert model_packages.read_package(owner, arn).status == "Approved"
    chris = connect(settings, CHRIS)
    assert model_card.export_pdf(chris, CHRIS, arn).startswith(b"%PDF")
    assert evidence_pack.build_zip(chris, CHRIS, arn).startswith(b"PK")
    kept_heads.record_export(chris, CHRIS, kept_heads.export_head(chris))
    with pytest.raises(Forbidden):
        kept_heads.record_export(connect(settings, VERA), None, b"{}")


@pytest.mark.usefixtures("easy")
def test_what_is_withdrawn_or_retired_is_so_in_the_registry_too(settings, arn, owner):
    danas, other = connect(settings, DANA), model_packages.list_versions(owner)[-1].arn
    submitted(danas, other)
    decisions.withdraw(danas, DANA, other, seen_event=seen(danas, other), reason=WHY, code="error found")
    assert model_packages.read_package(owner, other).status == "Rejected"
    adas = connect(settings, ADA)
    decisions.retire(adas, ADA, arn, seen_event=seen(adas, arn), reason=WHY, code="end of use")
    assert model_packages.read_package(owner, arn).status == "Rejected"


def test_nobody_does_anothers_part_by_calling_aws_directly(settings, arn, owner):
    def refused(person, call, **arguments):
        with pytest.raises(ClientError) as caught:
            getattr(connect(settings, person).sagemaker, call)(**arguments)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"

    other = model_packages.list_versions(owner)[-1].arn
    for person in (DANA, VIC):
        refused(person, "update_model_package", ModelPackageArn=other, ModelApprovalStatus="Approved")
    for person in (VIC, CHRIS):
        refused(
            person, "create_model_package", ModelPackageGroupName="credit-default", ModelApprovalStatus="Approved", SourceUri="s3://m/m"
        )
    refused(DANA, "create_model_package", ModelPackageGroupName="credit-default", ModelApprovalStatus="Approved", SourceUri="s3://m/m")


def test_who_trained_a_version_cannot_approve_it_in_an_officers_role_either(settings, arn):
    same_person = Identity(DANA.name, Role.COMPLIANCE_OFFICER, issuer=DANA.issuer, subject=DANA.subject)
    with pytest.raises(ClientError, match="explicit deny"):
        connect(settings, same_person).sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


@pytest.fixture
def job(owner):
    """S3 as a job sees it: in a session of the execution role, which the engine alone can begin."""
    with pytest.raises(ClientError, match="AccessDenied"):
        owner.client("sts").assume_role(RoleArn=owner.role, RoleSessionName="job")
    keys = lifecycle.ensure_keys(owner.settings.workspace)
    begun = sessions.begin_session(keys, access_decisions.assumed_role_principal(least.EXECUTION, "job"), time.time() + 900)
    session = boto3.Session(begun.keys.access_key_id, begun.keys.secret_access_key, begun.token, region_name=owner.region)
    config = Config(signature_version="s3v4", retries={"total_max_attempts": 1})
    return session.client("s3", endpoint_url=owner.s3.meta.endpoint_url, config=config)


@pytest.mark.parametrize("more", [False, True])
def test_jobs_write_their_results_and_nothing_that_people_decide_by(settings, arn, owner, job, more):
    """Whatever else their role is given: a managed policy of AWS's allows more than ours."""
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    if more:
        least.put(owner, least.EXECUTION, "more.json", everything)
    try:
        its = owner.files.list_uris(owner.uri("governance/"))
        kept = {folder: next(uri for uri in its if uri.startswith(owner.uri(folder, ""))) for folder in KEPT_FOLDERS}
        for folder, uri in kept.items():
            before = owner.s3.head_object(Bucket=owner.bucket, Key=uri.partition(owner.uri(""))[2])
            where = {"Bucket": owner.bucket, "Key": uri.partition(owner.uri(""))[2]}
            copied = {"CopySource": {"Bucket": owner.bucket, "Key": where["Key"]}, "MetadataDirective": "REPLACE"}
            listed = {"Bucket": owner.bucket, "Delete": {"Objects": [{"Key": where["Key"]}]}}
            for call, arguments in (
                (job.put_object, where | {"Body": b"forged"}),
                (job.put_object, {"Bucket": owner.bucket, "Key": f"{folder}/new", "Body": b"forged", "IfNoneMatch": "*"}),
                (job.copy_object, where | copied),
                (job.create_multipart_upload, where),
                (job.delete_object, where),
                (job.delete_object, where | {"VersionId": before["VersionId"]}),
            ):
                with pytest.raises(ClientError) as caught:
                    call(**arguments)
                assert caught.value.response["Error"]["Code"] == "AccessDenied"
            assert [error["Code"] for error in job.delete_objects(**listed)["Errors"]] == ["AccessDenied"]
            assert owner.s3.head_object(**where)["VersionId"] == before["VersionId"]
        for folder in (
            "governance/clarify/x",
            "governance/models/x",
            "governance/rebalanced/x",
            "governance/trials/x",
            "governance/reports/x",
        ):
            job.put_object(Bucket=owner.bucket, Key=f"{folder}/output/result", Body=b"")
        if not more:
            with pytest.raises(ClientError, match="AccessDenied"):
                job.put_bucket_versioning(Bucket=owner.bucket, VersioningConfiguration={"Status": "Suspended"})
    finally:
        if more:
            owner.client("iam").delete_role_policy(RoleName=least.EXECUTION, PolicyName="more")


def test_an_error_of_the_policies_names_the_permission_and_whom_to_ask(settings):
    viewer = connect(settings, Identity("Vera", Role.VIEWER, issuer="i", subject="vera"))
    with pytest.raises(Forbidden, match=r"s3:PutObject.*IAM"):
        viewer.files.write(viewer.uri("governance/datasets/x"), b"x")
    assert datasets.list_datasets(viewer) is not None


def test_each_permission_that_is_taken_away_is_named_with_its_file(settings, owner):
    rows = []
    for file, action, found in least.taken_away(owner):
        assert found, f"{file} without {action} lacks nothing"
        assert {finding.subject.split(": ")[1].split(" on ")[0] for finding in found} == {action}
        assert all(finding.state == "missing" and f"aws/policies/{file}" in finding.remedy for finding in found)
        rows.append((file, action, found))
    assert policies.page(rows) == policies.PAGE.read_text()


def test_with_all_of_them_nothing_is_missing(settings, owner):
    found = list(doctor.check_target(owner))
    assert doctor.has_passed(found)
    assert len([finding for finding in found if finding.area == "permissions"]) > 60


def test_the_command_passes_on_the_local_target_and_says_so_by_its_exit_code(engine_workspace, engine):
    def run(**environment):
        return subprocess.run(
            [sys.executable, "-m", "core", "doctor", "--json", "--workspace", str(engine_workspace)],
            capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment},
        )  # fmt: skip

    well = run()
    assert well.returncode == 0, well.stdout + well.stderr
    assert {finding["state"] for finding in json.loads(well.stdout)} <= {"ok", "advice"}
    ill = run(GOVERNANCE_BUCKET="no-such-bucket", GOVERNANCE_ANALYSIS_IMAGE="000000000000.dkr.ecr.us-east-1.amazonaws.com/other:1")
    assert ill.returncode == 1
    missing = {finding["area"]: finding for finding in json.loads(ill.stdout) if finding["state"] == "missing"}
    assert set(missing) == {"bucket", "images"}
    assert "no-such-bucket" in missing["bucket"]["what"]
    assert "docs/aws.md" in missing["images"]["remedy"]


def test_the_policy_files_are_those_that_the_recorded_calls_make():
    assert {path.name: path.read_text() for path in (policies.AWS / "policies").glob("*.json")} == {
        f"{name}.json": policies.text(document) for name, document in policies.documents().items()
    }


def test_what_the_doctor_may_not_look_at_is_unknown_and_not_missing(settings):
    viewer = connect(settings.model_copy(update={"analysis_image": None}), VERA)
    states = {finding.subject: finding.state for finding in target_checks.check_images(viewer)}
    assert states[container_images.analysis_image(viewer)] == "unknown"
    image = f"{viewer.account}.dkr.ecr.{viewer.region}.amazonaws.com/governance-analysis@sha256:{'0' * 64}"
    pinned = list(target_checks.check_images(connect(Settings(workspace=settings.workspace, analysis_image=image))))
    assert (pinned[-1].subject, pinned[-1].state) == (image, "ok")
