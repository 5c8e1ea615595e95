"""Links into the app, opened before Streamlit knows that it has a router: Streamlit would run the linked page's file alone."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tools.browser import serving, settle

CHRIS = "as=Chris+%28demo%29%2C+compliance+officer"
TITLES = {
    "data": "Data and rebalancing",
    "registry": "Registry",
    "bias": "Bias",
    "lineage": "Lineage",
    "decisions": "Decisions",
    "settings": "Settings",
}


def test_six_links_opened_at_once_on_a_fresh_server_each_show_their_page_in_the_role_named(browser, tmp_path) -> None:
    with serving(tmp_path / "ws") as url:
        contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in TITLES]
        pages = [context.new_page() for context in contexts]
        for page, name in zip(pages, TITLES, strict=True):
            page.evaluate("address => { window.location = address }", f"{url}/{name}?{CHRIS}")  # returns before the page has loaded
        for page, (name, title) in zip(pages, TITLES.items(), strict=True):
            settle(page)
            expect(page.get_by_role("heading", level=1)).to_have_text(title)
            expect(page.get_by_test_id("stException")).to_have_count(0)
            expect(page.get_by_role("dialog")).to_have_count(0)
            expect(page.get_by_test_id("stSidebar").get_by_role("combobox")).to_have_value(re.compile("Chris.*compliance officer"))
            expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(8)  # tuning is for those who may launch
            assert page.url.startswith(f"{url}/{name}?")
        for context in contexts:
            context.close()


def test_the_first_link_to_a_fresh_server_may_be_the_overview(page: Page, tmp_path) -> None:
    with serving(tmp_path / "ws") as url:
        _overview_opens(page, f"{url}/overview?{CHRIS}")


def test_the_overview_opens_at_both_of_its_addresses(page: Page, url: str) -> None:
    for path in ("/", "/overview"):
        _overview_opens(page, f"{url}{path}?{CHRIS}")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1", "http://127.0.0.1", 101),
        ("localhost", "http://localhost", 101),
        ("rebound.example.com", "http://rebound.example.com", 403),
        ("127.0.0.1", "http://elsewhere.example.com", 403),
        ("127.0.0.1.example.com", "http://127.0.0.1.example.com", 403),
    ],
)
def test_a_page_of_another_name_or_origin_gets_no_connection(url: str, host: str, origin: str, status: int) -> None:
    port = urlsplit(url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    named = {"Host": f"{host}:{port}", "Origin": f"{origin}:{port}" if origin.endswith(host) else origin}
    connection.request("GET", "/_stcore/stream", headers={**asked, **named})
    assert connection.getresponse().status == status
    connection.close()


def _overview_opens(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stSidebar").get_by_role("combobox")).to_have_value(re.compile("Chris.*compliance officer"))
    assert page.url == address


def test_an_address_that_is_no_page_says_so(page: Page, url: str) -> None:
    page.goto(f"{url}/nothing")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
