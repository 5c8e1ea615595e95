"""One engine owns a workspace, and what a dead one left behind keeps nobody out."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from hosting import REPO, members, until

from engine import lifecycle


class Other(http.server.BaseHTTPRequestHandler):
    """Some other program that came to have the engine's port."""

    answer = b""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"pid": 1}', '{"pid": 1, "endpoint": 7}', '{"pid": 1, "endpoint": "http://127.0.0.1:1"}']
)
def test_a_stale_engine_file_names_no_engine(tmp_path, content):
    (tmp_path / "engine.json").write_text(content)
    assert lifecycle.find(tmp_path) is None
    assert not lifecycle.stop(tmp_path)


@pytest.mark.parametrize("answer", [b'{"status": "ok", "version": "0.1.0", "instance": "another"}', b'{"status": "ok"}', b"[]", b"<html>"])
def test_another_server_on_the_port_is_not_taken_for_the_engine(tmp_path, answer):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("It", (Other,), {"answer": answer})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        written = {"pid": os.getpid(), "endpoint": f"http://127.0.0.1:{server.server_port}", "instance": "mine"}
        (tmp_path / "engine.json").write_text(json.dumps(written))
        assert lifecycle.find(tmp_path) is None
        assert not lifecycle.stop(tmp_path)
        server.shutdown()


def test_what_a_killed_engine_left_behind_keeps_nobody_out(tmp_path, survived):
    lifecycle.ensure(tmp_path)
    first = json.loads((tmp_path / "engine.json").read_text())
    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: not lifecycle._owned(tmp_path), 5)
    assert (tmp_path / "engine.lock").exists()
    assert json.loads((tmp_path / "engine.json").read_text()) == first
    try:
        running = lifecycle.ensure(tmp_path)
        assert lifecycle.find(tmp_path) == running.endpoint
        assert json.loads((tmp_path / "engine.json").read_text())["instance"] != first["instance"]
    finally:
        lifecycle.stop(tmp_path)
    until(lambda: not members(first["pid"]), 10)
    survived("a stale lock and a stale engine.json")


def test_of_four_engines_one_owns_the_workspace(tmp_path, survived):
    command = [sys.executable, "-m", "engine", "serve", "--workspace", str(tmp_path)]
    started = [subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True, start_new_session=True) for _ in range(4)]
    try:
        until(lambda: sum(process.poll() is not None for process in started) == 3)
        until(lambda: lifecycle.find(tmp_path))
        refused = [process.communicate()[1] for process in started if process.returncode is not None]
        assert all(text.strip().splitlines()[-1] == f"engine: another engine owns {tmp_path}" for text in refused)
        (owner,) = [process for process in started if process.returncode is None]
        assert json.loads((tmp_path / "engine.json").read_text())["pid"] == owner.pid
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            process.wait(timeout=20)
    survived("a second engine for one workspace refused", 3)
