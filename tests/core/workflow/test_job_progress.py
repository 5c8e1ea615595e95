"""What is said of running jobs while the workflow waits for them."""

from datetime import UTC, datetime

import pytest

from core.errors import Refused
from core.jobs import jobs
from core.jobs.jobs import Job
from core.workflow.job_progress import JobProgress


def job(name: str, status: str, kind: str = "processing") -> Job:
    return Job(name, kind, status, datetime(2026, 1, 1, tzinfo=UTC), None, None, {})


@pytest.fixture
def logs(monkeypatch):
    """Job -> the lines of its log; an error instead of lines is raised."""
    found = {}

    def read(target, kind, name):
        if isinstance(found.get(name), Exception):
            raise found[name]
        return found.get(name, [])

    monkeypatch.setattr(jobs, "read_logs", read)
    return found


def test_jobs_that_complete_are_counted_and_each_new_last_line_is_said_once(logs):
    said = []
    progress = JobProgress(None, said.append, seconds=0)
    logs["shap"] = ["Dataset: 200 rows", "Explaining 200 rows against 1 baseline rows."]
    progress([job("bias", "InProgress"), job("shap", "InProgress")])
    assert said == ["shap: Explaining 200 rows against 1 baseline rows"]
    progress([job("bias", "Completed"), job("shap", "InProgress")])
    assert said[1] == "1 of 2 jobs have completed"
    assert said[2].startswith("1 of 2 jobs run on after ")
    logs["shap"].append("Wrote analysis.json")
    progress([job("bias", "Completed"), job("shap", "InProgress")])
    assert said[3:] == ["shap: Wrote analysis.json"]
    progress([job("bias", "Completed"), job("shap", "Completed")])
    assert said[4:] == ["2 of 2 jobs have completed"]


def test_nothing_is_said_before_it_is_time(logs):
    said = []
    logs["only"] = ["a line"]
    JobProgress(None, said.append, seconds=1000)([job("only", "InProgress")])
    assert said == []


def test_whoever_may_not_read_logs_is_told_how_long_the_jobs_run(logs):
    said = []
    logs["only"] = Refused("You may not read logs.")
    progress = JobProgress(None, said.append, seconds=0)
    progress([job("only", "InProgress"), job("tuning", "InProgress", "tuning")])
    assert len(said) == 1
    assert said[0].startswith("2 of 2 jobs run on after ")
