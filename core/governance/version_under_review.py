"""A version with everything that is read to judge it and to decide on it. Each part is read once, and handed on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from core.aws.file_snapshot import TargetSnapshot, take_snapshot
from core.aws.target import Target
from core.errors import NotFound
from core.governance import agreement_gate, evidence, lawfulness, policy, policy_adoption, reproducing
from core.governance.evidence import Evidence
from core.governance.model_cards import model_card
from core.governance.policy import GateProfile, InvalidPolicy, Policy
from core.governance.version_state import State, fold_events
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.signing import Forged
from core.lineage import lineage_graph
from core.provenance.evidence_agreement import Agreement
from core.provenance.reproduction import Reproduction
from core.registry import model_packages
from core.registry.registry_types import Package


@dataclass(frozen=True)
class VersionUnderReview:
    """``target``: the target, with files as they were when first read; ``events``: the whole log as it was read, oldest first; ``state``:
    how they leave the version; ``rules``: the policy in force. The other parts are read when they are first asked for. What was read stays
    as it was: a decision is checked again, against the log of that moment, when its event is written."""

    target: TargetSnapshot
    package: Package
    events: tuple[Event, ...]
    state: State
    rules: Policy

    @property
    def profile(self) -> GateProfile | None:
        """The policy's gates that the version was submitted under; None if the policy in force has no such profile."""
        return self.rules.profiles.get(self.state.profile)

    @cached_property
    def data(self) -> RebalancedData | None:
        """What the model was trained and tested on; None where the version names no rebalancing job. Raises Conflict if that job failed."""
        return model_packages.find_rebalancing(self.target, self.package)

    @cached_property
    def artifact(self) -> str | None:
        """The ARN of the version in the lineage."""
        return lineage_graph.find_artifact_arn(self.target, self.package.arn)

    @cached_property
    def ancestors(self) -> frozenset[str]:
        """The ARNs of everything that leads to the version in the lineage: data, jobs, models, decisions, and its own."""
        return lineage_graph.list_ancestor_arns(self.target, self.artifact) if self.artifact else frozenset()

    @cached_property
    def agreement(self) -> Agreement:
        """Whether its evidence agrees with the records of its jobs and with its files. Raises Forbidden and TargetUnavailable."""
        return agreement_gate.check_version_agreement(self.target, self.package, self.data)

    @cached_property
    def card_content(self) -> dict[str, object]:
        """The content of the model card that counts: the one that was recorded when the version was submitted; before that, and of evidence
        that pins none, the newest. Raises NotFound, and Forged."""
        if self.state.status in {"submitted", "validated", "approved"} and (pinned := self.evidence.files.get("model-card")):
            return model_card.parse_content(self.package.label, self.target.files.read(pinned["uri"]).decode())
        return model_card.read_card(self.target, self.package).content

    @cached_property
    def reproduction(self) -> Reproduction | None:
        """The newest result of making it again from its data set; None if there is none."""
        return reproducing.find_reproduction(self.target, self.package, self.data, self.state.evidence)

    @cached_property
    def unlawful_steps(self) -> tuple[str, ...]:
        """The steps of the version that the product would have refused, in words. Reads the policies that they name."""
        own = [event for event in self.events if event.subject == self.package.arn or event.kind in lawfulness.POLICY_EVENTS]
        rules = {self.rules.sha256: self.rules}
        for digest in {str(event.body.get("policy")) for event in own if event.subject == self.package.arn and event.body.get("policy")}:
            with suppress(NotFound, Forged, InvalidPolicy):  # the evidence, which pins it, is reported as changed
                rules.setdefault(digest, policy.read_stored(self.target, digest))
        problems = lawfulness.judge_events(own, rules, target_kind=self.target.settings.target)
        return tuple(problem.what for problem in problems if problem.subject == self.package.arn)

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence that was recorded when the version was submitted. Raises NotFound, and Forged."""
        return evidence.read_evidence(self.target, self.state.evidence or "")

    @cached_property
    def evidence_changes(self) -> tuple[str, ...]:
        """What has changed since then, in words. Reads every file that wasn't read before, so ask for it last."""
        return tuple(evidence.find_changes(self.target, self.state.evidence, self.package)) if self.state.evidence else ()


def read_version(target: Target, arn: str, *, with_training: bool = True) -> VersionUnderReview:
    """A version, its state in the log, and the policy in force. ``with_training``: False for a version whose hyperparameters nobody asks
    for: the gates don't, evidence and dossier do. Raises NotFound."""
    snapshot = take_snapshot(target)
    package, events = model_packages.read_package(snapshot, arn, with_training=with_training), audit_log.read_events(target)
    rules = policy_adoption.load_in_force(snapshot, policy_adoption.fold_policy_events(events))
    return VersionUnderReview(snapshot, package, events, fold_events(events, arn), rules)
