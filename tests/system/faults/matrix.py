"""Every page under every fault: what the user sees, in words that can be compared and written down."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st
from paths import APP
from proxy import Fault, Proxy
from streamlit.testing.v1 import AppTest

RECORD = os.environ.get("FAULTS_MATRIX", "")
"""Where what is seen is written, a line for each case; with it every case is run, else a part of them."""
PAGES = ("overview", "data", "tuning", "registry", "bias", "explainability", "lineage", "decisions")
WORK = "(?!sts:|iam:).*"
"""All but the sign-in, which a running dashboard has behind it."""
PASSING = {
    "throttled twice": [Fault("throttle", WORK, 2)],
    "500 twice": [Fault("error", WORK, 2)],
    "503 twice": [Fault("error", WORK, 2, status=503)],
    "slow": [Fault("slow", WORK, None, seconds=0.03)],
    "cut before the request": [Fault("cut before", WORK, 1)],
    "cut before the answer": [Fault("cut after", WORK, 1)],
    "cut within the answer": [Fault("cut within", WORK, 1)],
    "throttled, 500, cut": [Fault("throttle", WORK, 1), Fault("error", WORK, 1), Fault("cut after", WORK, 1)],
}
"""Of these nothing is to be seen."""
LASTING = {
    "throttled for ever": [Fault("throttle", WORK)],
    "500 for ever": [Fault("error", WORK)],
    "503 for ever": [Fault("error", WORK, status=503)],
    "cut for ever": [Fault("cut after", WORK)],
    "cut within every answer": [Fault("cut within", WORK)],
    "credentials expired": [Fault("expired", WORK)],
    "signed out": [Fault("expired")],
    "silent": [Fault("slow", WORK, None, seconds=1.0)],
}
"""Of these the page says what is wrong, and what to do."""
DENIED = "denied: "


@dataclass(frozen=True)
class Seen:
    """A page as it was drawn: ``texts``: everything but the errors; ``drawn``: how many pictures, tables and figures."""

    errors: tuple[str, ...]
    exceptions: tuple[str, ...]
    texts: tuple[str, ...]
    drawn: tuple[int, ...]
    tabs: int


def look(test: AppTest) -> Seen:
    parts = [*test.title, *test.subheader, *test.markdown, *test.info, *test.warning, *test.caption]
    texts = [str(part.value) for part in parts] + [f"{m.label}: {m.value}" for m in test.metric]
    counts = [len(test.get(kind)) for kind in ("dataframe", "plotly_chart", "echarts_chart", "page_link", "download_button")]
    errors, raised = ([str(part.value) for part in found] for found in (test.error, test.exception))
    return Seen(
        tuple(errors), tuple(raised), tuple(re.sub(r"\d+ \w+ ago|just now", "ago", t) for t in texts), tuple(counts), len(test.tabs)
    )


class Screen:
    """One session on one page, looked at again and again in changing weather."""

    def __init__(self, proxy: Proxy, page: str) -> None:
        self.proxy, self.page = proxy, page
        proxy.set()
        self.test = AppTest.from_file(APP, default_timeout=120).run()
        if page != "overview":
            self.test.switch_page(f"pages/{page}.py").run()
        self.plain = self.under()
        self.operations = tuple(sorted(set(proxy.seen)))
        self.nothing = set(self.under(Fault("empty", WORK)).texts) - set(self.plain.texts)
        """What the page says where there is nothing."""

    def under(self, *faults: Fault) -> Seen:
        """The page with nothing kept of earlier answers."""
        st.cache_data.clear()
        st.cache_resource.clear()
        self.proxy.set(*faults)
        return look(self.test.run())

    def connected(self, *faults: Fault) -> Seen:
        """The same, the sign-in kept."""
        st.cache_data.clear()
        self.proxy.set(*faults)
        return look(self.test.run())


def record(page: str, fault: str, seen: Seen, plain: Seen) -> None:
    """Write down what was seen."""
    if RECORD:
        same = seen == plain
        line = {"page": page, "fault": fault, "same": same, **asdict(seen), "left": sum(seen.drawn), "of": sum(plain.drawn)}
        with Path(RECORD).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
