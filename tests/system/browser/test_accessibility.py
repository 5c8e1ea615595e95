"""axe-core on every page, in both themes: nothing that it calls serious or critical."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tools.browser import settle

PAGES = ("", "data", "tuning", "lineage", "registry", "bias", "explainability", "decisions", "settings")


@pytest.fixture(scope="module")
def view(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 2400}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_serious_in_either_theme(view, url, page):
    view.emulate_media(color_scheme="light")
    view.goto(f"{url}/{page}")
    papers = []
    for theme in ("light", "dark"):
        view.emulate_media(color_scheme=theme)
        settle(view)
        papers.append(view.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor"))
        found = Axe().run(view).response["violations"]
        serious = {
            rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]] for rule in found if rule["impact"] in {"serious", "critical"}
        }
        assert not serious, (theme, serious)
    assert papers[0] != papers[1], "the page did not follow the theme"
