"""From the command that starts the server to the painted overview, beside Streamlit's own hello world, in headless Chromium.

The embedded engine runs already, as at a second start. The browser runs already too, for both.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from bench import full
from bench.compare import Goal, Row, run, said
from bench.visitor import answering, serving
from core.aws.target import connect
from core.settings import Settings
from tools.browser import ROOT, chromium

HELLO = 'import streamlit as st\n\nst.title("Hello, world")\n'
LATER = ("sagemaker", "xgboost", "shap", "sklearn")
"""What no page needs before it does something with it."""
SERVER = """
import sys, threading, time
from pathlib import Path
kept = sys.argv[1]
def tell():
    while True:
        time.sleep(0.2)
        Path(kept).write_text(" ".join(sorted(name for name in sys.modules if "." not in name)))
if kept != "-":
    threading.Thread(target=tell, daemon=True).start()
from streamlit.web.cli import main
sys.argv = ["streamlit", *sys.argv[2:]]
main()
"""
"""The command ``streamlit``; it keeps a list of the modules that are loaded in a file, where one is named."""


def painted(browser: Browser, script: Path, workspace: Path, wanted: str, modules: str = "-") -> float:
    """Seconds from the command until ``wanted`` is seen."""
    page = browser.new_context().new_page()
    start = time.perf_counter()
    where = {"GOVERNANCE_WORKSPACE": str(workspace), "GOVERNANCE_TARGET": "local"}
    with serving("-c", SERVER, modules, "run", str(script), **where) as (_, port):
        answering(port)
        page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
        page.wait_for_selector(wanted, timeout=60_000)
        took = time.perf_counter() - start
        if modules != "-":
            page.wait_for_timeout(500)  # the list is written five times a second
        page.context.close()
    return took


def rows(small: bool) -> list[Row]:
    return [start(1 if small else 7)]


def start(runs: int) -> Row:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        hello, modules, app = Path(folder) / "hello.py", Path(folder) / "modules", ROOT / "streamlit_app.py"
        hello.write_text(HELLO)
        workspace = full.empty()
        connect(Settings(workspace=workspace))
        ours, peer = [], []
        for _ in range(runs):
            ours.append(painted(browser, app, workspace, "[data-testid='stMetric']"))
            peer.append(painted(browser, hello, workspace, "h1"))
        painted(browser, app, workspace, "[data-testid='stMetric']", str(modules))
        loaded = set(modules.read_text().split()) & set(LATER)
    if loaded:
        raise RuntimeError(f"The overview loads {', '.join(sorted(loaded))}.")
    note = f"engine running; none of {', '.join(LATER)} loaded after the overview was painted"
    return said(
        Row(
            "start of the server to the painted overview",
            tuple(ours),
            "streamlit's hello world",
            tuple(peer),
            "s",
            Goal(at_most=1.5),
            note=note,
        )
    )


if __name__ == "__main__":
    run("app", rows)
