"""Which job made each of a version's files, and which files were written after their job had ended: a job didn't make those bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.aws.file_snapshot import take_snapshot
from core.aws.target import Target
from core.errors import NotFound
from core.jobs import jobs
from core.jobs.jobs import JobKind
from core.ledger.pinned_files import PinnedFile
from core.reports import clarify_jobs

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How much later than its job's end a file may have been written. A job uploads its files before it ends (of a training job AWS documents
it: TrainingEndTime is "after model artifacts are uploaded"), so this is for the clocks of S3 and SageMaker alone."""
LATE_FILE_HINT = (
    "Where the bucket keeps versions, delete the newer version of the file, so that the job's own is the current one; or start the job "
    "again, and register a new version."
)
UNVERSIONED = "null"
"""The id of a version that was written while its bucket kept no versions; another one may take its place."""
_JOB_PROPERTIES: dict[str, tuple[JobKind, str]] = {
    "model": ("training", "governance:training-job"),
    "bias": ("processing", "governance:bias-job"),
    "scores": ("processing", "governance:bias-job"),
    "measured": ("processing", "governance:bias-job"),
    "explainability": ("processing", "governance:shap-job"),
    "explanation": ("processing", "governance:shap-job"),
    "manifest": ("processing", "governance:rebalanced"),
    "data": ("processing", "governance:rebalanced"),
    "bias-config": ("processing", "governance:bias-job"),
    "explainability-config": ("processing", "governance:shap-job"),
}
"""Name of a file, or of its folder -> the kind of its job, and the property of the version that names the job. The quality report isn't
here: registration writes it. Nor are data sets: they are written before a job starts."""
CONFIGS = frozenset({"bias-config", "explainability-config"})
"""Files that a job reads: they are written before it is created."""
DATA_SET = "data/source"


@dataclass(frozen=True)
class LateFile:
    """A file that was written after its job had ended, or a configuration that was written after its job was created. ``ended``: when, None
    if the job's record doesn't exist any more; times are UTC."""

    name: str
    uri: str
    written: datetime
    job: str
    ended: datetime | None

    def __str__(self) -> str:
        when = f"{self.name} was written on {self.written:%Y-%m-%d at %H:%M:%S} UTC ({self.uri})"
        if self.ended is None:
            return f"{when}, and the job {self.job}, which should have made it, doesn't exist any more"
        verb = "was created" if self.name in CONFIGS else "had ended"
        return f"{when}, after its job {self.job} {verb} on {self.ended:%Y-%m-%d at %H:%M:%S} UTC"


def find_late_files(target: Target, properties: Mapping[str, str], files: Mapping[str, PinnedFile]) -> list[LateFile]:
    """The files that were written after their jobs had ended, and configurations after they were created. ``properties``: of the
    version; ``files``: by name, as the evidence and the registration name them. The version of a file that was recorded was looked at
    then: only another one, or one without an id, is looked at now; and files that don't exist are left out. Raises Forbidden and
    TargetUnavailable."""
    jobs_of = {name: job for name, file in files.items() if file.uri and (job := _job_of_file(name, properties, files))}
    snapshot = take_snapshot(target)
    found, ends = [], dict[tuple[JobKind, str, bool], datetime | None]()
    for name, job in jobs_of.items():
        file, uri = files[name], files[name].uri or ""
        now = snapshot.files.find_state(uri)
        if now is None or (now.version == file.version and now.version not in {None, UNVERSIONED}):
            continue
        read = (*job, name in CONFIGS)
        if read not in ends:
            ends[read] = _read_end(snapshot, *read)
        end = ends[read]
        if end is None or now.written - CLOCK_TOLERANCE > end:
            found.append(LateFile(name, uri, now.written, job[1], end))
    return found


def _job_of_file(name: str, properties: Mapping[str, str], files: Mapping[str, PinnedFile]) -> tuple[JobKind, str] | None:
    """Kind and name of the job that makes a file; None for a file that no job makes, and in versions that name no jobs."""
    kind, named = _JOB_PROPERTIES.get(name.partition("/")[0], ("processing", ""))
    job = properties.get(named) if name != DATA_SET else None
    if job and name in {"scores", "measured"} and "measured" in files:  # AWS's container measured: the companion made these two
        job = clarify_jobs.companion_name(job)
    return (kind, job) if job else None


def _read_end(target: Target, kind: JobKind, name: str, is_config: bool) -> datetime | None:
    """Until when a job's file may have been written: the job's end (of one that runs, for ever), or of its configuration the time at which
    the job was created; None if it doesn't exist."""
    try:
        job = jobs.describe_job(target, kind, name)
        return job.created if is_config else job.ended or datetime.max.replace(tzinfo=UTC)
    except NotFound:
        return None
