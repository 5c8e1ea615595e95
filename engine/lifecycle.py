"""Start, find and stop the one engine of a workspace."""

from __future__ import annotations

import fcntl
import http.client
import json
import logging
import os
import secrets
import signal
import site
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.context import Context
from engine.principal import ACCOUNT, AccessKeys
from engine.store.database import UnusableWorkspace
from engine.store.disk_errors import disk_problem

START_SECONDS = 30
STOP_SECONDS = 30
GRACE_SECONDS = 5
"""How long requests that are under way may take to end when the engine stops."""
log = logging.getLogger("engine")


class EngineError(Exception):
    """The engine can't be started, with the reason."""


@dataclass(frozen=True)
class RunningEngine:
    """Where an engine answers, and the keys to sign with."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str


def configured_region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def ensure_keys(workspace: Path) -> AccessKeys:
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
    return AccessKeys(**json.loads(path.read_text()))


@contextmanager
def _lock(path: Path, seconds: float, problem: str) -> Iterator[None]:
    """Hold the lock file; raises EngineError with ``problem`` when another process still holds it after ``seconds``."""
    deadline = time.monotonic() + seconds
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise EngineError(problem) from error
                time.sleep(0.02)
        yield


@contextmanager
def _start_lock(workspace: Path) -> Iterator[None]:
    """Hold the lock of who starts or stops the workspace's engine; raises EngineError when another process does so for too long."""
    seconds = START_SECONDS + STOP_SECONDS
    problem = (
        f"another process has been starting or stopping the engine of {workspace} for {seconds:g} s and isn't done: try again in a minute, "
        f"or end the process that holds {workspace / 'ensure.lock'}"
    )
    with _lock(workspace / "ensure.lock", seconds, problem):
        yield


@contextmanager
def _as_engine_error(workspace: Path) -> Iterator[None]:
    """Report a workspace that can't be used as an EngineError."""
    try:
        yield
    except UnusableWorkspace as error:
        raise EngineError(str(error)) from error
    except (OSError, sqlite3.Error) as error:
        reason = disk_problem(error) or f"it can't be used ({error})"
        raise EngineError(f"the workspace {workspace}: {reason}") from error


def serve(workspace: Path, port: int = 0) -> None:
    """Serve the workspace on 127.0.0.1 until SIGTERM or SIGINT. Raises EngineError when another engine owns it."""
    import uvicorn

    from engine.jobs.job_queue import JobQueue
    from engine.sagemaker.job_operations.sagemaker_jobs import SageMakerJobs
    from engine.store.objects import ObjectStore
    from engine.store.records import Store
    from engine.wire import access_log
    from engine.wire.app import create_app

    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with _as_engine_error(workspace):
        workspace.mkdir(parents=True, exist_ok=True)
    owned = f"another engine owns {workspace}: use it, or stop it first (governance-engine stop)"
    with _as_engine_error(workspace), _lock(workspace / "engine.lock", 0, owned):
        pair = ensure_keys(workspace)
        sock = socket.socket(
            socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
        )  # the protocol is named, since asyncio sets TCP_NODELAY only then
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise EngineError(f"port {port} of 127.0.0.1 is not available: {error}") from error
        endpoint = f"http://127.0.0.1:{sock.getsockname()[1]}"
        store, objects = Store(workspace / "engine.db"), ObjectStore(workspace / "objects")
        context = Context(workspace, configured_region(), store, objects, endpoint=endpoint)
        context.jobs = JobQueue(context, SageMakerJobs(context))
        access_log.start_recording(workspace)
        bucket = f"sagemaker-{context.region}-{ACCOUNT}"
        objects.create_bucket(bucket, context.now())
        if objects.get_versioning(bucket) is None:  # of an earlier release too; who suspended it stays with that
            objects.set_versioning(bucket, "Enabled")
        instance = secrets.token_hex(8)
        config = uvicorn.Config(
            create_app(context, pair, instance),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        # When uvicorn is done it raises the signal that ended it again; with these handlers the rest of this function still runs.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        sock.listen(512)
        try:
            context.jobs.start()
            _write(workspace / "engine.json", {"pid": os.getpid(), "endpoint": endpoint, "region": context.region, "instance": instance})
            log.info("serving %s at %s", workspace, endpoint)
            server.run(sockets=[sock])
        finally:
            (workspace / "engine.json").unlink(missing_ok=True)
            context.jobs.stop()
            objects.close()
            store.close()
            log.info("stopped")


def ensure_running(workspace: Path, port: int = 0) -> RunningEngine:
    """The running engine of the workspace; started, detached, when none answers. Two callers at once get the same one."""
    workspace = workspace.resolve()
    with _as_engine_error(workspace):
        workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
        pair = ensure_keys(workspace)
    with _as_engine_error(workspace), _start_lock(workspace):
        found = _read_if_answering(workspace)
        if found is None:
            found = _start_and_wait(workspace, port)
    return RunningEngine(found["endpoint"], pair.access_key_id, pair.secret_access_key, found.get("region", configured_region()))


def _start_and_wait(workspace: Path, port: int) -> dict[str, str]:
    """Start an engine unless one has the workspace's lock (it may be starting, or busy), and wait until it answers."""
    process = None
    deadline = time.monotonic() + START_SECONDS
    while (found := _read_if_answering(workspace)) is None:
        if process is None and not _is_locked(workspace):
            with os.fdopen(os.open(workspace / "engine.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "engine", "serve", "--workspace", str(workspace), "--port", str(port)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    cwd=workspace,
                    env=_server_environment(),
                )
        if process is not None and process.poll() is not None and not _is_locked(workspace):
            tail = (workspace / "engine.log").read_text(errors="replace").strip().splitlines()[-1:]
            raise EngineError(f"the engine did not start: {' '.join(tail).removeprefix('engine: ') or 'see engine.log'}")
        if time.monotonic() > deadline:
            raise EngineError(f"the engine did not answer within {START_SECONDS} s; see {workspace / 'engine.log'}")
        time.sleep(0.05)
    return found


def _server_environment() -> dict[str, str]:
    """This process's environment, in which ``python -m engine`` and its workers find this package whatever folder they run in."""
    folder = str(Path(__file__).resolve().parents[1])
    if folder in map(os.path.realpath, (*site.getsitepackages(), site.getusersitepackages())):
        return dict(os.environ)
    paths = [folder, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def find_endpoint(workspace: Path) -> str | None:
    """The endpoint of the engine that answers for this workspace, or None."""
    found = _read_if_answering(workspace)
    return found["endpoint"] if found else None


def _read_if_answering(workspace: Path) -> dict[str, str] | None:
    """engine.json, if the engine that wrote it answers; None if it was left by a crash, or another engine answers on that port."""
    try:
        written = json.loads((workspace / "engine.json").read_text())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{written['endpoint']}/health", timeout=5) as response:
            answer = json.load(response)
        return written if answer.get("instance") == written.get("instance") else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, http.client.HTTPException):
        return None


def stop(workspace: Path) -> bool:
    """End the workspace's engine and wait for it. False when none was running."""
    if not workspace.is_dir():
        return False
    with _start_lock(workspace):
        found = _read_if_answering(workspace)
        if found is None:
            return False
        os.kill(int(found["pid"]), signal.SIGTERM)
        with _lock(workspace / "engine.lock", STOP_SECONDS, f"the engine (process {found['pid']}) did not end within {STOP_SECONDS} s"):
            return True


def _is_locked(workspace: Path) -> bool:
    try:
        with _lock(workspace / "engine.lock", 0, "locked"):
            return False
    except EngineError:
        return True


def _write(path: Path, value: object) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value))
    draft.replace(path)
