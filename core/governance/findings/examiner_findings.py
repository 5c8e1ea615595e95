"""What an examiner looks for in a version, gathered from what is stored: nothing is measured again, and no job is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.errors import GovernanceError
from core.governance import regulatory_profiles, version_facts
from core.governance.evidence import Evidence
from core.governance.findings import alternatives_search, earlier_conditions, feature_effects, prohibited_bases, validation_findings
from core.governance.findings.alternatives_search import AlternativesSearch
from core.governance.findings.earlier_conditions import EarlierCondition
from core.governance.findings.feature_effects import FeatureEffects
from core.governance.findings.prohibited_bases import BasisColumn
from core.governance.findings.validation_findings import ValidationFinding
from core.governance.model_cards.model_card import Card
from core.governance.regulatory_profiles import ChecklistRow, RegulatoryProfile
from core.governance.version_under_review import VersionUnderReview

T = TypeVar("T")


@dataclass(frozen=True)
class ExaminerFindings:
    """``bases``: the columns of protected groups; ``effects``: what the SHAP values say; ``search``: the trials that the version was chosen
    from; ``validations``: what validators did and found; ``earlier_conditions``: those of earlier decisions; ``checklists``: regulatory
    profile -> its items. A text in place of a finding says why it is missing."""

    bases: tuple[BasisColumn, ...]
    effects: FeatureEffects | str
    search: AlternativesSearch | str
    validations: tuple[ValidationFinding, ...]
    earlier_conditions: tuple[EarlierCondition, ...]
    checklists: tuple[tuple[RegulatoryProfile, list[ChecklistRow]], ...] | str


def collect_findings(version: VersionUnderReview, card: Card) -> ExaminerFindings:
    """The findings about a version that was submitted. ``card``: the model card that its evidence names."""
    bases = prohibited_bases.find_basis_columns(version.package, version.data)
    given = [one.column for one in bases if one.is_input]
    return ExaminerFindings(
        bases,
        _or_reason(lambda: feature_effects.read_effects(version, version.evidence, given)),
        _or_reason(lambda: alternatives_search.find_search(version.target, version.package)),
        validation_findings.list_validations(version),
        earlier_conditions.list_earlier_conditions(version.events, version.package),
        _or_reason(lambda: _fill_checklists(version, card, version.evidence)),
    )


def _fill_checklists(version: VersionUnderReview, card: Card, pinned: Evidence) -> tuple[tuple[RegulatoryProfile, list[ChecklistRow]], ...]:
    profiles = regulatory_profiles.load_profiles(version.target.settings.profiles)
    facts = version_facts.collect_facts(version.target, version.package, version.state, card, pinned)
    return tuple((profile, regulatory_profiles.build_checklist(profile, facts)) for profile in profiles)


def _or_reason(find: Callable[[], T]) -> T | str:
    """What was found; or why it can't be read."""
    try:
        return find()
    except GovernanceError as error:
        return f"{error.message} {error.hint}".strip()
