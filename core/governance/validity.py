"""Whether evidence, policy, data and dates still support a version's approval, and which versions need action first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.aws.target import Target
from core.data import datasets
from core.data.datasets import Dataset
from core.errors import NotFound
from core.governance import foreign_versions, gates, policy_adoption, version_state
from core.governance.gate_results import AGREEMENT_GATE, GateResult
from core.governance.model_cards import model_card
from core.governance.policy import Policy
from core.governance.version_state import State, fold_events
from core.governance.version_under_review import VersionUnderReview, read_version
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.signing import Forged, sha256
from core.registry import model_packages, registry_types
from core.registry.registry_types import Package


@dataclass(frozen=True)
class Validity:
    """A version's state as it is now. ``void_reasons``: why an approval isn't valid any more; ``review_reasons``: why it has to be reviewed
    again; ``is_outside_log``: it was made, and perhaps decided on, before this product registered anything in its group;
    ``gate_results``: what the gates say now, with waivers applied; None if they weren't judged."""

    package: Package
    state: State
    void_reasons: tuple[str, ...]
    review_reasons: tuple[str, ...]
    is_outside_log: bool = False
    gate_results: tuple[GateResult, ...] | None = None

    @property
    def label(self) -> str:
        """In words."""
        if foreign_versions.is_foreign(self.state) and not self.void_reasons:
            return foreign_versions.status_label(self.package.status, self.state)
        if self.state.status != "approved":
            return self.state.status if not self.void_reasons else "void"
        if self.void_reasons:
            return "void"
        if self.state.expires and self.state.expires < version_state.today().isoformat():
            return "expired"
        return "approved with conditions" if any(c.met_by is None for c in self.state.conditions) else "approved"


def check_validity(target: Target, arn: str, *, with_gates: bool = True) -> Validity:
    """A version's state now, and whether evidence, policy, data and dates still support it. ``with_gates``: also judges an approved or
    waiting version by the gates of the policy in force."""
    version = read_version(target, arn)
    package, state = version.package, version.state
    void: list[str] = []
    outside = foreign_versions.is_foreign(state) and foreign_versions.is_before_first_registered(
        foreign_versions.first_registered_numbers(version.events), arn
    )
    if package.status == "Approved" and state.status != "approved" and not outside:
        void.append("The registry says Approved, but the log has no approval.")
    if state.status not in {"submitted", "validated", "approved"}:
        return Validity(package, state, tuple(void), (), outside)
    judgement = gates.judge_version(version, version.profile) if with_gates else None
    results = tuple(apply_waivers(judgement.results, state)) if judgement else None
    reasons = _review_reasons(version, results or ()) if state.status == "approved" else []
    void += [*version.unlawful_steps, *version.evidence_changes]
    if state.status == "approved" and package.status != "Approved":
        void.append(f"The log says approved, but the registry says {package.status}.")
    return Validity(package, state, tuple(void), tuple(reasons), gate_results=results)


def _review_reasons(version: VersionUnderReview, results: Sequence[GateResult]) -> list[str]:
    reasons = [
        *_due_reasons(version.state, version.rules),
        *_newer_data_reasons(version.data, _newest_datasets(version.target)),
        *_card_change_reasons(version),
    ]
    failing = [r.title for r in results if r.is_blocking and (r.gate, r.status) != (AGREEMENT_GATE, "not computable")]
    if failing:
        reasons.append(f"Gates that fail now: {', '.join(failing)}.")
    return reasons


def _due_reasons(now: State, rules: Policy) -> list[str]:
    """Why an approval has to be looked at again by its dates and its policy."""
    today = version_state.today().isoformat()
    ended = [f"The approval ended on {now.expires}."] if now.expires and now.expires < today else []
    owed = [f"Condition {c.number} of {c.owner} was due on {c.due}: {c.text}" for c in now.conditions if c.met_by is None and c.due < today]
    changed = [f"The policy has changed since: {rules.title} {rules.version} is in force."] if now.policy != rules.sha256 else []
    return ended + owed + changed


def _newest_datasets(target: Target) -> dict[tuple[str, str], Dataset]:
    """The newest data set of each name and label: another table may have the same name."""
    return {(dataset.name, dataset.roles.label): dataset for dataset in reversed(datasets.list_datasets(target))}


def _newer_data_reasons(data: RebalancedData | None, newest: Mapping[tuple[str, str], Dataset]) -> list[str]:
    newest_dataset = newest.get((data.dataset.name, data.roles.label)) if data is not None else None
    if data is None or newest_dataset is None or newest_dataset.sha256 == data.dataset.sha256:
        return []
    return [f"Newer data exist: {newest_dataset.name}, SHA-256 {newest_dataset.sha256[:12]}…."]


def _card_change_reasons(version: VersionUnderReview) -> list[str]:
    try:
        pinned = version.evidence.files.get("model-card")
    except (Forged, NotFound):
        return []  # the evidence is reported as changed
    card = model_card.read_card(version.target, version.package)
    if pinned is None or pinned["sha256"] == sha256(card.json_bytes):
        return []
    return [f"The model card has changed since it was recorded: {model_card.last_edit_text(card)}."]


def apply_waivers(results: Sequence[GateResult], state: State) -> list[GateResult]:
    """The gates' outcomes, with the waivers that are valid today."""
    waivers = {w.gate: w for w in state.waivers if w.is_valid_on(version_state.today())}
    return [
        replace(r, status="waived", reason=f"{w.reason} (asked by {w.by}, agreed by {w.confirmed_by}, until {w.expires})")
        if r.is_waivable and (w := waivers.get(r.gate))
        else r
        for r in results
    ]


def read_states(target: Target, arns: Sequence[str]) -> dict[str, State]:
    """The state of each of these versions, according to the log."""
    by_subject: dict[str, list[Event]] = {}
    for event in audit_log.read_events(target):
        by_subject.setdefault(event.subject, []).append(event)
    return {arn: fold_events(by_subject.get(arn, ()), arn) for arn in arns}


def list_versions_by_urgency(
    target: Target, *, limit: int = 100, including: str | None = None
) -> list[tuple[registry_types.Version, State]]:
    """The newest versions with their state, those that need action first: submitted ones, and approved ones whose approval ended, whose
    conditions are overdue, or whose policy or data have changed since. Model cards, gates and evidence aren't checked: that would read the
    files of every version; ``check_validity`` does it for one. ``including``: a version to list too, of any group."""
    versions = model_packages.list_own_versions(target, max_results=limit)
    if including and including not in {version.arn for version in versions} and registry_types.group_from_arn(including):
        versions += [version for version in [model_packages.find_version(target, including)] if version is not None]
    states = read_states(target, [version.arn for version in versions])
    pairs = [(version, states[version.arn]) for version in versions]
    if any(state.status == "approved" for _, state in pairs):
        rules, newest = policy_adoption.load_in_force(target), _newest_datasets(target)
        pairs = [(version, _with_review_reasons(target, state, rules, newest)) for version, state in pairs]
    order = {"submitted": 0, "validated": 0, "registered": 1, "approved": 2}
    return sorted(pairs, key=lambda pair: 0 if pair[1].review_reasons else order.get(pair[1].status, 3))


_rebalancing_cache: dict[str, RebalancedData] = {}
"""What rebalancing jobs have made: it never changes, and a list of versions needs that of each approved one."""
_CACHE_SIZE = 1000


def _cached_rebalancing(target: Target, job: str) -> RebalancedData | None:
    key = f"{target.sagemaker.meta.endpoint_url} {target.uri(job)}"
    if key not in _rebalancing_cache and (data := model_packages.read_rebalancing(target, job)) is not None:
        if len(_rebalancing_cache) >= _CACHE_SIZE:
            _rebalancing_cache.clear()
        _rebalancing_cache[key] = data
    return _rebalancing_cache.get(key)


def _with_review_reasons(target: Target, now: State, rules: Policy, newest: Mapping[tuple[str, str], Dataset]) -> State:
    if now.status != "approved":
        return now
    data = _cached_rebalancing(target, (now.registered_properties or {}).get("governance:rebalanced", ""))
    return replace(now, review_reasons=(*_due_reasons(now, rules), *_newer_data_reasons(data, newest)))
