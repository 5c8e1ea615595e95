"""What running jobs say of themselves, passed on while the workflow waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from core.aws.target import Target
from core.errors import GovernanceError
from core.jobs import jobs
from core.jobs.jobs import FINAL_STATUSES, Job

SECONDS_BETWEEN_LINES = 10.0
"""So often at most something is said of jobs that run on."""


class JobProgress:
    """Says how many jobs have completed, and now and then the last line that each running one has printed.

    Called with the jobs as they are, at every look (``jobs.wait_for_jobs``). ``say``: called with a sentence without its full stop.
    """

    def __init__(self, target: Target, say: Callable[[str], None], *, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self.target, self.say, self.seconds = target, say, seconds
        self.start = self.last = time.monotonic()
        self.completed = 0
        self.lines: dict[str, str] = {}

    def __call__(self, found: Sequence[Job]) -> None:
        """Say what is new: jobs that have completed, and lines."""
        completed = sum(job.status == "Completed" for job in found)
        if completed > self.completed and len(found) > 1:
            self.say(f"{completed} of {len(found)} jobs have completed")
        self.completed = completed
        self.say_lines(found)

    def say_lines(self, found: Sequence[Job]) -> None:
        """Say the last lines of the jobs that run on, if it is time."""
        now = time.monotonic()
        running = [job for job in found if job.status not in FINAL_STATUSES]
        if not running or now - self.last < self.seconds:
            return
        self.last = now
        news = [text for job in running if (text := self._new_line(job))]
        for text in news or [f"{len(running)} of {len(found)} jobs run on after {now - self.start:.0f} seconds"]:
            self.say(text)

    def _new_line(self, job: Job) -> str:
        """The last line of a job's log after its name; "" if it was said already, or can't be read."""
        found: list[str] = []
        if job.kind != "tuning":
            with suppress(GovernanceError):  # whoever may not read logs waits all the same
                found = jobs.read_logs(self.target, job.kind, job.name)
        if not found or found[-1] == self.lines.get(job.name):
            return ""
        self.lines[job.name] = found[-1]
        return f"{job.name}: {found[-1].strip().rstrip('.')}"
