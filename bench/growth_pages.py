"""How seconds, calls and memory grow with a workspace: its lineage, its registry, its log; 10, 100, 1,000, 10,000 of each."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

from bench import full
from bench.compare import save_points
from bench.pages import watched
from core.aws.target import Target, connect
from core.governance.validity import list_versions_by_urgency
from core.ledger import audit_log
from core.lineage import lineage_graph
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle
from tools.crowd import crowd

SIZES = (10, 100, 1000, 10_000)


def points(small: bool) -> list[dict[str, Any]]:
    """``what``, ``size``, ``seconds`` (the median of three), ``calls`` and ``peak_mb`` (of Python's objects) of each.

    lineage: a graph opened in the middle; registry: the newest versions and one of them opened; log: read by a new process; decisions:
    what waits, with that log already read. Versions and events come in equal numbers."""
    found = []
    for size in (10,) if small else SIZES:
        target = connect(Settings(workspace=full.lineage(size)))
        arn = str(lineage_graph.find_artifact_arn(target, full.LINEAGE_START))
        found.append(_point("lineage", size, partial(lineage_graph.read_graph, target, arn, max_nodes=100)))
        lifecycle.stop(full.lineage(size))
        target = _registry(size, small)
        found.append(_point("registry", size, partial(_open_newest, target)))
        found.append(_point("log", size, partial(_read_log_again, target)))
        found.append(_point("decisions", size, partial(list_versions_by_urgency, target)))
        lifecycle.stop(target.settings.workspace)
    return found


def _registry(size: int, small: bool) -> Target:
    """A workspace with so many versions, and a log of about as many events."""
    workspace = full.folder() / f"registry-{size}"
    full.copied(full.filled(small), workspace)
    crowd(workspace, versions=size, tuning_jobs=0)
    full.decided(connect(Settings(workspace=workspace)), size)
    return connect(Settings(workspace=workspace))


def _open_newest(target: Target) -> None:
    model_packages.read_package(target, model_packages.list_versions(target)[0].arn)


def _read_log_again(target: Target) -> None:
    audit_log.forget_read_events()
    audit_log.read_events(target)


def _point(what: str, size: int, work: Callable[[], Any]) -> dict[str, Any]:
    work()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    with watched() as seen:
        tracemalloc.start()
        work()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    point = {"what": what, "size": size, "seconds": sorted(seconds)[1], "calls": sum(seen.calls.values()), "peak_mb": round(peak, 2)}
    print(point, flush=True)
    return point


def main() -> None:
    save_points("growth_pages", points)


if __name__ == "__main__":
    main()
