"""How often a page asks the target when a fresh process draws it: counted on the engine's access log, and by object at the clients."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter

import cold_page
import pytest
from deciding import EASY, adopt, approved, submitted

from core.aws.target import connect
from core.governance import evidence
from core.governance.version_state import read_state
from core.ledger import audit_log
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle

MAX_REQUESTS = {"overview": 40, "decisions": 30}
"""Requests of a page, beside those for the events (at most 18, one for each full hundred), and one for each file that is only hashed."""
READ_BY_GATES = frozenset({"bias", "explainability", "quality", "scores", "data/manifest.json"})
"""Files of the evidence whose content is needed anyway."""
STATES = {"registered": lambda *_: None, "submitted": submitted, "approved": approved}


@pytest.fixture(scope="module", params=list(STATES))
def drawn_from(full, request, tmp_path_factory):
    """A copy of the full workspace whose newest version was brought to a state: its folder, the target, the version's ARN."""
    workspace = tmp_path_factory.mktemp("reads") / "ws"
    shutil.copytree(full, workspace, ignore=shutil.ignore_patterns("engine.*", "jobs"))
    with sqlite3.connect(full / "engine.db") as source, sqlite3.connect(workspace / "engine.db") as copy:
        source.backup(copy)
    target = connect(Settings(workspace=workspace))
    adopt(target, EASY)
    arn = model_packages.list_versions(target)[0].arn
    STATES[request.param](target, arn)
    yield workspace, target, arn
    lifecycle.stop(workspace)


@pytest.mark.parametrize("page", MAX_REQUESTS)
def test_a_cold_page_asks_for_each_object_once(drawn_from, page):
    """The requests that remain.

    Both pages: who the credentials are; the groups and the versions, a list each; the log, which is two lists, one object for each full
    hundred of events, for each full ten after it and for each event after that; the policy that was adopted; of the data behind approved
    versions the description of the job, its manifest, and the data sets.
    Overview: three lists of jobs and one of data sets; for the expected cost up to five descriptions for each kind of job, since only
    those say when a job started (lists by name too, where there are more than fifty jobs). A submitted version has no outcomes of gates in
    the log yet, so each one that is shown (at most five) is judged: the first takes 14 requests, each further one about 8, until the
    result is kept. Of versions validated or decided on, the log has the outcomes. No file is hashed beside the reports.
    Decisions: the version that is looked at is judged by the gates, as a decision would, and an approved one is compared with its model
    card. The page says that no file of the evidence has changed, so each file that it names is read and hashed: this comes on top of
    the bound, and nothing less would show a file that was replaced.
    """
    workspace, target, arn = drawn_from
    log = workspace / "access.log"
    start = log.stat().st_size
    drawn = cold_page.draw(workspace, page, "Dana (demo), data scientist", {}, package=arn)
    lines = [json.loads(line)["operation"] for line in log.read_bytes()[start:].splitlines()]
    asked = Counter(map(tuple, drawn["asked"]))
    for operation, count in Counter(lines).most_common():
        print(f"{count:3} {operation}: {'; '.join(sorted({what for name, what in asked if name == operation}))}")
    state = read_state(target, arn)
    assert drawn["errors"] == []
    assert state.status in drawn["text"].lower()
    assert ("Nothing is billed on this machine" if page == "overview" else "gates pass") in drawn["text"]
    assert {what: count for what, count in asked.items() if count > 1} == {}
    assert len(lines) == asked.total()  # no call was repeated, and nothing was read past the clients
    hashed = len(evidence.read_evidence(target, state.evidence).files.keys() - READ_BY_GATES) if state.evidence else 0
    of_log = sum(count for (operation, what), count in asked.items() if operation == "GetObject" and "governance/log/" in what)
    assert of_log <= len(audit_log.read_events(target)) // audit_log.EVENTS_PER_PART + 18
    assert len(lines) - of_log <= MAX_REQUESTS[page] + (hashed if page == "decisions" else 0), Counter(lines)
