"""Regulatory profiles: which fields of the record are evidence for what a legal text asks, and which are still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from core import toml_file
from core.analysis.performance.performance_json import estimates_in
from core.aws.target import Target
from core.errors import GovernanceError
from core.governance.evidence import Evidence
from core.governance.model_cards import model_card_content
from core.governance.model_cards.model_card import Card
from core.governance.version_state import State
from core.registry import model_packages, registry_types
from core.registry.registry_types import Package

BUNDLED = Path(__file__).with_name("regulatory_profiles.toml")


class InvalidProfiles(GovernanceError):
    """A file of regulatory profiles that can't be used; names file, line and reason."""


class _FrozenModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfileItem(_FrozenModel):
    """What one part of a text asks. ``ref``: the part; ``fields``: dotted paths into the facts about a version, all of them evidence for
    it."""

    ref: str
    asks: str
    fields: tuple[str, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()


class RegulatoryProfile(_FrozenModel):
    """A checklist of a regulatory text: what it asks, with its date and source."""

    id: str
    title: str
    date: date
    source: str = Field(pattern="^https://")
    note: str = ""
    items: tuple[ProfileItem, ...] = Field(min_length=1)


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


def collect_facts(target: Target, package: Package, state: State, card: Card, evidence: Evidence | None) -> dict[str, object]:
    """The facts about a version that a profile's dotted paths lead to."""
    data = model_packages.find_rebalancing(target, package)
    names = registry_types.version_value_names(package, data)
    validation = next((e for e in reversed(state.history) if e.kind == "validate"), None)
    submission = next((e for e in reversed(state.history) if e.kind == "submit"), None)
    return {
        "card": card.content,
        "version": {
            "arn": package.arn,
            "version": package.version,
            "training_job": package.training_job,
            "hyperparameters": package.hyperparameters,
            "trained_by": package.properties.get("governance:trained-by-name"),
        },
        "quality": {name: figure["value"] for name, figure in estimates_in(package.performance).items()},
        "bias": [names.describe(facet.facet, facet.value) for facet in (package.bias.facets if package.bias else ())],
        "shap": package.shap,
        "data": {}
        if data is None
        else {
            "uri": data.dataset.uri,
            "sha256": data.dataset.sha256,
            "rows": data.dataset.rows,
            "split": data.manifest["split"],
            "label": data.manifest["config"]["label"],
            "facet": data.manifest["config"]["facet"],
            "rebalancing": data.manifest["config"]["method"],
        },
        "evidence": {} if evidence is None else {name: pinned["sha256"] for name, pinned in evidence.files.items()},
        "decision": {}
        if submission is None
        else {
            "tier": state.tier,
            "tier_rationale": submission.body["tier_rationale"],
            "profile": state.profile,
            "policy": state.policy,
            "evidence": state.evidence,
            "validator": validation.actor["name"] if validation else None,
            "validation_rationale": validation.body["reason"] if validation else None,
        },
    }


def build_checklist(profile: RegulatoryProfile, facts: Mapping[str, object]) -> list[ChecklistRow]:
    """Which fields of each item are filled in and which are missing."""
    answers = []
    for item in profile.items:
        filled = tuple(path for path in item.fields if model_card_content.value_at(facts, path) not in (None, "", "Unknown", [], {}, ()))
        answers.append(ChecklistRow(item, filled, tuple(path for path in item.fields if path not in filled)))
    return answers


def field_title(path: str) -> str:
    """A field's path in words: the title of what people fill in, or the path's last parts."""
    titles = {f"card.{field.path}": field.title for field in model_card_content.FIELDS}
    return titles.get(path) or path.replace("_", " ").replace(".", ": ", 1)
