"""Eight browsers, each on the page of one running tuning job, beside one: the server's time for a rerun, and whether all see the end.

The server is the app's own with a clock around Streamlit's script runs; the job's trials are made by the embedded engine meanwhile. The
browsers are sessions that speak the browser's protocol and draw nothing: elsewhere they would draw on machines of their own.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from bench import full
from bench.compare import Goal, Row, run, said
from bench.pages import p95
from bench.visitor import Visitor, answering, serving
from core.aws.target import Target, connect
from core.identity import WORKFLOW_IDENTITY
from core.jobs import rebalancing_jobs
from core.jobs.tuning import tuning_jobs
from core.settings import Settings
from engine import lifecycle

TIMED = """
import sys, time
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
ran, kept = ScriptRunner._run_script, open(sys.argv[1], "a", buffering=1)
def timed(self, data):
    start = time.perf_counter()
    try:
        ran(self, data)
    finally:
        kept.write(f"{time.perf_counter() - start}\\n")
ScriptRunner._run_script = timed
from streamlit.web.cli import main
sys.argv = ["streamlit", *sys.argv[2:]]
main()
"""
"""The command ``streamlit``, with the seconds of each script run written to a file."""


def rows(small: bool) -> list[Row]:
    workspace, trials, seconds = full.folder() / f"browsers-{small}", 2 if small else 200, 0.5 if small else 60.0
    full.copied(full.filled(small), workspace)
    target = connect(Settings(workspace=workspace))
    try:
        many, one = (watching(target, count, trials, seconds) for count in (2 if small else 8, 1))
    finally:
        lifecycle.stop(workspace)
    note = f"every browser shows {trials} of {trials} trials; {len(many)} and {len(one)} runs"
    count = 2 if small else 8
    figure = f"rerun with {count} browsers polling a tuning job, p95"
    return [said(Row(figure, (p95(many),), "one browser", (p95(one),), goal=Goal(at_most=3), note=note))]


def watching(target: Target, browsers: int, trials: int, seconds: float) -> list[float]:
    """Seconds of each script run while the job runs, the first ones of each browser left out. Raises where a browser misses the end."""
    data = rebalancing_jobs.read_result(target, rebalancing_jobs.list_jobs(target)[-1].name)
    times = full.folder() / f"times-{browsers}-{time.time():.0f}"
    times.touch()
    where = {"GOVERNANCE_WORKSPACE": str(target.settings.workspace), "GOVERNANCE_TARGET": "local"}
    with (
        serving("-c", TIMED, str(times), "run", "streamlit_app.py", **where) as (_, port),
        ThreadPoolExecutor(browsers) as threads,
    ):
        answering(port)
        job = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, max_jobs=trials, max_parallel=1))
        query = {"job": job, "as": "Vera (demo), viewer"}
        visitors = [Visitor(port, "tuning", query) for _ in range(browsers)]
        opened = list(threads.map(lambda visitor: visitor.stay(60, lambda its: "Trials" in its.shown), visitors))
        assert all(opened), "a browser doesn't show the job"
        begun = len(times.read_text().splitlines())
        list(threads.map(lambda visitor: visitor.stay(seconds), visitors))
        found = [float(line) for line in times.read_text().splitlines()[begun:]]
        ended = list(threads.map(_sees_the_end, visitors, [trials] * browsers))
        for visitor in visitors:
            visitor.close()
        assert all(ended), f"{ended.count(False)} of {browsers} browsers miss the end of the job"
    return found or [float(line) for line in times.read_text().splitlines()]


def _sees_the_end(visitor: Visitor, trials: int) -> bool:
    if not visitor.stay(300, lambda its: its.shown.get("Trials") == f"{trials} of {trials}"):
        return False
    return visitor.stay(60, lambda its: "Best model" in its.shown)


if __name__ == "__main__":
    run("browsers", rows)
