"""The overview: what waits for whom, and the whole workflow, step by step."""

from __future__ import annotations

import json

import pytest

from core.errors import Forbidden
from core.governance import decisions
from core.governance.version_state import read_state
from core.identity import DEMO_IDENTITIES
from core.ledger import audit_log
from core.registry import model_packages, version_registration
from core.workflow import background_run, workflow
from ui.overview import sections


def text(test) -> str:
    parts = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.subheader]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


GROUP = "overview"
"""A model package group of these tests' own: what they decide on stands in nobody's way."""


@pytest.fixture(scope="module")
def version(target, packages) -> str:
    """A version that nobody has submitted: the workflow's mitigated model, registered once more."""
    package = model_packages.read_package(target, packages[0])
    data = model_packages.find_rebalancing(target, package)
    jobs = {f"{kind}_job": package.properties[f"governance:{kind}-job"] for kind in ("training", "bias", "shap")}
    return version_registration.register_version(target, DEMO_IDENTITIES[0], data=data, role="mitigated", group=GROUP, **jobs)


@pytest.fixture(autouse=True)
def own_group(monkeypatch, version):
    monkeypatch.setenv("GOVERNANCE_GROUP", GROUP)
    sections.read_overview.clear()


@pytest.fixture
def submitted(target, version):
    """The version in the queue; taken back at the end."""
    said = {"reason": "Submitted with the effect of leaving SEX out.", "seen_event": read_state(target, version).last_event}
    why = {"tier": "high", "tier_rationale": "It decides on credit for thousands.", "profile": "standard"}
    decisions.submit(target, DEMO_IDENTITIES[0], version, code="first version", **said, **why)
    yield version
    seen = read_state(target, version).last_event
    decisions.withdraw(target, DEMO_IDENTITIES[0], version, seen_event=seen, reason="Taken back, to be mended first.", code="error found")


def test_an_empty_workspace_says_where_to_start(app, empty):
    test = app(empty)
    assert "Start with the data" in text(test)
    assert "Latest jobs" not in text(test)


def test_a_version_that_nobody_has_submitted_waits_for_its_data_scientist(app, full):
    assert "overview v1 (credit-default) is registered. Compare it, then submit it" in text(app(full, "overview", "Dana"))
    assert "No version waits for your decision." in text(app(full, "overview", "Chris"))


def test_a_submitted_version_is_shown_to_its_validator_with_the_gates_that_fail(app, full, submitted):
    test = app(full, "overview", "Vic")
    assert not test.exception
    assert {metric.label: metric.value for metric in test.metric}["Waiting for a decision"] == "1"
    assert "1 version waits to be validated." in text(test)
    assert "required gate" in text(test)
    assert "Dana (demo) submitted overview v1: first version" in [link.label.replace("\\", "") for link in test.get("page_link")]


def test_whoever_submitted_it_is_told_that_others_are_to_act(app, full, submitted):
    assert "is submitted and waits for others" in text(app(full, "overview", "Dana"))


def test_the_overview_reads_no_package_and_no_report(app, full, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a version's reports were read")

    sections.read_overview.clear()
    monkeypatch.setattr(model_packages, "read_package", refuse)
    test = app(full)
    assert not test.exception
    assert {metric.label: metric.value for metric in test.metric}["Versions"] == "1"


@pytest.mark.parametrize("group_is_set", [True, False])
def test_groups_that_may_not_be_listed_are_named_once(app, full, monkeypatch, group_is_set):
    def refuse(*_, **__):
        raise Forbidden("The groups may not be listed.")

    if not group_is_set:  # then the list of versions needs them too, and the page has shown the error
        monkeypatch.delenv("GOVERNANCE_GROUP")
        monkeypatch.setattr(model_packages, "list_own_groups", refuse)
    monkeypatch.setattr(model_packages, "list_groups", refuse)
    sections.read_overview.clear()
    test = app(full)
    sections.read_overview.clear()
    assert not test.exception
    assert [error.value.count("The groups may not be listed") for error in test.error] == [1]


def test_a_running_workflow_shows_its_steps_and_a_failed_one_its_reason(app, full, target):
    step, end = background_run.record_progress(target, "abcd1234", lambda *_: None)
    step("data", "30,000 rows, 24 columns")
    step("rebalancing", "smote-nc, after the split")
    test = app(full, run="abcd1234")
    assert "**data** done" in text(test)
    assert "**rebalancing** running" in text(test)
    assert "**comparison** to do" in text(test)
    end("Column SEX has only one value.")
    test = app(full, run="abcd1234")
    assert "**rebalancing** failed" in text(test)
    assert "Column SEX has only one value." in text(test)


def test_a_run_of_an_older_version_of_the_product_is_still_shown(app, full, target):
    content = {"steps": [["data", "checking"]], "done": False, "error": None}
    target.files.write(target.uri(workflow.RUNS_FOLDER, "old1.progress.json"), json.dumps(content).encode())
    test = app(full, run="old1")
    assert not test.exception
    assert "**data** running" in text(test)


def test_the_last_decisions_are_those_of_the_log(app, full, target, submitted):
    events = audit_log.read_events(target)
    labels = [link.label.replace("\\", "") for link in app(full).get("page_link")]
    assert f"{events[-1].actor['name']} submitted overview v1: first version" in labels
