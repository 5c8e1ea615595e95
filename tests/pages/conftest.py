"""The app in-process, on an empty workspace and on one that the workflow filled (``full``)."""

from __future__ import annotations

from pathlib import Path

import pytest
from paths import APP
from streamlit.testing.v1 import AppTest

from core.aws.target import Target, connect
from core.identity import DEMO_IDENTITIES
from core.jobs.tuning import tuning_jobs
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A workspace in which nothing has happened."""
    workspace = tmp_path_factory.mktemp("empty")
    yield workspace
    lifecycle.stop(workspace)


@pytest.fixture(scope="session")
def target(full) -> Target:
    return connect(Settings(workspace=full))


@pytest.fixture(scope="session")
def packages(target) -> list[str]:
    """ARNs of the registered versions, newest first."""
    return [version.arn for version in model_packages.list_versions(target)]


@pytest.fixture(scope="session")
def tuning_job(target) -> str:
    """The workflow's own tuning job: the first of the workspace."""
    return tuning_jobs.list_jobs(target)[-1].name


@pytest.fixture
def app(monkeypatch):
    """``app(workspace, "bias", person="Chris", job=...)``: the page as that person sees it, opened by its link."""

    def build(workspace: Path, page: str = "overview", person: str = "Dana", tab: str | None = None, **query: str) -> AppTest:
        monkeypatch.setenv("GOVERNANCE_WORKSPACE", str(workspace))
        test = AppTest.from_file(APP, default_timeout=120)
        who = next(one for one in DEMO_IDENTITIES if one.name.startswith(person))
        test.query_params["as"] = f"{who.name}, {who.role}"
        if tab is not None:
            test.query_params["tab"] = tab
        for name, value in query.items():
            test.query_params[name] = value
        if page != "overview":  # which the router shows by itself; to switch to it would cut its parallel parts off
            test.switch_page(f"pages/{page}.py")
        return test.run()

    return build
