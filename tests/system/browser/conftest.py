"""The real app in a real browser, on the workspace that the workflow filled: the app's first pages take it longer than all others."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from core.aws.target import connect
from core.settings import Settings
from tools.browser import chromium, serving

expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def url(full):
    """The address of the app."""
    with serving(full) as address:
        yield address


@pytest.fixture(scope="session")
def target(full):
    return connect(Settings(workspace=full))


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def context(browser):
    """One for all tests of a file: it keeps Streamlit's scripts, which take longer to load than a page."""
    made = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    made.set_default_timeout(60_000)
    yield made
    made.close()


@pytest.fixture
def page(context):
    """A page of its own, signed in nowhere."""
    opened = context.new_page()
    yield opened
    opened.close()
    context.clear_cookies()
