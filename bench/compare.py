"""Two sides, interleaved: medians, spread and the ratio between them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    figure: str, ours: Callable[[], Any], peer: Callable[[], Any], *, peer_name: str, runs: int, scale: float = 1.0
) -> dict[str, Any]:
    """Run both sides ``runs`` times in turn. ``scale`` is how many times less work the peer was given."""
    a, b = [], []
    for _ in range(runs):
        a.append(seconds(ours))
        b.append(seconds(peer) * scale)
    row = {
        "figure": figure,
        "ours_seconds": {"median": statistics.median(a), "min": min(a), "max": max(a)},
        "peer": peer_name,
        "peer_seconds": {"median": statistics.median(b), "min": min(b), "max": max(b), "scaled_by": scale},
        "peer_over_ours": statistics.median(b) / statistics.median(a),
    }
    print(
        f"{figure}: ours {row['ours_seconds']['median']:.3f} s ({min(a):.3f}–{max(a):.3f}), "
        f"{peer_name} {row['peer_seconds']['median']:.3f} s ({min(b):.3f}–{max(b):.3f}): {row['peer_over_ours']:.1f}×"
    )
    return row


def save(name: str, rows: list[dict[str, Any]]) -> None:
    """Keep the rows as JSON with the machine that they were measured on."""
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
