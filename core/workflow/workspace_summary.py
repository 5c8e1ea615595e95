"""Where a workspace stands: what runs, what waits for whom, what was decided last, and the next step of whoever looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core import bias, datasets, explainability, jobs, rebalancing, registry, tuning
from core.clients import Clients
from core.errors import Forbidden, SignedOut
from core.governance import decisions, elsewhere, gates, log, policy
from core.governance.decisions import State
from core.governance.log import Event
from core.identity import Identity, Role, may
from core.jobs import FINAL, Job
from core.registry import Version

Held = tuple[Version, State]
T = TypeVar("T")


@dataclass(frozen=True)
class Glance:
    """A workspace at a glance, read in a handful of calls whatever it holds. ``jobs``: the newest of each kind, newest first, trials left
    out; ``versions``: the newest with how they stand; ``events``: the last of the log, newest first."""

    data_sets: int
    jobs: tuple[Job, ...]
    versions: tuple[Held, ...]
    events: tuple[Event, ...]
    unread: dict[str, Forbidden] = field(default_factory=dict)
    """Which of these parts these credentials may not read, and why: such a part is 0 or () and says nothing."""

    @property
    def running(self) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.status not in FINAL)

    @property
    def waiting(self) -> tuple[Held, ...]:
        """Versions that somebody has to validate or decide on, the longest waiting first."""
        return tuple(sorted((h for h in self.versions if h[1].status in {"submitted", "validated"}), key=lambda h: h[1].version))

    def completed(self, kind: str, prefix: str) -> tuple[Job, ...]:
        return tuple(job for job in self.jobs if job.kind == kind and job.status == "Completed" and job.name.startswith(prefix))


def glance(clients: Clients, *, events: int = 6) -> Glance:
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

    return Glance(
        part("data_sets", lambda: datasets.count(clients), 0),
        part("jobs", lambda: running_and_latest(clients), ()),
        part("versions", lambda: tuple(decisions.waiting(clients)), ()),
        part("events", lambda: log.read(clients)[: -events - 1 : -1], ()),
        unread,
    )


def running_and_latest(clients: Clients) -> tuple[Job, ...]:
    """The newest jobs of each kind, newest first; the trials of a tuning job stand for nothing of their own."""
    tunings = jobs.listed(clients, "tuning")
    singles = [j for j in jobs.listed(clients, "training") if not any(j.name.startswith(f"{t.name}-") for t in tunings)]
    return tuple(sorted([*tunings, *singles, *jobs.listed(clients, "processing")], key=lambda job: job.created, reverse=True))


def progress(job: Job) -> tuple[int, int] | None:
    """(done, all) of a tuning job's trials; None for jobs that don't say."""
    counters, most = job.raw.get("TrainingJobStatusCounters"), job.raw.get("ResourceLimits", {}).get("MaxNumberOfTrainingJobs")
    if not counters or not most:
        return None
    return min(sum(counters.values()) - counters.get("InProgress", 0), most), most


@dataclass(frozen=True)
class Place:
    """A page of the app, and what it shall show."""

    page: str
    query: dict[str, str] = field(default_factory=dict)


def place(job: Job) -> Place | None:
    """The page that shows a job; None where none does."""
    if job.kind == "tuning":
        return Place("tuning", {"job": job.name})
    if job.kind == "training":
        return Place("tuning", {"training": job.name})
    pages = {rebalancing.PREFIX: "data", bias.PREFIX: "bias", explainability.PREFIX: "explainability"}
    return next((Place(page, {"job": job.name}) for prefix, page in pages.items() if job.name.startswith(prefix)), None)


# gates ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failing:
    """The gates of a version that stand in the way of an approval. ``recorded``: when they were judged, None where that is now."""

    titles: tuple[str, ...]
    recorded: str | None


def recorded(state: State) -> Failing | None:
    """What the last judgement in the log found; None where the version wasn't judged since it was submitted."""
    for event in reversed(state.history):
        if event.kind == "submit":
            return None
        if "gates" in event.body:
            return Failing(tuple(g["title"] for g in event.body["gates"] if g["blocks"]), event.time)
    return None


def judge(clients: Clients, arn: str) -> Failing:
    """The same, judged now: costly, since the evidence is read and two models are compared."""
    state, (rules, _) = decisions.state(clients, arn), policy.in_force(clients)
    profile = rules.profiles.get(state.profile)
    results = gates.check(clients, registry.get(clients, arn), profile) if profile else []
    return Failing(tuple(r.title for r in decisions.judged(results, state) if r.blocks), None)


# next step -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What to do next, why, and where."""

    text: str
    label: str
    place: Place


def next_step(person: Identity, now: Glance, own: Callable[[Job], bool] = lambda job: True) -> Step:
    """The next step for the role that ``person`` has here. ``own`` tells whether a job is this product's: others may be called alike."""
    if person.role == Role.VALIDATOR:
        return _judging(person, now, "submitted", "validate", "to be validated", "Nothing waits to be validated.")
    if may(person, "decide"):
        return _judging(person, now, "validated", "approve", "for your decision", _nothing_to_decide(now))
    if may(person, "adopt policy") and now.versions:
        text = f"{_count(len(now.waiting), 'version')} in the queue, {_count(len(now.events), 'recent event')} in the log."
        return Step(f"{text} Verify the log, and look at the policy in force.", "Log and policy", Place("decisions"))
    if may(person, "launch"):
        return _building(now, own)
    if now.versions:
        return Step("You may look at everything here.", "Compare the versions", Place("registry"))
    return Step("You may look at everything here; nothing is registered yet.", "Look at the data", Place("data"))


def _judging(person: Identity, now: Glance, status: str, action: str, what: str, nothing: str) -> Step:
    ids = {person.id, person.tag}
    mine = [(v, s) for v, s in now.waiting if s.status == status and not ids & set(s.people.values())]
    if not mine:
        return Step(nothing, "Compare the versions", Place("registry"))
    version, _ = mine[0]
    text = f"{_count(len(mine), 'version')} {'wait' if len(mine) > 1 else 'waits'} {what}."
    return Step(text, f"{action.capitalize()} or reject {version.label}", Place("decisions", {"package": version.arn}))


def _nothing_to_decide(now: Glance) -> str:
    unseen = sum(s.status == "submitted" for _, s in now.waiting)
    return "No version waits for your decision." + (f" {_count(unseen, 'version')} to be validated first." if unseen else "")


ALIKE = 5
"""So many of the newest jobs that are called like this product's are looked at."""


def _building(now: Glance, own: Callable[[Job], bool]) -> Step:
    held = [one for one in now.versions if not elsewhere.unknown(one[1])]
    rebalanced, tuned = (
        None if held else next(filter(own, now.completed(kind, prefix)[:ALIKE]), None)
        for kind, prefix in (("processing", rebalancing.PREFIX), ("tuning", tuning.PREFIX))
    )
    if not rebalanced and not held:
        text = "Start with the data: take the bundled credit-default rows or upload a table, and rebalance it. Or run the whole workflow."
        return Step(text, "Rebalance data", Place("data"))
    if rebalanced and not tuned:
        return Step("The data is rebalanced. Tune a model on it.", "Tune a model", Place("tuning", {"data": rebalanced.name}))
    if tuned:
        text = "A model is tuned. Measure its bias, explain it, and register it."
        return Step(text, "Register the best model", Place("tuning", {"job": tuned.name}))
    version, state = max(held, key=lambda one: one[0].created)
    name, there = version.label, Place("decisions", {"package": version.arn})
    if state.status == "registered":
        return Step(f"{name} is registered. Compare it, then submit it for a decision.", f"Submit {name}", there)
    if state.status == "rejected":
        return Step(f"{name} was rejected. Read why, then mend it and submit a version again.", f"Why {name} was rejected", there)
    if state.status in {"submitted", "validated"}:
        return Step(f"{name} is {state.status} and waits for others. Follow it, or look for a fairer model.", f"Follow {name}", there)
    return Step(f"{name} is {state.status}. Compare the versions, or rebalance new data.", "Compare the versions", Place("registry"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def described(events: Sequence[Event]) -> list[tuple[Event, str]]:
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
