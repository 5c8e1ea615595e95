"""Engines that are started often and ended the hard way, and what is known of their processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config
from paths import ROOT

from core.aws.target import Target
from core.settings import Settings
from engine import lifecycle

REPO = ROOT


class Host:
    """One workspace, one port, one engine after the other. ``path`` comes first on the engine's PYTHONPATH."""

    def __init__(self, workspace: Path, *, path: tuple[Path, ...] = (), **environment: str) -> None:
        self.workspace = workspace
        workspace.mkdir(exist_ok=True)
        self.keys = lifecycle.ensure_keys(workspace)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.launcher = launcher(path, **environment)
        self.pid = 0
        self.sessions: list[int] = []
        self.session = boto3.Session(self.keys.access_key_id, self.keys.secret_access_key, region_name=lifecycle.configured_region())
        self.clients = {name: self._client(name) for name in ("s3", "sagemaker", "logs")}
        self.s3, self.sagemaker = self.clients["s3"], self.clients["sagemaker"]

    def _client(self, service: str):
        s3 = {"addressing_style": "path"} if service == "s3" else None
        config = Config(
            retries={"total_max_attempts": 1}, signature_version="s3v4" if s3 else None, s3=s3, read_timeout=60, max_pool_connections=20
        )
        return self.session.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", config=config)

    def core(self) -> Target:
        """The clients that the product's own code takes."""
        account, region = "000000000000", lifecycle.configured_region()
        settings = Settings(workspace=self.workspace)
        return Target(
            settings, self.session, self.sagemaker, self.s3, f"sagemaker-{region}-{account}", region, account, "aws", self._client
        )

    def _tell(self, *words: object) -> str:
        print(*words, file=self.launcher.stdin)
        return self.launcher.stdout.readline().strip()

    def launch(self) -> None:
        """Start an engine."""
        self.pid = int(self._tell("serve", self.workspace, self.port))
        self.sessions.append(self.pid)

    def start(self, seconds: float = 90) -> None:
        """Start an engine and wait until it answers."""
        self.launch()
        deadline = time.monotonic() + seconds
        while not answers(self.port):
            assert time.monotonic() < deadline, (self.workspace / "engine.log").read_text()[-3000:]
            time.sleep(0.01)

    def kill(self) -> None:
        """kill -9 of the engine; what it started is left to itself."""
        assert self._tell("kill", self.pid) == "dead"

    def end(self) -> None:
        """End the engine, and whatever it and those before it may have left."""
        if self.pid:
            self.kill()
        for pid in [pid for session in self.sessions for pid in members(session)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


_launchers: dict[tuple, subprocess.Popen] = {}


def launcher(path: tuple[Path, ...], **environment: str) -> subprocess.Popen:
    """The process that forks engines of that environment."""
    key = (path, *sorted(environment.items()))
    if key not in _launchers:
        whole = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(map(str, [*path, REPO]))}
        command = [sys.executable, str(Path(__file__).parent / "launcher.py")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        _launchers[key] = subprocess.Popen(command, cwd=REPO, env=whole, text=True, bufsize=1, **pipes)
    return _launchers[key]


def end_launchers() -> None:
    for process in _launchers.values():
        process.stdin.close()
        process.wait(timeout=60)
    _launchers.clear()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return json.load(connection.getresponse())["status"] == "ok"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stat(pid: str) -> tuple[str, int, int] | None:
    """(state, parent, session) of a process."""
    try:
        fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[3])


def members(session: int) -> dict[int, int]:
    """Processes of a session -> their parents; an engine leads the session of all that it starts."""
    stats = {int(pid): _stat(pid) for pid in os.listdir("/proc") if pid.isdecimal()}
    return {pid: stat[1] for pid, stat in stats.items() if stat and stat[2] == session and stat[0] != "Z"}


def forkserver(engine: int) -> int | None:
    """The process that workers are forked from."""
    for pid, parent in members(engine).items():
        with contextlib.suppress(OSError):
            if parent == engine and b"forkserver" in Path("/proc", str(pid), "cmdline").read_bytes():
                return pid
    return None


def workers(engine: int) -> list[int]:
    found = members(engine)
    server = forkserver(engine)
    return [pid for pid, parent in found.items() if server and parent == server]


def until(condition, seconds: float = 120, what: str = ""):
    """What ``condition`` returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.05)
    return found
