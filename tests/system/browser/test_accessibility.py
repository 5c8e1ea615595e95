"""axe-core on every page, in both themes: nothing that it calls serious or critical."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tools.browser import serving, settle

PAGES = ("", "data", "tuning", "lineage", "registry", "bias", "explainability", "decisions", "settings")


@pytest.fixture(scope="module")
def filled(full):
    with serving(full) as address:
        yield address


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_serious(browser, filled, page, theme):
    context = browser.new_context(viewport={"width": 1440, "height": 2400}, color_scheme=theme, reduced_motion="reduce")
    view = context.new_page()
    view.goto(f"{filled}/{page}")
    settle(view)
    found = Axe().run(view).response["violations"]
    context.close()
    serious = {
        rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]] for rule in found if rule["impact"] in {"serious", "critical"}
    }
    assert not serious, serious
