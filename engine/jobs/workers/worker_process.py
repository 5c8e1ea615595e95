"""A worker as a process of the operating system: start it, kill it, say why it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from multiprocessing.process import BaseProcess

UNKNOWN_EXIT_CODE = 255
"""The exit code that multiprocessing gives to a process of which it can't know."""


def kill_process(process: BaseProcess) -> None:
    """kill -9, of a worker too that lost the process that it was forked from; multiprocessing takes that one for dead."""
    process.kill()
    if process.exitcode == UNKNOWN_EXIT_CODE and process.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def start_process(process: BaseProcess, seconds: float = 10) -> None:
    """Start a worker, by another process to fork from where that one is dying: until it is dead, it refuses, and isn't replaced."""
    until = time.monotonic() + seconds
    while True:
        try:
            return process.start()
        except (EOFError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def exit_reason(code: int | None) -> str:
    """Why a process ended that said nothing: a signal, or its exit code."""
    if code is None or code >= 0:
        return f"AlgorithmError: the job's process ended without a word, exit code: {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    why = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"AlgorithmError: the job's process was ended by {name}{why}, exit code: {128 - code}"
