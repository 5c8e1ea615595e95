"""The app on a free port and a Chromium to look at it: for screenshots and browser tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from engine import lifecycle

ROOT = Path(__file__).parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def serving(workspace: Path, secrets: str = "", **settings: str) -> Iterator[str]:
    """The URL of the app on ``workspace``; the app is stopped at the end, and the engine that it started.

    ``secrets`` is the text of a secrets file, in which ``URL`` stands for that URL; ``settings`` are further variables of its environment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GOVERNANCE_WORKSPACE": str(workspace), "GOVERNANCE_TARGET": "local", **settings}
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    flags = ["--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    if secrets:
        file = workspace.parent / f"{workspace.name}-secrets.toml"
        file.write_text(secrets.replace("URL", f"http://127.0.0.1:{port}"))
        flags.append(f"--secrets.files={file}")
    log = workspace.parent / f"{workspace.name}-app.log"
    others = lifecycle.find_endpoint(workspace) is not None
    with log.open("wb") as output:
        app = subprocess.Popen(
            [*command, *flags], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", app, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            app.send_signal(signal.SIGTERM)
            try:
                app.wait(20)
            except subprocess.TimeoutExpired:
                app.kill()
                app.wait()
            if not others:
                lifecycle.stop(workspace)


def _wait(url: str, app: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if app.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the app did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def settle(page: Page, timeout: float = 120) -> None:
    """Wait until the app has run its script and every chart is drawn."""
    page.wait_for_selector("[data-testid='stApp'] h1", timeout=timeout * 1000)
    until = time.monotonic() + timeout
    calm = 0
    while calm < 4:
        busy = page.locator("[data-testid='stStatusWidget'], [data-testid='stSkeleton'], [data-testid='stSpinner']").count()
        state = page.locator("[data-testid='stApp']").first.get_attribute("data-test-script-state")
        calm = calm + 1 if not busy and state == "notRunning" else 0
        if time.monotonic() > until:
            raise TimeoutError(f"{page.url} was still busy after {timeout:g} s")
        page.wait_for_timeout(100)
