"""Regulatory profiles: a file that is wrong is refused with line and reason; the checklist says what is filled and what is missing."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from deciding import WHY, approved

from core.governance import regulatory_profiles, version_facts
from core.governance.dossier import dossier, evidence_pack
from core.governance.evidence import read_evidence
from core.governance.model_cards import model_card, model_card_content
from core.governance.regulatory_profiles import (
    InvalidProfiles,
    build_checklist,
    describe_age,
    field_title,
    load_profiles,
    mitigation_notes,
    mitigation_sentence,
)
from core.governance.version_facts import FACT_TITLES
from core.governance.version_state import read_state, today
from core.registry import model_packages

GOOD = """[[profiles]]
id = "house"
title = "House rules"
date = "2026-01-01"
source = "https://example.com/rules"

[[profiles.items]]
ref = "1"
asks = "What it is for"
fields = ["card.intended_uses.purpose_of_model", "data.sha256"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('source = "https://example.com/rules"', 'source = "http://example.com"', 5, "profiles.0.source"),
        ('date = "2026-01-01"', 'date = "last year"', 4, "date"),
        ('ref = "1"', 'ref = "1"\nweight = 3', 9, "weight"),
        ('fields = ["card.intended_uses.purpose_of_model", "data.sha256"]', "fields = []", 10, "fields"),
        ('title = "House rules"', 'title = "House rules', 3, "illegal character"),
        ('title = "House rules"\n', "", 1, "title"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_file_line_and_reason(tmp_path, old, new, line, reason):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(InvalidProfiles) as caught:
        load_profiles(path)
    assert f"{path}, line {line}: " in caught.value.message
    assert reason in caught.value.message.lower()


def test_a_file_that_is_not_there_or_not_text_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidProfiles, match="can't be read"):
        load_profiles(tmp_path / "none.toml")
    path = tmp_path / "profiles.toml"
    path.write_bytes(GOOD.encode() + b"\n\xff")
    with pytest.raises(InvalidProfiles, match="line 12: the file is not UTF-8"):
        load_profiles(path)


def test_the_checklist_says_which_fields_are_filled_and_which_are_missing(tmp_path):
    (profile,) = load_profiles(write(tmp_path, GOOD))
    purpose, digest = profile.items[0].fields
    for known, filled, missing in (
        ({}, (), (purpose, digest)),
        ({"card": {"intended_uses": {"purpose_of_model": ""}}, "data": {"sha256": "ab"}}, (digest,), (purpose,)),
        ({"card": {"intended_uses": {"purpose_of_model": "Unknown"}}, "data": None}, (), (purpose, digest)),
        ({"card": {"intended_uses": {"purpose_of_model": "to decide"}}, "data": {"sha256": "ab"}}, (purpose, digest), ()),
        ({"card": "text", "data": {"sha256": {}}}, (), (purpose, digest)),
    ):
        (answer,) = build_checklist(profile, known)
        assert (answer.filled, answer.missing) == (filled, missing)
    assert field_title(purpose) == "Purpose"


def test_the_products_own_profiles_name_only_fields_that_something_can_fill():
    own = load_profiles()
    assert [profile.id for profile in own] == ["sr-26-2", "eu-ai-act-annex-iv", "eu-2023-2225", "ecoa-reg-b", "co-sb-26-189", "nyc-ll-144"]
    known = {f"card.{field.path}" for field in model_card_content.FIELDS} | {"card.model_overview.algorithm_type", *FACT_TITLES}
    used = {path for profile in own for item in profile.items for path in item.fields}
    assert used <= known
    unused = {path for path in known - used if not path.startswith("card.")}
    assert unused <= {"data.facet"}  # all that is measured is evidence for something
    for profile in own:
        assert profile.jurisdiction
        assert profile.checked is not None
        assert profile.date <= profile.checked <= today()


@pytest.mark.parametrize(
    ("checked", "on", "old"),
    [
        ("2026-08-31", "2027-02-28", False),
        ("2026-08-31", "2027-03-01", True),
        ("2026-12-15", "2027-06-15", False),
        ("", "2026-01-01", True),
    ],
)
def test_a_profile_that_nobody_has_looked_up_for_months_says_that_it_is_old(tmp_path, checked, on, old):
    noted = f'applies_from = "2027-01-01"\nchecked = "{checked}"\n' if checked else ""
    note = 'stance = "risky"\ntext = "Ask."\ndate = "2026-01-01"\nsource = "https://example.com"\nverified = false\n'
    text = GOOD.replace('date = "2026-01-01"\n', f'date = "2026-01-01"\n{noted}').replace(
        "\n[[profiles.items]]", f"\n[profiles.mitigation_note]\n{note}[[profiles.items]]"
    )
    (profile,) = load_profiles(write(tmp_path, text))
    day = date.fromisoformat(on)
    assert profile.is_old(day) == old
    assert ("look it up" in describe_age(profile, day)) == old
    (shown,) = mitigation_notes([profile], day)
    assert (shown.stance, shown.jurisdiction) == ("risky", "House rules")
    assert shown.text.startswith("Ask. Text of 2026-01-01. Unverified.")
    assert ("grown old" in shown.text) == old


def test_a_text_that_does_not_apply_yet_says_so():
    colorado = next(profile for profile in load_profiles() if profile.id == "co-sb-26-189")
    assert "applies only from 2027-01-01" in describe_age(colorado, date(2026, 12, 31))
    assert "applies since 2027-01-01" in describe_age(colorado, date(2027, 1, 1))


def test_mitigation_by_group_is_asked_for_in_one_place_and_risky_in_another():
    notes = mitigation_notes(load_profiles())
    assert {note.jurisdiction: note.stance for note in notes}["US credit (ECOA, Regulation B)"] == "risky"
    assert {note.jurisdiction: note.stance for note in notes}["EU (AI Act)"] == "asked for"
    assert notes[0].stance == "risky"
    sentence = mitigation_sentence(notes)
    assert sentence.startswith("Mitigation by group, by jurisdiction: risky in US credit (ECOA, Regulation B); asked for in EU (AI Act); ")
    assert mitigation_sentence(()) == ""


@pytest.mark.engine
def test_every_measured_field_is_filled_for_a_version_of_the_workflow_or_named_here(target, arn):
    before = facts_of(target, arn)
    checklists = [row for profile in load_profiles() for row in build_checklist(profile, before)]
    missing = {path for row in checklists for path in row.missing if not path.startswith("card.")}
    assert {path for path in missing if path.partition(".")[0] not in {"decision", "evidence"}} <= NOT_IN_THE_DEMO
    assert missing & {"decision.tier", "evidence.model"}  # nobody has submitted it
    approved(target, arn)
    facts = facts_of(target, arn)
    missing = {path for profile in load_profiles() for row in build_checklist(profile, facts) for path in row.missing}
    assert {path for path in missing if not path.startswith("card.")} <= NOT_IN_THE_DEMO | {"decision.reproduction"}
    assert facts["decision"]["validation_rationale"] == WHY
    assert facts["decision"]["conditions"] == version_facts.NO_CONDITIONS
    report = model_packages.read_package(target, arn).bias
    north, south = facts["bias"]["groups"][:2]
    counted = {group.name: group for group in report.group_table.groups}
    rate = counted[north["group"]].selection_rate.value
    assert (north["rows"], north["selection_rate"]["value"]) == (counted[north["group"]].rows, rate)
    assert north["impact_ratio"] == rate / max(rate, south["selection_rate"]["value"])
    assert facts["bias"]["intervals"]["region = north"]["DPPL"][0] == report.facets[0].post_training["DPPL"].interval.low
    assert {one["column"]: (one["input"], one["measured"]) for one in facts["inputs"]["prohibited_bases"]} == {
        "region": (True, True),
        "age": (True, True),
    }
    assert facts["shap"]["direction"]["income"] * facts["shap"]["direction"]["debt"] != 0
    assert "region" not in facts["shap"]["direction"]  # its numbers are codes
    assert 0 < facts["shap"]["sensitive_share"]["value"] < 1


NOT_IN_THE_DEMO = {"alternatives.trials"}
"""Nobody measures its trials."""


def facts_of(target, arn):
    package, state = model_packages.read_package(target, arn), read_state(target, arn)
    pinned = read_evidence(target, state.evidence) if state.evidence else None
    return version_facts.collect_facts(target, package, state, model_card.read_card(target, package), pinned)


CLAIMS = re.compile(r"\b(compl(?:y|ies|iant)\b|conform(?:s|ing)? (?:to|with)\b|satisf(?:y|ies) the (?:law|act|regulation))", re.IGNORECASE)


def test_nothing_that_is_shown_says_that_a_law_or_standard_is_complied_with():
    root = Path(regulatory_profiles.__file__).parents[2]
    texts = [regulatory_profiles.BUNDLED.read_text(), dossier.DISCLAIMER, evidence_pack.README_TEMPLATE]
    texts += [path.read_text() for folder in ("core/governance", "ui") for path in (root / folder).rglob("*.py")]
    for text in texts:
        assert not CLAIMS.findall(text)
    assert "Evidence for" in dossier.DISCLAIMER
    assert CLAIMS.findall("This model complies with the Act and conforms to the standard.")
