"""What a launch will cost stands under its button, what a job has used with its result; figures as the target describes the jobs."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from core.costs import cost_estimates, prices, usage
from core.jobs import jobs, rebalancing_jobs, training_jobs
from core.jobs.tuning import tuning_jobs
from core.registry import model_packages
from core.reports import bias_jobs, shap_jobs, trial_bias_jobs
from core.settings import Settings
from core.views.shared.number_text import duration_text

TABLE = prices.load_in_force(Settings(prices=None))
HOUR = TABLE.processing["ml.m5.xlarge"]
AS_OF = f"prices of {TABLE.date}, us-east-1"


def lines(test) -> list[str]:
    """The page's lines about costs, as they are read."""
    assert not test.exception
    return [caption.value.replace("\\", "") for caption in test.caption if caption.value.startswith(":material/payments:")]


def read(seconds: int) -> str:
    return f"{seconds} s" if seconds < 90 else duration_text(seconds)


def billed(target, kind, name: str) -> int:
    """What AWS bills for, off the job's own description."""
    raw = jobs.describe_job(target, kind, name).raw
    return (
        raw["BillableTimeInSeconds"]
        if kind == "training"
        else max(1, round((raw["ProcessingEndTime"] - raw["ProcessingStartTime"]).total_seconds()))
    )


@pytest.fixture
def mine(monkeypatch, tmp_path):
    """``mine(was, becomes)``: the product goes by a changed copy of its price table."""

    def use(was: str, becomes: str):
        text = prices.BUNDLED_FILE.read_text()
        assert was in text
        file = tmp_path / "mine.toml"
        file.write_text(text.replace(was, becomes))
        monkeypatch.setenv("GOVERNANCE_PRICES", str(file))
        return file

    return use


@pytest.mark.parametrize(
    ("page", "query", "launched"),
    [
        ("data", {"tab": "new"}, 1),
        ("tuning", {"tab": "new"}, 12),
        ("tuning", {"tab": "single"}, 1),
        ("bias", {"tab": "new"}, 1),
        ("explainability", {"tab": "new"}, 1),
        ("overview", {}, 17),
    ],
)
def test_every_form_says_what_its_launch_will_take_and_cost_at_most_and_more_costs_more(app, full, page, query, launched):
    test = app(full, page, **query)
    line = next(line for line in lines(test) if "at most" in line)
    assert re.search(r"About \d+", line)
    assert re.search(r", by \d+ earlier job", line)
    assert "Nothing is billed on this machine" in line
    assert f"at most ${launched * HOUR:.2f}" in line
    assert AS_OF in line
    if query.get("tab") == "new" and page == "tuning":
        next(number for number in test.number_input if number.label == "Jobs").set_value(100).run()
        assert f"at most ${102 * HOUR:.2f}" in lines(test)[0]
    if page == "data":
        test.multiselect(key="also").set_value(["reweighing", "adasyn"]).run()
        assert f"at most ${3 * HOUR:.2f}" in lines(test)[0]


def test_the_measurement_of_every_trial_says_what_it_will_cost_and_then_what_it_has(app, full, target, tuning_job):
    made = trial_bias_jobs.find_newest_job(target, tuning_job)
    found = lines(app(full, "tuning", job=tuning_job, view="bias"))
    if made is not None and made.status == "Completed":
        assert any(f" {read(billed(target, 'processing', made.name))} on 1 × ml.m5.xlarge" in line for line in found)
    else:
        assert f"at most ${HOUR:.2f}" in next(line for line in found if "at most" in line)


def test_the_times_of_an_estimate_are_those_that_the_target_billed(target):
    data = rebalancing_jobs.read_result(target, rebalancing_jobs.list_jobs(target)[-1].name)
    same = cost_estimates.read_past_durations(
        target, cost_estimates.plan_bias_report(target.settings, data.uri(bias_jobs.ROW_FILES["test"]))[0]
    )
    elsewhere = cost_estimates.read_past_durations(target, cost_estimates.plan_bias_report(target.settings, "s3://other/rows.csv")[0])
    times = {billed(target, "processing", job.name) for job in bias_jobs.list_jobs(target) if job.status == "Completed"}
    assert (same.same_rows, elsewhere.same_rows) == (True, False)
    assert same.seconds
    assert set(same.seconds) <= set(elsewhere.seconds) <= times


def test_a_method_is_judged_by_its_own_jobs_only(target):
    nc, smote = (
        cost_estimates.read_past_durations(target, planned)
        for planned in cost_estimates.plan_rebalancing(target.settings, ["smote-nc", "smote"])
    )
    assert nc.seconds
    done = [job.name for job in rebalancing_jobs.list_jobs(target) if job.status == "Completed" and re.search(r"smote-[^-]+$", job.name)]
    assert len(smote.seconds) <= len(done)


def test_the_trials_of_a_tuning_job_have_used_what_the_target_bills_for_each(app, full, target, tuning_job):
    trials = tuning_jobs.list_trials(target, tuning_job)
    seconds = [billed(target, "training", trial.name) for trial in trials]
    used = usage.usage_of_trials(tuning_jobs.describe_job(target, tuning_job), [(trial.started, trial.ended) for trial in trials])
    assert (used.seconds, used.jobs) == (sum(seconds), len(trials))
    consumed = tuning_jobs.describe_job(target, tuning_job).raw["ConsumedResources"]["RuntimeInSeconds"]
    assert max(seconds) <= consumed + 1  # AWS's figure is wall-clock time: of parallel trials it says less than is billed
    line = lines(app(full, "tuning", job=tuning_job))[0]
    assert f"{len(trials)} jobs, {read(sum(seconds))} on 1 × {target.settings.instance_type}" in line


@pytest.mark.parametrize("page", ["bias", "explainability", "data"])
def test_a_result_says_what_its_job_has_used(app, full, target, page):
    listed = {"bias": bias_jobs.list_jobs, "explainability": shap_jobs.list_jobs, "data": rebalancing_jobs.list_jobs}[page](target)
    name = next(job.name for job in listed if job.status == "Completed")
    line = lines(app(full, page, job=name))[0]
    assert f"{read(billed(target, 'processing', name))} on 1 × ml.m5.xlarge" in line
    assert "Nothing was billed on this machine" in line


def test_a_version_has_used_what_its_jobs_have(app, full, target, packages):
    package = next(arn for arn in packages if model_packages.read_package(target, arn).properties["governance:role"] == "mitigated")
    properties = model_packages.read_package(target, package).properties
    found = usage.usage_by_step(target, properties)
    assert set(found) == {"rebalancing", "tuning", "bias", "SHAP"}
    parts = [billed(target, "processing", properties[f"governance:{key}"]) for key in ("rebalanced", "bias-job", "shap-job")]
    tuned = training_jobs.describe_job(target, properties["governance:training-job"]).raw["TuningJobArn"].rpartition("/")[2]
    parts += [billed(target, "training", trial.name) for trial in tuning_jobs.list_trials(target, tuned)]
    assert sum(usage.seconds for usage in found.values()) == sum(parts)
    test = app(full, "registry", package=package, view="Settings and data")
    assert any(f"{len(parts)} jobs, " in line for line in lines(test))
    table = next(table.value for table in test.dataframe if "seconds billed" in table.value.columns)
    assert table[table["step"] == "all"]["seconds billed"].max() >= sum(parts)


def test_no_job_may_run_longer_than_its_ceiling_says(target, tuning_job):
    trial = tuning_jobs.best_job_name(target, tuning_job)
    single = jobs.list_jobs(target, "training", name_contains=training_jobs.JOB_NAME_PREFIX)[0].name
    every = [
        ("training", trial),
        ("training", single),
        *(("processing", job.name) for job in jobs.list_jobs(target, "processing", name_contains="governance-", max_results=8)),
    ]
    assert {jobs.describe_job(target, kind, name).raw["StoppingCondition"]["MaxRuntimeInSeconds"] for kind, name in every} == {
        jobs.MAX_SECONDS
    }


def test_a_type_without_a_price_is_named_with_the_file_to_add_it_to(app, full, mine):
    file = mine('"ml.m5.xlarge" = 0.23 # USE1', '"ml.m5.8xlarge" = 0.23 # USE1')
    line = lines(app(full, "bias", tab="new"))[0]
    assert f"No price for ml.m5.xlarge (processing) in the table: add it to {file}." in line


def test_a_wrong_price_file_is_told_and_hinders_no_launch(app, full, mine):
    mine('currency = "USD"', "currency = 1")
    test = app(full, "bias", tab="new")
    assert not test.exception
    assert "line 10: currency: Input should be a valid string" in test.error[0].value.replace("\\", "")
    assert not next(button for button in test.button if button.label == "Measure bias").disabled


def test_the_section_of_prices_shows_the_table_in_force_its_age_and_how_to_change_it(full, monkeypatch, mine):
    monkeypatch.setenv("GOVERNANCE_WORKSPACE", str(full))
    file = mine("date = 2026-07-30", "date = 2020-01-31")
    test = AppTest.from_string("from ui.settings import price_table\nprice_table.show_prices()", default_timeout=60).run()
    assert not test.exception
    assert "These prices are old" in test.warning[0].value
    shown = test.dataframe[0].value.set_index("instance type")
    assert shown.loc["ml.m5.xlarge"].tolist() == [TABLE.training["ml.m5.xlarge"], TABLE.processing["ml.m5.xlarge"]]
    assert shown["processing"].dropna().to_dict() == TABLE.processing
    assert any(str(file) in caption.value.replace("\\", "") for caption in test.caption)
