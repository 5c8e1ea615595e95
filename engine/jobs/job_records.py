"""What happens to a job, written into its record."""

from __future__ import annotations

import logging
import sqlite3

from engine.context import Context
from engine.jobs.job_service import JobService
from engine.jobs.states import FINAL_STATUSES, LOG_GROUPS, STATUS_FIELD, TRAINING_JOB, add_secondary_status, end_job
from engine.store.records import Body

log = logging.getLogger("engine.jobs")


class JobRecords:
    """The writes that a running job makes, by job name. A job that has ended is not changed any more."""

    def __init__(self, context: Context, service: JobService) -> None:
        self.context, self.service = context, service

    def update(self, kind: str, name: str, fields: Body) -> None:
        """Set members of a job's record."""
        now = self.context.now()

        def change(body: Body) -> None:
            body |= {**fields, "LastModifiedTime": now}

        self.context.store.update(kind, name, change, now=now)

    def set_secondary_status(self, name: str, status: str, message: str = "") -> None:
        """Move a training job to its next secondary status, as SageMaker's transitions record it."""
        now = self.context.now()

        def change(body: Body) -> None:
            if body["TrainingJobStatus"] in FINAL_STATUSES:
                return
            add_secondary_status(body, status, now, message)
            body["LastModifiedTime"] = now

        self.context.store.update(TRAINING_JOB, name, change, now=now)

    def set_rule_status(self, name: str, rule: str, status: str, reason: str | None) -> None:
        """Set the status of a training job's debugger rule."""
        now = self.context.now()

        def change(body: Body) -> None:
            for entry in body.get("DebugRuleEvaluationStatuses", []):
                if entry["RuleConfigurationName"] == rule:
                    entry |= {"RuleEvaluationStatus": status, "LastModifiedTime": now}
                    if reason:
                        entry["StatusDetails"] = reason

        self.context.store.update(TRAINING_JOB, name, change, now=now)

    def fail_unfinished_rules(self, name: str) -> None:
        """End the rules that are still in progress, of a training job whose process has ended: nothing would end them later."""
        body = self.context.store.get(TRAINING_JOB, name) or {}
        for entry in body.get("DebugRuleEvaluationStatuses", []):
            if entry["RuleEvaluationStatus"] == "InProgress":
                self.set_rule_status(name, entry["RuleConfigurationName"], "Error", "The rule was interrupted.")

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
        """Move a job to its final state, once, and record its lineage, in one transaction."""
        now = self.context.now()
        moved = False

        def change(body: Body) -> None:
            nonlocal moved
            if body[STATUS_FIELD[kind]] in FINAL_STATUSES:
                return
            moved = True
            end_job(kind, body, status, reason, now=now, metrics=metrics, extra=extra)

        with self.context.store.transaction():
            self.context.store.update(kind, name, change, now=now, status=status)
            if moved:
                self._record_lineage(kind, name)

    def _record_lineage(self, kind: str, name: str) -> None:
        """Record the lineage of a job that has ended; what goes wrong there, the disk aside, is logged and doesn't stop the job's end."""
        body = self.context.store.get(kind, name)
        if body is None or kind not in LOG_GROUPS:
            return
        try:
            self.service.record_lineage(kind, body)
        except sqlite3.Error:
            raise
        except Exception:
            log.exception("lineage of %s %s", kind, name)
