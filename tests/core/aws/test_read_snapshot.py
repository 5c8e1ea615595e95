"""The target as one drawing of a page sees it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.aws.read_snapshot import ReadMemory, take_read_snapshot
from core.aws.target import Target
from core.jobs import jobs


class Answers:
    """Stands for an AWS client; notes what it was asked."""

    meta = SimpleNamespace(endpoint_url="http://127.0.0.1")

    def __init__(self):
        self.asked = []

    def describe_model_package(self, **arguments):
        self.asked.append(arguments)
        return {"number": len(self.asked)}

    def list_training_jobs(self, **arguments):
        self.asked.append(arguments)
        rows = [{"TrainingJobName": f"{name}-1", "TrainingJobStatus": "Completed", "CreationTime": None} for name in ("train", "other")]
        return {"TrainingJobSummaries": rows}

    def update_model_package(self, **arguments):
        self.asked.append(arguments)

    def get_paginator(self, operation):
        return self

    def paginate(self, **arguments):
        for page in range(3):
            self.asked.append(arguments)
            yield {"page": page}


@pytest.fixture
def client():
    return Answers()


@pytest.fixture
def snapshot(client):
    return take_read_snapshot(Target(None, None, client, client, "bucket", "us-east-1", "000000000000", "aws", lambda service: client))


def test_the_same_question_is_asked_once(snapshot, client):
    one = [snapshot.sagemaker.describe_model_package(ModelPackageName="one") for _ in range(3)]
    other = snapshot.sagemaker.describe_model_package(ModelPackageName="other")
    assert one == [{"number": 1}] * 3
    assert other == {"number": 2}
    assert take_read_snapshot(snapshot) is snapshot
    assert take_read_snapshot(replace(snapshot)).memory is snapshot.memory


def test_another_snapshot_asks_again(snapshot, client):
    snapshot.sagemaker.describe_model_package(ModelPackageName="one")
    target = Target(None, None, client, client, "bucket", "us-east-1", "000000000000", "aws", lambda service: client)
    assert take_read_snapshot(target).sagemaker.describe_model_package(ModelPackageName="one") == {"number": 2}


def test_pages_are_read_once_and_only_as_far_as_needed(snapshot, client):
    def pages():
        return snapshot.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName="g")

    assert next(iter(pages())) == {"page": 0}
    assert len(client.asked) == 1
    assert [page["page"] for page in pages()] == [page["page"] for page in pages()] == [0, 1, 2]
    assert len(client.asked) == 3


def test_a_snapshot_for_reading_writes_nothing(snapshot, client):
    with pytest.raises(TypeError, match="only for reading"):
        snapshot.sagemaker.update_model_package(ModelPackageArn="one")
    assert client.asked == []


def test_threads_that_ask_at_once_wait_for_one_answer():
    memory, started, calls = ReadMemory(), threading.Barrier(4), []

    def read():
        calls.append(1)
        threading.Event().wait(0.05)
        return len(calls)

    def ask(_):
        started.wait()
        return memory.read_once("key", read)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [1, 1, 1, 1]


def test_an_error_is_not_kept():
    memory, answers = ReadMemory(), [ValueError("not yet"), 7]

    def read():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="not yet"):
        memory.read_once("key", read)
    assert memory.recall("key") is None
    assert memory.read_once("key", read) == memory.recall("key") == 7


def test_a_list_of_all_jobs_answers_for_each_name(snapshot, client):
    assert [job.name for job in jobs.list_jobs(snapshot, "training")] == ["train-1", "other-1"]
    assert [job.name for job in jobs.list_jobs(snapshot, "training", name_contains="train")] == ["train-1"]
    assert len(client.asked) == 1


def test_a_list_of_jobs_that_may_be_cut_off_does_not_answer_for_a_name(snapshot, client, monkeypatch):
    monkeypatch.setattr(jobs, "COMMON_LIST_LENGTH", 2)
    jobs.list_jobs(snapshot, "training", max_results=2)
    jobs.list_jobs(snapshot, "training", name_contains="train", max_results=2)
    assert [question.get("NameContains") for question in client.asked] == [None, "train"]
