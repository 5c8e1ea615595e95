"""A Streamlit server, and what a browser says to it without drawing anything: it opens a page, and runs again what it is asked to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).parent.parent


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[int, int]]:
    """(process, port) of the server that ``python ARGUMENTS`` starts with Streamlit's flags; it may not answer yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    server = subprocess.Popen(
        [sys.executable, *arguments, *flags, "--browser.gatherUsageStats=false"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield server.pid, port
    finally:
        server.terminate()
        server.wait()


def answering(port: int, seconds: float = 60) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@dataclass
class Visitor:
    """A session at one page. ``shown``: its metrics (label to value) and headings (each to itself), as last sent; ``runs``: how often a
    script ended."""

    port: int
    page: str = ""
    query: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def __post_init__(self) -> None:
        self._stream: ClientConnection = connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
        )
        self._asked, self._script = urlencode(self.query), ""
        self._again: dict[str, tuple[float, float]] = {}
        """Fragment to (when it is next due, seconds between two runs)."""
        self._ask()

    def close(self) -> None:
        self._stream.close()

    def stay(self, seconds: float, until: Callable[[Visitor], object] = lambda visitor: False) -> bool:
        """Go on for so long, or until this holds; returns whether it does."""
        end = time.monotonic() + seconds
        while not until(self):
            now = time.monotonic()
            if now >= end:
                return False
            for fragment, (due, every) in self._again.items():
                if due <= now:
                    self._again[fragment] = (now + every, every)
                    self._ask(fragment)
            due = min((when for when, _ in self._again.values()), default=end)
            try:
                self._take(ForwardMsg.FromString(self._stream.recv(timeout=max(min(due, end) - time.monotonic(), 0.001))))
            except TimeoutError:
                continue
        return True

    def _ask(self, fragment: str = "") -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self._asked, self._script
        if not self._script:
            asked.page_name = self.page
        asked.fragment_id, asked.is_auto_rerun = fragment, bool(fragment)
        self._stream.send(message.SerializeToString())

    def _take(self, told: ForwardMsg) -> None:
        kind = told.WhichOneof("type")
        if kind == "new_session":
            if not told.metadata.run.fragment_ids:
                self._again.clear()
                self.shown.clear()
        elif kind == "navigation":
            self._script = told.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._asked = told.page_info_changed.query_string
        elif kind == "auto_rerun":
            every = told.auto_rerun.interval
            self._again[told.auto_rerun.fragment_id] = (time.monotonic() + every, every)
        elif kind == "stop_auto_rerun":
            for fragment in told.stop_auto_rerun.fragment_ids:
                self._again.pop(fragment, None)
        elif kind == "script_finished":
            self.runs += told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        elif kind == "delta" and told.delta.WhichOneof("type") == "new_element":
            element = told.delta.new_element
            if element.WhichOneof("type") == "metric":
                self.shown[element.metric.label] = element.metric.body
            elif element.WhichOneof("type") == "heading":
                self.shown[element.heading.body] = element.heading.body
