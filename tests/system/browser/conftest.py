"""The real app in a real browser, on a workspace that starts empty."""

from __future__ import annotations

import pytest

from core.aws.target import connect
from core.settings import Settings
from tools.browser import chromium, serving


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def url(workspace):
    with serving(workspace) as address:
        yield address


@pytest.fixture(scope="module")
def target(workspace, url):
    return connect(Settings(workspace=workspace))


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(45_000)
    yield context.new_page()
    context.close()
