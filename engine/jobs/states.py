"""The states of a job, the members of its record that tell them, and how it moves from one to the next."""

from __future__ import annotations

from engine.store.records import Body

TRAINING_JOB = "training-job"
PROCESSING_JOB = "processing-job"
TUNING_JOB = "hyper-parameter-tuning-job"
RUNNING_STATUSES = {"InProgress", "Stopping"}
FINAL_STATUSES = {"Completed", "Failed", "Stopped"}
LOG_GROUPS = {TRAINING_JOB: "/aws/sagemaker/TrainingJobs", PROCESSING_JOB: "/aws/sagemaker/ProcessingJobs"}
NAME_FIELD = {TRAINING_JOB: "TrainingJobName", PROCESSING_JOB: "ProcessingJobName", TUNING_JOB: "HyperParameterTuningJobName"}
STATUS_FIELD = {TRAINING_JOB: "TrainingJobStatus", PROCESSING_JOB: "ProcessingJobStatus", TUNING_JOB: "HyperParameterTuningJobStatus"}
START_TIME_FIELD = {TRAINING_JOB: "TrainingStartTime", PROCESSING_JOB: "ProcessingStartTime"}
END_TIME_FIELD = {TRAINING_JOB: "TrainingEndTime", PROCESSING_JOB: "ProcessingEndTime", TUNING_JOB: "HyperParameterTuningEndTime"}
OVERTIME_ENDING: dict[str, Body] = {
    TRAINING_JOB: {"extra": {"SecondaryStatus": "MaxRuntimeExceeded"}},
    PROCESSING_JOB: {"reason": "ClientError: the job ran longer than its MaxRuntimeInSeconds"},
}
"""Arguments of ``end_job`` for a job that was stopped because it ran too long."""
SECONDARY_STATUS_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Restarting": "The engine was interrupted; the job starts again",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
MAX_REASON_LENGTH = 1024


def add_secondary_status(body: Body, status: str, now: float, message: str) -> None:
    """Move a training job to a secondary status: the one before ends as this one starts. An empty ``message`` takes SageMaker's own."""
    transitions = body.setdefault("SecondaryStatusTransitions", [])
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": message or SECONDARY_STATUS_MESSAGES.get(status, "")})
    body["SecondaryStatus"] = status


def end_job(
    kind: str,
    body: Body,
    status: str,
    reason: str | None,
    *,
    now: float,
    metrics: dict[str, float] | None = None,
    extra: Body | None = None,
) -> None:
    """Write a job's end into its record.

    ``now``: seconds since the epoch. ``metrics``: metric -> last value, of a training job. ``extra``: further members of the record.
    """
    body[STATUS_FIELD[kind]] = status
    body["LastModifiedTime"] = now
    if reason:
        body["FailureReason"] = reason[:MAX_REASON_LENGTH]
    end = max(now, body.get(START_TIME_FIELD.get(kind, ""), now))  # the clock may have been set back
    body[END_TIME_FIELD[kind]] = end
    if kind == TRAINING_JOB:
        add_secondary_status(body, (extra or {}).get("SecondaryStatus", status), now, reason or "")
        body["SecondaryStatusTransitions"][-1]["EndTime"] = now
        if "TrainingStartTime" in body:
            seconds = max(1, round(end - body["TrainingStartTime"]))
            body |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        if metrics:
            body["FinalMetricDataList"] = [{"MetricName": n, "Value": v, "Timestamp": now} for n, v in metrics.items() if v == v]
    body |= extra or {}
