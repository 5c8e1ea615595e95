"""Start, find and stop the one engine of a workspace."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.context import ACCOUNT, Context
from engine.wire.sigv4 import Keys

START_SECONDS = 30


class EngineError(Exception):
    """The engine can't be started, with the reason."""


@dataclass(frozen=True)
class Running:
    """Where an engine answers, and the keys to sign with."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str


def region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def keys(workspace: Path) -> Keys:
    """The workspace's keys, made at the first call; the file is for its owner only."""
    path = workspace / "keys.json"
    if not path.exists():
        pair = {"access_key_id": "AKIALOCAL" + secrets.token_hex(6).upper()[:11], "secret_access_key": secrets.token_urlsafe(30)}
        draft = workspace / f".keys.{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(pair, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return Keys(**json.loads(path.read_text()))


@contextmanager
def _lock(path: Path, *, wait: bool) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise EngineError(f"another engine owns {path.parent}") from error
        yield


def serve(workspace: Path, port: int = 0) -> None:
    """Serve the workspace on 127.0.0.1 until SIGTERM or SIGINT. Raises EngineError when another engine owns it."""
    import uvicorn

    import engine.neighbours
    import engine.sagemaker  # noqa: F401 - registers the operations
    from engine.jobs.queue import Jobs
    from engine.s3.objects import Objects
    from engine.store import Store
    from engine.wire.app import create_app

    workspace.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with _lock(workspace / "engine.lock", wait=False):
        pair = keys(workspace)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            raise EngineError(f"port {port} of 127.0.0.1 is taken: {error}") from error
        endpoint = f"http://127.0.0.1:{sock.getsockname()[1]}"
        context = Context(workspace, region(), Store(workspace / "engine.db"), Objects(workspace / "objects"), endpoint)
        context.jobs = Jobs(context)
        context.objects.create_bucket(f"sagemaker-{context.region}-{ACCOUNT}", context.now())
        server = uvicorn.Server(uvicorn.Config(create_app(context, pair), log_level="warning", access_log=False, lifespan="off"))
        sock.listen(512)
        _write(workspace / "engine.json", {"pid": os.getpid(), "endpoint": endpoint})
        context.jobs.start()
        try:
            server.run(sockets=[sock])
        finally:
            (workspace / "engine.json").unlink(missing_ok=True)
            context.jobs.stop()
            context.objects.close()
            context.store.close()


def ensure(workspace: Path, port: int = 0) -> Running:
    """The running engine of the workspace; started, detached, when none answers. Two callers at once get the same one."""
    workspace = workspace.resolve()
    workspace.mkdir(parents=True, exist_ok=True)
    pair = keys(workspace)
    with _lock(workspace / "ensure.lock", wait=True):
        endpoint = find(workspace)
        if endpoint is None:
            with (workspace / "engine.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "engine", "serve", "--workspace", str(workspace), "--port", str(port)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=Path(__file__).parent.parent,
                )
            deadline = time.monotonic() + START_SECONDS
            while (endpoint := find(workspace)) is None:
                if process.poll() is not None:
                    tail = (workspace / "engine.log").read_text(errors="replace").strip().splitlines()[-1:]
                    raise EngineError(f"the engine did not start: {' '.join(tail) or 'see engine.log'}")
                if time.monotonic() > deadline:
                    raise EngineError(f"the engine did not answer within {START_SECONDS} s; see {workspace / 'engine.log'}")
                time.sleep(0.05)
    return Running(endpoint, pair.access_key_id, pair.secret_access_key, region())


def find(workspace: Path) -> str | None:
    """The endpoint of the engine that answers for this workspace, or None."""
    try:
        endpoint = str(json.loads((workspace / "engine.json").read_text())["endpoint"])
        with urllib.request.urlopen(f"{endpoint}/health", timeout=2) as response:  # noqa: S310 - our own loopback address
            return endpoint if response.status == 200 else None
    except (OSError, ValueError, KeyError):
        return None


def stop(workspace: Path) -> bool:
    """End the workspace's engine and wait for it. False when none was running."""
    try:
        pid = int(json.loads((workspace / "engine.json").read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return False
    if find(workspace) is None:
        return False
    os.kill(pid, signal.SIGTERM)
    with _lock(workspace / "engine.lock", wait=True):
        return True


def _write(path: Path, value: object) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value))
    draft.replace(path)
