"""The queue of jobs: runs them in worker processes, and writes what the workers report into the records."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from engine import limits
from engine.context import Context
from engine.iam import sessions
from engine.iam.access_decisions import EXECUTION_ROLE, assumed_role_principal
from engine.jobs.job_records import JobRecords
from engine.jobs.job_service import JobService
from engine.jobs.states import (
    FINAL_STATUSES,
    NAME_FIELD,
    OVERTIME_ENDING,
    PROCESSING_JOB,
    START_TIME_FIELD,
    STATUS_FIELD,
    TRAINING_JOB,
    TUNING_JOB,
)
from engine.jobs.tuning.tuning_runner import run_tuning
from engine.jobs.worker_messages import handle_messages
from engine.jobs.workers.worker import Task, run_job
from engine.jobs.workers.worker_process import exit_reason, kill_process, start_process
from engine.store.disk_errors import disk_problem
from engine.store.records import Body

log = logging.getLogger("engine.jobs")
PRELOADED_MODULES = ["engine.jobs.workers.worker", "engine.jobs.workers.worker_imports"]
DISK_RETRY_SECONDS = 2
"""Until work that failed because of the disk is tried again."""
CREDENTIAL_SECONDS = 7 * 24 * 3600
"""How long the credentials of a job are valid."""


class JobQueue:
    """Runs jobs by their records in the store; ``submit`` and ``cancel`` return at once."""

    def __init__(self, context: Context, service: JobService, workers: int | None = None) -> None:
        """``service``: whose jobs these are. ``workers``: processes at a time, by default one for each processor."""
        self.context, self.service = context, service
        self.records = JobRecords(context, service)
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
        """Start the threads that run jobs, and resume the jobs that a crash interrupted.

        The process that workers are forked from starts with the first job: its 290 MB are not needed before."""
        self._mp.set_forkserver_preload(PRELOADED_MODULES)
        for _ in range(self.workers):
            self._start_thread(self._run_queued_jobs)
        for folder in (self.context.workspace / "jobs", self.channel_cache):
            shutil.rmtree(folder, ignore_errors=True)
        store = self.context.store
        for kind in STATUS_FIELD:
            for body in store.list_records(kind, ("status", "=", "InProgress")) + store.list_records(kind, ("status", "=", "Stopping")):
                name = body[NAME_FIELD[kind]]
                if body[STATUS_FIELD[kind]] == "Stopping" and kind != TUNING_JOB:
                    self.finish_job(kind, name, "Stopped")
                    continue
                if body.get("SecondaryStatus", "Starting") != "Starting":
                    self.records.set_secondary_status(name, "Restarting")
                self.submit(kind, name, elapsed=max(self.context.now() - body["CreationTime"], 0))
        for body in store.list_records(TRAINING_JOB, ("$.DebugRuleEvaluationStatuses", "contains", "InProgress")):
            if body["TrainingJobStatus"] in FINAL_STATUSES:
                self.records.fail_unfinished_rules(body["TrainingJobName"])

    def stop(self) -> None:
        """End the workers; their jobs stay InProgress and are resumed at the next start."""
        self.closing = True
        for _ in self._threads:
            self._queue.put(None)
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            kill_process(process)
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
        """Run a job as soon as a worker is free. ``elapsed``: seconds since its creation, for a job that a crash interrupted."""
        with self._lock:
            self._cancelled.discard((kind, name))  # a mark left by a deleted job of that name
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
            kill_process(process)
        self.notify_waiters()

    def notify_waiters(self) -> None:
        """Make every ``wait_for_change`` return."""
        with self.change_condition:
            self.change_count += 1
            self.change_condition.notify_all()

    def wait_for_change(self, seconds: float, seen_count: int) -> None:
        """Return when a job has ended or was cancelled since ``change_count`` was ``seen_count``, or after ``seconds``."""
        with self.change_condition:
            self.change_condition.wait_for(lambda: self.change_count != seen_count, seconds)

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
        """Move a job to its final state, once, and record its lineage."""
        self.records.finish(kind, name, status, reason, metrics=metrics, extra=extra)
        self.notify_waiters()

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
        self._retry_or_fail(TUNING_JOB, name, lambda: run_tuning(self.context, self.service, name, monotonic_start))
        with self._lock:
            self._running_tuning_jobs -= 1

    def _retry_or_fail(self, kind: str, name: str, work: Callable[[], None]) -> None:
        """Do the work, and again as long as the disk refuses it; any other error ends the job with the reason."""
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
        task = self._make_task(kind, name, body)
        mine, theirs = self._mp.Pipe(duplex=False)
        process = self._mp.Process(target=run_job, args=(task, theirs), daemon=True)
        start_process(process)
        theirs.close()
        with self._lock:
            self._processes[(kind, name)] = process
            taken_back = (kind, name) in self._cancelled
        if taken_back:
            kill_process(process)
        overtime = threading.Event()

        def too_long() -> None:
            overtime.set()
            kill_process(process)

        timer = threading.Timer(body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", limits.MAX_RUNTIME_SECONDS), too_long)
        timer.daemon = True
        started = context.now()
        try:
            self.records.update(kind, name, {START_TIME_FIELD[kind]: started})
            timer.start()
            ended, metrics = handle_messages(context, self.records, kind, name, mine, f"{name}/algo-1-{int(started)}")
        except BaseException:
            kill_process(process)
            raise
        finally:
            timer.cancel()
            process.join()
            with self._lock:
                self._processes.pop((kind, name), None)
            mine.close()
            shutil.rmtree(task.root, ignore_errors=True)
        if self.closing:
            return
        if self._is_cancelled(kind, name):
            self.finish_job(kind, name, "Stopped", metrics=metrics)
        elif not ended and overtime.is_set():
            self.finish_job(kind, name, "Stopped", metrics=metrics, **OVERTIME_ENDING[kind])
        elif not ended:
            self.finish_job(kind, name, "Failed", exit_reason(process.exitcode))
        if kind == TRAINING_JOB:
            self.records.fail_unfinished_rules(name)
        with self._lock:
            self._cancelled.discard((kind, name))

    def _make_task(self, kind: str, name: str, body: Body) -> Task:
        """What the worker is told of a job, with credentials of its own: a session of the execution role."""
        context = self.context
        caller = assumed_role_principal(EXECUTION_ROLE, name)
        session = sessions.begin_session(context.keys, caller, context.now() + CREDENTIAL_SECONDS)
        container = self.service.find_container(kind, body)
        return Task(
            kind,
            name,
            str(context.workspace / "jobs" / kind / name),
            container,
            body,
            context.endpoint,
            access_key_id=session.keys.access_key_id,
            secret_access_key=session.keys.secret_access_key,
            session_token=session.token,
            region=context.region,
            channel_cache=str(self.channel_cache),
            model_data_url=self.service.find_model_url(container, body) if kind == PROCESSING_JOB else None,
        )

    def _is_cancelled(self, kind: str, name: str) -> bool:
        with self._lock:
            return (kind, name) in self._cancelled
