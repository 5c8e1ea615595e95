"""Which rows a training or tuning job trained on."""

from __future__ import annotations

from core.aws.target import Target
from core.errors import NotFound, Refused
from core.jobs import training_jobs
from core.jobs.job_response import JobResponse, TrialDefinition
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData, read_result
from core.jobs.tuning import tuning_jobs


def find_rebalancing(target: Target, job: Job) -> RebalancedData | None:
    """The rebalancing whose files a training or tuning job reads; None if it reads other data."""
    definitions = tuning_jobs.list_definitions(job) if job.kind == "tuning" else [job.raw]
    uris = {channel_uri(definition, "train") for definition in definitions}
    uri = uris.pop() if len(uris) == 1 else ""
    folder, _, name = uri.rpartition("/")
    if name not in {"train.csv", "train_res.csv"} or "/governance/rebalanced/" not in uri:
        return None
    try:
        return read_result(target, folder.removesuffix("/output").rpartition("/")[2])
    except (NotFound, Refused):  # the folder has such a name, but is in another account's bucket, or was deleted
        return None


def channel_uri(definition: TrialDefinition | JobResponse, channel: str) -> str:
    """The source of a channel of a training job, or of a tuning job's trials; "" if it has no such channel."""
    return next((training_jobs.channel_source(c) for c in definition.get("InputDataConfig", []) if c["ChannelName"] == channel), "")


def is_baseline(job: Job) -> bool:
    """Whether the job trained on the training rows before rebalancing."""
    return channel_uri(job.raw, "train").endswith("/train.csv")
