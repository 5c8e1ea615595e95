"""Work in a fresh process: how long it takes, and how much memory at most beyond what was there before it began."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Usage:
    """``table_mb``: of the table; ``peak_mb``: the most beyond the process with the table loaded."""

    seconds: float
    peak_mb: float
    table_mb: float


def usage(module: str, *arguments: str) -> Usage:
    """What ``python -m module arguments``, which ends with ``measured``, says."""
    output = subprocess.run([sys.executable, "-m", module, *arguments], check=True, capture_output=True, text=True).stdout
    return Usage(**json.loads(output.splitlines()[-1]))


def measured(work: Callable[[], Any], table_bytes: float) -> None:
    """Do the work and print its usage."""
    before, start = _resident(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": _peak() - before, "table_mb": table_bytes / 2**20}))


def _resident() -> float:
    """What the process has now, in MB; from here on its peak is counted anew, as making the table may have taken more than it has."""
    ctypes.CDLL(None).malloc_trim(0)  # what is free already goes back, so that using it again counts
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    """The most memory so far, in MB. Not ru_maxrss, which begins at the peak of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
