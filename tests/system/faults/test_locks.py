"""One engine owns a workspace, and what a dead one left behind keeps nobody out."""

from __future__ import annotations

import http.server
import json
import os
import threading

import pytest
from hosting import Host, members, until

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
    assert lifecycle.find_endpoint(tmp_path) is None
    assert not lifecycle.stop(tmp_path)


@pytest.mark.parametrize("answer", [b'{"status": "ok", "version": "0.1.0", "instance": "another"}', b'{"status": "ok"}', b"[]", b"<html>"])
def test_another_server_on_the_port_is_not_taken_for_the_engine(tmp_path, answer):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("It", (Other,), {"answer": answer})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        written = {"pid": os.getpid(), "endpoint": f"http://127.0.0.1:{server.server_port}", "instance": "mine"}
        (tmp_path / "engine.json").write_text(json.dumps(written))
        assert lifecycle.find_endpoint(tmp_path) is None
        assert not lifecycle.stop(tmp_path)
        server.shutdown()


def test_what_a_killed_engine_left_behind_keeps_nobody_out(tmp_path, survived):
    host = Host(tmp_path / "ws")
    try:
        host.start()
        first = json.loads((host.workspace / "engine.json").read_text())
        host.kill()
        assert (host.workspace / "engine.lock").exists()
        assert json.loads((host.workspace / "engine.json").read_text()) == first
        assert lifecycle.find_endpoint(host.workspace) is None
        assert not lifecycle.stop(host.workspace)
        host.start()
        assert lifecycle.find_endpoint(host.workspace) == f"http://127.0.0.1:{host.port}"
        assert json.loads((host.workspace / "engine.json").read_text())["instance"] != first["instance"]
    finally:
        host.end()
    until(lambda: not members(first["pid"]))
    survived("a stale lock and a stale engine.json")


def test_a_second_engine_does_not_own_the_workspace(tmp_path, survived):
    host = Host(tmp_path / "ws")
    try:
        host.start()
        owner = host.pid
        host.port = 0
        for n in range(1, 4):
            host.launch()
            until(lambda n=n: (host.workspace / "engine.log").read_text().count(f"engine: another engine owns {host.workspace}") == n)
            host.kill()
        assert json.loads((host.workspace / "engine.json").read_text())["pid"] == owner
        assert lifecycle.find_endpoint(host.workspace) is not None
        host.pid = owner
    finally:
        host.end()
    survived("a second engine for one workspace refused", 3)
