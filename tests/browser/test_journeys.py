"""Two people's first journeys through the product, in this order: she builds a model, he decides on it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core import registry
from tools.browser import settle

SHORT, LONG = 30_000, 120_000


def sign_in(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("combobox").click()
    page.get_by_role("option", name=re.compile(name)).click()
    settle(page)


def test_a_first_time_data_scientist_rebalances_tunes_and_registers(page: Page, url: str, clients) -> None:
    page.goto(url)
    settle(page)
    expect(page.get_by_text("Start with the data")).to_be_visible()
    page.get_by_role("link", name="Rebalance data").click()

    page.get_by_role("button", name="Rebalance").click(timeout=SHORT)
    expect(page.get_by_text("Training rows by label and facet")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("synthetic rows (")).to_be_visible()
    assert "job=governance-rebalance-smote-nc-" in page.url

    page.get_by_role("link", name="Tune a model on these rows").click()
    page.get_by_role("spinbutton", name="Jobs").fill("3")
    page.get_by_role("spinbutton", name="Jobs").press("Tab")
    settle(page)
    page.get_by_role("button", name="Launch tuning").click()
    expect(page.get_by_text("Best model")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Every trial trained on the rebalanced rows.")).to_be_visible()

    page.get_by_role("button", name="Evaluate and register").click()
    page.get_by_role("link", name="In the registry: open it").click(timeout=LONG)
    expect(page.get_by_text("Decision on credit-default v1")).to_be_visible(timeout=SHORT)
    expect(page.get_by_text("their hashes hold")).to_be_visible()
    assert [version.status for version in registry.versions(clients)] == [registry.PENDING]


def test_a_compliance_officer_rejects_it_with_reasons(page: Page, url: str, clients) -> None:
    (version,) = registry.versions(clients)
    page.goto(url)
    settle(page)
    sign_in(page, "Chris")
    expect(page.get_by_text("1 version waits for your decision.")).to_be_visible()
    page.get_by_role("link", name="Look at credit-default v1").click()
    page.get_by_label("Your reasons").fill("Recall for men fell without a reason given; show the effect of leaving SEX out.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_test_id("stMain").get_by_text("Rejected").first).to_be_visible(timeout=SHORT)
    package = registry.get(clients, version.arn)
    assert package.status == "Rejected"
    assert package.comment.startswith("Chris (demo): Recall for men fell")


LINKS = [("registry?package={arn}", "Decision on credit-default v1"), ("bias?job={bias}", "In the predictions")]


@pytest.mark.parametrize(("path", "shown"), LINKS)
def test_a_link_opens_the_page_where_it_was(page: Page, url: str, clients, path: str, shown: str) -> None:
    (version,) = registry.versions(clients)
    bias_job = registry.get(clients, version.arn).properties["governance:bias-job"]
    page.goto(f"{url}/{path.format(arn=version.arn, bias=bias_job)}")
    expect(page.get_by_text(shown)).to_be_visible(timeout=SHORT)
    settle(page)
    page.reload()
    expect(page.get_by_text(shown)).to_be_visible(timeout=SHORT)


def test_a_click_on_a_lineage_node_shows_its_details(page: Page, url: str, clients) -> None:
    (version,) = registry.versions(clients)
    page.goto(f"{url}/lineage?package={version.arn}")
    settle(page)
    chart = page.locator("[data-testid='stEChartsChart'] canvas").first
    expect(chart).to_be_visible(timeout=SHORT)
    box = chart.bounding_box()
    assert box is not None
    details = page.get_by_test_id("stMain").get_by_text(re.compile("^(TrialComponent|Artifact|Context), "))
    before = details.inner_text()
    for down in range(40, int(box["height"]), 12):  # below the legend
        for across in range(10, int(box["width"]), 12):
            page.mouse.move(box["x"] + across, box["y"] + down)
            if chart.evaluate("canvas => canvas.parentElement.style.cursor") != "pointer":
                continue
            page.mouse.click(box["x"] + across, box["y"] + down)
            page.wait_for_timeout(500)
            if details.inner_text() != before:
                return
    raise AssertionError("no click on the graph changed the details")


def test_no_page_is_wider_than_a_phone(browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    view = context.new_page()
    for name in ("", "data", "tuning", "registry", "bias", "explainability", "lineage"):
        view.goto(f"{url}/{name}")
        settle(view)
        assert view.evaluate("document.documentElement.scrollWidth") <= 390, name
    context.close()
