"""What only a browser can show: a dragged slider, the back button, a reload, and the widths of a phone."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.aws.target import connect
from core.data import bundled_data, csv_reader
from core.identity import WORKFLOW_IDENTITY
from core.settings import Settings
from core.workflow import workflow
from engine import lifecycle
from tools.browser import settle

SLOW = 45_000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace that the workflow filled: 4,000 of the rows, two trials."""
    folder = tmp_path_factory.mktemp("compared")
    frame = pd.read_csv(io.BytesIO(csv_reader.to_csv(bundled_data.read_bundled().sample(4000, random_state=1))))
    workflow.run_all_steps(
        connect(Settings(workspace=folder)), WORKFLOW_IDENTITY, frame, bundled_data.BUNDLED_ROLES, workflow.WorkflowOptions(max_jobs=2)
    )
    yield folder
    lifecycle.stop(folder)


def open_at(page: Page, address: str) -> None:
    page.goto(address)
    settle(page, 120)


def test_a_compliance_officer_moves_the_threshold_and_the_link_keeps_it(page: Page, url: str) -> None:
    open_at(page, f"{url}/registry?view=Threshold")
    slider = page.get_by_role("slider", name="Threshold of the score")
    expect(page.get_by_text("This is the report's own threshold, 0.5.").first).to_be_visible(timeout=SLOW)
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
    expect(page.get_by_text("At 0.45 instead of 0.5").first).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("threshold=0.45"), timeout=SLOW)
    page.reload()
    settle(page, 120)
    expect(page.get_by_role("tab", name="Threshold")).to_have_attribute("aria-selected", "true", timeout=SLOW)
    expect(page.get_by_text("At 0.45 instead of 0.5").first).to_be_visible(timeout=SLOW)


def test_a_tab_is_in_the_link_and_a_metric_is_explained_where_it_stands(page: Page, url: str) -> None:
    open_at(page, f"{url}/bias")
    page.get_by_role("tab", name="Difference").click()
    expect(page.get_by_text("the same rows drawn for both")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("view=Difference"), timeout=SLOW)
    page.get_by_role("button", name="What do these metrics mean?").click()
    expect(page.get_by_text("four-fifths rule")).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize("place", ["registry?view=Quality", "registry?view=Threshold", "bias?view=Metrics", "bias?view=Groups"])
def test_nothing_is_wider_than_a_phone(page: Page, url: str, place: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_at(page, f"{url}/{place}")
    main = page.get_by_test_id("stMainBlockContainer")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.get_by_text("Traceback")).to_have_count(0, timeout=SLOW)


def test_csv_is_downloaded_with_every_metric_and_its_interval(page: Page, url: str) -> None:
    open_at(page, f"{url}/bias?view=Metrics")
    with page.expect_download() as download:
        page.get_by_role("button", name="Metrics as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("stage,metric,report,value,interval low,interval high,n,")
    assert len(lines) == 1 + 2 * 13 + 8
