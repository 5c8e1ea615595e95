"""The policy: a TOML file that says what a model must show, how many must approve it, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.analysis.bias import POST_TRAINING, PRE_TRAINING
from core.clients import Clients
from core.errors import UNSEEN, GovernanceError, NotFound
from core.governance import toml_file
from core.governance.signing import Forged, keys, opened, sha256, sign

BUNDLED = Path(__file__).with_name("policy.toml")
FOLDER = "governance/policies"
LAST = f"{FOLDER}/last-valid.json"
LAST_TYPE = "application/vnd.governance.policy-digest"
Tier = Literal["low", "medium", "high"]
TIERS: tuple[Tier, ...] = ("low", "medium", "high")
METRICS = frozenset(
    {"auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "log_loss", "brier"}
)


class InvalidPolicy(GovernanceError):
    """A policy file that can't be used; names file, line and reason."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Gate(_Part):
    required: bool = True

    @property
    def name(self) -> str:
        """What a waiver calls the gate by."""
        return " ".join(
            str(value) for value in (getattr(self, "kind", ""), getattr(self, "metric", ""), getattr(self, "facet", "")) if value
        )


class _Bounded(_Gate):
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class Quality(_Bounded):
    """A metric of the test rows; ``baseline``: this version's minus the approved one's, or the baseline's."""

    kind: Literal["quality", "baseline"]
    metric: str
    bound: Literal["value", "low", "high"] = "low"

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.metric not in METRICS:
            raise ValueError(f"there is no metric {self.metric}: it is one of {', '.join(sorted(METRICS))}")
        return self


class Calibration(_Bounded):
    kind: Literal["calibration"]
    metric: Literal["ece", "brier"] = "ece"
    bound: Literal["value", "low", "high"] = "high"


class Bias(_Bounded):
    """A bias metric, for the facet ``column`` or ``column=value``; for every facet of the report without one."""

    kind: Literal["bias"]
    metric: str
    facet: str = ""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.metric not in PRE_TRAINING | POST_TRAINING:
            raise ValueError(f"there is no bias metric {self.metric}: it is one of {', '.join(sorted(PRE_TRAINING | POST_TRAINING))}")
        return self


class Fresh(_Gate):
    kind: Literal["fresh"]
    max_age_days: int = Field(gt=0)


class Plain(_Gate):
    kind: Literal["complete", "disjoint", "lineage"]


Gate = Annotated[Quality | Calibration | Bias | Fresh | Plain, Field(discriminator="kind")]


class Profile(_Part):
    title: str
    note: str = ""
    gates: tuple[Gate, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [gate.name for gate in self.gates]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the gate {twice} is there twice")
        return self


class ByTier(_Part):
    low: int = Field(gt=0)
    medium: int = Field(gt=0)
    high: int = Field(gt=0)

    def of(self, tier: Tier) -> int:
        return int(getattr(self, tier))


class Policy(_Part):
    """``sha256``: of the file's bytes. ``text``: the file."""

    version: str
    title: str
    approvals: ByTier
    expiry: ByTier
    profiles: dict[str, Profile] = Field(min_length=1)
    sha256: str = ""
    text: str = Field(default="", repr=False)


def parse(content: bytes, name: str = "policy.toml") -> Policy:
    """The policy in a file's bytes. Raises InvalidPolicy with file, line and reason."""
    remedy = "The last valid policy stays in force until it is mended."
    return toml_file.parse(Policy, content, name, InvalidPolicy, remedy, sha256=sha256(content), text=content.decode(errors="replace"))


def load(path: Path) -> Policy:
    """The policy in a file. Raises InvalidPolicy."""
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        remedy = "Until it can, the last valid policy is in force, or the product's own. Check GOVERNANCE_POLICY."
        raise InvalidPolicy(f"{path} can't be read: {error.strerror}.", subject=str(path), remedy=remedy) from error


def in_force(clients: Clients) -> tuple[Policy, InvalidPolicy | None]:
    """The policy that decisions are judged by. Where the file isn't valid: the last valid one, and what is wrong with the file."""
    try:
        policy = load(clients.settings.policy or BUNDLED)
    except InvalidPolicy as error:
        try:
            return last_valid(clients), error
        except NotFound:
            return load(BUNDLED), error
    return policy, None


def keep(clients: Clients, policy: Policy) -> None:
    """Keep the file's text in the target, so that what a decision was judged by can always be read."""
    uri = uri_of(clients, policy.sha256)
    if not clients.exists(uri):
        clients.create(uri, policy.text.encode(), "application/toml")
    try:
        known = last_valid(clients).sha256
    except UNSEEN:
        raise
    except GovernanceError:
        known = ""
    if known != policy.sha256:
        clients.write(clients.uri(LAST), sign(clients, policy.sha256.encode(), LAST_TYPE), "application/json")


def last_valid(clients: Clients) -> Policy:
    """The last valid policy. Raises NotFound where there was none yet, Forged where it is not what was kept."""
    digest = opened(clients.read(clients.uri(LAST)), keys(clients), LAST_TYPE).decode()
    content = clients.read(uri_of(clients, digest))
    if sha256(content) != digest:
        raise Forged("The policy is not the one that was kept.", subject=LAST, remedy="Mend the policy file.")
    return parse(content, "the last valid policy")


def uri_of(clients: Clients, digest: str) -> str:
    return clients.uri(FOLDER, f"{digest}.toml")
