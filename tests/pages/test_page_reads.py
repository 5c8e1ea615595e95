"""How often a page asks the target when a fresh process draws it: counted on the engine's access log, and by object at the clients."""

from __future__ import annotations

import json
from collections import Counter

import cold_page
import pytest
from copied import copy_workspace
from deciding import EASY, adopt, approved, submitted

from core.aws.target import connect
from core.governance.version_state import read_state
from core.ledger import audit_log
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle

MAX_REQUESTS = {"overview": 40, "decisions": 32}
"""Requests of a page, beside the objects of the log (at most 18, one for each full hundred) and the files of the version that it judges."""
FILE_ENDINGS = (".csv", ".tar.gz", "_config.json", "rebalance.json", "model-card.json", "requirements.txt", ".toml")
"""How the keys of files end that are read to be hashed, or to compute figures again."""
MAX_FILES = 25
OF_RECORDS = 5
"""Of the overview, what the agreement of a submitted version asks beside its files: its jobs, and lists of what they read."""
STATES = {"registered": lambda *_: None, "submitted": submitted, "approved": approved}


@pytest.fixture(scope="module", params=list(STATES))
def drawn_from(full, request, tmp_path_factory):
    """A copy of the full workspace whose newest version was brought to a state: its folder, the target, the version's ARN."""
    workspace = tmp_path_factory.mktemp("reads") / "ws"
    copy_workspace(full, workspace)
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
    the log yet, so each one that is shown (at most five) is judged, until the result is kept. Of versions validated or decided on, the
    log has the outcomes.
    Decisions: the version that is looked at is judged by the gates, as a decision would, and an approved one is compared with its model
    card; the jobs that made it again, and the group's versions, for what has changed since the last approved one.
    A version is judged by all of its files: their content is hashed, and its figures are computed from them again. This comes on top of the
    bound, and nothing less would show a file that was replaced.
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
    keys = [json.loads(what)["Key"] for (operation, what) in asked if operation == "GetObject"]
    of_log, of_files = sum(key.startswith("governance/log/") for key in keys), sum(key.endswith(FILE_ENDINGS) for key in keys)
    assert of_log <= len(audit_log.read_events(target)) // audit_log.EVENTS_PER_PART + 18
    assert of_files <= MAX_FILES
    print(f"{page}, {state.status}: {len(lines)} requests, {of_log} of them for the log and {of_files} for files")
    of_records = OF_RECORDS if (page, state.status) == ("overview", "submitted") else 0
    assert len(lines) - of_log - of_files - of_records <= MAX_REQUESTS[page], Counter(lines)
