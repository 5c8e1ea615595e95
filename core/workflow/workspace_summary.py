"""Where a workspace stands: what runs, what waits for whom, what was decided last, and the next step of whoever looks."""

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
from core.registry.model_packages import Version

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
        part("versions", lambda: tuple(list_versions_by_urgency(target)), ()),
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
    version = read_version(target, arn)
    results = gates.judge_version(version, version.profile).results if version.profile else ()
    return BlockingGates(tuple(r.title for r in apply_waivers(results, version.state) if r.is_blocking), None)


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
