"""The decisions page: what a decision needs stands before its buttons, and a form that lacks something says what."""

from __future__ import annotations

import pytest
from deciding import WHY

from core.governance import decisions
from core.governance.version_state import read_state
from core.identity import DEMO_IDENTITIES
from core.registry import model_packages, version_registration

DANA, CHRIS, _, VIC = DEMO_IDENTITIES[:4]
GROUP = "decisions-page"
"""A model package group of these tests' own: what they decide on stands in nobody's way."""


def text(test) -> str:
    parts = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.subheader]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def press(test, label: str):
    next(button for button in test.button if button.label == label).click()
    return test.run()


@pytest.fixture(scope="module")
def version(target, packages) -> str:
    """A version that nobody has submitted: the workflow's mitigated model, registered once more."""
    package = model_packages.read_package(target, packages[0])
    data = model_packages.find_rebalancing(target, package)
    jobs = {f"{kind}_job": package.properties[f"governance:{kind}-job"] for kind in ("training", "bias", "shap")}
    return version_registration.register_version(target, DANA, data=data, role="mitigated", group=GROUP, **jobs)


@pytest.fixture
def submitted(target, version):
    """The version in the queue; taken back at the end."""
    why = {"reason": WHY, "code": "first version", "tier": "high", "tier_rationale": WHY, "profile": "standard"}
    decisions.submit(target, DANA, version, seen_event=read_state(target, version).last_event, **why)
    yield version
    seen = read_state(target, version).last_event
    decisions.withdraw(target, DANA, version, seen_event=seen, reason=WHY, code="error found")


def test_gates_are_lines_with_verdict_reason_and_evidence_and_those_that_block_come_first(app, full, version):
    test = app(full, "decisions", "Dana", package=version)
    lines = [part.value.replace("\\", "") for part in test.markdown if "-badge[" in part.value and "**" in part.value]
    verdicts = ["Pass" if "Pass]" in line else "blocks" for line in lines]
    assert verdicts == sorted(verdicts, reverse=True)
    assert "Not filled in: Owner, Purpose" in next(line for line in lines if "Model card filled in" in line)
    compared = next(line for line in lines if "Compared with" in line)  # a fresh group for data that has a baseline elsewhere
    assert "Can't be computed]" in compared
    assert "has no approved version and no baseline beside this one" in compared
    assert {"Bias report", "Lineage", "Quality"} <= {link.label for link in test.get("page_link")}
    (table,) = [frame.value for frame in test.dataframe if "outcome" in frame.value]
    assert len(table) == len(lines)
    card = press(test, "Model card")
    assert card.query_params["tab"] in ("card", ["card"])
    assert "Model card of" in text(card)


def test_no_reason_is_chosen_and_the_form_says_everything_that_it_lacks(app, full, target, version):
    test = app(full, "decisions", "Dana", package=version)
    reason = next(radio for radio in test.radio if radio.label == "Reason")
    assert reason.value is None
    before = read_state(target, version)
    next(area for area in test.text_area if area.label == "Rationale").set_value("." * 30)
    said = text(press(test, "Submit for a decision"))
    for lacking in ("The reason isn't chosen.", "The rationale says nothing.", "The rationale of the tier is too short."):
        assert lacking in said
    assert read_state(target, version) == before
    assert next(area for area in test.text_area if area.label == "Rationale").value == "." * 30


def test_at_a_submitted_version_everybody_reads_that_a_validator_acts_first(app, full, submitted):
    for person in ("Chris", "Dana"):
        said = text(app(full, "decisions", person, package=submitted))
        assert "It waits for a validator" in said
        assert "Here that is Vic (demo). 2 compliance officers approve after that." in said
    for fact in (f"high, because: {WHY} (Dana (demo))", "0 of 2 approvals", "if approved today (180 days in this tier)"):
        assert fact in said


def test_after_the_validation_its_finding_stands_before_the_buttons(app, full, target, submitted):
    seen = read_state(target, submitted).last_event
    decisions.validate(target, VIC, submitted, seen_event=seen, reason=WHY, code="evidence reviewed")
    test = app(full, "decisions", "Chris", package=submitted)
    said = text(test)
    assert "(0 of 2 approvals given), by a compliance officer who had no part in it. Here that is Chris (demo), Olga (demo)." in said
    assert "evidence reviewed; " in said
    assert f"gates passed: {WHY}" in said
    assert "An approval is refused as long as 2 gates block it" in said


def test_a_section_of_the_card_is_saved_alone_and_what_the_record_knows_is_proposed(app, full, version):
    test = app(full, "decisions", "Dana", "card", package=version)
    assert "0 of 21 filled" in text(test)
    assert "The policy needs more." in text(test)
    description = next(area for area in test.text_area if area.label == "Description")
    assert description.value.startswith("Predicts defaulted from 23 columns")
    next(area for area in test.text_area if area.label.startswith("Owner")).set_value("Zoë")
    test = press(test, "Save “What it is”")
    assert "2 of 21 filled" in text(test)
    next(area for area in test.text_area if area.label.startswith("Monitoring")).set_value("Monthly, by Dana")
    test = press(test, "Save “In operation”")
    assert "3 of 21 filled" in text(test)
    assert next(area for area in test.text_area if area.label == "Owner").value == "Zoë"
