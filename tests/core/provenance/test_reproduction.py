"""A version is made again from its data set, and the result counts only where the records of its job bear it out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from deciding import CHRIS, VERA, VIC, WHY, adopt, approve, register_again, seen, submitted
from replacing import replaced

from core.cli.main import main
from core.errors import Conflict, Forbidden
from core.governance import damaged_files, decisions, gates, reproducing, verification
from core.governance.version_state import read_state
from core.governance.version_under_review import read_version
from core.jobs import jobs
from core.ledger import audit_log
from core.provenance import reproduction
from core.registry import model_packages

DEMANDING = """
version = "1"
title = "Demanding"
[approvals]
low = 1
medium = 1
high = 1
[expiry]
low = 30
medium = 30
high = 30
[profiles.easy]
title = "Reproduced"
gates = [{kind = "reproduced"}]
"""


@pytest.fixture(scope="module")
def made_again(demo, demo_target):
    """ARN -> the result of a reproduction, of the two versions of the demo's first run."""
    arns = [model["model_package_arn"] for model in demo[1][0]["models"]]
    names = {arn: reproducing.start_reproduction(demo_target, VIC, arn) for arn in arns}
    jobs.wait_for_jobs(demo_target, [("processing", name) for name in names.values()])
    return {arn: reproducing.read_result(demo_target, arn, name) for arn, name in names.items()}


@pytest.fixture(scope="module")
def again(demo, demo_target):
    """(a version, the job that made it again)."""
    arn = register_again(demo_target, demo[1][0]["models"][1]["model_package_arn"])
    return arn, make_again(demo_target, arn)


def make_again(target, arn):
    name = reproducing.start_reproduction(target, VIC, arn)
    jobs.wait_for_jobs(target, [("processing", name)])
    return name


def test_every_version_is_the_same_byte_for_byte(made_again):
    assert len(made_again) == 2
    for found in made_again.values():
        assert (found.problems, found.is_reproduced) == ((), True)
        assert [(part["part"], part["agrees"], part["same_bytes"]) for part in found.result["parts"]] == [
            ("rows", True, True),
            ("model", True, True),
            ("bias", True, True),
            ("explanation", True, True),
        ]
        assert found.result["made_with"]["xgboost"]


def test_a_validation_says_reproduced_only_with_its_result(target, arn):
    submitted(target, arn)
    said = {"seen_event": seen(target, arn), "reason": WHY, "code": "evidence reproduced"}
    with pytest.raises(Conflict, match="Nobody has made decided v"):
        decisions.validate(target, VIC, arn, **said)
    name = make_again(target, arn)
    assert decisions.validate(target, VIC, arn, **said).status == "validated"
    recorded = read_state(target, arn).history[-1].body["reproduction"]
    assert recorded["job"] == name
    assert recorded["uri"].endswith(f"{name}/output/reproduction.json")
    approve(target, arn)
    assert problems_of(target, arn) == []
    with replaced(target, edited(target, recorded["uri"], lambda raw: raw.update(made_with={}))):
        assert [what for what in problems_of(target, arn) if "was reproduced" in what and "reproduction.json has changed" in what]


def problems_of(target, arn):
    """What the verification says of the reproductions of a version."""
    events = [event for event in audit_log.read_events(target) if event.subject == arn]
    return [problem.what for problem in verification._check_reproductions(damaged_files.read_for_verification(target), events)]


def test_a_gate_can_demand_it(target, arn):
    adopt(target, DEMANDING)
    submitted(target, arn)
    (result,) = [
        r for r in gates.judge_version(read_version(target, arn), read_version(target, arn).profile).results if r.gate == "reproduced"
    ]
    assert (result.status, result.is_blocking) == ("not computable", True)
    decisions.validate(target, VIC, arn, seen_event=seen(target, arn), reason=WHY, code="evidence reviewed")
    with pytest.raises(Conflict, match="start a reproduction"):
        approve(target, arn)
    make_again(target, arn)
    assert approve(target, arn).status == "approved"


def test_who_only_looks_starts_none(target, arn):
    for person in (VERA, CHRIS):
        with pytest.raises(Forbidden):
            reproducing.start_reproduction(target, person, arn)


def test_a_report_that_was_edited_is_not_reproduced(target, arn):
    """Whoever edits it has passed every other check in this test: reproduction asks the data set alone."""
    uri = model_packages.read_package(target, arn).bias.folder + "/analysis.json"
    with replaced(target, edited(target, uri, lambda raw: raw["governance"]["performance"]["auc"].update(value=0.987))):
        name = make_again(target, arn)
        found = reproducing.read_result(target, arn, name)
    assert found.is_reproduced is False
    (said,) = found.differing
    assert "governance.performance.auc.value is 0." in said
    assert "instead of 0.987" in said


def with_record(monkeypatch, name, record):
    """The target's record of the job ``name`` is another one."""
    original = jobs.describe_job
    monkeypatch.setattr(
        reproduction.jobs, "describe_job", lambda target, kind, asked, **_: record if asked == name else original(target, kind, asked)
    )


def test_a_result_that_was_written_after_its_job_had_ended_does_not_count(target, again, monkeypatch):
    arn, name = again
    genuine = jobs.describe_job(target, "processing", name)
    with_record(monkeypatch, name, replace(genuine, ended=genuine.ended - timedelta(minutes=1)))
    assert reproducing.read_result(target, arn, name).problems == (f"The result of {name} was written after the job had ended.",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda request: request["AppSpecification"].update(ContainerEntrypoint=["clarify"]), "which isn't the product's reproduction"),
        (lambda request: request["AppSpecification"].update(ImageUri=_other_image(request)), "which isn't the product's reproduction"),
        (lambda request: request["AppSpecification"].update(ContainerArguments=["x"]), "which isn't the product's reproduction"),
        (lambda request: request["ProcessingInputs"][1]["S3Input"].update(S3Uri="s3://other/data.csv"), "as its input data"),
        (lambda request: request["ProcessingInputs"].pop(3), "as its input model"),
        (lambda request: request["ProcessingInputs"].append(_other_input(request)), "has more inputs: more"),
    ],
)
def test_a_job_with_other_inputs_does_not_count(target, again, change, said, monkeypatch):
    arn, name = again
    genuine = jobs.describe_job(target, "processing", name)
    request = json.loads(json.dumps(genuine.raw, default=str))
    change(request)
    with_record(monkeypatch, name, replace(genuine, raw=request))
    problems = reproducing.read_result(target, arn, name).problems
    assert any(said in problem for problem in problems), problems


def _other_image(request):
    return request["AppSpecification"]["ImageUri"].replace("governance-analysis", "mine")


def _other_input(request):
    return {**request["ProcessingInputs"][0], "InputName": "more"}


def test_a_job_that_was_told_other_settings_does_not_count(target, again):
    arn, name = again
    config = jobs.input_uri(jobs.describe_job(target, "processing", name), "config")
    with replaced(target, edited(target, config, lambda raw: raw["rebalance"].update(seed=1))):
        found = reproducing.read_result(target, arn, name)
    assert found.problems == (f"The job {name} was told other settings than the version's jobs were.",)
    assert not found.is_reproduced


def test_it_compares_with_the_evidence_that_was_submitted(target, again):
    arn, name = again
    state = submitted(target, arn)
    assert reproducing.read_result(target, arn, name).is_reproduced
    package = model_packages.read_package(target, arn)
    data = model_packages.find_rebalancing(target, package)
    claim = reproducing._require_claim(package, data)
    pinned = reproducing._pinned(target, state.evidence) | {"model": "0" * 64}
    assert reproduction.read_reproduction(target, claim, name, pinned).problems == (
        f"The job {name} compared with another model than the evidence names.",
    )


def test_the_command_says_what_was_made_again(target, arn, demo, capsys):
    version = arn.rpartition("model-package/")[2]
    assert main(["audit", "reproduce", version, "--as", "Vic (demo)", "--workspace", str(demo[0])]) == 0
    printed = capsys.readouterr().out
    assert f"{version} is reproduced by the job governance-reproduce-" in printed
    assert "Model: the same, byte for byte." in printed


def edited(target, uri, change):
    raw = json.loads(target.files.read(uri))
    change(raw)
    return {uri: json.dumps(raw).encode()}
