"""From a training job to a registered version: its model, its bias and SHAP jobs, its package.

Nothing is kept but what the target keeps: the jobs are found again by a part of their names that the training job's name gives.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from core import bias, clarify, explainability, jobs, models, registry, training, tuning
from core.clients import Clients
from core.creating import Taken
from core.errors import Conflict, NotFound, Refused
from core.identity import Identity, require
from core.jobs import Job
from core.rebalancing import Rebalanced, result


@dataclass(frozen=True)
class Evaluation:
    """How far a training job is on its way into the registry. Jobs are None before they're started, ``package`` until it is registered."""

    training_job: str
    bias_job: Job | None
    shap_job: Job | None
    package: str | None

    @property
    def ready(self) -> bool:
        """Both reports are there."""
        return all(job is not None and job.status == "Completed" for job in (self.bias_job, self.shap_job))

    @property
    def failed(self) -> Job | None:
        """The job that ended without a report, if one did."""
        return next((job for job in (self.bias_job, self.shap_job) if job is not None and job.status in {"Failed", "Stopped"}), None)

    @property
    def running(self) -> bool:
        return self.bias_job is not None and self.shap_job is not None and not self.ready and self.failed is None


def _mark(training_job: str) -> str:
    return hashlib.sha256(training_job.encode()).hexdigest()[:10]


def state(clients: Clients, training_job: str) -> Evaluation:
    """How far it is."""
    found = {prefix: next(iter(_attempts(clients, prefix, training_job)), None) for prefix in (bias.PREFIX, explainability.PREFIX)}
    package = next((v.arn for v in registry.versions(clients) if v.description.endswith(f": {training_job}")), None)
    return Evaluation(training_job, clarify.joint(clients, found[bias.PREFIX]), found[explainability.PREFIX], package)


def start(clients: Clients, identity: Identity, training_job: str, data: Rebalanced) -> Evaluation:
    """Start the bias and SHAP jobs on the held-out test rows, unless they run or have completed."""
    require(identity, "launch", subject=training_job)
    earlier = {prefix: _attempts(clients, prefix, training_job) for prefix in (bias.PREFIX, explainability.PREFIX)}
    model = models.ensure_model(clients, identity, training_job)
    for prefix, launch in ((bias.PREFIX, bias.launch), (explainability.PREFIX, explainability.launch)):
        if not earlier[prefix] or earlier[prefix][0].status in {"Failed", "Stopped"}:
            with suppress(Taken):  # two who start it at once, or one whose list lags, start one job
                launch(clients, identity, model, data, name=f"{prefix}-{_mark(training_job)}-{len(earlier[prefix]) + 1}")
    return state(clients, training_job)


def _attempts(clients: Clients, prefix: str, training_job: str) -> list[Job]:
    """The jobs of one sort that were started for a training job, the newest first."""
    return jobs.listed(clients, "processing", contains=f"{prefix}-{_mark(training_job)}")


def register(clients: Clients, identity: Identity, training_job: str, data: Rebalanced, role: str) -> str:
    """Register the version with its reports; returns the ARN, the same at every call. Raises Conflict before both
    reports are there."""
    require(identity, "register", subject=training_job)
    now = state(clients, training_job)
    if now.package:
        return now.package
    if not now.ready or now.bias_job is None or now.shap_job is None:
        raise Conflict(
            f"The reports of {training_job} aren't there yet.", subject=training_job, remedy="Wait until both jobs have completed."
        )
    return registry.register(
        clients,
        identity,
        training_job=training_job,
        data=data,
        bias_job=now.bias_job.name,
        shap_job=now.shap_job.name,
        role=role,
        token=hashlib.sha256(f"{training_job} {now.bias_job.name} {now.shap_job.name}".encode()).hexdigest()[:36],
    )


def data_of(clients: Clients, job: Job) -> Rebalanced | None:
    """The rebalancing whose files a training or tuning job reads; None where it reads other data."""
    definitions = tuning.definitions(job) if job.kind == "tuning" else [job.raw]
    uris = {_train(definition) for definition in definitions}
    uri = uris.pop() if len(uris) == 1 else ""
    folder, _, name = uri.rpartition("/")
    if name not in {"train.csv", "train_res.csv"} or "/governance/rebalanced/" not in uri:
        return None
    try:
        return result(clients, folder.removesuffix("/output").rpartition("/")[2])
    except (NotFound, Refused):  # a folder that looks like one of this product's, in another account's bucket or cleared away since
        return None


def _train(definition: dict[str, Any]) -> str:
    """Where a training job, or the trials of a tuning job, take the channel ``train`` from; "" where there's none."""
    return next((training.source(c) for c in definition.get("InputDataConfig", []) if c["ChannelName"] == "train"), "")


def is_baseline(job: Job) -> bool:
    """Whether the job trained on the untouched training part."""
    return _train(job.raw).endswith("/train.csv")
