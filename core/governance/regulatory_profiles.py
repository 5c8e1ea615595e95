"""Regulatory profiles: which fields of the record are evidence for what a legal text asks, what is missing, and how old it is."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from core import toml_file
from core.errors import GovernanceError
from core.governance.model_cards import model_card_content
from core.governance.version_facts import FACT_TITLES
from core.governance.version_state import today

Stance = Literal["risky", "asked for", "not asked for"]
"""What a text says of mitigation by group, in the order in which it is shown."""
BUNDLED = Path(__file__).with_name("regulatory_profiles.toml")


class InvalidProfiles(GovernanceError):
    """A file of regulatory profiles that can't be used; names file, line and reason."""


class _FrozenModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfileItem(_FrozenModel):
    """What one part of a text asks. ``ref``: the part; ``fields``: dotted paths into the facts about a version, all of them evidence for
    it; ``verified``: whether the wording was compared with the text, or with an account of it."""

    ref: str
    asks: str
    fields: tuple[str, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    verified: bool = True


class MitigationNote(_FrozenModel):
    """What a text means for the search for less discriminatory alternatives, and for mitigation that uses the group. ``date``: of the text
    that says so; ``verified``: as of an item."""

    stance: Stance
    text: str
    date: datetime.date
    source: str = Field(pattern="^https://")
    verified: bool = True


class RegulatoryProfile(_FrozenModel):
    """A checklist of a regulatory text: what it asks, with its date and source. ``jurisdiction``: where it applies, in short;
    ``date``: of this version of the text; ``applies_from``: the first day on which it applies, None if it isn't said; ``checked``: the day
    on which somebody last looked the text up, None if nobody noted it."""

    id: str
    title: str
    jurisdiction: str = ""
    date: datetime.date
    applies_from: datetime.date | None = None
    checked: datetime.date | None = None
    review_months: int = Field(default=6, ge=1, le=120)
    source: str = Field(pattern="^https://")
    note: str = ""
    mitigation_note: MitigationNote | None = None
    items: tuple[ProfileItem, ...] = Field(min_length=1)

    def is_old(self, on: datetime.date | None = None) -> bool:
        """Whether it has to be looked up again: ``review_months`` have passed since ``checked``, or nobody noted that day. ``on``: today
        by default, in UTC."""
        return self.checked is None or (on or today()) > _months_later(self.checked, self.review_months)


class _ProfilesFile(_FrozenModel):
    profiles: tuple[RegulatoryProfile, ...] = Field(min_length=1)


@dataclass(frozen=True)
class ChecklistRow:
    """An item with its fields that are filled in and those that are missing, as dotted paths."""

    item: ProfileItem
    filled: tuple[str, ...]
    missing: tuple[str, ...]


def load_profiles(path: Path | None = None) -> tuple[RegulatoryProfile, ...]:
    """The profiles of a file, or the product's own. Raises InvalidProfiles."""
    path = path or BUNDLED
    try:
        content = path.read_bytes()
    except OSError as error:
        message, remedy = f"{path} can't be read: {error.strerror}.", "Check GOVERNANCE_PROFILES, or unset it."
        raise InvalidProfiles(message, resource=str(path), hint=remedy) from error
    return toml_file.parse_validated(_ProfilesFile, content, str(path), InvalidProfiles, "Fix the file.").profiles


def build_checklist(profile: RegulatoryProfile, facts: Mapping[str, object]) -> list[ChecklistRow]:
    """Which fields of each item are filled in and which are missing."""
    answers = []
    for item in profile.items:
        filled = tuple(path for path in item.fields if model_card_content.value_at(facts, path) not in (None, "", "Unknown", [], {}, ()))
        answers.append(ChecklistRow(item, filled, tuple(path for path in item.fields if path not in filled)))
    return answers


def field_title(path: str) -> str:
    """A field's path in words: the title of what people fill in or of what is measured, or the path's last parts."""
    titles = FACT_TITLES | {f"card.{field.path}": field.title for field in model_card_content.FIELDS}
    return titles.get(path) or path.replace("_", " ").replace(".", ": ", 1)


def describe_age(profile: RegulatoryProfile, on: datetime.date | None = None) -> str:
    """How old a profile is, in sentences. ``on``: today by default, in UTC."""
    on = on or today()
    applies = profile.applies_from
    start = "" if applies is None else f", {'applies only from' if applies > on else 'applies since'} {applies}"
    if profile.checked is None:
        return f"Text of {profile.date}{start}. Nobody noted when it was last looked up: look it up before you rely on it."
    known = f"Text of {profile.date}{start}; last looked up on {profile.checked}."
    old = f"{known} This is more than {profile.review_months} months ago: look it up again before you rely on it."
    return old if profile.is_old(on) else known


@dataclass(frozen=True)
class JurisdictionNote:
    """What a jurisdiction's text means for less discriminatory alternatives and mitigation by group. ``text``: with its date, in sentences,
    and what isn't verified or has grown old."""

    jurisdiction: str
    stance: Stance
    text: str
    source: str


def mitigation_notes(profiles: Sequence[RegulatoryProfile], on: datetime.date | None = None) -> tuple[JurisdictionNote, ...]:
    """The notes by jurisdiction: first where mitigation is risky, then where it is asked for, then the others. ``on``: today by default."""
    found = []
    for profile in profiles:
        note = profile.mitigation_note
        if note is None:
            continue
        parts = [note.text, f"Text of {note.date}.", "" if note.verified else "Unverified."]
        parts += [f"The profile has grown old: {describe_age(profile, on)}"] if profile.is_old(on) else []
        found.append(JurisdictionNote(profile.jurisdiction or profile.title, note.stance, " ".join(filter(None, parts)), note.source))
    return tuple(sorted(found, key=lambda one: get_args(Stance).index(one.stance)))


def mitigation_sentence(notes: Sequence[JurisdictionNote]) -> str:
    """The notes in one line: ``risky in US credit; asked for in EU``. "" without any."""
    named: dict[str, list[str]] = {}
    for note in notes:
        named.setdefault(note.stance, []).append(note.jurisdiction)
    parts = [f"{stance} in {', '.join(places)}" for stance, places in named.items()]
    return f"Mitigation by group, by jurisdiction: {'; '.join(parts)}." if parts else ""


def _months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month, or the last one of the month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
