"""What only a browser can show: a dragged slider, the back button, a reload, and the widths of a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core.aws.target import connect
from core.registry import model_packages, registry_types
from core.settings import Settings
from tools.browser import settle

SLOW = 60_000


@pytest.fixture(scope="module")
def version(full) -> registry_types.Package:
    """The mitigated version that the workflow registered, after the baseline."""
    target = connect(Settings(workspace=full))
    return model_packages.read_package(target, model_packages.list_versions(target)[-2].arn)


@pytest.fixture(scope="module")
def registry(url, version) -> str:
    return f"{url}/registry?package={version.arn}"


@pytest.fixture(scope="module")
def bias(url, version) -> str:
    return f"{url}/bias?job={version.properties['governance:bias-job']}"


def open_at(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)


def test_a_compliance_officer_moves_the_threshold_and_the_link_keeps_it(page: Page, registry: str) -> None:
    open_at(page, f"{registry}&view=Threshold")
    slider = page.get_by_role("slider", name="Threshold of the score")
    expect(page.get_by_text("This is the report's own threshold, 0.5.").first).to_be_visible(timeout=SLOW)
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
    expect(page.get_by_text("At 0.45 instead of 0.5").first).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("threshold=0.45"), timeout=SLOW)
    page.reload()
    settle(page)
    expect(page.get_by_role("tab", name="Threshold")).to_have_attribute("aria-selected", "true", timeout=SLOW)
    expect(page.get_by_text("At 0.45 instead of 0.5").first).to_be_visible(timeout=SLOW)


def test_a_tab_is_in_the_link_and_a_metric_is_explained_where_it_stands(page: Page, bias: str) -> None:
    open_at(page, bias)
    page.get_by_role("tab", name="Difference").click()
    expect(page.get_by_text("the same rows for both")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("view=Difference"), timeout=SLOW)
    page.get_by_role("button", name="What do these metrics mean?").click()
    expect(page.get_by_text("four-fifths rule")).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize(("on", "view"), [("registry", "Quality"), ("registry", "Threshold"), ("bias", "Metrics"), ("bias", "Groups")])
def test_nothing_is_wider_than_a_phone(page: Page, registry: str, bias: str, on: str, view: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_at(page, f"{ {'registry': registry, 'bias': bias}[on] }&view={view}")
    main = page.get_by_test_id("stMainBlockContainer")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.get_by_text("Traceback")).to_have_count(0, timeout=SLOW)


def test_csv_is_downloaded_with_every_metric_and_its_interval(page: Page, bias: str) -> None:
    open_at(page, f"{bias}&view=Metrics")
    with page.expect_download() as download:
        page.get_by_role("button", name="Metrics as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("stage,metric,report,value,interval low,interval high,n,")
    assert len(lines) == 1 + 2 * 13 + 8
