"""The queue of jobs: who runs next, in how many processes, and what their messages do to the records."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import multiprocessing
import os
import queue
import shutil
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from engine.context import Context
from engine.store import Body

log = logging.getLogger("engine.jobs")
PRELOAD = ["engine.jobs.worker", "engine.jobs.preload"]
FINAL = {"Completed", "Failed", "Stopped"}
LOG_GROUPS = {"training-job": "/aws/sagemaker/TrainingJobs", "processing-job": "/aws/sagemaker/ProcessingJobs"}
STATUS = {
    "training-job": "TrainingJobStatus",
    "processing-job": "ProcessingJobStatus",
    "hyper-parameter-tuning-job": "HyperParameterTuningJobStatus",
}
END = {"training-job": "TrainingEndTime", "processing-job": "ProcessingEndTime"}


class Jobs:
    """Runs what the store's records ask for; ``submit`` and ``cancel`` return at once."""

    def __init__(self, context: Context, workers: int | None = None) -> None:
        self.context = context
        self.workers = workers or os.cpu_count() or 1
        self._queue: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._processes: dict[tuple[str, str], BaseProcess] = {}
        self._cancelled: set[tuple[str, str]] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.changed = threading.Condition()
        self.closing = False
        self._mp = multiprocessing.get_context("forkserver")

    def start(self) -> None:
        """Start the dispatchers, warm the forkserver, and take up what a crash interrupted."""
        self._mp.set_forkserver_preload(PRELOAD)
        for _ in range(self.workers):
            self._thread(self._dispatch)
        self._thread(self._warm)
        for kind in ("training-job", "processing-job", "hyper-parameter-tuning-job"):
            for status in ("InProgress", "Stopping"):
                token = None
                while True:
                    bodies, token = self.context.store.page(kind, where=[("status", "=", status)], descending=False, token=token)
                    for body in bodies:
                        name = body[_name_field(kind)]
                        if status == "Stopping":
                            self.finish(kind, name, "Stopped")
                        else:
                            self.submit(kind, name)
                    if token is None:
                        break

    def _warm(self) -> None:
        process = self._mp.Process(target=_nothing)
        with contextlib.suppress(OSError):
            process.start()
            process.join()

    def stop(self) -> None:
        """End the workers; their jobs stay InProgress and are taken up at the next start."""
        self.closing = True
        for _ in self._threads:
            self._queue.put(None)
        with self._lock:
            processes = list(self._processes.values())
        for process in processes:
            process.kill()
        self.wake()
        for thread in self._threads:
            thread.join(timeout=5)

    def submit(self, kind: str, name: str) -> None:
        with self._lock:
            self._cancelled.discard((kind, name))  # of a deleted job of that name
        if kind == "hyper-parameter-tuning-job":
            from engine.jobs.tuning import run_tuning

            self._thread(lambda: self._guarded(kind, name, lambda: run_tuning(self.context, name)))
        else:
            self._queue.put((kind, name))

    def cancel(self, kind: str, name: str) -> None:
        """Stop a job that runs or waits; its record goes from Stopping to Stopped."""
        with self._lock:
            self._cancelled.add((kind, name))
            process = self._processes.get((kind, name))
        if process is not None:
            process.kill()
        self.wake()

    def wake(self) -> None:
        """Have whoever waits look again."""
        with self.changed:
            self.changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Return when some record changed, or after ``seconds``."""
        with self.changed:
            self.changed.wait(seconds)

    # inside ----------------------------------------------------------------------------------------

    def _thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _dispatch(self) -> None:
        while (item := self._queue.get()) is not None and not self.closing:
            kind, name = item
            self._guarded(kind, name, lambda kind=kind, name=name: self._run(kind, name))  # type: ignore[misc]

    def _guarded(self, kind: str, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            if self.closing:
                return
            log.exception("%s %s", kind, name)
            self.finish(kind, name, "Failed", f"InternalServerError: {type(error).__name__}: {error}")

    def _run(self, kind: str, name: str) -> None:
        context = self.context
        body = context.store.get(kind, name)
        if body is None or body[STATUS[kind]] in FINAL:
            return
        if self._taken_back(kind, name):
            self.finish(kind, name, "Stopped")
            return
        from engine.jobs.worker import Task, run

        pair = json.loads((context.workspace / "keys.json").read_text())
        root = context.workspace / "jobs" / kind / name
        image = importlib.import_module("engine.sagemaker.images")
        task = Task(kind, name, str(root), image.container(kind, body), body, context.endpoint, region=context.region, **pair)
        if kind == "processing-job":
            task = image.with_model(context, task)
        mine, theirs = self._mp.Pipe(duplex=False)
        process = self._mp.Process(target=run, args=(task, theirs), daemon=True)
        process.start()
        theirs.close()
        with self._lock:
            self._processes[(kind, name)] = process
            taken_back = (kind, name) in self._cancelled
        if taken_back:
            process.kill()
        limit = body.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        timer = threading.Timer(limit, self._too_long, args=(kind, name)) if limit else None
        started = context.now()
        start_field = "TrainingStartTime" if kind == "training-job" else "ProcessingStartTime"
        self._change(kind, name, {start_field: started})
        if timer:
            timer.daemon = True
            timer.start()
        stream = f"{name}/algo-1-{int(started)}"
        try:
            ended, metrics = self._follow(kind, name, mine, LOG_GROUPS[kind], stream)
        finally:
            if timer:
                timer.cancel()
            process.join()
            with self._lock:
                self._processes.pop((kind, name), None)
            mine.close()
            shutil.rmtree(root, ignore_errors=True)
        if self.closing:
            return
        if self._taken_back(kind, name):
            self.finish(kind, name, "Stopped", metrics=metrics)
        elif not ended:
            self.finish(kind, name, "Failed", f"InternalServerError: the worker ended without a word (exit code {process.exitcode})")

    def _follow(self, kind: str, name: str, pipe: Any, group: str, stream: str) -> tuple[bool, dict[str, float]]:
        """Take the worker's messages until its end: whether the job was done by then, and the last value of each metric."""
        done = False
        metrics: dict[str, float] = {}
        pending: list[tuple[int, str]] = []
        while True:
            try:
                if not pipe.poll(0.2 if pending else None):
                    self.context.store.log(group, stream, pending)
                    pending = []
                    continue
                message = pipe.recv()
            except (EOFError, OSError):
                break
            what, *values = message
            if what == "log":
                pending.append((values[0], values[1]))
                if len(pending) < 200:
                    continue
            elif what == "metrics":
                metrics |= values[0]
                continue
            if pending:
                self.context.store.log(group, stream, pending)
                pending = []
            if what == "status":
                self.secondary(name, values[0])
            elif what == "done":
                done = True
                extra = {"ModelArtifacts": {"S3ModelArtifacts": values[0]["model"]}} if "model" in values[0] else {}
                self.finish(kind, name, "Completed", metrics=metrics, extra=extra)
            elif what == "rule":
                self._rule(name, *values)
            elif what == "failed" and not done:
                done = True
                self.finish(kind, name, "Failed", values[0], metrics=metrics)
            elif what == "end":
                break
        if pending and not self.closing:
            self.context.store.log(group, stream, pending)
        return done, metrics

    def _taken_back(self, kind: str, name: str) -> bool:
        with self._lock:
            return (kind, name) in self._cancelled

    def _too_long(self, kind: str, name: str) -> None:
        self.finish(kind, name, "Stopped", extra={"SecondaryStatus": "MaxRuntimeExceeded"})
        self.cancel(kind, name)

    def _change(self, kind: str, name: str, fields: Body, status: str | None = None) -> None:
        now = self.context.now()

        def change(body: Body) -> None:
            body |= {**fields, "LastModifiedTime": now}

        self.context.store.update(kind, name, change, now=now, status=status)
        self.wake()

    def secondary(self, name: str, status: str, message: str = "") -> None:
        """Move a training job to its next secondary status, as SageMaker's transitions record it."""
        now = self.context.now()

        def change(body: Body) -> None:
            if body["TrainingJobStatus"] in FINAL:
                return
            transition(body, status, now, message)
            body["LastModifiedTime"] = now

        self.context.store.update("training-job", name, change, now=now)

    def _rule(self, name: str, rule: str, status: str, reason: str | None) -> None:
        now = self.context.now()

        def change(body: Body) -> None:
            for entry in body.get("DebugRuleEvaluationStatuses", []):
                if entry["RuleConfigurationName"] == rule:
                    entry |= {"RuleEvaluationStatus": status, "LastModifiedTime": now}
                    if reason:
                        entry["StatusDetails"] = reason

        self.context.store.update("training-job", name, change, now=now)

    def finish(
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
            if body[STATUS[kind]] in FINAL:
                return
            moved = True
            body[STATUS[kind]] = status
            body["LastModifiedTime"] = now
            if reason:
                body["FailureReason"] = reason[:1024]
            if kind in END:
                body[END[kind]] = now
            if kind == "training-job":
                transition(body, status if not extra or "SecondaryStatus" not in extra else extra["SecondaryStatus"], now, reason or "")
                body["SecondaryStatusTransitions"][-1]["EndTime"] = now
                if "TrainingStartTime" in body:
                    seconds = max(1, round(now - body["TrainingStartTime"]))
                    body |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
                if metrics:
                    body["FinalMetricDataList"] = [{"MetricName": n, "Value": v, "Timestamp": now} for n, v in metrics.items() if v == v]
            elif kind == "hyper-parameter-tuning-job":
                body["HyperParameterTuningEndTime"] = now
            body |= extra or {}

        self.context.store.update(kind, name, change, now=now, status=status)
        if moved:
            self._lineage(kind, name)
        self.wake()

    def _lineage(self, kind: str, name: str) -> None:
        body = self.context.store.get(kind, name)
        if body is None or kind not in LOG_GROUPS:
            return
        from engine.sagemaker import auto_lineage

        finished = auto_lineage.training_job_finished if kind == "training-job" else auto_lineage.processing_job_finished
        try:
            finished(self.context, body)
        except Exception:
            log.exception("lineage of %s %s", kind, name)


def transition(body: Body, status: str, now: float, message: str) -> None:
    """Move a training job to a secondary status: the one before ends as this one starts."""
    transitions = body.setdefault("SecondaryStatusTransitions", [])
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": status, "StartTime": now, "StatusMessage": message or MESSAGES.get(status, "")})
    body["SecondaryStatus"] = status


MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
}


def _name_field(kind: str) -> str:
    return {
        "training-job": "TrainingJobName",
        "processing-job": "ProcessingJobName",
        "hyper-parameter-tuning-job": "HyperParameterTuningJobName",
    }[kind]


def _nothing() -> None:
    return None
