"""The contract of a SageMaker Processing container: what stops a job before it begins, and how its end is told."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from paths import ROOT

from engine.containers import ENTRY_POINTS, ContainerError, entry

LOCAL = "/opt/ml/processing/input/data"


def request(root, **changes):
    """Write the files that SageMaker lays beside a container."""
    source = {"S3Uri": "s3://b/rows.csv", "LocalPath": LOCAL}
    target = {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/output"}
    config = {
        "ProcessingInputs": [{"InputName": "data", "S3Input": source}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "result", "S3Output": target}]},
        **changes,
    }
    (root / "opt/ml/config").mkdir(parents=True)
    (root / "opt/ml/config/processingjobconfig.json").write_text(json.dumps(config))
    return root


def message(root):
    return (root / entry.MESSAGE_FILE).read_text(encoding="utf-8")


def test_an_input_that_did_not_come_is_named_with_its_uri_and_place(tmp_path, capsys):
    ended = entry.run_container("rebalance", request(tmp_path), {})
    assert ended == entry.ContainerExit(entry.EXIT_USER_ERROR, message(tmp_path))
    assert message(tmp_path).startswith("the input data has no file: nothing came from s3://b/rows.csv to ")
    assert message(tmp_path) in capsys.readouterr().out


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "opt/ml/processing").mkdir(parents=True)
    (tmp_path / "opt/ml/processing/output").write_text("a file")
    entry.run_container("rebalance", request(tmp_path, ProcessingInputs=[]), {})
    assert message(tmp_path) == "the output folder /opt/ml/processing/output cannot be made: File exists"


@pytest.mark.skipif(os.getuid() != 0, reason="to be another user one has to be root")
def test_another_user_than_root_is_told_to_be_root(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "opt/ml/processing/output").mkdir(parents=True)
    (tmp_path / "opt/ml/output").mkdir(parents=True)
    (tmp_path / "opt/ml/output").chmod(0o777)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from engine.containers import entry; os.setuid(65534)\n"
        "try: entry.check_inputs_and_outputs(Path(sys.argv[2]))\nexcept Exception as error: print(error)"
    )
    for folder in tmp_path.parents:
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, ROOT, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout == "the output folder /opt/ml/processing/output cannot be written by user 65534: run the image as root\n", (
        done.stderr
    )


def test_two_instances_are_refused(tmp_path):
    request(tmp_path)
    (tmp_path / "opt/ml/config/resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}')
    assert "works on one instance" in entry.run_container("clarify", tmp_path, {}).reason


def test_what_a_container_finds_wrong_is_its_users_and_the_rest_is_a_defect(tmp_path, monkeypatch, capsys):
    from engine.containers import rebalance

    root = request(tmp_path, ProcessingInputs=[])
    for error, code, reason in (
        (ContainerError("column SEX: mixes whole numbers and fractions"), 1, "column SEX: mixes whole numbers and fractions"),
        (ZeroDivisionError("division by zero"), 2, "ZeroDivisionError: division by zero"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device; give the job a larger volume (VolumeSizeInGB)"),
        (ContainerError("ü" * 2000), 1, "ü" * 2000),
    ):
        monkeypatch.setattr(rebalance, "main", lambda root, environment, error=error: (_ for _ in ()).throw(error))
        assert entry.run_container("rebalance", root, {}) == entry.ContainerExit(code, reason)
        assert message(root) == reason[:512] if reason[0] == "ü" else message(root) == reason  # 1,024 bytes, none of them half a letter
        assert ("Traceback" in capsys.readouterr().out) == (code == 2)


def run(*argv, root):
    command = [sys.executable, "-m", "engine.containers", *argv]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PROCESSING_ROOT": str(root)}, stdout=subprocess.PIPE, text=True)


def test_an_entry_point_that_there_is_not_is_refused_with_those_that_there_are(tmp_path):
    process = run("explain", root=tmp_path)
    assert "there is no entry point 'explain'" in process.communicate(timeout=120)[0]
    assert process.returncode == entry.EXIT_USER_ERROR
    assert all(name in message(tmp_path) for name in ENTRY_POINTS)


def test_a_stopped_job_ends_at_once_and_says_that_it_was_stopped(tmp_path):
    """StopProcessingJob sends SIGTERM, and SIGKILL two minutes later."""
    fifo = tmp_path / "opt/ml/config/resourceconfig.json"
    fifo.parent.mkdir(parents=True)
    os.mkfifo(fifo)
    process = run("rebalance", root=tmp_path)
    deadline = time.monotonic() + 120
    while True:
        try:
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)  # refused until the job reads it, and then it waits for its content
            break
        except OSError:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert "the job was stopped" in process.communicate(timeout=60)[0]
    os.close(writer)
    assert process.returncode == entry.EXIT_STOPPED
    assert message(tmp_path) == "the job was stopped"
