"""Two people's first journeys through the product, in this order: she builds a model, he decides on it."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect

from core.aws.target import connect
from core.registry import model_packages, registry_types
from core.settings import Settings
from tools.browser import serving, settle

SHORT, LONG = 60_000, 180_000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Empty at first."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def url(workspace):
    with serving(workspace) as address:
        yield address


@pytest.fixture(scope="module")
def target(workspace, url):
    return connect(Settings(workspace=workspace))


def sign_in(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("combobox").click()
    page.get_by_role("option", name=re.compile(name)).click()
    settle(page)


def test_a_first_time_data_scientist_rebalances_tunes_and_registers(page: Page, url: str, target) -> None:
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
    page.wait_for_url(re.compile("job=gov-tune-"), timeout=SHORT)
    page.reload()
    expect(page.get_by_text("Best model")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Every trial trained on the rebalanced rows.")).to_be_visible()

    page.get_by_role("button", name="Evaluate and register").click()
    page.get_by_role("link", name="Open it in the registry").click(timeout=LONG)
    expect(page.get_by_text("Decision on credit-default v1")).to_be_visible(timeout=SHORT)
    expect(page.get_by_text("haven't changed since they were registered")).to_be_visible()
    assert [version.status for version in model_packages.list_versions(target)] == [registry_types.PENDING_STATUS]


REASONS = {
    "Submit for a decision": "better model",
    "Validate": "evidence reviewed",
    "Approve": "meets the policy",
    "Reject": "bias",
}


def choose_reason(page: Page, what: str) -> None:
    """None is chosen in advance."""
    reasons = page.get_by_role("radiogroup", name="Reason")
    expect(reasons.get_by_role("radio", checked=True)).to_have_count(0)
    reasons.get_by_role("radio", name=REASONS[what]).check(force=True)


def decide(page: Page, url: str, arn: str, who: str, what: str, button: str) -> None:
    page.goto(f"{url}/decisions?package={arn}")
    settle(page)
    sign_in(page, who)
    choice = page.get_by_test_id("stMain").get_by_role("radio", name=what, exact=True)
    if choice.count():
        choice.check(force=True)
        settle(page)
    choose_reason(page, what)
    page.get_by_label("Rationale").fill("Recall for men fell without a reason given; show the effect of leaving SEX out.")
    if what == "Submit for a decision":
        page.get_by_label("Why this tier").fill("It decides on credit for thousands of people a year.")
    page.get_by_test_id("stForm").get_by_role("button", name=button).click()


def test_a_submission_is_validated_and_rejected_with_reasons_by_others(page: Page, url: str, target) -> None:
    (version,) = model_packages.list_versions(target)
    for who, what, said in (
        ("Dana", "Submit for a decision", "submitted"),
        ("Vic", "Validate", "validated"),
        ("Chris", "Reject", "rejected"),
    ):
        decide(page, url, version.arn, who, what, what)
        expect(page.get_by_text(re.compile(f"Recorded as event .*The version is now {said}"))).to_be_visible(timeout=SHORT)
    package = model_packages.read_package(target, version.arn)
    assert package.status == "Rejected"
    assert package.comment.startswith("reject by Chris (demo), event 4: Recall for men fell")


def test_a_page_that_has_grown_stale_cannot_decide_and_is_told_why(context, url: str, target) -> None:
    (version,) = model_packages.list_versions(target)
    one, two = context.new_page(), context.new_page()
    for view in (one, two):
        view.goto(f"{url}/decisions?package={version.arn}")
        settle(view)
        choose_reason(view, "Submit for a decision")
        view.get_by_label("Rationale").fill("Submitted once more, with the effect of leaving SEX out.")
        view.get_by_label("Why this tier").fill("It decides on credit for thousands of people a year.")
        view.get_by_label("Why this tier").blur()
    for view in (one, two):
        view.get_by_test_id("stForm").get_by_role("button", name="Submit for a decision").click()
        settle(view)
    expect(one.get_by_text("The version is now submitted")).to_be_visible(timeout=SHORT)
    expect(two.get_by_text("changed after you opened it")).to_be_visible(timeout=SHORT)
    for view in (one, two):
        view.close()


def test_an_officer_looks_at_the_evidence_and_a_gate_that_nothing_answers_stands_in_the_way_of_approval(
    page: Page, url: str, target
) -> None:
    (version,) = model_packages.list_versions(target)
    page.goto(f"{url}/?as=Chris+%28demo%29%2C+compliance+officer")
    settle(page)
    main = page.get_by_test_id("stMain")
    for name, shown in (("Registry", "Decision on credit-default v1"), ("Bias", "In the predictions"), ("Lineage", "nodes shown")):
        page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        expect(main.get_by_text(shown).first).to_be_visible(timeout=SHORT)
        settle(page)
    page.go_back()
    expect(main.get_by_text("In the predictions").first).to_be_visible(timeout=SHORT)
    decide(page, url, version.arn, "Vic", "Validate", "Validate")
    expect(page.get_by_text(re.compile("Recorded as event .*The version is now validated"))).to_be_visible(timeout=SHORT)
    decide(page, url, version.arn, "Chris", "Approve", "Approve")
    expect(page.get_by_text("can't be approved").first).to_be_visible(timeout=SHORT)
    assert model_packages.read_package(target, version.arn).status == registry_types.PENDING_STATUS


def test_the_evidence_pack_and_the_card_are_downloaded_whole(page: Page, url: str, target) -> None:
    (version,) = model_packages.list_versions(target)
    page.goto(f"{url}/decisions?package={version.arn}")
    settle(page)
    sign_in(page, "Dana")
    pack = zipfile.ZipFile(io.BytesIO(downloaded(page, "Evidence pack")))
    assert pack.testzip() is None
    assert {"README.txt", "SHA256SUMS"} <= set(pack.namelist())
    page.get_by_role("tab", name="Model card").click()
    page.get_by_label("Intended uses").fill("Helps a clerk to rank applications; a person decides.")
    page.get_by_label("Monitoring").fill("Monthly, by Dana")
    page.get_by_role("button", name="Save “What it is used for”").click()
    expect(page.get_by_text("of the card")).to_be_visible(timeout=SHORT)
    settle(page)
    expect(page.get_by_label("Monitoring")).to_have_value("Monthly, by Dana")  # of another section, typed and not saved
    assert downloaded(page, "PDF").startswith(b"%PDF-")
    assert json.loads(downloaded(page, "JSON"))["intended_uses"]["intended_uses"].startswith("Helps a clerk")


def downloaded(page: Page, button: str) -> bytes:
    settle(page)  # a button that is drawn anew under the click saves nothing
    with page.expect_download(timeout=LONG) as found:
        page.get_by_test_id("stMain").get_by_role("button", name=button, exact=True).click()
    assert found.value.failure() is None
    return found.value.path().read_bytes()


def test_the_back_button_returns_to_the_tab_before(page: Page, url: str) -> None:
    page.goto(f"{url}/decisions?tab=policy")
    settle(page)
    for name in ("Log", "Model card"):
        page.get_by_role("tab", name=name).click()
        settle(page)
    assert "tab=card" in page.url
    page.go_back()
    expect(page.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true", timeout=SHORT)
    page.go_back()
    expect(page.get_by_role("tab", name="Policy")).to_have_attribute("aria-selected", "true", timeout=SHORT)


LINKS = [("registry?package={arn}", "Decision on credit-default v1"), ("bias?job={bias}", "In the predictions")]


@pytest.mark.parametrize(("path", "shown"), LINKS)
def test_a_link_opens_the_page_where_it_was(page: Page, url: str, target, path: str, shown: str) -> None:
    (version,) = model_packages.list_versions(target)
    bias_job = model_packages.read_package(target, version.arn).properties["governance:bias-job"]
    page.goto(f"{url}/{path.format(arn=version.arn, bias=bias_job)}")
    expect(page.get_by_text(shown)).to_be_visible(timeout=SHORT)
    settle(page)
    page.reload()
    expect(page.get_by_text(shown)).to_be_visible(timeout=SHORT)


def test_no_page_is_wider_than_a_phone(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("", "data", "tuning", "registry", "bias", "explainability", "lineage", "decisions", "settings"):
        page.goto(f"{url}/{name}")
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
