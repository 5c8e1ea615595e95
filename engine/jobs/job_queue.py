"""The queue of jobs: who runs next, in how many processes, and what their messages do to the records."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import multiprocessing
import os
import queue
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from engine import limits
from engine.context import Context
from engine.iam import sessions
from engine.store.disk_errors import disk_problem
from engine.store.records import Body

log = logging.getLogger("engine.jobs")
PRELOADED_MODULES = ["engine.jobs.worker", "engine.jobs.worker_imports"]
FINAL_STATUSES = {"Completed", "Failed", "Stopped"}
TUNING_JOB = "hyper-parameter-tuning-job"
LOG_GROUPS = {"training-job": "/aws/sagemaker/TrainingJobs", "processing-job": "/aws/sagemaker/ProcessingJobs"}
STATUS_FIELD = {
    "training-job": "TrainingJobStatus",
    "processing-job": "ProcessingJobStatus",
    TUNING_JOB: "HyperParameterTuningJobStatus",
}
DISK_RETRY_SECONDS = 2
"""Until work that the disk refused is tried again."""
CREDENTIAL_SECONDS = 7 * 24 * 3600
"""How long a job's own credentials hold."""
UNKNOWN_EXIT_CODE = 255
"""The exit code that multiprocessing gives to a process of which it can't know."""
START_TIME_FIELD = {"training-job": "TrainingStartTime", "processing-job": "ProcessingStartTime"}
END_TIME_FIELD = {"training-job": "TrainingEndTime", "processing-job": "ProcessingEndTime"}
OVERTIME_ENDING: dict[str, Body] = {
    "training-job": {"extra": {"SecondaryStatus": "MaxRuntimeExceeded"}},
    "processing-job": {"reason": "ClientError: the job ran longer than its MaxRuntimeInSeconds"},
}
"""How a job ends that ran too long, beside being Stopped."""


class JobQueue:
    """Runs what the store's records ask for; ``submit`` and ``cancel`` return at once."""

    def __init__(self, context: Context, workers: int | None = None) -> None:
        self.context = context
        self.channel_cache = context.workspace / "tables"
        self.workers = workers or os.cpu_count() or 1
        self._queue: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._processes: dict[tuple[str, str], BaseProcess] = {}
        self._cancelled: set[tuple[str, str]] = set()
        self._running_tuning_jobs = 0
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.change_condition = threading.Condition()
        self.change_count = 0
        self.closing = False
        self._mp = multiprocessing.get_context("forkserver")

    def start(self) -> None:
        """Start the dispatchers, and take up what a crash interrupted.

        The process that workers are forked from starts with the first job: until then its 150 MB aren't taken."""
        self._mp.set_forkserver_preload(PRELOADED_MODULES)
        for _ in range(self.workers):
            self._start_thread(self._run_queued_jobs)
        for folder in (self.context.workspace / "jobs", self.channel_cache):
            shutil.rmtree(folder, ignore_errors=True)
        store = self.context.store
        for kind in STATUS_FIELD:
            for body in store.list_records(kind, ("status", "=", "InProgress")) + store.list_records(kind, ("status", "=", "Stopping")):
                name = body[_name_field(kind)]
                if body[STATUS_FIELD[kind]] == "Stopping" and kind != TUNING_JOB:
                    self.finish_job(kind, name, "Stopped")
                    continue
                if body.get("SecondaryStatus", "Starting") != "Starting":
                    self.set_secondary_status(name, "Restarting")
                self.submit(kind, name, elapsed=max(self.context.now() - body["CreationTime"], 0))
        for body in store.list_records("training-job", ("$.DebugRuleEvaluationStatuses", "contains", "InProgress")):
            if body["TrainingJobStatus"] in FINAL_STATUSES:
                self._fail_unfinished_rules(body["TrainingJobName"])

    def stop(self) -> None:
        """End the workers; their jobs stay InProgress and are taken up at the next start."""
        self.closing = True
        for _ in self._threads:
            self._queue.put(None)
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            _kill(process)
        self.notify_waiters()
        for thread in self._threads:
            thread.join(timeout=5)

    def require_capacity(self, kind: str) -> None:
        """Raises ResourceLimitExceeded when there is no room for one more job of that kind."""
        if kind == TUNING_JOB:
            limits.require_within_limit("Number of tuning jobs at once", limits.MAX_TUNING_JOBS, self._running_tuning_jobs)
        else:
            limits.require_within_limit("Number of jobs that wait for a worker", limits.MAX_WAITING_JOBS, self._queue.qsize())

    def submit(self, kind: str, name: str, *, elapsed: float = 0) -> None:
        """Have a job run. ``elapsed``: seconds since its creation, where that isn't now."""
        with self._lock:
            self._cancelled.discard((kind, name))  # of a deleted job of that name
        if kind == TUNING_JOB:
            with self._lock:
                self._running_tuning_jobs += 1
            began = time.monotonic() - elapsed
            self._start_thread(lambda: self._run_tuning_job(name, began))
        else:
            self._queue.put((kind, name))

    def cancel(self, kind: str, name: str) -> None:
        """Stop a job that runs or waits; its record goes from Stopping to Stopped."""
        with self._lock:
            self._cancelled.add((kind, name))
            process = self._processes.get((kind, name))
        if process is not None:
            _kill(process)
        self.notify_waiters()

    def notify_waiters(self) -> None:
        """Have whoever waits look again."""
        with self.change_condition:
            self.change_count += 1
            self.change_condition.notify_all()

    def wait_for_change(self, seconds: float, seen_count: int) -> None:
        """Return when a job has ended or was cancelled since ``change_count`` was ``seen_count``, or after ``seconds``."""
        with self.change_condition:
            self.change_condition.wait_for(lambda: self.change_count != seen_count, seconds)

    # inside ----------------------------------------------------------------------------------------

    def _start_thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _run_queued_jobs(self) -> None:
        while (item := self._queue.get()) is not None and not self.closing:
            kind, name = item
            self._retry_or_fail(kind, name, lambda kind=kind, name=name: self._run_job(kind, name))  # type: ignore[misc]

    def _run_tuning_job(self, name: str, monotonic_start: float) -> None:
        from engine.jobs.tuning_runner import run_tuning

        self._retry_or_fail(TUNING_JOB, name, lambda: run_tuning(self.context, name, monotonic_start))
        with self._lock:
            self._running_tuning_jobs -= 1

    def _retry_or_fail(self, kind: str, name: str, work: Callable[[], None]) -> None:
        """Do the work, again while the disk refuses it; what else goes wrong ends the job with the reason."""
        failed = False
        while not self.closing:
            try:
                work()
                return
            except Exception as error:
                if self.closing:
                    return
                refused = disk_problem(error)
                if refused is not None:
                    log.warning("%s %s waits: %s", kind, name, refused)
                    time.sleep(DISK_RETRY_SECONDS)
                    continue
                log.exception("%s %s", kind, name)
                if failed:
                    return
                failed = True
                reason = f"InternalServerError: {type(error).__name__}: {error}"
                work = functools.partial(self.finish_job, kind, name, "Failed", reason)

    def _run_job(self, kind: str, name: str) -> None:
        context = self.context
        body = context.store.get(kind, name)
        if body is None or body[STATUS_FIELD[kind]] in FINAL_STATUSES:
            return
        if self._is_cancelled(kind, name):
            self.finish_job(kind, name, "Stopped")
            return
        from engine.iam.principals import EXECUTION_ROLE, assumed_role_principal
        from engine.jobs.worker import Task, run_job

        session = sessions.begin_session(context.keys, assumed_role_principal(EXECUTION_ROLE, name), context.now() + CREDENTIAL_SECONDS)
        pair = {
            "access_key_id": session.keys.access_key_id,
            "secret_access_key": session.keys.secret_access_key,
            "session_token": session.token,
        }
        root = context.workspace / "jobs" / kind / name
        image = importlib.import_module("engine.sagemaker.images")
        container, tables = image.find_container(kind, body), str(self.channel_cache)
        task = Task(kind, name, str(root), container, body, context.endpoint, region=context.region, channel_cache=tables, **pair)
        if kind == "processing-job":
            task = image.with_model_url(context, task)
        mine, theirs = self._mp.Pipe(duplex=False)
        process = self._mp.Process(target=run_job, args=(task, theirs), daemon=True)
        _start_process(process)
        theirs.close()
        with self._lock:
            self._processes[(kind, name)] = process
            taken_back = (kind, name) in self._cancelled
        if taken_back:
            _kill(process)
        overtime = threading.Event()

        def too_long() -> None:
            overtime.set()
            _kill(process)

        timer = threading.Timer(body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", limits.MAX_RUNTIME_SECONDS), too_long)
        timer.daemon = True
        started = context.now()
        try:
            self._update_record(kind, name, {START_TIME_FIELD[kind]: started})
            timer.start()
            ended, metrics = self._handle_messages(kind, name, mine, LOG_GROUPS[kind], f"{name}/algo-1-{int(started)}")
        except BaseException:
            _kill(process)
            raise
        finally:
            timer.cancel()
            process.join()
            with self._lock:
                self._processes.pop((kind, name), None)
            mine.close()
            shutil.rmtree(root, ignore_errors=True)
        if self.closing:
            return
        if self._is_cancelled(kind, name):
            self.finish_job(kind, name, "Stopped", metrics=metrics)
        elif not ended and overtime.is_set():
            self.finish_job(kind, name, "Stopped", metrics=metrics, **OVERTIME_ENDING[kind])
        elif not ended:
            self.finish_job(kind, name, "Failed", _exit_reason(process.exitcode))
        if kind == "training-job":
            self._fail_unfinished_rules(name)
        with self._lock:
            self._cancelled.discard((kind, name))

    def _handle_messages(self, kind: str, name: str, pipe: Any, group: str, stream: str) -> tuple[bool, dict[str, float]]:
        """Take the worker's messages until its end: whether the job was done by then, and the last value of each metric."""
        done = False
        metrics: dict[str, float] = {}
        pending: list[tuple[int, str]] = []
        while True:
            try:
                if not pipe.poll(0.2 if pending else None):
                    self.context.store.append_log(group, stream, pending)
                    pending = []
                    continue
                message = pipe.recv()
            except (EOFError, OSError):
                break
            what, *values = message
            if what == "log":
                pending.append((values[0], values[1]))
                metrics |= values[2]
                if len(pending) < 200:
                    continue
            if pending:
                self.context.store.append_log(group, stream, pending)
                pending = []
            if what == "status":
                self.set_secondary_status(name, values[0])
            elif what == "done":
                done = True
                extra = {"ModelArtifacts": {"S3ModelArtifacts": values[0]["model"]}} if "model" in values[0] else {}
                self.finish_job(kind, name, "Completed", metrics=metrics, extra=extra)
            elif what == "rule":
                self._set_rule_status(name, *values)
            elif what == "failed" and not done:
                done = True
                self.finish_job(kind, name, "Failed", values[0], metrics=metrics, extra={"ExitMessage": values[1]} if values[1] else None)
            elif what == "end":
                break
        if pending and not self.closing:
            self.context.store.append_log(group, stream, pending)
        return done, metrics

    def _is_cancelled(self, kind: str, name: str) -> bool:
        with self._lock:
            return (kind, name) in self._cancelled

    def _update_record(self, kind: str, name: str, fields: Body, status: str | None = None) -> None:
        now = self.context.now()

        def change(body: Body) -> None:
            body |= {**fields, "LastModifiedTime": now}

        self.context.store.update(kind, name, change, now=now, status=status)

    def set_secondary_status(self, name: str, status: str, message: str = "") -> None:
        """Move a training job to its next secondary status, as SageMaker's transitions record it."""
        now = self.context.now()

        def change(body: Body) -> None:
            if body["TrainingJobStatus"] in FINAL_STATUSES:
                return
            add_secondary_status(body, status, now, message)
            body["LastModifiedTime"] = now

        self.context.store.update("training-job", name, change, now=now)

    def _set_rule_status(self, name: str, rule: str, status: str, reason: str | None) -> None:
        now = self.context.now()

        def change(body: Body) -> None:
            for entry in body.get("DebugRuleEvaluationStatuses", []):
                if entry["RuleConfigurationName"] == rule:
                    entry |= {"RuleEvaluationStatus": status, "LastModifiedTime": now}
                    if reason:
                        entry["StatusDetails"] = reason

        self.context.store.update("training-job", name, change, now=now)

    def _fail_unfinished_rules(self, name: str) -> None:
        """A rule that is still at it when its job's process has gone will never end."""
        body = self.context.store.get("training-job", name) or {}
        for entry in body.get("DebugRuleEvaluationStatuses", []):
            if entry["RuleEvaluationStatus"] == "InProgress":
                self._set_rule_status(name, entry["RuleConfigurationName"], "Error", "The rule was interrupted.")

    def finish_job(
        self,
        kind: str,
        name: str,
        status: str,
        reason: str | None = None,
        *,
        metrics: dict[str, float] | None = None,
        extra: Body | None = None,
    ) -> None:
        """Move a job to its final state, once; then make its lineage."""
        now = self.context.now()
        moved = False

        def change(body: Body) -> None:
            nonlocal moved
            if body[STATUS_FIELD[kind]] in FINAL_STATUSES:
                return
            moved = True
            body[STATUS_FIELD[kind]] = status
            body["LastModifiedTime"] = now
            if reason:
                body["FailureReason"] = reason[:1024]
            end = max(now, body.get(START_TIME_FIELD.get(kind, ""), now))  # the clock may have been set back
            if kind in END_TIME_FIELD:
                body[END_TIME_FIELD[kind]] = end
            if kind == "training-job":
                add_secondary_status(
                    body, status if not extra or "SecondaryStatus" not in extra else extra["SecondaryStatus"], now, reason or ""
                )
                body["SecondaryStatusTransitions"][-1]["EndTime"] = now
                if "TrainingStartTime" in body:
                    seconds = max(1, round(end - body["TrainingStartTime"]))
                    body |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
                if metrics:
                    body["FinalMetricDataList"] = [{"MetricName": n, "Value": v, "Timestamp": now} for n, v in metrics.items() if v == v]
            elif kind == TUNING_JOB:
                body["HyperParameterTuningEndTime"] = now
            body |= extra or {}

        with self.context.store.transaction():
            self.context.store.update(kind, name, change, now=now, status=status)
            if moved:
                self._record_lineage(kind, name)
        self.notify_waiters()

    def _record_lineage(self, kind: str, name: str) -> None:
        body = self.context.store.get(kind, name)
        if body is None or kind not in LOG_GROUPS:
            return
        from engine.sagemaker import auto_lineage

        finished = auto_lineage.record_training_finished if kind == "training-job" else auto_lineage.record_processing_finished
        try:
            finished(self.context, body)
        except sqlite3.Error:
            raise
        except Exception:
            log.exception("lineage of %s %s", kind, name)


def add_secondary_status(body: Body, status: str, now: float, message: str) -> None:
    """Move a training job to a secondary status: the one before ends as this one starts."""
    transitions = body.setdefault("SecondaryStatusTransitions", [])
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": message or SECONDARY_STATUS_MESSAGES.get(status, "")})
    body["SecondaryStatus"] = status


SECONDARY_STATUS_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Restarting": "The engine was interrupted; the job starts again",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


def _kill(process: BaseProcess) -> None:
    """kill -9, of a worker too that lost the process that it was forked from; multiprocessing takes that one for dead."""
    process.kill()
    if process.exitcode == UNKNOWN_EXIT_CODE and process.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _start_process(process: BaseProcess, seconds: float = 10) -> None:
    """Start a worker, by another process to fork from where that one is dying: until it is dead, it refuses, and isn't replaced."""
    until = time.monotonic() + seconds
    while True:
        try:
            return process.start()
        except (EOFError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _exit_reason(code: int | None) -> str:
    """Why a process ended that said nothing: a signal, or its exit code."""
    if code is None or code >= 0:
        return f"AlgorithmError: the job's process ended without a word, exit code: {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    why = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"AlgorithmError: the job's process was ended by {name}{why}, exit code: {128 - code}"


def _name_field(kind: str) -> str:
    return {
        "training-job": "TrainingJobName",
        "processing-job": "ProcessingJobName",
        TUNING_JOB: "HyperParameterTuningJobName",
    }[kind]
