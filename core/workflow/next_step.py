"""Suggests what a person should do next in a workspace, according to their role; and says what a job is, so that a page can link to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.governance import foreign_versions
from core.identity import Identity, Role, is_allowed
from core.jobs import rebalancing_jobs
from core.jobs.jobs import Job
from core.jobs.tuning import tuning_jobs
from core.references import Reference, ReferenceKind
from core.reports import bias_jobs, shap_jobs
from core.workflow.workspace_summary import WorkspaceSummary

MAX_JOBS_CHECKED = 5
"""The most jobs that are read to find out whether this product launched them."""
PROCESSING_KINDS: dict[str, ReferenceKind] = {
    rebalancing_jobs.JOB_NAME_PREFIX: "rebalancing",
    bias_jobs.JOB_NAME_PREFIX: "bias report",
    shap_jobs.JOB_NAME_PREFIX: "explanation",
}


@dataclass(frozen=True)
class NextStep:
    """What to do next and why; ``label`` says it in a few words, ``reference`` is what to do it with."""

    text: str
    label: str
    reference: Reference


def suggest_next_step(person: Identity, summary: WorkspaceSummary, is_own: Callable[[Job], bool] = lambda job: True) -> NextStep:
    """The next step for ``person`` in their role. ``is_own``: whether this product launched a job, since others may have similar names."""
    if person.role == Role.VALIDATOR:
        return _next_judging_step(person, summary, "submitted", "validate", "to be validated", "No version waits to be validated.")
    if is_allowed(person, "decide"):
        return _next_judging_step(person, summary, "validated", "approve", "for your decision", _nothing_to_decide(summary))
    if is_allowed(person, "adopt policy") and summary.versions:
        text = f"{_pluralize(len(summary.waiting), 'version')} in the queue, {_pluralize(len(summary.events), 'recent event')} in the log."
        return NextStep(f"{text} Verify the log, and check the policy in force.", "Log and policy", Reference("decisions"))
    if is_allowed(person, "launch"):
        return _next_building_step(summary, is_own)
    if summary.versions:
        return NextStep("You can view everything here.", "Compare the versions", Reference("versions"))
    return NextStep("You can view everything here; nothing is registered yet.", "Look at the data", Reference("data"))


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


def job_reference(job: Job) -> Reference | None:
    """What a job is (a rebalancing, a bias report, a training job …), by its kind and name; None for a processing job of another kind."""
    if job.kind == "tuning":
        return Reference("tuning job", job.name)
    if job.kind == "training":
        return Reference("training job", job.name)
    return next((Reference(kind, job.name) for prefix, kind in PROCESSING_KINDS.items() if job.name.startswith(prefix)), None)
