"""What only a browser can do on the tuning page: watch a job to its end, click in its pictures and table, reload in mid-job."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.data import bundled_data, datasets, table_check
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs
from core.jobs.tuning import tuning_jobs
from core.reports import trial_bias_jobs
from tools.browser import settle

SHORT, LONG = 60_000, 240_000


@pytest.fixture(scope="module")
def data(target) -> rebalancing_jobs.RebalancedData:
    frame: pd.DataFrame = bundled_data.read_bundled().sample(2000, random_state=2)
    dataset = datasets.upload_dataset(target, WORKFLOW_IDENTITY, table_check.check_table(frame, bundled_data.BUNDLED_ROLES), "tuning")
    name = rebalancing_jobs.launch_job(target, WORKFLOW_IDENTITY, dataset, rebalancing_jobs.RebalancingOptions("none"))
    jobs.wait_for_jobs(target, [("processing", name)])
    return rebalancing_jobs.read_result(target, name)


@pytest.fixture(scope="module")
def job(target, data) -> str:
    """A tuning job whose trials have been measured."""
    ranges = (tuning_jobs.HyperparameterRange("max_depth", 2, 6, "integer"), tuning_jobs.HyperparameterRange("eta", 0.1, 0.6))
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, ranges, max_jobs=5, strategy="Random"))
    jobs.wait_for_jobs(target, [("tuning", name)])
    jobs.wait_for_jobs(target, [("processing", trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, name))])
    return name


def test_a_job_is_watched_to_its_end_through_a_reload_and_its_trials_are_then_measured(page: Page, url: str, target, data) -> None:
    page.goto(f"{url}/tuning")
    settle(page)
    static = {"objective": "binary:logistic", "num_round": "1500", "seed": "1"}
    request = tuning_jobs.TuningRequest(
        data, (tuning_jobs.HyperparameterRange("max_depth", 2, 4, "integer"),), static, max_jobs=4, max_parallel=1
    )
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, request)
    page.goto(f"{url}/tuning?job={name}&view=bias")
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=SHORT)
    page.reload()
    expect(page.get_by_text(re.compile(r"of 100 others \d+")).first).to_be_visible(timeout=LONG)
    assert trial_bias_jobs.find_newest_job(target, name).status == "Completed"
    expect(page.get_by_text("Less discriminatory alternatives")).to_be_visible()
    assert f"job={name}" in page.url


def test_a_trial_clicked_in_the_picture_is_put_into_words_and_can_be_opened(page: Page, url: str, target, job: str) -> None:
    page.goto(f"{url}/tuning?job={job}&view=bias")
    settle(page)
    chart = page.locator(".st-key-trial-scatter")
    best = tuning_jobs.best_job_name(target, job)
    for point in chart.locator(".scatterlayer .trace .points path").all():
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        settle(page)
        if page.get_by_text("Chosen in the chart").count():
            break
    expect(page.get_by_text("Chosen in the chart")).to_be_visible(timeout=SHORT)
    page.get_by_role("button", name=re.compile(r"Look at trial \d+")).first.click()
    settle(page)
    trial = re.search(r"trial=([\w-]+)", page.url)[1]
    assert trial.startswith(job)
    assert trial != best
    expect(page.get_by_role("button", name="Evaluate and register").first).to_be_visible(timeout=SHORT)
    page.reload()
    settle(page)
    expect(page.get_by_test_id("stCaptionContainer").get_by_text(trial, exact=True)).to_be_visible(timeout=SHORT)


def test_a_row_chosen_in_the_table_is_the_trial_shown(page: Page, url: str, target, job: str) -> None:
    page.goto(f"{url}/tuning?job={job}&view=trials")
    settle(page)
    table = page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 * 2 + 18)
    settle(page)
    second = tuning_jobs.trials_to_frame(tuning_jobs.list_trials(target, job)).sort_values("objective", ascending=False)["name"].iloc[1]
    expect(page).to_have_url(re.compile(f"trial={second}"))
    expect(page.get_by_test_id("stCaptionContainer").get_by_text(second, exact=True)).to_be_visible(timeout=SHORT)


def test_a_filter_moved_is_in_the_url_and_holds_in_every_view(page: Page, url: str, job: str) -> None:
    page.goto(f"{url}/tuning?job={job}")
    settle(page)
    page.get_by_role("button", name="Filter").click()
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    page.keyboard.press("Escape")
    settle(page)
    expect(page).to_have_url(re.compile("filter=objective"))
    left = page.get_by_text(re.compile(r"^\d of 5 trials: objective")).first
    expect(left).to_be_visible(timeout=SHORT)
    said = left.inner_text()
    for view in ("Timeline", "Hyperparameters"):
        page.get_by_role("tab", name=view).click()
        settle(page)
        expect(page.get_by_text(said)).to_be_visible()
