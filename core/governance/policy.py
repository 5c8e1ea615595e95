"""The policy: a TOML file that says what a model must show, how many must approve it, and for how long."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core import toml_file
from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING
from core.analysis.leaks.label_leaks import COPY_AUC
from core.analysis.leaks.row_twins import MIN_TWIN_SHARE
from core.aws.file_snapshot import take_snapshot
from core.aws.target import Target
from core.errors import Conflict, GovernanceError
from core.governance.gate_results import FACETS_GATE, THRESHOLD_GATE
from core.governance.model_cards.model_card_content import FIELDS
from core.ledger.signing import Forged, sha256

BUNDLED = Path(__file__).with_name("policy.toml")
FOLDER = "governance/policies"
BUNDLED_POLICIES = frozenset(
    {
        "22104ac7b51746b76d1889a2a112c64a0608d42d7535d46a505f2915a232f2d9",
        "5cfdf258da335de651e932f9f0ec1ea20cecd700540813d7edfc6068ad9f7fb9",
    }
)
"""SHA-256 of the product's own policy, and of each earlier one: events that were written before a policy was adopted name one of them."""
Tier = Literal["low", "medium", "high"]
TIERS: tuple[Tier, ...] = ("low", "medium", "high")
QUALITY_METRICS = frozenset(
    {"auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "log_loss", "brier"}
)


class InvalidPolicy(GovernanceError):
    """A policy file that can't be used; names file, line and reason."""


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Gate(_StrictModel):
    """``required``: whether it blocks an approval; ``waivable``: whether two people may agree to ignore it."""

    required: bool = True
    waivable: bool = True

    @property
    def name(self) -> str:
        """The name by which a waiver refers to the gate."""
        return " ".join(
            str(value) for value in (getattr(self, "kind", ""), getattr(self, "metric", ""), getattr(self, "facet", "")) if value
        )

    def is_outcome(self, name: str) -> bool:
        """Whether an outcome of this name is one of this gate: a gate about several facets has one outcome for each."""
        return name == self.name


class _BoundedGate(_Gate):
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class QualityGate(_BoundedGate):
    """A limit for a metric of the test rows; of kind “baseline”, for the difference from the newest approved version that was tested on the
    same rows of the same data set, or else from the newest such baseline. Without one the gate can't be computed. ``bound``: which end of
    the 95 % interval must be within the limit, or the value. ``first_version``, of kind “baseline”: whether a version that nothing comes
    before passes: no version of its group, or of its data in any group, was ever approved or registered as a baseline."""

    kind: Literal["quality", "baseline"]
    metric: str
    bound: Literal["value", "low", "high"] = "low"
    first_version: Literal["pass", "block"] = "block"

    @model_validator(mode="after")
    def _check_metric(self) -> Self:
        if self.kind == "quality" and "first_version" in self.model_fields_set:
            raise ValueError("first_version belongs to a gate of kind baseline")
        if self.metric not in QUALITY_METRICS:
            raise ValueError(f"{self.metric} isn't a metric: choose one of {', '.join(sorted(QUALITY_METRICS))}")
        return self


class CalibrationGate(_BoundedGate):
    """How far scores may be from the share of label 1: the calibration error (``ece``) or the Brier score."""

    kind: Literal["calibration"]
    metric: Literal["ece", "brier"] = "ece"
    bound: Literal["value", "low", "high"] = "high"


class BiasGate(_BoundedGate):
    """A limit for a bias metric. ``facet``: a column, or a column and its value (SEX=2); empty for every facet of the report."""

    kind: Literal["bias"]
    metric: str
    facet: str = ""

    def is_outcome(self, name: str) -> bool:
        return super().is_outcome(name) or name.startswith(f"{self.name}{'=' if self.facet else ' '}")

    @model_validator(mode="after")
    def _check_metric(self) -> Self:
        if self.metric not in PRE_TRAINING | POST_TRAINING:
            raise ValueError(f"{self.metric} isn't a bias metric: choose one of {', '.join(sorted(PRE_TRAINING | POST_TRAINING))}")
        return self


class FreshnessGate(_Gate):
    """The evidence is at most ``max_age_days`` old."""

    kind: Literal["fresh"]
    max_age_days: int = Field(gt=0)


class LabelSharesGate(_Gate):
    """How far rebalancing may move a group's share of favourable labels, up or down: by at most ``max``, as a share from 0 to 1. ``of``:
    the movement beyond what the target of the rebalancing asks for, or all of it (``moved``)."""

    kind: Literal["label_shares"]
    max: float = Field(default=0.02, ge=0, le=1)
    of: Literal["beyond_target", "moved"] = "beyond_target"


class LabelLeaksGate(_Gate):
    """No feature alone gives the label away: none has an AUC above ``max`` (0.9 or more: a lower one is no finding), except those in
    ``allowed``."""

    kind: Literal["label_leaks"]
    max: float = Field(default=COPY_AUC, ge=COPY_AUC, le=1)
    allowed: tuple[str, ...] = Field(default=(), strict=False)


class IdFeaturesGate(_Gate):
    """No feature looks like an id, except those in ``allowed``."""

    kind: Literal["id_features"]
    allowed: tuple[str, ...] = Field(default=(), strict=False)


class TwinsGate(_Gate):
    """How many test rows may stand in training too, beyond different people who are alike: at most ``max``, as a share from 0 to 1."""

    kind: Literal["twins"]
    max: float = Field(default=MIN_TWIN_SHARE, ge=0, le=1)


class CardGate(_Gate):
    """What people must have filled in of the model card: these ``fields``, by the last part of their path (``model_owner``), and at least
    ``min_filled`` of all."""

    kind: Literal["card"]
    fields: tuple[str, ...] = Field(default=(), strict=False)
    min_filled: int = Field(default=0, ge=0, le=len(FIELDS))

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        names = [field.name for field in FIELDS]
        if unknown := [name for name in self.fields if name not in names]:
            raise ValueError(f"{unknown[0]} isn't a field of the model card: choose among {', '.join(names)}")
        if not self.fields and not self.min_filled:
            raise ValueError("a gate about the model card needs fields, min_filled or both")
        return self


class PlainGate(_Gate):
    """A gate without a limit: all reports exist, the split came before rebalancing, the lineage leads back to the data set, or the version
    was made again from it and is the same."""

    kind: Literal["complete", "disjoint", "lineage", "reproduced"]


LeakGate = LabelLeaksGate | IdFeaturesGate | TwinsGate
Gate = Annotated[
    QualityGate | CalibrationGate | BiasGate | LabelSharesGate | LeakGate | FreshnessGate | CardGate | PlainGate,
    Field(discriminator="kind"),
]


class GateProfile(_StrictModel):
    """Gates that a submission can choose together, in the order in which they are shown."""

    title: str
    note: str = ""
    gates: tuple[Gate, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _check_gates_unique(self) -> Self:
        names = [gate.name for gate in self.gates]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the gate {twice} appears twice")
        return self


class ByTier(_StrictModel):
    """A number for each risk tier: how many approvals are needed, or for how many days one is valid."""

    low: int = Field(gt=0)
    medium: int = Field(gt=0)
    high: int = Field(gt=0)

    def for_tier(self, tier: Tier) -> int:
        return int(getattr(self, tier))


class ThresholdBounds(_StrictModel):
    """The scores in [0, 1] between which a version's threshold must lie, both included."""

    min: float = Field(default=0.0, ge=0, le=1)
    max: float = Field(default=1.0, ge=0, le=1)


class GroupRules(_StrictModel):
    """What holds for the versions of the model package groups whose name fits ``pattern`` (``*`` for any characters, ``?`` for one).

    ``facets``: those that must be measured, columns or a column and its value (SEX=2), beside the data set's own; ``profiles``: the gates
    that a submission is judged by, one of these (the first, unless it names another); ``tier``: the tier of materiality, None for the one
    that the submission gives; ``threshold``: its bounds."""

    pattern: str = Field(min_length=1)
    facets: tuple[str, ...] = Field(default=(), strict=False)
    profiles: tuple[str, ...] = Field(default=(), strict=False)
    tier: Tier | None = None
    threshold: ThresholdBounds = ThresholdBounds()

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates that follow from it, whatever the profile."""
        bounded = self.threshold.min > 0 or self.threshold.max < 1
        return (*((FACETS_GATE,) if self.facets else ()), *((THRESHOLD_GATE,) if bounded else ()))


class Policy(_StrictModel):
    """``groups``: what holds for which groups of versions; the first whose pattern fits counts. ``sha256``: the hash of the file's bytes;
    ``text``: the file's content."""

    version: str
    title: str
    approvals: ByTier
    expiry: ByTier
    profiles: dict[str, GateProfile] = Field(min_length=1)
    groups: tuple[GroupRules, ...] = Field(default=(), strict=False)
    sha256: str = ""
    text: str = Field(default="", repr=False)

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        for rules in self.groups:
            if unknown := [name for name in rules.profiles if name not in self.profiles]:
                raise ValueError(f"the group {rules.pattern} names the profile {unknown[0]}, which the policy doesn't have")
            if rules.threshold.min > rules.threshold.max:
                raise ValueError(f"the group {rules.pattern} has a threshold whose min is above its max")
        return self

    def rules_for(self, group: str) -> GroupRules:
        """What holds for a model package group. Where no pattern fits: the facets of the data set, the policy's first profile, any tier and
        threshold."""
        found = next((rules for rules in self.groups if fnmatchcase(group, rules.pattern)), GroupRules(pattern="*"))
        return found if found.profiles else found.model_copy(update={"profiles": (next(iter(self.profiles)),)})


def parse_toml(content: bytes, name: str = "policy.toml") -> Policy:
    """The policy in a file's bytes. Raises InvalidPolicy with file, line and reason."""
    remedy = "Fix the file. The policy in force stays as it is."
    return toml_file.parse_validated(
        Policy, content, name, InvalidPolicy, remedy, sha256=sha256(content), text=content.decode(errors="replace")
    )


def load_file(path: Path) -> Policy:
    """The policy in a file. Raises InvalidPolicy."""
    try:
        return parse_toml(path.read_bytes(), str(path))
    except OSError as error:
        remedy = "Check the file's name. The policy in force stays as it is."
        raise InvalidPolicy(f"{path} can't be read: {error.strerror}.", resource=str(path), hint=remedy) from error


def load_bundled() -> Policy:
    """The product's own policy, which is in force until another one is adopted."""
    return load_file(BUNDLED)


def require_unchanged(policy: Policy, digest: str) -> Policy:
    """The policy, if it has this hash. Raises Conflict: its file has changed since somebody looked at it."""
    if policy.sha256 != digest:
        raise Conflict(
            "The policy's file has changed since you opened it.", resource=policy.title, hint="Reload the page, and look at it again."
        )
    return policy


def store_in_target(target: Target, policy: Policy) -> None:
    """Write the policy's text to the target, so that the policy behind a decision can be read later."""
    take_snapshot(target).files.read_or_write(policy_uri(target, policy.sha256), policy.text.encode(), "application/toml")


def read_stored(target: Target, digest: str) -> Policy:
    """The policy with this hash, as it was stored. Raises NotFound, Forged if it differs from what was stored, InvalidPolicy if this
    version of the product can't use it."""
    content = target.files.read(policy_uri(target, digest))
    if sha256(content) != digest:
        raise Forged(
            f"The policy {digest[:12]}… differs from the one that was stored.",
            resource=policy_uri(target, digest),
            hint="Restore the file from a copy.",
        )
    return parse_toml(content, f"the policy {digest[:12]}…")


def policy_uri(target: Target, digest: str) -> str:
    """The URI of the policy with this hash in the workspace."""
    return target.uri(FOLDER, f"{digest}.toml")
