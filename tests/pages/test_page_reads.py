"""How often a page asks the target when a fresh process draws it: counted on the engine's access log, and by object at the clients."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter

import cold_page
import pytest
from deciding import EASY, approved, submitted, validated

from core.aws.target import connect
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle

MAX_REQUESTS = {"overview": 40, "decisions": 30}
STATES = {"registered": lambda *_: None, "submitted": submitted, "validated": validated, "approved": approved}


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    path = tmp_path_factory.mktemp("rules") / "policy.toml"
    path.write_text(EASY)
    return path


@pytest.fixture(scope="module", params=list(STATES))
def workspace(full, policy, request, tmp_path_factory):
    """A copy of the full workspace, whose newest version was brought to this state."""
    workspace = tmp_path_factory.mktemp("reads") / "ws"
    shutil.copytree(full, workspace, ignore=shutil.ignore_patterns("engine.*", "jobs"))
    with sqlite3.connect(full / "engine.db") as source, sqlite3.connect(workspace / "engine.db") as copy:
        source.backup(copy)
    target = connect(Settings(workspace=workspace, policy=policy))
    STATES[request.param](target, model_packages.list_versions(target)[0].arn)
    yield workspace, request.param
    lifecycle.stop(workspace)


@pytest.mark.parametrize("page", MAX_REQUESTS)
def test_a_cold_page_asks_for_each_object_once(workspace, policy, page):
    log, start = workspace[0] / "access.log", (workspace[0] / "access.log").stat().st_size
    drawn = cold_page.draw(workspace[0], page, "Dana (demo), data scientist", {"GOVERNANCE_POLICY": str(policy)})
    assert drawn["errors"] == []
    assert workspace[1] in drawn["text"]
    lines = [json.loads(line) for line in log.read_bytes()[start:].splitlines()]
    print(page, workspace[1], len(lines))
    for line, count in Counter(line["operation"] for line in lines).most_common():
        print(f"  {count:3} {line}")
    for (operation, what), count in Counter(map(tuple, drawn["asked"])).most_common():
        print(f"  {count:3} {operation} {what[:150]}")
    print(drawn["text"][:600])
    repeated = {what: count for what, count in Counter(map(tuple, drawn["asked"])).items() if count > 1}
    assert repeated == {}
    assert len(lines) <= MAX_REQUESTS[page], len(lines)
