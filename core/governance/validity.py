"""How a version stands now: whether evidence, policy, data and dates still bear its approval, and what waits for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core import datasets, registry
from core.clients import Clients
from core.datasets import Dataset
from core.errors import NotFound
from core.governance import elsewhere, evidence, gates, log, model_card, policy, states
from core.governance.log import Event
from core.governance.policy import Policy
from core.governance.signing import Forged, sha256
from core.governance.states import State, fold, state
from core.rebalancing import Rebalanced
from core.registry import Package


@dataclass(frozen=True)
class Standing:
    """A version's state as it is now. ``void``: why an approval no longer holds; ``review``: why it has to be looked at again;
    ``outside``: it was made, and perhaps decided on, before this product had anything to do with its group."""

    package: Package
    state: State
    void: tuple[str, ...]
    review: tuple[str, ...]
    outside: bool = False

    @property
    def label(self) -> str:
        """In words."""
        if elsewhere.unknown(self.state) and not self.void:
            return elsewhere.label(self.package.status, self.state)
        if self.state.status != "approved":
            return self.state.status if not self.void else "void"
        if self.void:
            return "void"
        if self.state.expires and self.state.expires < states.today().isoformat():
            return "expired"
        return "approved with conditions" if any(c.met_by is None for c in self.state.conditions) else "approved"


def standing(clients: Clients, arn: str, *, with_gates: bool = True) -> Standing:
    """How a version stands now: its state, and whether evidence, policy, data and dates still bear it."""
    package, now = registry.get(clients, arn), state(clients, arn)
    void: list[str] = []
    outside = elsewhere.unknown(now) and elsewhere.predates(elsewhere.first_registered(log.read(clients)), arn)
    if package.status == "Approved" and now.status != "approved" and not outside:
        void.append("The registry says Approved, and no decision in the log does.")
    if now.status not in {"submitted", "validated", "approved"}:
        return Standing(package, now, tuple(void), (), outside)
    if now.evidence:
        void += evidence.problems(clients, now.evidence)
    if now.status != "approved":
        return Standing(package, now, tuple(void), ())
    if package.status != "Approved":
        void.append(f"The log says approved, and the registry says {package.status}.")
    return Standing(package, now, tuple(void), tuple(_review(clients, package, now, with_gates=with_gates)))


def _review(clients: Clients, package: Package, now: State, *, with_gates: bool) -> list[str]:
    rules, _ = policy.in_force(clients)
    reasons = [*_due(now, rules), *_newer_data(registry.data_of(clients, package), _newest(clients)), *_card_changed(clients, package, now)]
    if with_gates and now.profile in rules.profiles:
        failing = [r.title for r in judged(gates.check(clients, package, rules.profiles[now.profile]), now) if r.blocks]
        if failing:
            reasons.append(f"Gates that fail now: {', '.join(failing)}.")
    return reasons


def _due(now: State, rules: Policy) -> list[str]:
    """Why an approval has to be looked at again by its dates and its policy."""
    today = states.today().isoformat()
    ended = [f"The approval ended on {now.expires}."] if now.expires and now.expires < today else []
    owed = [f"Condition {c.number} of {c.owner} was due on {c.due}: {c.text}" for c in now.conditions if c.met_by is None and c.due < today]
    changed = [f"The policy has changed since: {rules.title} {rules.version} is in force."] if now.policy != rules.sha256 else []
    return ended + owed + changed


def _newest(clients: Clients) -> dict[str, Dataset]:
    """The newest data set of each name."""
    return {found.name: found for found in reversed(datasets.list_datasets(clients))}


def _newer_data(data: Rebalanced | None, newest: Mapping[str, Dataset]) -> list[str]:
    found = newest.get(data.dataset.name) if data is not None else None
    if data is None or found is None or found.sha256 == data.dataset.sha256:
        return []
    return [f"There are newer data: {found.name}, SHA-256 {found.sha256[:12]}…."]


def _card_changed(clients: Clients, package: Package, now: State) -> list[str]:
    try:
        pinned = evidence.read(clients, now.evidence or "").files.get("model-card")
    except (Forged, NotFound):
        return []  # said as void already
    card = model_card.current(clients, package)
    if pinned is None or pinned["sha256"] == sha256(card.bytes):
        return []
    return [f"The model card has changed since it was pinned: {model_card.edited(card)}."]


def judged(results: Sequence[gates.Result], now: State) -> list[gates.Result]:
    """The gates' outcomes, with the waivers that hold today."""
    held = {w.gate: w for w in now.waivers if w.holds(states.today())}
    return [
        replace(r, status="waived", reason=f"{w.reason} (asked by {w.by}, agreed by {w.confirmed_by}, until {w.expires})")
        if r.blocks and (w := held.get(r.gate))
        else r
        for r in results
    ]


def states_of(clients: Clients, arns: Sequence[str]) -> dict[str, State]:
    """How each of these versions stands, by the log."""
    by_subject: dict[str, list[Event]] = {}
    for event in log.read(clients):
        by_subject.setdefault(event.subject, []).append(event)
    return {arn: fold(by_subject.get(arn, ()), arn) for arn in arns}


def waiting(clients: Clients, *, most: int = 100, named: str | None = None) -> list[tuple[registry.Version, State]]:
    """The newest versions with how they stand in the log, those that somebody has to act on first: submitted ones, and approved ones whose
    approval ended, whose conditions are overdue, or whose policy or data have changed since. The ``named`` one too, of whatever group."""
    versions = registry.versions(clients, most=most)
    if named and named not in {version.arn for version in versions} and registry.group_of(named):
        versions += [version for version in [registry.version(clients, named)] if version is not None]
    now_of = states_of(clients, [version.arn for version in versions])
    found = [(version, now_of[version.arn]) for version in versions]
    if any(now.status == "approved" for _, now in found):
        rules, newest = policy.in_force(clients)[0], _newest(clients)
        found = [(version, _with_due(clients, now, rules, newest)) for version, now in found]
    order = {"submitted": 0, "validated": 0, "registered": 1, "approved": 2}
    return sorted(found, key=lambda pair: 0 if pair[1].due else order.get(pair[1].status, 3))


_data: dict[str, Rebalanced] = {}
"""What rebalancing jobs have made: it never changes, and a list of versions needs that of each approved one."""
_KEPT = 1000


def _data_of(clients: Clients, job: str) -> Rebalanced | None:
    key = f"{clients.sagemaker.meta.endpoint_url} {clients.uri(job)}"
    if key not in _data and (found := registry.data_named(clients, job)) is not None:
        if len(_data) >= _KEPT:
            _data.clear()
        _data[key] = found
    return _data.get(key)


def _with_due(clients: Clients, now: State, rules: Policy, newest: Mapping[str, Dataset]) -> State:
    if now.status != "approved":
        return now
    data = _data_of(clients, (now.registered or {}).get("governance:rebalanced", ""))
    return replace(now, due=(*_due(now, rules), *_newer_data(data, newest)))
