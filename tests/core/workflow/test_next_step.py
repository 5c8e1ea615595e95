"""The next step of each role follows from where the workspace stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.governance.version_state import State
from core.identity import Identity, Role
from core.jobs.jobs import Job
from core.ledger.audit_log import Event
from core.registry.registry_types import Version
from core.workflow import background_run, next_step, workflow, workspace_summary
from core.workflow.workspace_summary import WorkspaceSummary
from ui.components import links

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DANA, VIC, CHRIS = Identity("Dana", Role.DATA_SCIENTIST), Identity("Vic", Role.VALIDATOR), Identity("Chris", Role.COMPLIANCE_OFFICER)
ADA, VERA = Identity("Ada", Role.ADMINISTRATOR), Identity("Vera", Role.VIEWER)


def job(name: str, kind: str = "processing", status: str = "Completed", **raw) -> Job:
    return Job(name, kind, status, NOW, None, None, raw)


def held(number: int, status: str, event: int = 0, people: dict[str, str] | None = None) -> tuple[Version, State]:
    arn = f"arn:aws:sagemaker:x:1:model-package/credit/{number}"
    version = Version(arn, "credit", number, "PendingManualApproval", NOW + timedelta(minutes=number), "")
    return version, State(arn, last_event=event, status=status, person_ids=people or {}, registered_properties={})


def glance(jobs: tuple[Job, ...] = (), versions=(), events=()) -> WorkspaceSummary:
    return WorkspaceSummary(0, jobs, tuple(versions), events)


REBALANCED, TUNED = job("governance-rebalance-smote-1"), job("gov-tune-1", "tuning")
STEPS = [
    (DANA, glance(), "data", {}, "Start with the data"),
    (DANA, glance((REBALANCED,)), "tuning", {"data": REBALANCED.name}, "Tune a model"),
    (DANA, glance((TUNED, REBALANCED)), "tuning", {"job": TUNED.name}, "register"),
    (DANA, glance((TUNED, REBALANCED), [held(1, "registered")]), "decisions", {"package": held(1, "")[0].arn}, "submit it"),
    (DANA, glance((), [held(1, "rejected", 3)]), "decisions", {"package": held(1, "")[0].arn}, "was rejected"),
    (DANA, glance((), [held(1, "submitted", 3)]), "decisions", {"package": held(1, "")[0].arn}, "waits for others"),
    (DANA, glance((), [held(1, "approved", 3)]), "registry", {}, "is approved"),
    (VIC, glance((), [held(1, "validated", 2), held(2, "submitted", 3)]), "decisions", {"package": held(2, "")[0].arn}, "1 version waits"),
    (VIC, glance((), [held(1, "registered")]), "registry", {}, "No version waits"),
    (CHRIS, glance((), [held(1, "validated", 2), held(2, "submitted", 3)]), "decisions", {"package": held(1, "")[0].arn}, "your decision"),
    (CHRIS, glance((), [held(2, "submitted", 3)]), "registry", {}, "1 version to be validated first"),
    (ADA, glance(), "data", {}, "Start with the data"),
    (ADA, glance((), [held(1, "submitted", 3)]), "decisions", {}, "Verify the log"),
    (VERA, glance(), "data", {}, "nothing is registered yet"),
    (VERA, glance((), [held(1, "registered")]), "registry", {}, "view everything"),
]


@pytest.mark.parametrize(("person", "now", "page", "query", "words"), STEPS)
def test_the_next_step_fits_the_role_and_the_workspace(person, now, page, query, words):
    step = next_step.suggest_next_step(person, now)
    assert links.find_page(step.reference) == (page, query)
    assert words in step.text


def test_nobody_is_asked_to_judge_what_he_had_a_part_in():
    now = glance((), [held(1, "submitted", 3, {"submitter": VIC.id})])
    assert next_step.suggest_next_step(VIC, now).text == "No version waits to be validated."


def test_the_longest_waiting_comes_first_and_decided_ones_do_not_wait():
    now = glance((), [held(1, "validated", 9), held(2, "submitted", 4), held(3, "approved", 5), held(4, "registered")])
    assert [version.version for version, _ in now.waiting] == [2, 1]


def test_a_tuning_job_says_how_many_of_its_trials_have_ended():
    counters = {"Completed": 3, "InProgress": 2, "Stopped": 1, "RetryableError": 0, "NonRetryableError": 1}
    running = job("gov-tune-1", "tuning", "InProgress", TrainingJobStatusCounters=counters, ResourceLimits={"MaxNumberOfTrainingJobs": 10})
    assert workspace_summary.trial_progress(running) == (5, 10)
    assert workspace_summary.trial_progress(REBALANCED) is None


def test_each_job_is_linked_to_the_page_that_shows_it():
    found = {name: next_step.job_reference(job(name)) for name in ("governance-rebalance-x", "governance-bias-x", "governance-shap-x")}
    assert [links.find_page(reference)[0] for reference in found.values()] == ["data", "bias", "explainability"]
    assert next_step.job_reference(job("governance-report-x")) is None
    trained = next_step.job_reference(job("governance-train-x", "training"))
    assert links.find_page(trained) == ("tuning", {"training": "governance-train-x"})


def event(number: int, kind: str, **body) -> Event:
    return Event(number, "", "2026-01-01T00:00:00+00:00", kind, {"name": "Chris"}, "arn:x:model-package/credit/2", body, "", "")


def test_gates_are_read_from_the_last_judgement_since_the_submission():
    gates = [{"title": "AUC", "blocks": True}, {"title": "DPPL", "blocks": False}]
    judged = State("a", history=(event(1, "submit"), event(2, "validate", gates=gates)))
    assert workspace_summary.recorded_blocking_gates(judged).titles == ("AUC",)
    assert (
        workspace_summary.recorded_blocking_gates(
            State("a", history=(*judged.history, event(3, "reject", gates=gates), event(4, "submit")))
        )
        is None
    )


def test_an_event_is_told_in_words():
    assert workspace_summary.describe_events([event(1, "reject", code="bias")])[0][1] == "Chris rejected credit v2: bias"
    assert workspace_summary.describe_events([event(1, "register")])[0][1] == "Chris registered credit v2"


def progress(*steps: str, done: bool = False, error: str | None = None) -> background_run.RunProgress:
    times = tuple((NOW + timedelta(seconds=10 * i)).isoformat() for i in range(len(steps) + done))
    return background_run.RunProgress("abc", tuple((step, f"{step} …") for step in steps), times, done, error)


def test_every_step_of_the_chain_is_shown_with_its_seconds():
    states = {s.name: s for s in progress("data", "data", "rebalancing").step_states()}
    assert list(states) == list(workflow.STEPS)
    assert (states["data"].state, states["data"].seconds) == ("done", 20.0)
    assert states["rebalancing"].state == "running"
    assert states["training"].state == "to do"
    assert links.find_page(states["rebalancing"].result) == ("data", {"job": "governance-rebalance-smote-nc-abc"})


def test_the_step_that_failed_is_marked_and_none_runs_on():
    states = [s.state for s in progress("data", "rebalancing", done=True, error="no rows").step_states()]
    assert states[:3] == ["done", "failed", "to do"]
    assert "running" not in states


def test_a_run_that_ended_has_every_step_done():
    found = progress(*workflow.STEPS, done=True).step_states()
    assert [s.state for s in found] == ["done"] * len(workflow.STEPS)
    assert all(s.seconds == 10 for s in found)
