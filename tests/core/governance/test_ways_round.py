"""Thirty more ways round, found by somebody who didn't write the controls: those that were holes, and cheap ones that are refused.
docs/governance.md lists all of them."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import xgboost
from deciding import CHRIS, DANA, OLGA, VIC, WHY, approve, register_again, seen, submitted, validated
from replacing import replaced

from core.analysis.explanations.xgboost_model import ModelError, load_booster
from core.errors import Conflict, DataError, Forbidden
from core.governance import consistency, damaged_files, decision_rules, decisions, lawfulness, policy_adoption, verification, version_state
from core.governance.dossier import dossier_render
from core.governance.dossier.dossier_blocks import Table
from core.governance.version_under_review import read_version
from core.identity import Identity, Role, is_allowed
from core.jobs import jobs
from core.ledger import audit_log, signing
from core.provenance import job_bindings, job_records, reproduction
from core.registry import announcements, model_packages

DAN = replace(DANA, name="Dan", subject="dan")
VAL = replace(VIC, name="Val", subject="val")


# jobs ------------------------------------------------------------------------------------------------


def test_a_job_with_environment_variables_of_its_own_is_refused(target, arn):
    """PYTHONPATH into an input that others may write to, SAGEMAKER_PROGRAM: the right image runs other code."""
    version = read_version(target, arn)
    claim = decisions.gates.agreement_gate.read_claim(version.package, version.data)
    records = job_records.read_records(version.target, claim)

    def named(**changed):
        found = job_bindings.find_unbound(claim, replace(records, jobs={**records.jobs, **changed}), {}, lambda _: True)
        return [what for what in found if "environment variables" in what]

    assert named() == []
    for part in ("training", "rebalancing", "bias", "SHAP"):
        job = records.jobs[part]
        changed = replace(job, raw={**job.raw, "Environment": {"PYTHONPATH": "/opt/ml/processing/input/data", "REPORT_LABELS": "[]"}})
        (problem,) = named(**{part: changed})
        variables = "PYTHONPATH" if part == "training" else "PYTHONPATH, REPORT_LABELS"  # which the product sets, of a training job
        assert problem.startswith(f"The {part} job {job.name} was given the environment variables {variables}:")
    changed = replace(records.jobs["rebalancing"], raw={**records.jobs["rebalancing"].raw, "Environment": {"PROCESSING_ROOT": "/tmp"}})
    assert "variables PROCESSING_ROOT:" in " ".join(reproduction._check_job(version.target, changed, claim, records))


def test_a_configuration_that_was_edited_after_its_job_was_created_is_refused(target, arn):
    """It would be pinned as what the job was told, and a reproduction would follow it."""
    job = model_packages.read_package(target, arn).properties["governance:bias-job"]
    uri = jobs.input_uri(jobs.describe_job(target, "processing", job), "analysis_config")
    edited = {**json.loads(target.files.read(uri)), "report": "another"}
    words = rf"bias-config was written .* after its job {job} was created"
    with replaced(target, {uri: json.dumps(edited).encode()}), pytest.raises(Conflict, match=words):
        submitted(target, arn)


def test_a_data_set_that_is_called_otherwise_since_its_rows_were_split_is_refused_and_found(target, arn):
    """By another name, newer data of its own are not looked for."""
    uri = read_version(target, arn).data.dataset.uri.replace("data.csv", "dataset.json")
    renamed = {uri: json.dumps({**json.loads(target.files.read(uri)), "name": "something else"}).encode()}
    with replaced(target, renamed), pytest.raises(Conflict, match="data/description was written"):
        submitted(target, arn)
    validated(target, arn)
    with replaced(target, renamed), pytest.raises(Conflict, match="data/description has changed"):
        approve(target, arn)


def model_archive(*members: tuple[str, bytes | str]) -> bytes:
    """name -> content, or the target of a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            member.size = 0 if isinstance(content, str) else len(content)
            tar.addfile(member, None if isinstance(content, str) else io.BytesIO(content))
    return buffer.getvalue()


def test_an_archive_with_a_second_model_is_refused():
    """Which of them is scored here, and which is served? SageMaker's container takes the mean of all files."""
    rows = pd.DataFrame({"debt": np.arange(20.0)})
    booster = xgboost.train({"objective": "binary:logistic", "base_score": 0.5}, xgboost.DMatrix(rows, rows["debt"] > 9), 2)
    model = bytes(booster.save_raw("ubj"))
    assert load_booster(model_archive(("xgboost-model", model))).num_boosted_rounds() == 2
    for more in (("xgboost-model", b"other"), ("another-model", b"other"), ("a/xgboost-model", b"other"), ("m", "/elsewhere")):
        for members in ((("xgboost-model", model), more), (more, ("xgboost-model", model))):
            with pytest.raises(ModelError, match="contains more than xgboost-model"):
                load_booster(model_archive(*members))


# people ----------------------------------------------------------------------------------------------


def test_who_submitted_or_validated_it_before_does_not_approve_it_after_it_was_submitted_again(target, arn):
    def validate(who):
        return decisions.validate(target, who, arn, seen_event=seen(target, arn), reason=WHY, code="evidence reviewed")

    submitted(target, arn, by=DAN)
    validate(VIC)
    decisions.withdraw(target, DAN, arn, seen_event=seen(target, arn), reason=WHY, code="superseded")
    submitted(target, arn)
    with pytest.raises(Forbidden, match="earlier submitter 1"):
        validate(replace(DAN, role=Role.VALIDATOR))
    again = validate(VAL)
    assert "earlier validator 1" not in decision_rules.excluded_people("validate", again, None), "who validated it may validate it again"
    second_account = replace(VIC, subject="2", name="VIC")
    for who, part in ((DAN, "earlier submitter 1"), (VIC, "earlier validator 1"), (second_account, "earlier validator 1 by name")):
        with pytest.raises(Forbidden, match=part):
            approve(target, arn, replace(who, role=Role.COMPLIANCE_OFFICER))
    state = approve(target, arn, conditions=[("Watch the drift.", "Olga", "2099-01-01")])
    said = {"seen_event": state.last_event, "reason": WHY, "code": "done", "condition": 1}
    with pytest.raises(Forbidden, match="earlier submitter 1"):
        decisions.meet_condition(target, replace(DAN, role=Role.VALIDATOR), arn, **said)


@pytest.mark.parametrize("name", ["D\u0430na Jon\u0435s", "D\u00e1na Jones", "Jones, Dana", "\u0501ana Jones"])
def test_a_second_account_in_look_alike_letters_accents_or_another_order_is_the_same_person(name):
    for called, allowed in ((name, False), ("Dana James", True)):
        person = Identity(called, Role.COMPLIANCE_OFFICER, issuer="i", subject="s")
        assert is_allowed(person, "approve", involved={"submitter by name": "Dana Jones"}, target_kind="local") is allowed


# decisions and their texts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "due", "words"),
    [
        ("Watch the drift.", "20991201", "is not a future date"),
        ("Watch the drift.", "2099-W49-1", "is not a future date"),
        ("x" * 5_001, "2099-12-01", "too long"),
    ],
)
def test_a_condition_that_is_never_overdue_or_fills_the_log_is_refused(text, due, words):
    """Days are compared as text: 20991201 is after every day of 2099 that is written with hyphens."""
    with pytest.raises(DataError, match=words):
        decision_rules.parse_condition(text, "Olga", due, datetime(2026, 1, 1, tzinfo=UTC).date())
    assert decision_rules.parse_condition("Watch the drift.", "Olga", "2099-12-01", datetime(2026, 1, 1, tzinfo=UTC).date())


@pytest.mark.parametrize("cell", [("W" * 11 + " ") * 416, "a\n" * 2_500])
def test_no_text_that_people_may_write_keeps_the_dossier_from_being_drawn(cell):
    """A row that is higher than a page stopped the evidence pack of every version of the group."""
    page = dossier_render._PdfDocument("Decision", datetime(2026, 1, 1, tzinfo=UTC))
    page.add_page()
    dossier_render._draw_table(page, Table(("Condition", "Owner", "Met"), ((cell, "Olga", "no"), ("next", "Olga", cell)), (30, 30, 114)))
    assert page.output()


# the log ---------------------------------------------------------------------------------------------


def test_an_object_that_nobody_signed_among_the_announcements_stops_no_registration(target, arn):
    uri = target.uri(announcements.FOLDER, "stray", "stray.json")
    with replaced(target, {uri: b"{}"}):
        assert list(announcements.take_up_all(target)) == []
        register_again(target, arn)


def forged_approval(target, **body):
    """The event after the last one, as somebody with the signing key would write it. Nothing is written: other tests verify the log."""
    last = audit_log.read_events(target)[-1]
    actor = {"name": CHRIS.name, "role": str(CHRIS.role), "id": CHRIS.id}
    body = {**last.body, "conditions": [], "code": "meets the policy", **body}
    return replace(last, number=last.number + 1, kind="approve", actor=actor, body=body)


def test_an_approval_whose_recorded_outcomes_are_not_those_of_the_evidence_is_found(target, arn):
    """Every step is lawful by what the event says."""
    validated(target, arn, profile="hard")
    events, rules = audit_log.read_events(target), policy_adoption.load_in_force(target)
    own = [event for event in events if event.subject == arn]
    assert [outcome["gate"] for outcome in own[-1].body["gates"] if outcome["blocks"]] == ["quality auc", "bias DI region=0"]
    passed = [{**outcome, "status": "pass", "blocks": False} for outcome in own[-1].body["gates"]]
    left_out = [*passed[:-1], {**passed[-1], "gate": "bias DI nobody=0"}]
    for gates, said in ((passed, "says passed of the gate bias DI region=0"), (left_out, "leaves out the gate bias DI region=0")):
        forged = forged_approval(target, gates=gates, expires=version_state.today().isoformat())
        snapshot = damaged_files.read_for_verification(target)
        quality, bias = verification._check_agreement(snapshot, [*own, forged], {rules.sha256: rules})
        assert (quality.number, quality.subject) == (forged.number, arn)
        assert "says passed of the gate quality auc, which fails by the evidence: The interval's low end" in quality.what
        assert said in bias.what


def test_an_end_that_never_passes_is_found_when_somebody_with_the_key_writes_it(target, arn):
    validated(target, arn)
    events, rules = audit_log.read_events(target), policy_adoption.load_in_force(target)
    found = []
    for end in ("%Y-%m-%d", "%Y%m%d"):
        forged = forged_approval(target, expires=version_state.today().strftime(end))
        problems = lawfulness.judge_events([*events, forged], {rules.sha256: rules}, target_kind="local")
        found.append([problem.what for problem in problems if problem.number == forged.number])
    assert [len(found[0]), len(found[1])] == [0, 1]
    assert "isn't written as YYYY-MM-DD" in found[1][0]


@pytest.mark.parametrize("envelope", [False, True])
def test_an_event_with_a_key_twice_is_no_event(target, arn, envelope):
    """One reader takes the first of two, another the last."""
    event = audit_log.read_events(target)[-1]
    uri = target.uri(audit_log.event_key(event.number))
    forged = target.files.read(uri).replace(b'{"payload":', b'{"payload":"e30=","payload":', 1)
    if not envelope:
        payload = audit_log.event_payload(event).replace(b'"kind":', b'"kind":"reject","kind":', 1)
        forged = signing.sign_envelope(target, payload, audit_log.EVENT_TYPE)
    with replaced(target, {uri: forged}):
        snapshot = damaged_files.read_for_verification(target)
        problems = verification.log_chain.check_chain(snapshot, signing.load_verification_keys(target)).problems
    words = "differs from what was written" if envelope else "not written as the product writes events"
    assert [problem.number for problem in problems if words in problem.what] == [event.number]


def test_a_life_cycle_that_calls_a_rejected_version_approved_is_found(target, arn):
    submitted(target, arn)
    decisions.reject(target, OLGA, arn, seen_event=seen(target, arn), reason=WHY, code="bias")

    def set_stage(status):
        target.sagemaker.update_model_package(ModelPackageArn=arn, ModelLifeCycle={"Stage": "Production", "StageStatus": status})
        return [p.what for p in consistency.registry_problems(target, audit_log.read_events(target)) if p.subject == arn]

    assert set_stage("Approved") == ["The registry's life cycle says Approved, and the log says rejected."]
    assert set_stage("Rejected") == []
