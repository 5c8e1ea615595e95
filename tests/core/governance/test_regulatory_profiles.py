"""Regulatory profiles: a file that is wrong is refused with line and reason; the checklist says what is filled and what is missing."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from core.governance import regulatory_profiles
from core.governance.dossier import dossier, evidence_pack
from core.governance.model_cards import model_card_content
from core.governance.regulatory_profiles import InvalidProfiles, build_checklist, field_title, load_profiles

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


def test_the_products_own_profiles_have_a_date_a_source_and_no_field_that_nothing_can_fill():
    own = load_profiles()
    assert {"sr-26-2", "eu-ai-act-annex-iv", "ecoa-reg-b"} <= {profile.id for profile in own}
    tags = {tag for profile in own for item in profile.items for tag in item.tags}
    assert any(tag.startswith("ISO 42001") for tag in tags)
    assert any(tag.startswith("NIST AI RMF") for tag in tags)
    written = {f"card.{field.path}" for field in model_card_content.FIELDS} | {"card.model_overview.algorithm_type"}
    for profile in own:
        assert profile.date < date(2026, 12, 31)
        for path in (path for item in profile.items for path in item.fields):
            part = path.partition(".")[0]
            assert path in written if part == "card" else part in {"data", "decision", "version", "evidence", "quality", "bias", "shap"}, (
                path
            )


CLAIMS = re.compile(r"\b(compl(?:y|ies|iant)\b|conform(?:s|ing)? (?:to|with)\b|satisf(?:y|ies) the (?:law|act|regulation))", re.IGNORECASE)


def test_nothing_that_is_shown_says_that_a_law_or_standard_is_complied_with():
    root = Path(regulatory_profiles.__file__).parents[2]
    texts = [regulatory_profiles.BUNDLED.read_text(), dossier.DISCLAIMER, evidence_pack.README_TEMPLATE]
    texts += [path.read_text() for folder in ("core/governance", "ui") for path in (root / folder).rglob("*.py")]
    for text in texts:
        assert not CLAIMS.findall(text)
    assert "Evidence for" in dossier.DISCLAIMER
    assert CLAIMS.findall("This model complies with the Act and conforms to the standard.")
