"""The smallest real thing: an engine of its own on a temporary workspace, ended with the tests."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import boto3
import calls
import judge
import numpy as np
import pandas as pd
import pytest
from _pytest.nodeid import NodeId
from botocore.config import Config
from copied import copied_target, copy_workspace
from deciding import EASY, adopt, register_again, validated
from paths import ROOT
from xdist.scheduler import LoadScopeScheduling

import core.aws.target
from core.analysis.tables import csv_writer
from core.aws.target import connect
from core.data import bundled_data, column_roles
from core.identity import WORKFLOW_IDENTITY
from core.settings import Settings
from core.workflow import workflow
from engine import lifecycle

SHARED = ("demo", "full", "two_sets")
"""Fixtures that fill a workspace: the tests that use one of them run in one worker, so that it is filled once."""
SERVERS = frozenset({"engine", "engine_workspace", "demo", "full", "two_sets", "empty", "browser", "url", "host"})
"""Fixtures that start an engine, a server or a browser: a test that uses none of them, and isn't marked otherwise, is a unit test."""
SET_UP_SECONDS = 900
"""How long a workspace may take to fill, on a machine that has other work too."""
RECORD = "RECORD_CALLS"
"""With this in the environment a run of the whole suite writes aws/operations.json."""


def pytest_configure(config):
    config.calls = {}
    calls.start()


def pytest_sessionfinish(session):
    """A worker hands over what its tests called at AWS; the last to end compares all with what is written down."""
    config = session.config
    for role, found in calls.seen.items():
        config.calls.setdefault(role, set()).update(found)
    if hasattr(config, "workeroutput"):
        config.workeroutput["calls"] = {role: sorted(found) for role, found in config.calls.items()}
        return
    whole = is_whole_run(config) and session.testsfailed == 0
    if whole and os.environ.get(RECORD):
        calls.write(config.calls)
    missing = calls.missing(config.calls)
    for difference in (*missing, *(calls.unused(config.calls) if whole else ())):
        print(f"\naws/operations.json: {difference}. `make policies` writes it again.")
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def is_whole_run(config):
    """Whether every test runs that `make test` runs: nothing was chosen or left out."""
    option = config.option
    chosen = (option.keyword, option.unit, option.collectonly, option.deselect, option.ignore, option.ignore_glob)
    return (
        config.args_source.name != "ARGS"
        and option.markexpr in config.getini("addopts")
        and not any((*chosen, config.getoption("lf", False)))
    )


def pytest_addoption(parser):
    parser.addoption("--unit", action="store_true", help="only tests that need no engine, no server and no browser, each within a second")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests run in one worker, and so do those that share a filled workspace."""

    class ByWorkspace(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, rest = nodeid.partition("::")
            return rest.rpartition("@")[2] if rest.endswith(tuple(f"@{name}" for name in SHARED)) else file

    return ByWorkspace(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.hookimpl(trylast=True)  # what a marker deselects is gone by then
def pytest_collection_modifyitems(config, items):
    """What takes longest comes first, so that no worker is left with it alone at the end: the filled workspaces, then what starts servers.

    The scheduler knows names only: a test that shares a workspace says so in its own, as xdist's groups do."""
    by_file = {}
    for item in items:
        by_file.setdefault(item.path, set()).update(item.fixturenames, of_the_whole(item))
    ranks = {path: 0 if names & {*SHARED} else 1 if "system" in names else 2 if names & SERVERS else 3 for path, names in by_file.items()}
    items.sort(key=lambda item: ranks[item.path])
    if hasattr(config, "workerinput"):
        for item in items:
            for name in [name for name in SHARED if name in by_file[item.path]][:1]:
                item._id = NodeId.parse(f"{item.nodeid}@{name}")
    if config.getoption("unit"):
        chosen = [item for item in items if is_unit_test(item)]
        config.hook.pytest_deselected(items=[item for item in items if not is_unit_test(item)])
        items[:] = chosen


def of_the_whole(item):
    """Which of the folders that test the product as a whole the test is in."""
    return {"system", "pages"} & set(item.path.relative_to(ROOT / "tests").parts)


def is_unit_test(item):
    marked = any(item.get_closest_marker(name) for name in ("engine", "slow", "clients", "deep"))
    return not of_the_whole(item) and not marked and not SERVERS & set(item.fixturenames)


@pytest.fixture(autouse=True)
def _no_server_in_a_unit_test(request, monkeypatch):
    if request.config.getoption("unit"):

        def refuse(*_, **__):
            pytest.fail("This test starts an engine: mark it with pytest.mark.engine.")

        monkeypatch.setattr(judge, "start", refuse)
        monkeypatch.setattr(lifecycle, "ensure_running", refuse)
        monkeypatch.setattr(core.aws.target, "_ensure_local_engine", refuse)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    for role, found in getattr(node, "workeroutput", {}).get("calls", {}).items():
        node.config.calls.setdefault(role, set()).update(found)


@pytest.fixture(scope="session")
def engine_workspace(tmp_path_factory):
    """The folder of the running engine."""
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(autouse=True)
def _judged():
    """Whatever an engine answers in a test, botocore's model has nothing against it."""
    yield
    assert judge.new_findings() == []


@pytest.fixture(scope="session")
def engine(engine_workspace):
    """A running engine (``engine.lifecycle.RunningEngine``) on an empty workspace."""
    judge.start(engine_workspace)
    yield lifecycle.ensure_running(engine_workspace)
    lifecycle.stop(engine_workspace)
    calls.seen.setdefault(calls.EXECUTION, set()).update(calls.jobs_calls(engine_workspace))


@pytest.fixture(scope="session")
def client(engine):
    """``client("s3")``: boto3's client of a service, talking to the engine."""

    def build(service, **changes):
        settings = {
            "endpoint_url": engine.endpoint,
            "aws_access_key_id": engine.access_key_id,
            "aws_secret_access_key": engine.secret_access_key,
            "region_name": engine.region,
            "config": Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None),
        }
        built = boto3.client(service, **{**settings, **changes})
        return judge.watch(built) if service == "s3" else built

    return build


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """(workspace, [report of the first run, report of the second])."""
    folder = tmp_path_factory.mktemp("demo")
    random = np.random.default_rng(7)
    rows = 1500
    group = random.choice(["north", "south"], rows, p=[0.35, 0.65])
    income = random.normal(40_000, 9_000, rows).round().astype(int) - (group == "north") * 4_000
    late = random.random(rows) < 1 / (1 + np.exp((income - 36_000) / 5_000))
    table = pd.DataFrame(
        {
            "customer": np.arange(rows),
            "outcome": np.where(late, "late", "paid"),
            "region": group,
            "age": random.integers(18, 80, rows),
            "income": income,
            "kind": random.choice(["a", "b", "c"], rows),
            "debt": random.random(rows).round(3),
        }
    )
    table.to_csv(folder / "loans.csv", index=False)
    judge.start(folder / "ws")
    reports = []
    command = [sys.executable, "-m", "core", "demo", "--data", folder / "loans.csv", "--label", "outcome", "--favourable", "paid"]
    command += ["--facet", "region", "--facet-value", "north", "--group", "age", "--workspace", folder / "ws", "--max-jobs", "2"]
    for number in (1, 2):
        path = folder / f"report{number}.json"
        done = subprocess.run([*command, "--report", path], capture_output=True, text=True, timeout=SET_UP_SECONDS, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        reports.append(json.loads(path.read_text()))
    copy_workspace(folder / "ws", folder / "as-made")
    yield folder / "ws", reports
    lifecycle.stop(folder / "ws")


@pytest.fixture(scope="session")
def full(tmp_path_factory):
    """A workspace in which the whole workflow has run on 4,000 of the rows, four trials."""
    workspace = tmp_path_factory.mktemp("full")
    judge.start(workspace)
    rows = bundled_data.read_bundled().sample(4000, random_state=1)
    frame = pd.read_csv(io.BytesIO(csv_writer.to_csv(rows)))
    workflow.run_all_steps(
        connect(Settings(workspace=workspace)), WORKFLOW_IDENTITY, frame, bundled_data.BUNDLED_ROLES, workflow.WorkflowOptions(max_jobs=4)
    )
    yield workspace
    lifecycle.stop(workspace)
    calls.seen.setdefault(calls.EXECUTION, set()).update(calls.jobs_calls(workspace))


def borrowers(rows: int, label: str, values: tuple[str, str], facet: str, seed: int) -> pd.DataFrame:
    """A table of invented borrowers whose favourable label is the second of ``values``."""
    random = np.random.default_rng(seed)
    group = random.choice(["b", "a"], rows, p=[0.4, 0.6])
    income = random.normal(40, 9, rows).round(1) - 4 * (group == "b")
    good = random.random(rows) < 1 / (1 + np.exp((34 + seed - income) / 5))
    return pd.DataFrame({label: np.where(good, values[1], values[0]), facet: group, "income": income, "debt": random.random(rows).round(3)})


@pytest.fixture(scope="session")
def two_sets(tmp_path_factory):
    """A workspace with two data sets in one group of versions: v1 (baseline) and v2 of loans-2024, v3 (baseline) and v4 of credit-2023."""
    workspace = tmp_path_factory.mktemp("two-sets")
    judge.start(workspace)
    target = connect(Settings(workspace=workspace))
    for name, rows, label, values, facet, seed in (
        ("loans-2024", 500, "paid", ("no", "yes"), "sex", 1),
        ("credit-2023", 800, "defaulted", ("yes", "no"), "region", 2),
    ):
        frame = borrowers(rows, label, values, facet, seed)
        roles = column_roles.detect_roles(frame, label=label, favourable=values[1], facet=facet, facet_value="b")
        options = workflow.WorkflowOptions(name, max_jobs=1, max_parallel=1, registry_group="credit-default")
        workflow.run_all_steps(target, WORKFLOW_IDENTITY, frame, roles, options)
    yield workspace
    lifecycle.stop(workspace)


@pytest.fixture(scope="session")
def demo_target(demo):
    """Clients of the demo's workspace: connecting costs more than most tests."""
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def demo_copy(demo, tmp_path_factory):
    """Clients of a copy of the demo's workspace as the demo left it. A file whose tests verify the log takes this one as its
    ``demo_target``: what a verification reads grows with every version that is submitted."""
    with copied_target(demo[0].parent / "as-made", tmp_path_factory.mktemp("demo") / "ws") as target:
        yield target


@pytest.fixture
def target(demo_target):
    """Clients of the demo's workspace, in which the policy EASY is in force."""
    adopt(demo_target, EASY)
    return demo_target


@pytest.fixture
def arn(demo, target):
    """A version of its own for each test, trained by the workflow and registered by Dana."""
    return register_again(target, demo[1][0]["models"][1]["model_package_arn"])


@pytest.fixture(scope="module")
def validated_arn(demo, demo_target):
    """One for all tests of a file that are refused, and leave it as it is: submitted by Dana and validated by Vic."""
    adopt(demo_target, EASY)
    arn = register_again(demo_target, demo[1][0]["models"][1]["model_package_arn"])
    validated(demo_target, arn)
    return arn
