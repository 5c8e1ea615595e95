"""A clock that is set back and forth under a running engine: numbers only rise, nothing is lost, no job ends before it began."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosting import Host, until
from workload import describe, ended, fill, training, tuning

OFF = 14 * 60
"""Seconds; more than that, and a request signed by the true clock is refused, as it should be."""


@pytest.fixture
def host(tmp_path):
    (tmp_path / "clock").write_text("0")
    host = Host(tmp_path / "ws", path=(Path(__file__).parent / "clock",), FAULTS_CLOCK=str(tmp_path / "clock"))
    host.set_clock = lambda seconds: (tmp_path / "clock").write_text(str(seconds))
    host.start()
    fill(host.s3)
    yield host
    host.end()


def test_a_clock_that_jumps_changes_no_order_and_ends_no_job(host, survived):
    sagemaker = host.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName="g")
    limited = tuning(2)
    limited["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 900
    limited["TrainingJobDefinition"]["StoppingCondition"] = {"MaxRuntimeInSeconds": 900}
    jobs, numbers = [], []
    for turn, seconds in enumerate((OFF, -OFF, OFF, 0)):
        host.set_clock(seconds)
        for n in range(3):
            made = sagemaker.create_model_package(ModelPackageGroupName="g", SourceUri=f"s3://jobs/{turn}-{n}")
            numbers.append(int(made["ModelPackageArn"].rpartition("/")[2]))
        sagemaker.create_training_job(TrainingJobName=f"over-{turn}", **training(150, StoppingCondition={"MaxRuntimeInSeconds": 600}))
        until(lambda turn=turn: "TrainingStartTime" in describe(host, "training", f"over-{turn}")[0])
        jobs.append(("training", f"over-{turn}"))
        if turn == 1:  # the clock goes half an hour on while it runs
            sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune", **limited)
            jobs.append(("tuning", "tune"))
    for kind, name in jobs:
        body = ended(host, kind, name)
        assert body[describe(host, kind, name)[1]] == "Completed", body.get("FailureReason")
        if kind == "training":
            assert body["TrainingStartTime"] <= body["TrainingEndTime"]
            assert body["TrainingTimeInSeconds"] > 0
    assert numbers == list(range(1, 13))
    host.set_clock(-OFF)
    host.kill()
    host.start()
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName="g", PaginationConfig={"PageSize": 5})
    assert sorted(p["ModelPackageVersion"] for page in pages for p in page["ModelPackageSummaryList"]) == numbers
    assert sagemaker.create_model_package(ModelPackageGroupName="g", SourceUri="s3://jobs/x")["ModelPackageArn"].endswith("/13")
    pages = sagemaker.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 3})
    found = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert len(found) == len(set(found)) == 4 + 2
    survived("the clock set back or forth by up to half an hour", 5)
