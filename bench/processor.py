"""Processor time of commands and of what they start: on a machine that others use too, it says more than the time on the clock."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.memory import below

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock and of processors (user and system), and the most memory of one process in MB."""

    clock: float
    processor: float
    peak_mb: float


def run_command(command: Sequence[str], workspace: Path | None = None) -> Spent:
    """Run the command. ``workspace``: of the engine that it starts, which goes on; its time until now is added, and its workers'."""
    start = time.perf_counter()
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # threads that wait for a busy processor don't count as work
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.perf_counter() - start
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    engine = json.loads((workspace / "engine.json").read_text())["pid"] if workspace else None
    others = sum(map(_ticks, (engine, *below(engine)))) / TICKS if engine else 0.0
    return Spent(clock, usage.ru_utime + usage.ru_stime + others, usage.ru_maxrss / 1024)


def _ticks(pid: int) -> int:
    """Of a process, and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))
