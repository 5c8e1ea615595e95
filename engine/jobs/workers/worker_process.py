"""The worker's process: start it, kill it, and explain why it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from multiprocessing.process import BaseProcess

UNKNOWN_EXIT_CODE = 255
"""The exit code that multiprocessing reports when it doesn't know the real one."""


def kill_process(process: BaseProcess) -> None:
    """Kill a worker with SIGKILL. If the process that it was forked from has died, multiprocessing believes that the worker has too:
    kill it by its id.
    """
    process.kill()
    if process.exitcode == UNKNOWN_EXIT_CODE and process.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def start_process(process: BaseProcess, seconds: float = 10) -> None:
    """Start a worker. The process that workers are forked from refuses while it is dying, and is replaced when dead: try until then."""
    until = time.monotonic() + seconds
    while True:
        try:
            return process.start()
        except (EOFError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def exit_reason(code: int | None) -> str:
    """Why a process ended that reported no reason itself: a signal, or its exit code."""
    if code is None or code >= 0:
        return f"AlgorithmError: the job's process ended without giving a reason, exit code: {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    why = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"AlgorithmError: the job's process was ended by {name}{why}, exit code: {128 - code}"
