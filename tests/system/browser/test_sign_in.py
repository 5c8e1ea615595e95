"""Sign-in through a real OpenID Connect provider on loopback: roles, no role, expired, forged, signed out."""

from __future__ import annotations

import base64
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import oidc_provider_mock as oidc
import pytest
from paths import ROOT
from playwright.sync_api import Page, expect

from tools.browser import serving, settle

PEOPLE = (
    oidc.User(sub="dana", claims={"name": "Dana Duarte", "roles": ["data scientist"]}),
    oidc.User(sub="vic", claims={"name": "Vic *Vega* [x](javascript:alert(1))", "roles": ["validator", "compliance officer"]}),
    oidc.User(sub="norma", claims={"name": "Norma", "roles": ["emperor"], "email": "norma@id.example", "email_verified": False}),
    oidc.User(sub="rita", claims={"name": "Rita", "email": "rita@id.example", "email_verified": True}),
)
SECRETS = """
[auth]
redirect_uri = "URL/oauth2callback"
cookie_secret = "a-secret-of-these-tests-only-0123456789"
client_id = "governance"
client_secret = "secret"
server_metadata_url = "{}"
"""


@pytest.fixture(scope="module")
def issuer():
    with oidc.run_server_in_thread(user_claims=PEOPLE) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def roles_file(tmp_path_factory, issuer):
    path = tmp_path_factory.mktemp("roles") / "roles.toml"
    path.write_text(
        '[claims]\n"data scientist" = "data scientist"\n"validator" = "validator"\n"compliance officer" = "compliance officer"\n'
        '[people]\n"rita@id.example" = "administrator"\n"norma@id.example" = "administrator"\n'
    )
    return path


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """A file with the seconds by which the app's clock is ahead."""
    path = tmp_path_factory.mktemp("clock") / "seconds"
    path.write_text("0")
    return path


@pytest.fixture(scope="module")
def url(tmp_path_factory, issuer, roles_file, clock):
    secrets = SECRETS.format(f"{issuer}/.well-known/openid-configuration")
    settings = {"GOVERNANCE_ROLES_FILE": str(roles_file), "PYTHONPATH": str(ROOT / "tests/system/faults/clock"), "FAULTS_CLOCK": str(clock)}
    with serving(tmp_path_factory.mktemp("signed-in"), secrets, **settings) as address:
        yield address


def enter(page: Page, url: str, who: str) -> None:
    """Sign in at the provider as that subject."""
    page.goto(url)
    settle(page)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=who, exact=True).click()
    settle(page)


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_nobody_sees_anything_before_signing_in_by_any_link(page: Page, url: str) -> None:
    for path in ("", "/decisions", "/registry?package=x", "/data?as=Chris+%28demo%29%2C+compliance+officer"):
        page.goto(f"{url}{path}")
        settle(page)
        title(page, "Sign in")
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)


def test_the_role_of_the_claim_is_the_role_here_and_signing_out_ends_it(page: Page, url: str) -> None:
    enter(page, url, "dana")
    title(page, "Overview")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Dana Duarte, data scientist")
    expect(page.get_by_text("Demo sign-in")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/oauth2/end_session**")  # the provider's session ends too
    page.goto(url)
    title(page, "Sign in")


def test_who_has_several_roles_acts_in_one_of_them_and_no_other(page: Page, url: str) -> None:
    enter(page, url, "vic")
    box = page.get_by_test_id("stSidebar").get_by_role("combobox")
    box.click()
    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    options.filter(has_text="compliance officer").click()
    settle(page)
    page.reload()
    settle(page)
    expect(box).to_have_value(re.compile("compliance officer"))
    page.goto(f"{url}/lineage?as=Vic%2C+administrator")
    settle(page)
    expect(box).to_have_value(re.compile("validator"))


def test_an_unknown_role_and_an_unverified_address_open_nothing(page: Page, url: str, issuer: str) -> None:
    enter(page, url, "norma")
    title(page, "No role yet")
    expect(page.get_by_test_id("stMain")).to_contain_text(f"{issuer}#norma")
    page.goto(f"{url}/decisions")
    settle(page)
    title(page, "No role yet")


def test_the_roles_file_gives_a_role_to_a_verified_address_and_takes_it_at_once(page: Page, url: str, roles_file) -> None:
    enter(page, url, "rita")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Rita, administrator")
    text = roles_file.read_text()
    try:
        roles_file.write_text(text.replace('"rita@id.example" = "administrator"', ""))
        page.get_by_test_id("stSidebar").get_by_role("link", name="Lineage").click()
        title(page, "No role yet")
    finally:
        roles_file.write_text(text)


def test_a_cookie_that_the_app_did_not_sign_is_nobody(page: Page, url: str) -> None:
    claims = {"is_logged_in": True, "iss": "x", "sub": "dana", "exp": 9e9, "roles": ["administrator"], "origin": url}
    value = base64.b64encode(json.dumps(claims).encode()).decode()
    for forged in (
        value,
        f"{value}.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb",
        f"2|1:0|10:1763900000|15:_streamlit_user|{len(value)}:{value}|{'0' * 64}",
    ):
        page.context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": url}])
        page.goto(url)
        settle(page)
        title(page, "Sign in")


def test_an_expired_token_is_no_sign_in(page: Page, url: str, clock) -> None:
    enter(page, url, "dana")
    expect(page.get_by_test_id("stSidebar")).to_contain_text("Dana Duarte")
    clock.write_text(str(2 * 3600))
    try:
        page.goto(f"{url}/registry")
        title(page, "Sign in again")
        expect(page.get_by_text(re.compile("Your sign-in ended"))).to_be_visible()
    finally:
        clock.write_text("0")


@contextmanager
def mixed(issuer: str, keys: str):
    """A provider's metadata that names another provider's keys: to the app, every ID token of ``issuer`` is forged."""
    names = {"authorization_endpoint": "/oauth2/authorize", "token_endpoint": "/oauth2/token", "userinfo_endpoint": "/userinfo"}
    document = {"issuer": issuer, "jwks_uri": f"{keys}/jwks", **{name: issuer + path for name, path in names.items()}}
    document |= {"id_token_signing_alg_values_supported": ["RS256"], "response_types_supported": ["code"]}

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def test_a_token_signed_with_another_key_is_no_sign_in(page: Page, issuer: str, tmp_path) -> None:
    with (
        oidc.run_server_in_thread() as other,
        mixed(issuer, f"http://localhost:{other.server_port}") as metadata,
        serving(tmp_path / "ws", SECRETS.format(metadata)) as url,
    ):
        page.goto(url)
        settle(page)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="dana", exact=True).click()
        page.wait_for_load_state()
        page.goto(url)
        settle(page)
        title(page, "Sign in")


def test_nobody_is_anybody_on_aws_without_a_provider(page: Page, tmp_path) -> None:
    with serving(tmp_path / "ws", GOVERNANCE_TARGET="aws") as url:
        page.goto(f"{url}/decisions")
        settle(page)
        title(page, "Sign-in")
        expect(page.get_by_text("no provider is configured")).to_be_visible()
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
