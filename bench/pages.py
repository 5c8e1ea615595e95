"""Each page's rerun on a full workspace, beside the same page on an empty one; and how often a page calls AWS, cold and warm.

A rerun is Streamlit's own script run in this process (``ScriptRunner._run_script``, fragments that run beside the page included), without
a browser. Calls are what botocore sends (``before-send``). Cold: all caches emptied; the connection is kept, and the log, of which a
process reads only what is new. Warm: the second run after that.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import streamlit as st
from botocore.hooks import HierarchicalEmitter
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.testing.v1 import AppTest

from bench import full
from bench.compare import Goal, Row, run, said
from core.aws.target import connect
from core.lineage import lineage_graph
from core.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = ("overview", "data", "tuning", "registry", "bias", "explainability", "lineage", "decisions", "settings")
RERUNS, ROUNDS = 20, 3
WHO = {"decisions": "Chris (demo), compliance officer"}
"""A data scientist looks at the other pages: the forms and estimates are drawn for them."""


@dataclass
class Seen:
    """What happened since it was last emptied: seconds of each script run, and the calls sent, by operation."""

    seconds: list[float] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        self.seconds.clear()
        self.calls.clear()


@contextmanager
def watched() -> Iterator[Seen]:
    """Every script run and every call of this process."""
    seen, ran, emitted = Seen(), ScriptRunner._run_script, HierarchicalEmitter._emit  # type: ignore[attr-defined]  # the stubs lack it

    def timed(self: ScriptRunner, data: Any) -> None:
        start = time.perf_counter()
        try:
            ran(self, data)
        finally:
            seen.seconds.append(time.perf_counter() - start)

    def counted(self: HierarchicalEmitter, name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("before-send."):
            seen.calls[name.rpartition(".")[2]] += 1
        return emitted(self, name, *arguments, **more)

    with patch.object(ScriptRunner, "_run_script", timed), patch.object(HierarchicalEmitter, "_emit", counted):
        yield seen


@dataclass
class Session:
    """A user's session at one page of a workspace."""

    workspace: Path
    page: str
    seen: Seen
    query: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self._at():
            self.app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
            self.app.query_params.update({"as": WHO.get(self.page, "Dana (demo), data scientist"), **self.query})
            self.app.switch_page(f"pages/{self.page}.py").run()
            self.rerun()

    @contextmanager
    def _at(self) -> Iterator[None]:
        with patch.dict(os.environ, {"GOVERNANCE_WORKSPACE": str(self.workspace), "GOVERNANCE_TARGET": "local"}):
            yield

    def rerun(self) -> float:
        """Seconds of the server for a run of the page and whatever it runs again at once."""
        self.seen.clear()
        with self._at():
            self.app.run()
        if self.app.exception or self.app.error:
            raise RuntimeError(f"{self.page} shows an error: {[*self.app.exception, *self.app.error]}")
        return sum(self.seen.seconds)

    def cold(self) -> float:
        """The same without anything that was read before."""
        st.cache_data.clear()
        return self.rerun()


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def rows(small: bool) -> list[Row]:
    size = full.SMALLEST if small else full.FULL
    print(f"full workspace: {size}", flush=True)
    with watched() as seen:
        found = [row for page in (PAGES[:1] if small else PAGES) for row in of_page(page, small, seen)]
        return [*found, opened(small, seen)]


def of_page(page: str, small: bool, seen: Seen) -> list[Row]:
    """The time of its reruns, and its calls."""
    ours, peer = Session(full.full(small), page, seen), Session(full.empty(), page, seen)
    cold = ours.cold()
    calls = Counter(seen.calls)
    ours.rerun()  # a cold run may take longer than what it has read is kept
    ours.rerun()
    warm = Counter(seen.calls)
    times: list[tuple[float, float]] = []
    for _ in range(1 if small else ROUNDS):
        pairs = [(ours.rerun(), peer.rerun()) for _ in range(1 if small else RERUNS)]
        times.append((p95([a for a, _ in pairs]), p95([b for _, b in pairs])))
    most = ", ".join(f"{n} {name}" for name, n in calls.most_common())
    again = ", ".join(f"{n} {name}" for name, n in warm.most_common())
    middle = statistics.median(a for a, _ in pairs)
    return [
        said(
            Row(
                f"rerun of {page}, full workspace, p95",
                tuple(a for a, _ in times),
                "empty workspace",
                tuple(b for _, b in times),
                goal=Goal(at_most=2, limit=0.3),
                note=f"median {middle:.3f} s; cold {cold:.2f} s",
            )
        ),
        said(
            Row(
                f"AWS calls of {page}, warm",
                (float(sum(warm.values())),),
                f"cold: {sum(calls.values())}",
                unit="calls",
                goal=Goal(limit=0),
                note=f"cold: {most or 'none'}; warm: {again or 'none'}",
            )
        ),
    ]


def opened(small: bool, seen: Seen) -> Row:
    """The lineage page opened at a version's artifact, cold: in a workspace of many entities and in one of 50."""
    entities = 200 if small else 5000
    large, few = full.lineage(entities), full.lineage(50)
    arns = [lineage_graph.find_artifact_arn(connect(Settings(workspace=each)), full.LINEAGE_START) for each in (large, few)]
    sides = [Session(each, "lineage", seen, {"arn": str(arn)}) for each, arn in zip((large, few), arns, strict=True)]
    pairs = [(sides[0].cold(), sides[1].cold()) for _ in range(1 if small else 10)]
    return said(
        Row(
            f"lineage of {entities:,} entities opened at a node",
            tuple(a for a, _ in pairs),
            "50 entities",
            tuple(b for _, b in pairs),
            goal=Goal(at_most=1.5),
            note=f"{sum(seen.calls.values())} calls",
        )
    )


if __name__ == "__main__":
    run("pages", rows)
