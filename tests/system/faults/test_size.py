"""An engine is small when it is idle, doesn't grow by being asked, and starts on a workspace that many jobs have filled.

``FAULTS_DESCRIBES`` says how often it is asked.
"""

from __future__ import annotations

import os
from pathlib import Path

from hosting import Host

from bench.start import INTERRUPTED, fill

DESCRIBES = int(os.environ.get("FAULTS_DESCRIBES", "1000"))
MB = 1024**2


def memory(pid):
    fields = dict(line.split(":", 1) for line in Path("/proc", str(pid), "status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024, int(fields["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))


def test_an_idle_engine_is_small_and_does_not_grow_by_being_asked(tmp_path, survived):
    fill(tmp_path / "ws", INTERRUPTED + 5)
    host = Host(tmp_path / "ws")
    try:
        host.start()
        assert memory(host.pid)[0] < 150 * MB
        for name in [f"job-{n:05}" for n in range(5, 5 + INTERRUPTED)]:  # what was interrupted
            host.sagemaker.stop_training_job(TrainingJobName=name)
        seen = []
        for calls in (300, DESCRIBES):
            for n in range(calls):
                assert host.sagemaker.describe_training_job(TrainingJobName=f"job-{n % 5:05}")["TrainingJobStatus"] == "Completed"
            seen.append(memory(host.pid))
        (before, threads, files), (after, threads_after, files_after) = seen
        assert after - before < MB + 100 * DESCRIBES, f"{(after - before) / DESCRIBES:.0f} bytes a call"
        assert threads_after <= threads + 1
        assert files_after <= files + 1
        assert after < 150 * MB
    finally:
        host.end()
    print(f"RSS {before / MB:.1f} MB, and {after / MB:.1f} MB after {DESCRIBES:,} more DescribeTrainingJob")
    survived("DescribeTrainingJob without growth", DESCRIBES)


def test_an_engine_starts_on_a_thousand_jobs_and_takes_up_what_was_interrupted(tmp_path):
    fill(tmp_path / "ws", 1000)
    host = Host(tmp_path / "ws")
    try:
        host.start(10)
        pages = host.sagemaker.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 100})
        names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
        assert len(names) == len(set(names)) == 1000
        running = host.sagemaker.list_training_jobs(StatusEquals="InProgress", MaxResults=100)["TrainingJobSummaries"]
        assert {job["TrainingJobName"] for job in running} <= {f"job-{n:05}" for n in range(1000 - INTERRUPTED, 1000)}
    finally:
        host.end()
