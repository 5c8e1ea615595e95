"""Work in a fresh process: how long it takes, and how much memory at most beyond what was there before it began."""

from __future__ import annotations

import ctypes
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    print(json.dumps({"seconds": seconds, "peak_mb": max(peak, 0.0), "table_mb": table_bytes / 2**20}))


def _resident() -> float:
    """The most memory so far in MB: making the table may have taken more than it is, which must not hide what the work takes."""
    ctypes.CDLL(None).malloc_trim(0)  # what is free already goes back, so that using it again counts
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # from here on the peak is counted anew
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
