"""What a worker says of its job, written into the log and the job's record."""

from __future__ import annotations

from multiprocessing.connection import Connection

from engine.context import Context
from engine.jobs.job_records import JobRecords
from engine.jobs.states import LOG_GROUPS

LINES_AT_ONCE = 200
"""Log lines that are written together: each write waits for the disk."""
FLUSH_SECONDS = 0.2
"""Until fewer lines are written, when no more come."""


def handle_messages(
    context: Context, records: JobRecords, kind: str, name: str, pipe: Connection, stream: str
) -> tuple[bool, dict[str, float]]:
    """Handle a worker's messages until it ends: (whether the job has ended by one of them, the last value of each metric).

    ``stream``: the log stream for the job's output. The messages are listed in ``engine.jobs.workers.worker``.
    """
    group = LOG_GROUPS[kind]
    done = False
    metrics: dict[str, float] = {}
    pending: list[tuple[int, str]] = []
    while True:
        try:
            if not pipe.poll(FLUSH_SECONDS if pending else None):
                context.store.append_log(group, stream, pending)
                pending = []
                continue
            message = pipe.recv()
        except (EOFError, OSError):
            break
        what, *values = message
        if what == "log":
            pending.append((values[0], values[1]))
            metrics |= values[2]
            if len(pending) < LINES_AT_ONCE:
                continue
        if pending:
            context.store.append_log(group, stream, pending)
            pending = []
        if what == "status":
            records.set_secondary_status(name, values[0])
        elif what == "done":
            done = True
            extra = {"ModelArtifacts": {"S3ModelArtifacts": values[0]["model"]}} if "model" in values[0] else {}
            extra |= {"ExitMessage": values[0]["message"]} if "message" in values[0] else {}
            context.jobs.finish_job(kind, name, "Completed", metrics=metrics, extra=extra)
        elif what == "rule":
            records.set_rule_status(name, *values)
        elif what == "failed" and not done:
            done = True
            context.jobs.finish_job(
                kind, name, "Failed", values[0], metrics=metrics, extra={"ExitMessage": values[1]} if values[1] else None
            )
        elif what == "end":
            break
    if pending and not context.jobs.closing:
        context.store.append_log(group, stream, pending)
    return done, metrics
