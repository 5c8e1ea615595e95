"""Where a workspace stands: what runs, what waits for whom, what was decided last, and the next step of whoever looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core.aws.target import Target
from core.data import datasets
from core.errors import Forbidden, SignedOut
from core.governance import decisions, foreign_versions, gates, policy
from core.governance.decisions import State
from core.identity import Identity, Role, is_allowed
from core.jobs import jobs, rebalancing_jobs
from core.jobs.jobs import FINAL_STATUSES, Job
from core.jobs.tuning import tuning_jobs
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.references import Reference, ReferenceKind
from core.registry import model_packages
from core.registry.model_packages import Version
from core.reports import bias_jobs, shap_jobs

VersionWithState = tuple[Version, State]
T = TypeVar("T")


@dataclass(frozen=True)
class WorkspaceSummary:
    """A workspace at a glance, read in a handful of calls whatever it holds. ``jobs``: the newest of each kind, newest first, trials left
    out; ``versions``: the newest with how they stand; ``events``: the last of the log, newest first."""

    data_sets: int
    jobs: tuple[Job, ...]
    versions: tuple[VersionWithState, ...]
    events: tuple[Event, ...]
    unreadable: dict[str, Forbidden] = field(default_factory=dict)
    """Which of these parts these credentials may not read, and why: such a part is 0 or () and says nothing."""

    @property
    def running_jobs(self) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.status not in FINAL_STATUSES)

    @property
    def waiting(self) -> tuple[VersionWithState, ...]:
        """Versions that somebody has to validate or decide on, the longest waiting first."""
        return tuple(sorted((h for h in self.versions if h[1].status in {"submitted", "validated"}), key=lambda h: h[1].last_event))

    def completed_jobs(self, kind: str, prefix: str) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.kind == kind and job.status == "Completed" and job.name.startswith(prefix))


def read_summary(target: Target, *, events: int = 6) -> WorkspaceSummary:
    """Read it. A part that these credentials may not read is left out, and said to be."""
    unread: dict[str, Forbidden] = {}

    def part(name: str, read: Callable[[], T], nothing: T) -> T:
        try:
            return read()
        except SignedOut:
            raise
        except Forbidden as error:
            unread[name] = error
            return nothing

    return WorkspaceSummary(
        part("data_sets", lambda: datasets.count_datasets(target), 0),
        part("jobs", lambda: list_latest_jobs(target), ()),
        part("versions", lambda: tuple(decisions.list_versions_by_urgency(target)), ()),
        part("events", lambda: audit_log.read_events(target)[: -events - 1 : -1], ()),
        unread,
    )


def list_latest_jobs(target: Target) -> tuple[Job, ...]:
    """The newest jobs of each kind, newest first; the trials of a tuning job stand for nothing of their own."""
    tunings = jobs.list_jobs(target, "tuning")
    singles = [j for j in jobs.list_jobs(target, "training") if not any(j.name.startswith(f"{t.name}-") for t in tunings)]
    return tuple(sorted([*tunings, *singles, *jobs.list_jobs(target, "processing")], key=lambda job: job.created, reverse=True))


def trial_progress(job: Job) -> tuple[int, int] | None:
    """(done, all) of a tuning job's trials; None for jobs that don't say."""
    counters, most = job.raw.get("TrainingJobStatusCounters"), job.raw.get("ResourceLimits", {}).get("MaxNumberOfTrainingJobs")
    if not counters or not most:
        return None
    return min(sum(counters.values()) - counters.get("InProgress", 0), most), most


PROCESSING_KINDS: dict[str, ReferenceKind] = {
    rebalancing_jobs.JOB_NAME_PREFIX: "rebalancing",
    bias_jobs.JOB_NAME_PREFIX: "bias report",
    shap_jobs.JOB_NAME_PREFIX: "explanation",
}


def job_reference(job: Job) -> Reference | None:
    """What a job made, as its name tells; None for a processing job of another kind."""
    if job.kind == "tuning":
        return Reference("tuning job", job.name)
    if job.kind == "training":
        return Reference("training job", job.name)
    return next((Reference(kind, job.name) for prefix, kind in PROCESSING_KINDS.items() if job.name.startswith(prefix)), None)


# gates ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BlockingGates:
    """The gates of a version that stand in the way of an approval. ``recorded_at``: when they were judged, None where that is now."""

    titles: tuple[str, ...]
    recorded_at: str | None


def recorded_blocking_gates(state: State) -> BlockingGates | None:
    """What the last judgement in the log found; None where the version wasn't judged since it was submitted."""
    for event in reversed(state.history):
        if event.kind == "submit":
            return None
        if "gates" in event.body:
            return BlockingGates(tuple(g["title"] for g in event.body["gates"] if g["blocks"]), event.time)
    return None


def find_blocking_gates(target: Target, arn: str) -> BlockingGates:
    """The same, judged now: costly, since the evidence is read and two models are compared."""
    state, (rules, _) = decisions.read_state(target, arn), policy.load_in_force(target)
    profile = rules.profiles.get(state.profile)
    results = gates.check_package(target, model_packages.read_package(target, arn), profile) if profile else []
    return BlockingGates(tuple(r.title for r in decisions.apply_waivers(results, state) if r.is_blocking), None)


# next step -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NextStep:
    """What to do next and why; ``label`` says it in a few words, ``reference`` is what to do it with."""

    text: str
    label: str
    reference: Reference


def next_step(person: Identity, summary: WorkspaceSummary, is_own: Callable[[Job], bool] = lambda job: True) -> NextStep:
    """The next step for the role that ``person`` has here. ``is_own`` tells whether a job is this product's: others may be called alike."""
    if person.role == Role.VALIDATOR:
        return _next_judging_step(person, summary, "submitted", "validate", "to be validated", "Nothing waits to be validated.")
    if is_allowed(person, "decide"):
        return _next_judging_step(person, summary, "validated", "approve", "for your decision", _nothing_to_decide(summary))
    if is_allowed(person, "adopt policy") and summary.versions:
        text = f"{_pluralize(len(summary.waiting), 'version')} in the queue, {_pluralize(len(summary.events), 'recent event')} in the log."
        return NextStep(f"{text} Verify the log, and look at the policy in force.", "Log and policy", Reference("decisions"))
    if is_allowed(person, "launch"):
        return _next_building_step(summary, is_own)
    if summary.versions:
        return NextStep("You may look at everything here.", "Compare the versions", Reference("versions"))
    return NextStep("You may look at everything here; nothing is registered yet.", "Look at the data", Reference("data"))


def _next_judging_step(person: Identity, summary: WorkspaceSummary, status: str, action: str, what: str, nothing: str) -> NextStep:
    ids = {person.id, person.tag}
    mine = [(v, s) for v, s in summary.waiting if s.status == status and not ids & set(s.person_ids.values())]
    if not mine:
        return NextStep(nothing, "Compare the versions", Reference("versions"))
    version, _ = mine[0]
    text = f"{_pluralize(len(mine), 'version')} {'wait' if len(mine) > 1 else 'waits'} {what}."
    return NextStep(text, f"{action.capitalize()} or reject {version.label}", Reference("decision", version.arn))


def _nothing_to_decide(summary: WorkspaceSummary) -> str:
    unseen = sum(s.status == "submitted" for _, s in summary.waiting)
    return "No version waits for your decision." + (f" {_pluralize(unseen, 'version')} to be validated first." if unseen else "")


MAX_JOBS_CHECKED = 5
"""So many of the newest jobs that are called like this product's are looked at."""


def _next_building_step(summary: WorkspaceSummary, is_own: Callable[[Job], bool]) -> NextStep:
    held = [one for one in summary.versions if not foreign_versions.is_foreign(one[1])]
    rebalanced, tuned = (
        None if held else next(filter(is_own, summary.completed_jobs(kind, prefix)[:MAX_JOBS_CHECKED]), None)
        for kind, prefix in (("processing", rebalancing_jobs.JOB_NAME_PREFIX), ("tuning", tuning_jobs.JOB_NAME_PREFIX))
    )
    if not rebalanced and not held:
        text = "Start with the data: take the bundled credit-default rows or upload a table, and rebalance it. Or run the whole workflow."
        return NextStep(text, "Rebalance data", Reference("data"))
    if rebalanced and not tuned:
        return NextStep("The data is rebalanced. Tune a model on it.", "Tune a model", Reference("new tuning job", rebalanced.name))
    if tuned:
        text = "A model is tuned. Measure its bias, explain it, and register it."
        return NextStep(text, "Register the best model", Reference("tuning job", tuned.name))
    version, state = max(held, key=lambda one: one[0].created)
    name, decision = version.label, Reference("decision", version.arn)
    if state.status == "registered":
        return NextStep(f"{name} is registered. Compare it, then submit it for a decision.", f"Submit {name}", decision)
    if state.status == "rejected":
        text = f"{name} was rejected. Read why, fix it, and submit a new version."
        return NextStep(text, f"Why {name} was rejected", decision)
    if state.status in {"submitted", "validated"}:
        text = f"{name} is {state.status} and waits for others. Follow it, or look for a fairer model."
        return NextStep(text, f"Follow {name}", decision)
    text = f"{name} is {state.status}. Compare the versions, or rebalance new data."
    return NextStep(text, "Compare the versions", Reference("versions"))


def _pluralize(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def describe_events(events: Sequence[Event]) -> list[tuple[Event, str]]:
    """Each event in words, without its time: ``Chris rejected credit-default/2: bias``."""
    verbs = {
        "register": "registered",
        "submit": "submitted",
        "validate": "validated",
        "approve": "approved",
        "reject": "rejected",
        "withdraw": "withdrew",
        "retire": "retired",
        "waive": "asked to waive a gate of",
        "confirm waiver": "confirmed a waiver of",
        "meet condition": "met a condition of",
    }
    found = []
    for event in events:
        about = event.subject.rpartition("model-package/")[2].replace("/", " v") or event.subject
        text = f"{event.actor['name']} {verbs.get(event.kind, f'did {event.kind} on')} {about}"
        found.append((event, f"{text}: {event.body['code']}" if event.body.get("code") else text))
    return found
