"""Memory of the app and its engine, idle after one page and at most while the demo runs, beside the smallest Streamlit app with boto3."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.compare import Goal, Row, run, said
from bench.visitor import ROOT, Visitor, answering, serving
from engine import lifecycle

BARE = 'import boto3\nimport streamlit as st\nst.title("bare")\nboto3.client("sagemaker", region_name="us-east-1")\n'
EVERY = 0.2
"""Seconds between two looks at the memory while the demo runs; each look is short of what lies between."""


def rows(small: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-memory-", ignore_cleanup_errors=True) as name:
        bare = alone(Path(name))
        idle, most = product(Path(name) / "workspace", small)
    peer = "a one-line Streamlit app with boto3"

    def row(when: str, found: dict[str, float], goal: Goal) -> Row:
        note = ", ".join(f"{part} {size:.0f} MB" for part, size in found.items())
        figure = f"memory of app and engine, {when}"
        return said(Row(figure, (sum(found.values()),), peer, (bare,), unit="MB", goal=goal, note=note))

    return [row("idle after one page", idle, Goal(at_most=3)), row("at most under the demo", most, Goal())]


def alone(folder: Path) -> float:
    """MB of the smallest app, its page opened once."""
    (folder / "bare.py").write_text(BARE)
    with app(folder / "bare.py") as process:
        return sum(memory({process: "app"}).values())


def product(workspace: Path, small: bool) -> tuple[dict[str, float], dict[str, float]]:
    """MB by part: idle, and at the time of the demo at which their sum was the greatest."""
    workspace.mkdir()
    try:
        with app(ROOT / "streamlit_app.py", GOVERNANCE_WORKSPACE=str(workspace), GOVERNANCE_TARGET="local") as process:
            engine = json.loads((workspace / "engine.json").read_text())["pid"]
            idle = most = memory({process: "app", engine: "engine"})
            if small:
                return idle, most
            command = [sys.executable, "-m", "core", "demo", "--workspace", str(workspace), "--max-jobs", "4"]
            demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
            while demo.poll() is None:
                found = memory({process: "app", engine: "engine", demo.pid: "workflow"})
                most = max(most, found, key=lambda parts: sum(parts.values()))
                time.sleep(EVERY)
            assert demo.returncode == 0
            return idle, most
    finally:
        lifecycle.stop(workspace)


@contextmanager
def app(script: Path, **environment: str) -> Iterator[int]:
    """The process of a Streamlit app whose first page was opened once, as a browser does."""
    with serving("-m", "streamlit", "run", str(script), **environment) as (process, port):
        answering(port)
        visitor = Visitor(port)
        assert visitor.stay(60, lambda its: its.runs), "the page isn't drawn"
        visitor.close()
        yield process


def memory(roots: dict[int, str]) -> dict[str, float]:
    """MB of memory by part: each root's own, and that of the processes below the engine. Pages that several share count once (PSS)."""
    found: dict[str, float] = {}
    for root, name in roots.items():
        for pid in (root, *below(root)):
            part = name if pid == root else "fork server" if "forkserver" in command_line(pid) and root == parent(pid) else "workers"
            found[part] = found.get(part, 0.0) + proportional(pid)
    return found


def below(pid: int) -> list[int]:
    """The processes that descend from one."""
    parents = {int(path.name): parent(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    found = [pid]
    for one in found:
        found += [child for child, of in parents.items() if of == one]
    return found[1:]


def parent(pid: int) -> int:
    return int(_stat(pid)[1]) if _stat(pid) else 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name; none of a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def proportional(pid: int) -> float:
    """MB of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    run("memory", rows)
