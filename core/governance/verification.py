"""Verifies that the log is complete, that each of its steps was allowed, that its evidence hasn't changed, and that the registry and the
lineage agree with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.aws.target import Target
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError, NotFound
from core.governance import (
    added_content,
    agreement_gate,
    consistency,
    damaged_files,
    evidence,
    lawfulness,
    log_chain,
    policy,
    recorded_outcomes,
    reproducing,
    version_state,
)
from core.governance.consistency import Problem
from core.governance.damaged_files import VerificationTarget
from core.governance.policy import InvalidPolicy, Policy
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.signing import Forged, load_verification_keys
from core.registry import announcements, model_packages, registry_types


@dataclass(frozen=True)
class Verification:
    """``events``: how many were read; ``files``: how many files of evidence were hashed; ``head``: the last event's number and hash;
    ``keys``: id of a key -> how many events it signed; ``older_versions``: ARNs of versions that were decided on under an earlier format of
    events, and judged by its rules; ``is_compared``: whether a head that was kept elsewhere was given."""

    events: int
    files: int
    head: tuple[int, str] | None
    problems: tuple[Problem, ...]
    keys: dict[str, int]
    older_versions: tuple[str, ...]
    is_compared: bool

    @property
    def is_valid(self) -> bool:
        return not self.problems


NOT_COMPARED = (
    "No head that was kept elsewhere was given. Without one, a log whose end was removed together with its head looks like a shorter log."
)
"""What a verification without an exported head can't tell."""


def verify_log(target: Target, *, exported_head: bytes | None = None) -> Verification:
    """Verify the log (every event, the head, the parts), whether each step was allowed, the evidence and the policies that it names, and
    whether registry and lineage agree with it; everything is read from the stored objects. ``exported_head``: an exported head that was
    kept elsewhere. Raises Forbidden and TargetUnavailable: what can't be read now may be valid. A single file that the target can't give,
    while it gives others, is a problem."""
    trusted, files = load_verification_keys(target), damaged_files.read_for_verification(target)
    head = log_chain.read_or_none(files, audit_log.HEAD_KEY)  # read before the events, so that it can't name a later one
    chain = log_chain.check_chain(files, trusted)
    events, problems = chain.events, list(chain.problems)
    heads = {audit_log.HEAD_KEY: head} | ({"the head that was kept elsewhere": exported_head} if exported_head else {})
    problems += log_chain.check_heads(events, trusted, heads)
    problems += log_chain.check_head_current(target, events, trusted, head)
    problems += log_chain.check_parts(files, events, trusted)
    policies, unreadable = _read_policies(files, events)
    problems += unreadable
    problems += lawfulness.judge_events(events, policies, target_kind=target.settings.target)
    sound = version_state.sound_events(events)
    problems += _check_agreement(files, sound, policies)
    problems += _check_reproductions(files, sound)
    problems += _check_evidence(files, events)
    problems += _check_stored_files(files)
    problems += consistency.registry_problems(files, sound)
    problems += consistency.lineage_problems(files, sound)
    problems += added_content.find_changed_cards(files, sound)
    problems += added_content.find_copied_models(files, sound)
    named = " ".join(f"{problem.subject} {problem.what}" for problem in problems)
    problems += [Problem(None, uri, f"This file is damaged: {what}") for uri, what in files.files.damage.items() if uri not in named]
    ordered = sorted(problems, key=lambda p: (p.number is None, p.number or 0))
    last = (events[-1].number, events[-1].hash) if events else None
    older = tuple(lawfulness.older_versions(events))
    return Verification(len(events), files.files.digest_count, last, tuple(ordered), chain.keys, older, exported_head is not None)


@dataclass(frozen=True)
class Repair:
    """What a repair did. ``labels``: the versions whose record in the registry was out of date; ``registered``: the ARNs of versions that
    are now in the log; ``is_head_missing``: the log has no head, and it wasn't asked to write one."""

    labels: tuple[str, ...]
    registered: tuple[str, ...]
    is_head_missing: bool


def repair_registry_and_lineage(target: Target, *, sign_head: bool = False) -> Repair:
    """Take up registrations that ended between package and log, and update registry, lineage and head from the log. A head that is missing
    is written only with ``sign_head``: the log may have been cut short, so compare it with a head kept elsewhere first."""
    registered = tuple(announcements.take_up_all(target))
    repaired, events = [], audit_log.read_events(target)
    if events:
        audit_log.advance_head(target, events[-1], replace_missing=sign_head)
    subjects = {event.number: event.subject for event in events}
    wrong = [*consistency.registry_problems(target, events), *consistency.lineage_problems(target, events)]
    behind = {subjects.get(problem.number or 0, problem.subject) for problem in wrong}
    for subject in dict.fromkeys(e.subject for e in events if e.kind in version_state.ALLOWED_FROM and e.subject in behind):
        try:
            package = model_packages.read_package(target, subject)
        except NotFound:
            continue  # deleted: the verification reports it
        consistency.sync_registry_and_lineage(target, package)
        after = model_packages.read_package(target, subject)
        if (after.status, after.properties, after.comment) != (package.status, package.properties, package.comment):
            repaired.append(after.label)
    is_missing = bool(events) and log_chain.read_or_none(target, audit_log.HEAD_KEY) is None
    return Repair(tuple(repaired), registered, is_missing)


def _read_policies(target: VerificationTarget, events: Sequence[Event]) -> tuple[dict[str, Policy], list[Problem]]:
    """The policies that the events name, by SHA-256, and a problem for each that is missing, changed or unusable, at its first event."""
    policies, problems = {}, []
    first = {str(event.body["policy"]): event for event in reversed(events) if event.body.get("policy")}
    for digest, event in first.items():
        try:
            policies[digest] = policy.read_stored(target, digest)
        except (NotFound, Forged):
            problems.append(Problem(event.number, event.subject, f"The policy of event {event.number} has changed or no longer exists."))
        except InvalidPolicy as error:
            problems.append(Problem(event.number, event.subject, f"The policy of event {event.number} can't be used: {error.message}"))
    return policies, problems


def _check_evidence(target: VerificationTarget, events: Sequence[Event]) -> Iterator[Problem]:
    """Check each piece of evidence once, at the first event that names it. Each file is hashed only once: pieces of evidence share most of
    theirs."""
    seen: set[str] = set()
    for event in events:
        digest = event.body.get("evidence")
        if digest and digest not in seen:
            seen.add(digest)
            for change in evidence.find_changes(target, digest):
                yield Problem(event.number, event.subject, f"Evidence of event {event.number}: {target.files.describe(change)}")
    for uri in target.files.list_uris(target.uri(evidence.FOLDER) + "/"):
        if uri.rpartition("/")[2].removesuffix(".json") in seen:
            continue
        try:  # its submission was refused or interrupted; its signature and its hash must be valid all the same
            evidence.read_evidence(target, uri.rpartition("/")[2].removesuffix(".json"))
        except INCONCLUSIVE_ERRORS:
            raise
        except GovernanceError as error:
            yield Problem(None, uri, error.message)


def _check_agreement(
    snapshot: VerificationTarget, events: Sequence[Event], policies: Mapping[str, Policy] = MappingProxyType({})
) -> Iterator[Problem]:
    """Check, for each version that was submitted, that its evidence agrees with the records of its jobs, and that the gates which an
    approval calls passed pass by it. ``snapshot``: reads each file only once for a version, and keeps its digest; ``policies``: by
    SHA-256."""
    by_subject = version_state.events_by_subject(events)
    for subject in dict.fromkeys(event.subject for event in events if event.kind == "submit"):
        state = version_state.fold_events(by_subject[subject], subject)
        if registry_types.THRESHOLD_PROPERTY not in (state.registered_properties or {}):
            continue  # older evidence: an earlier release registered it
        try:
            package = model_packages.read_package(snapshot, subject, with_training=False)
            data = model_packages.find_rebalancing(snapshot, package)
            problems: Sequence[str] = agreement_gate.check_version_agreement(snapshot, package, data).problems
            for approval, what in recorded_outcomes.find_false_outcomes(state.history, state.profile, policies, package, data):
                yield Problem(approval, subject, what)
        except INCONCLUSIVE_ERRORS:
            raise
        except NotFound:
            continue  # deleted: reported with the registry
        except GovernanceError as error:
            problems = [error.message]
        number = next(event.number for event in reversed(state.history) if event.kind == "submit")
        for what in problems[: agreement_gate.MAX_SHOWN]:
            yield Problem(number, subject, f"Evidence of event {number} doesn't agree with the jobs' records: {what}")
        snapshot.files.forget_large_contents()


def _check_reproductions(snapshot: VerificationTarget, events: Sequence[Event]) -> Iterator[Problem]:
    """Check, of each validation that says that the evidence was reproduced, that its result is the one that it names, and shows it."""
    for event in events:
        recorded, digest = event.body.get("reproduction"), event.body.get("evidence")
        if recorded is None or digest is None:
            continue
        try:
            package = model_packages.read_package(snapshot, event.subject, with_training=False)
            data = model_packages.find_rebalancing(snapshot, package)
            found = reproducing.read_recorded(snapshot, package, data, recorded["job"], digest)
            problems = [*found.problems, *found.differing]
            if (found.uri, found.sha256) != (recorded["uri"], recorded["sha256"]):
                problems.append(f"{recorded['uri']} has changed.")
        except INCONCLUSIVE_ERRORS:
            raise
        except GovernanceError as error:
            problems = [error.message]
        for what in problems[: agreement_gate.MAX_SHOWN]:
            yield Problem(event.number, event.subject, f"Event {event.number} says that the evidence was reproduced. {what}")


def _check_stored_files(target: VerificationTarget) -> Iterator[Problem]:
    """Check the files that the product stores under their own hash, whether a decision names them or not."""
    stored = target.files.list_uris(target.uri(evidence.FILES_FOLDER) + "/")
    policies = [uri for uri in target.files.list_uris(target.uri(policy.FOLDER) + "/") if uri.endswith(".toml")]
    digests = target.files.digest_all([*stored, *policies])
    for uri, digest in digests.items():
        folder, _, name = uri.rpartition("/")
        written = name.removesuffix(".toml") if uri in policies else folder.rpartition("/")[2]
        if digest is None or digest.sha256 != written:
            yield Problem(None, uri, f"This {'policy' if uri in policies else 'file'} differs from the one that was written.")
