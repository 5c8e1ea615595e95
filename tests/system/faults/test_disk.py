"""A disk that is full, or that may not be written, is told in the user's words; what was acknowledged stays, and the engine goes on."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from hosting import REPO, Host, answers, members, until
from workload import BUCKET, describe, ended, fill, rebalancing, training

from engine import lifecycle
from engine.store.database import UnusableWorkspace
from engine.store.disk_errors import disk_problem
from engine.store.objects import ObjectStore
from engine.store.records import Store

MOUNTS = os.getuid() == 0
PAGE = 4096


class Mounted:
    """A small disk of its own, that fills up."""

    def __init__(self, folder):
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            pytest.skip(f"this test mounts a small disk, and this machine doesn't allow it: {mounted.stderr.strip()}")
        self.folder, self.filler = folder, folder / "filler"

    def fill(self, host):
        with contextlib.suppress(OSError), self.filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(PAGE))

    def free(self, host):
        self.filler.unlink()

    def refuse_start(self, host):
        """On a full disk an engine either starts, and refuses what is written, or ends and says why, where its log has room for that."""
        self.fill(host)
        host.launch()
        said = f"engine: the workspace {host.workspace}: the disk is full"
        until(lambda: answers(host.port) or said in (host.workspace / "engine.log").read_text() or host.pid not in members(host.pid))
        host.kill()
        self.free(host)

    def end(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class Limited:
    """A limit on the size of a file, set on the running engine: every machine has it."""

    def __init__(self, folder):
        folder.mkdir()

    def fill(self, host):
        resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (PAGE, resource.RLIM_INFINITY))

    def free(self, host):
        resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def refuse_start(self, host):
        pass

    def end(self):
        pass


@pytest.fixture(
    params=[
        pytest.param(
            (Mounted, "the disk is full"), marks=pytest.mark.skipif(not MOUNTS, reason="only root may mount a small disk"), id="full"
        ),
        pytest.param((Limited, "the disk has an error"), id="failing"),
    ]
)
def disk(request, tmp_path):
    kind, words = request.param
    disk = kind(tmp_path / "disk")
    disk.words = words
    host = Host(tmp_path / "disk" / "ws")
    try:
        host.start()
        yield disk, host
    finally:
        host.end()
        disk.end()


def refused(call, words, codes=("ResourceLimitExceeded", "ServiceUnavailable")):
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] in codes
    assert words in error.value.response["Error"]["Message"]


def groups(host, prefix, most=3000):
    """Make groups until the engine refuses one; returns those that it acknowledged, and the refusal."""
    made = []
    for n in range(most):
        try:
            host.sagemaker.create_model_package_group(ModelPackageGroupName=f"{prefix}-{n}", Tags=[{"Key": "n", "Value": str(n)}])
        except ClientError as error:
            return made, error.response["Error"]
        made.append(f"{prefix}-{n}")
    raise AssertionError("nothing was refused")


def there(host, prefix):
    pages = host.sagemaker.get_paginator("list_model_package_groups").paginate(NameContains=prefix, SortBy="CreationTime")
    return [group["ModelPackageGroupName"] for page in pages for group in page["ModelPackageGroupSummaryList"]]


def test_a_full_disk_refuses_in_words_and_takes_up_again(disk, survived):
    disk, host = disk
    fill(host.s3)
    host.sagemaker.create_training_job(TrainingJobName="long", **training(1_000_000))
    host.sagemaker.create_training_job(TrainingJobName="ending", **training(2000))
    host.sagemaker.create_processing_job(ProcessingJobName="table", **rebalancing("table"))
    host.s3.put_object(Bucket=BUCKET, Key="kept", Body=b"evidence" * 1000)
    disk.fill(host)
    for size in (100_000, 3_000_000):
        refused(lambda size=size: host.s3.put_object(Bucket=BUCKET, Key="kept", Body=b"x" * size), disk.words)
    made, error = groups(host, "full")
    assert error["Code"] == "ResourceLimitExceeded"
    assert str(host.workspace) in error["Message"]
    assert disk.words in error["Message"]
    assert there(host, "full") == made
    assert host.s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"evidence" * 1000
    disk.free(host)
    more = [f"freed-{n}" for n in range(3)]
    for name in more:
        host.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    host.sagemaker.stop_training_job(TrainingJobName="long")
    assert ended(host, "training", "long")["TrainingJobStatus"] == "Stopped"
    for kind, name in (("training", "ending"), ("processing", "table")):
        body = ended(host, kind, name)
        assert body[describe(host, kind, name)[1]] == "Completed" or re.search(
            "disk|No space|File too large", f"{body['FailureReason']} {body.get('ExitMessage')}"
        )
    host.sagemaker.create_training_job(TrainingJobName="after", **training(5))
    assert ended(host, "training", "after")["TrainingJobStatus"] == "Completed"
    host.kill()
    disk.refuse_start(host)
    host.start()
    assert (there(host, "full"), there(host, "freed")) == (made, more)
    assert host.s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"evidence" * 1000
    survived(f"{disk.words}, then not")


# start-up on what can't be used --------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path):
    """A workspace with a record and an object in it, and no engine."""
    workspace = tmp_path / "ws"
    (workspace / "objects").mkdir(parents=True)
    store, objects = Store(workspace / "engine.db"), ObjectStore(workspace / "objects")
    store.insert("model-package-group", "kept", {"ModelPackageGroupName": "kept"}, arn="arn:kept", now=1.0)
    objects.create_bucket("kept", 1.0)
    with objects.receive_body() as body:
        body.write(b"evidence")
        objects.put("kept", "k", body, {}, 1.0)
    store.close()
    objects.close()
    lifecycle.ensure_keys(workspace)
    return workspace


def everything(workspace):
    store, objects = Store(workspace / "engine.db"), ObjectStore(workspace / "objects")
    try:
        _, file = objects.open("kept", "k")
        with file:
            return store.get("model-package-group", "kept"), file.read()
    finally:
        store.close()
        objects.close()


KEPT = ({"ModelPackageGroupName": "kept"}, b"evidence")
NOT_ROOT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
"""Root may write everywhere; without these capabilities it may not."""


def by_core(workspace, before=()):
    """What the product's command line says; it starts the engine."""
    command = [*before, sys.executable, "-m", "core", "audit", "verify", "--workspace", str(workspace)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=90, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_a_read_only_workspace_is_named_and_nothing_in_it_changes(workspace, survived):
    paths = [workspace, *workspace.rglob("*")]
    before = {path: path.read_bytes() for path in paths if path.is_file()}
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        done = by_core(workspace, NOT_ROOT)
        assert done.returncode == 1
        assert f"the workspace {workspace}: the disk can't be written (Permission denied)" in done.stderr
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert {path: path.read_bytes() for path in before} == before
    assert everything(workspace) == KEPT
    survived("a read-only workspace refused in words")


def opened(workspace):
    Store(workspace / "engine.db").close()
    ObjectStore(workspace / "objects").close()


@pytest.mark.parametrize("file", ["engine.db", "objects/index.db"])
def test_a_workspace_of_a_newer_version_is_refused_and_left_as_it_is(workspace, file, survived):
    with contextlib.closing(sqlite3.connect(workspace / file)) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute("PRAGMA user_version=99")
    words = f"{workspace / file} was written by a newer version of this product"
    with pytest.raises(UnusableWorkspace, match=words):
        opened(workspace)
    if file == "engine.db":
        done = by_core(workspace)
        assert done.returncode == 1
        assert words in done.stderr
        assert "update the product" in done.stderr
    with contextlib.closing(sqlite3.connect(workspace / file)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)
        database.execute(f"PRAGMA user_version={version}")
    assert everything(workspace) == KEPT
    survived("a workspace of a newer version refused in words")


@pytest.mark.parametrize("file", ["engine.db", "objects/index.db"])
def test_a_damaged_database_is_named(workspace, file, survived):
    content = (workspace / file).read_bytes()
    (workspace / file).write_bytes(b"garbage!" * 1000)
    with pytest.raises(UnusableWorkspace, match=f"{workspace / file} is damaged"):
        opened(workspace)
    (workspace / file).write_bytes(content)
    assert everything(workspace) == KEPT
    survived("a damaged database refused in words")


def test_a_lost_index_does_not_take_the_objects_with_it(workspace, survived):
    shutil.move(workspace / "objects" / "index.db", workspace / "index.db")
    for _ in range(2):
        with pytest.raises(UnusableWorkspace, match=r"index\.db is missing, but the objects that it describes exist"):
            opened(workspace)
    shutil.move(workspace / "index.db", workspace / "objects" / "index.db")
    assert everything(workspace) == KEPT
    survived("a lost index refused in words")


def test_a_commit_that_the_disk_refuses_does_not_swallow_the_next(workspace):
    """With SQLite's own limit on the size of a file, which refuses as a full disk does."""
    store = Store(workspace / "engine.db")
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(sqlite3.OperationalError) as error, store.transaction():
        for n in range(100):
            store.insert("model", f"lost-{n}", {"text": "x" * 1000}, arn=f"arn:lost-{n}", now=1.0)
    assert disk_problem(error.value) == "the disk is full"
    store._db.execute("PRAGMA max_page_count=1000000")
    store.insert("model", "next", {}, arn="arn:next", now=1.0)
    store.close()
    again = Store(workspace / "engine.db")
    assert [body for name in ("lost-0", "next") if (body := again.get("model", name)) is not None] == [{}]
    again.close()


def test_an_object_stays_when_its_predecessor_cannot_be_removed(workspace):
    objects = ObjectStore(workspace / "objects")
    old = objects.get("kept", "k").path
    old.unlink()
    old.mkdir()
    with objects.receive_body() as body:
        body.write(b"newer")
        objects.put("kept", "k", body, {}, 2.0)
    assert objects.get("kept", "k").path.read_bytes() == b"newer"
    old.rmdir()
    objects.close()
