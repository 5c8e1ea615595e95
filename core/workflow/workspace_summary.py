"""Summarises a workspace for the overview: running jobs, versions that wait for someone, blocking gates, recent events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core.aws.target import Target
from core.data import datasets
from core.errors import Forbidden, SignedOut
from core.governance import gates
from core.governance.validity import apply_waivers, list_versions_by_urgency
from core.governance.version_state import State
from core.governance.version_under_review import read_version
from core.jobs import jobs
from core.jobs.jobs import FINAL_STATUSES, Job
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.registry.registry_types import Version

VersionWithState = tuple[Version, State]
T = TypeVar("T")


@dataclass(frozen=True)
class WorkspaceSummary:
    """A workspace at a glance, read in a few calls. ``data_sets``: their number; ``jobs``: the newest of each kind without trials, newest
    first; ``versions``: the newest, with their state; ``events``: the last ones of the log, newest first."""

    data_sets: int
    jobs: tuple[Job, ...]
    versions: tuple[VersionWithState, ...]
    events: tuple[Event, ...]
    unreadable: dict[str, Forbidden] = field(default_factory=dict)
    """Part -> why the credentials may not read it. Such a part is 0 or (), which doesn't mean that there is nothing."""

    @property
    def running_jobs(self) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.status not in FINAL_STATUSES)

    @property
    def waiting(self) -> tuple[VersionWithState, ...]:
        """Versions that wait to be validated or decided on, the longest waiting first."""
        return tuple(sorted((h for h in self.versions if h[1].status in {"submitted", "validated"}), key=lambda h: h[1].last_event))

    def completed_jobs(self, kind: str, prefix: str) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.kind == kind and job.status == "Completed" and job.name.startswith(prefix))


def read_summary(target: Target, *, events: int = 6) -> WorkspaceSummary:
    """Read the summary. Parts that the credentials may not read are in ``unreadable``. Raises SignedOut, TargetUnavailable."""
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
        part("versions", lambda: tuple(list_versions_by_urgency(target)), ()),
        part("events", lambda: audit_log.read_events(target)[: -events - 1 : -1], ()),
        unread,
    )


def list_latest_jobs(target: Target) -> tuple[Job, ...]:
    """The newest jobs of each kind, newest first, without the trials of tuning jobs."""
    tunings = jobs.list_jobs(target, "tuning")
    singles = [j for j in jobs.list_jobs(target, "training") if not any(j.name.startswith(f"{t.name}-") for t in tunings)]
    return tuple(sorted([*tunings, *singles, *jobs.list_jobs(target, "processing")], key=lambda job: job.created, reverse=True))


def trial_progress(job: Job) -> tuple[int, int] | None:
    """(ended, total) of a tuning job's trials; None if the job doesn't tell."""
    counters, most = job.raw.get("TrainingJobStatusCounters"), job.raw.get("ResourceLimits", {}).get("MaxNumberOfTrainingJobs")
    if not counters or not most:
        return None
    return min(sum(n for n in counters.values() if isinstance(n, int)) - counters.get("InProgress", 0), most), most


# gates ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BlockingGates:
    """The gates that block a version's approval. ``recorded_at``: when they were evaluated; None: now."""

    titles: tuple[str, ...]
    recorded_at: str | None


def recorded_blocking_gates(state: State) -> BlockingGates | None:
    """The blocking gates of the last evaluation in the log; None if there was none since the version was submitted."""
    for event in reversed(state.history):
        if event.kind == "submit":
            return None
        if "gates" in event.body:
            return BlockingGates(tuple(g["title"] for g in event.body["gates"] if g["blocks"]), event.time)
    return None


def find_blocking_gates(target: Target, arn: str) -> BlockingGates:
    """The blocking gates, evaluated now. This is slow: it reads the evidence and compares two models."""
    version = read_version(target, arn, with_training=False)
    results = gates.judge_version(version, version.profile).results
    return BlockingGates(tuple(r.title for r in apply_waivers(results, version.state) if r.is_blocking), None)


def describe_events(events: Sequence[Event]) -> list[tuple[Event, str]]:
    """(event, its text without the time, such as ``Chris rejected credit-default v2: bias``)."""
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
