"""The data page in a real browser: several methods launched at once, followed without a reload, compared, and one of them opened."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Page, expect

from core.data import datasets
from tools.browser import settle

LONG = 180_000


def table(rows: int = 240) -> bytes:
    random = np.random.default_rng(5)
    region, late = random.choice(["north", "south"], rows, p=[0.3, 0.7]), random.choice(["late", "paid"], rows, p=[0.3, 0.7])
    age, income = random.integers(18, 80, rows), random.integers(10_000, 90_000, rows)
    lines = (f"{a},{b},{c},{d}\n" for a, b, c, d in zip(late, region, age, income, strict=True))
    return ("outcome,sex,age,income\n" + "".join(lines)).encode()


def test_methods_launched_together_are_compared_and_one_is_opened(page: Page, url: str, target) -> None:
    page.goto(f"{url}/data?tab=new")
    settle(page)
    page.get_by_role("radio", name="Upload a CSV").check(force=True)
    settle(page)
    page.locator("input[type=file]").first.set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": table()})
    expect(page.get_by_text(re.compile("Favourable labels are least frequent at sex = "))).to_be_visible(timeout=LONG)
    settle(page)
    compared, start = page.get_by_role("combobox", name="Compare with"), page.get_by_role("button", name="Rebalance in 2 ways")
    while not start.count():  # a list closes where the page scrolls or is drawn anew, also just before the click on what it offers
        compared.scroll_into_view_if_needed()
        settle(page)
        compared.click()
        page.get_by_role("option", name="Reweighing").click()
        page.keyboard.press("Tab")
        settle(page)
    start.click()

    expect(page.get_by_text(re.compile("DPL is nearest to 0 with"))).to_be_visible(timeout=LONG)
    assert "compare=governance-rebalance-smote-nc-" in page.url
    settle(page)
    page.reload()
    expect(page.get_by_text(re.compile("DPL is nearest to 0 with"))).to_be_visible(timeout=LONG)
    settle(page)
    page.get_by_test_id("stMain").get_by_test_id("stButton").get_by_role("button", name=re.compile("Open")).first.click()
    expect(page.get_by_text("Training rows by label and facet")).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("Of 100 rows with sex = ")).first).to_be_visible()
    assert "job=governance-rebalance-smote-nc-" in page.url
    assert datasets.list_datasets(target)[0].name == "people"
