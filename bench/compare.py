"""Two sides, interleaved: medians, spread, the ratio between them, and the goal that it is held to."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LOAD_AT_START = os.getloadavg()[0]
"""How many processes ran or waited on average in the minute before the bench began."""
QUIET = 0.3
"""The highest load of the last minute at which a machine is quiet: figures of a busier one aren't kept."""


@dataclass(frozen=True)
class Goal:
    """``faster``: the peer takes at least so many times what ours takes; ``at_most``: ours takes at most so many times the peer's;
    ``limit``: ours is at most this, in the figure's own unit, whatever the peer."""

    faster: float | None = None
    at_most: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        parts = (
            f"≥ {self.faster:,.0f}× faster" if self.faster else "",
            f"≤ {self.at_most:g}×" if self.at_most else "",
            f"≤ {self.limit:g}" if self.limit is not None else "",
        )
        return ", ".join(part for part in parts if part) or "reported"

    def met(self, ours: float, peer: float | None) -> bool | None:
        """None where there is nothing to be met."""
        held = []
        if self.limit is not None:
            held.append(ours <= self.limit)
        if peer is not None and self.faster is not None:
            held.append(peer >= self.faster * ours)
        if peer is not None and self.at_most is not None:
            held.append(ours <= self.at_most * peer)
        return all(held) if held else None


@dataclass(frozen=True)
class Row:
    """A figure: ours and the peer's, each as its runs, in ``unit``. ``scale``: how many times less work the peer was given (its runs
    are multiplied by it). ``note``: what else was found, as that both sides agree."""

    figure: str
    ours: tuple[float, ...]
    peer_name: str = ""
    peer: tuple[float, ...] = ()
    unit: str = "s"
    goal: Goal = Goal()
    scale: float = 1.0
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Peer over ours where the goal is to be faster, else ours over peer."""
        if not self.peer:
            return None
        ours, peer = statistics.median(self.ours), statistics.median(self.peer)
        over, under = (peer, ours) if self.goal.faster else (ours, peer)
        return over / under if under else None

    @property
    def met(self) -> bool | None:
        return self.goal.met(statistics.median(self.ours), statistics.median(self.peer) if self.peer else None)

    def cells(self) -> tuple[str, ...]:
        """Figure, ours, peer, ratio, goal, whether it is met."""
        ratio = "" if self.ratio is None else f"{self.ratio:,.2f}×" if self.ratio < 10 else f"{self.ratio:,.0f}×"
        met = {True: "yes", False: "NO", None: ""}[self.met]
        peer = f"{shown(self.peer, self.unit)} {self.peer_name}" if self.peer else self.peer_name
        return self.figure, shown(self.ours, self.unit), peer, ratio, str(self.goal), met


def shown(runs: Sequence[float], unit: str) -> str:
    """``0.123 s (0.120–0.131)``; the spread is left out where there is one run."""
    middle = statistics.median(runs)
    spread = f" ({_number(min(runs))}–{_number(max(runs))})" if len(runs) > 1 else ""
    return f"{_number(middle)} {unit}{spread}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def wait_for_quiet(minutes: float = 10) -> None:
    """Wait until nothing else runs. RuntimeError: it still does after so many minutes."""
    end = time.monotonic() + 60 * minutes
    while os.getloadavg()[0] >= QUIET:
        if time.monotonic() > end:
            raise RuntimeError(f"The machine was busy for {minutes:g} minutes (load {os.getloadavg()[0]:.1f}): stop what else runs on it.")
        time.sleep(5)


def compare(
    figure: str,
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    *,
    peer_name: str,
    runs: int,
    goal: Goal = Goal(),
    scale: float = 1.0,
    note: str = "",
) -> Row:
    """Run both sides ``runs`` times in turn."""
    a, b = [], []
    for _ in range(runs):
        a.append(seconds(ours))
        b.append(seconds(peer) * scale)
    return said(Row(figure, tuple(a), peer_name, tuple(b), goal=goal, scale=scale, note=note))


def said(row: Row) -> Row:
    """Print it; returns it."""
    print(" | ".join(cell for cell in row.cells() if cell) + (f" | {row.note}" if row.note else ""), flush=True)
    return row


def machine() -> dict[str, Any]:
    """What it was measured on, with the load of the minute before it began and of its last minute."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    cpu = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), platform.processor())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load": [round(LOAD_AT_START, 1), round(os.getloadavg()[0], 1)],
    }


def save(name: str, rows: Sequence[Row], timed: bool = True) -> None:
    """Keep the rows as JSON with the machine that they were measured on. SystemExit: it was busy when the bench began, and its figures are
    ``timed``."""
    _keep(name, {"rows": [asdict(row) | {"ratio": row.ratio, "met": row.met} for row in rows]}, timed)


def _keep(name: str, found: dict[str, Any], timed: bool = True) -> None:
    if timed and LOAD_AT_START >= QUIET:
        raise SystemExit(
            f"Not kept: the machine was busy (load {LOAD_AT_START:.1f} at the start, quiet is under {QUIET}). Measure it again."
        )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n")


def save_points(name: str, points: Callable[[bool], list[dict[str, Any]]]) -> None:
    """A growth bench's command: its points, kept like rows unless they are of the smallest size."""
    small = smallest()
    found = points(small)
    if not small:
        _keep(name, {"points": found})


def smallest() -> bool:
    """Whether the command asks for the smallest size: to see that a bench still runs, not for its figures, which aren't kept then."""
    return "--smallest" in sys.argv


def run(name: str, rows: Callable[[bool], list[Row]], timed: bool = True) -> list[Row]:
    """A bench's command: its rows, kept unless they are of the smallest size. ``timed``: False for figures that no other work changes."""
    small = smallest()
    found = rows(small)
    if not small:
        save(name, found, timed)
    return found
