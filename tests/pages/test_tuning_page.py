"""The tuning page: every trial measured for bias, one filter for all views, clone, comparison, reports."""

from __future__ import annotations

import pytest

from core.errors import Conflict, JobFailed
from core.governance import version_facts
from core.governance.model_cards import model_card
from core.governance.version_state import State
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs, training_jobs, xgboost_report_jobs
from core.jobs.tuning import tuning_jobs
from core.registry import model_evaluation, model_packages
from core.reports import trial_bias_jobs

NEW = "new"


def text(test) -> str:
    parts = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.subheader]
    return "\n".join(str(part.value) for part in parts)


def button(test, label: str):
    return next(button for button in test.button if button.label == label)


@pytest.fixture(scope="module")
def measured(target, tuning_job) -> str:
    name = trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_job)
    jobs.wait_for_jobs(target, [("processing", name)])
    return name


@pytest.fixture(scope="module")
def failed(target) -> str:
    """A tuning job all trials of which fail."""
    data = rebalancing_jobs.read_result(target, rebalancing_jobs.list_jobs(target)[-1].name)
    static = {"objective": "binary:logistic", "num_round": "5", "nonsense": "1"}
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, static=static, max_jobs=2))
    with pytest.raises(JobFailed, match="nonsense"):
        jobs.wait_for_jobs(target, [("tuning", name)])
    return name


def test_a_job_that_nobody_measured_offers_to_measure_it_and_a_viewer_may_not(app, full, tuning_job, target):
    assert trial_bias_jobs.find_newest_job(target, tuning_job) is None
    assert button(app(full, "tuning", "Vera", job=tuning_job, view="bias"), "Measure every trial for bias").disabled
    test = button(app(full, "tuning", job=tuning_job, view="bias"), "Measure every trial for bias").click().run()
    assert not test.exception
    now = trial_bias_jobs.find_newest_job(target, tuning_job)
    jobs.wait_for_jobs(target, [("processing", now.name)])


def test_the_best_trial_and_its_alternatives_are_named_with_people_and_intervals(app, full, tuning_job, measured, target):
    test = app(full, "tuning", job=tuning_job, view="bias")
    assert not test.exception
    assert not test.error
    report = trial_bias_jobs.read_result(target, measured)
    said = text(test)
    assert "The best, **trial " in said
    assert f"n = {report['rows']:,} validation rows" in said
    assert "of 100 others" in said
    assert "risky in US credit" in said  # to look for alternatives by group
    registers = [b for b in test.button if b.label.startswith("Register trial ")]
    assert len(registers) == said.count("nearer to parity by")
    assert registers or "No trial reduces disparity" in said
    table = next(frame.value for frame in test.dataframe if "distance from parity" in frame.value)
    assert len(table) == len(report["trials"])


def test_the_measured_trials_are_evidence_for_the_search_for_alternatives(target, packages, tuning_job, measured):
    tuned = (model_packages.read_package(target, arn) for arn in packages)
    package = next(one for one in tuned if one.training and one.training.raw.get("TuningJobArn", "").endswith(f"/{tuning_job}"))
    facts = version_facts.collect_facts(target, package, State(package.arn), model_card.read_card(target, package), None)["alternatives"]
    report = trial_bias_jobs.read_result(target, measured)
    assert (facts["measured_by"], facts["rows"]) == (measured, report["rows"])
    assert {name: one[0]["value"] for name, one in facts["trials"].items()} == {
        trial["name"]: trial["facets"][0]["measures"]["DPPL"]["value"] for trial in report["trials"]
    }


def test_an_alternative_is_one_click_from_being_registered(app, full, tuning_job, measured, target):
    test = app(full, "tuning", job=tuning_job, view="bias")
    choices = test.selectbox(key="trial-performance").options
    for place in range(len(choices)):
        registers = [b for b in test.button if b.label.startswith("Register trial ")]
        if registers:
            break
        test = test.selectbox(key="trial-performance").select_index(place).run()
    assert registers, "no metric has an alternative"
    test = registers[0].click().run()
    assert not test.exception
    trial = test.query_params["trial"]
    trial = trial[0] if isinstance(trial, list) else trial
    found = model_evaluation.read_evaluation(target, trial)
    assert found.bias_job is not None
    assert found.shap_job is not None
    jobs.wait_for_jobs(target, [("processing", found.bias_job.name), ("processing", found.shap_job.name)])


def test_a_filter_in_the_url_reaches_the_views(app, full, tuning_job, measured, target):
    table = tuning_jobs.trials_to_frame(tuning_jobs.list_trials(target, tuning_job))
    middle = float(table["objective"].median())
    wanted = f"objective:{middle:.6g}:1"
    expected = int((table["objective"] >= middle - 1e-5).sum())
    assert 0 < expected < len(table)
    for view in ("history", "timeline", "trials"):
        test = app(full, "tuning", job=tuning_job, view=view, filter=wanted)
        assert not test.exception
        assert f"{expected} of {len(table)} trials" in text(test).replace("\\", "")
        assert any(len(frame.value) == expected for frame in test.dataframe if "number" in frame.value)


def test_a_filter_that_leaves_nothing_says_so_and_can_be_dropped(app, full, tuning_job):
    test = app(full, "tuning", job=tuning_job, filter="status:Failed")
    assert "No trial passes the filter" in text(test)
    test = button(test, "Show all trials").click().run()
    assert "filter" not in test.query_params
    assert "4 of 4 trials" in text(test).replace("\\", "")


def test_a_link_opens_at_a_trial_with_its_curves_and_log(app, full, tuning_job, target):
    best = tuning_jobs.best_job_name(target, tuning_job)
    trial = next(trial.name for trial in tuning_jobs.list_trials(target, tuning_job) if trial.name != best)
    test = app(full, "tuning", job=tuning_job, trial=trial)
    assert not test.exception
    assert trial in [caption.value for caption in test.caption]
    assert "on the validation rows was best at round" in text(test)
    assert sum(expander.label == "Log" for expander in test.expander) == 2


def test_a_link_to_a_trial_that_is_gone_says_so(app, full, tuning_job):
    assert "gone" in app(full, "tuning", job=tuning_job, trial="gone").warning[0].value


def test_trials_that_failed_say_why(app, full, failed, target):
    test = app(full, "tuning", job=failed, view="trials")
    assert not test.exception
    errors = "\n".join(error.value for error in test.error)
    assert "All training jobs failed" in errors
    assert "Extraneous hyperparameter found: nonsense" in errors
    history = app(full, "tuning", job=failed, view="history")
    assert not history.exception
    assert "No trial has an objective" in text(history)
    assert "no best job yet" in text(button(app(full, "tuning", job=failed, view="bias"), "Measure every trial for bias").click().run())


def test_a_clone_has_the_jobs_settings_and_an_estimate_from_the_past(app, full, tuning_job):
    test = app(full, "tuning", tab=NEW, clone=tuning_job)
    assert not test.exception
    assert next(number for number in test.number_input if number.label == "Jobs").value == 4
    assert "past tuning job" in text(test)
    assert "about **" in text(test)


def test_going_on_from_a_job_warm_starts_with_it(app, full, tuning_job):
    test = button(app(full, "tuning", job=tuning_job), "Warm start from this job").click().run()
    assert not test.exception
    assert test.multiselect[0].value == [tuning_job]


def test_a_range_that_cannot_be_is_told_before_anything_is_launched(app, full):
    test = app(full, "tuning", tab=NEW)
    next(box for box in test.selectbox if box.label == "Strategy").set_value("Hyperband")
    next(toggle for toggle in test.toggle if toggle.label == "Stop weak trials early").set_value(True)
    test.run()
    assert "Early stopping can't be combined with Hyperband" in test.error[0].value
    assert button(test, "Launch tuning").disabled


def test_two_jobs_are_compared_on_whether_they_share_rows_and_what_differs(app, full, tuning_job, target):
    data = rebalancing_jobs.read_result(target, rebalancing_jobs.list_jobs(target)[-1].name)
    other = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, max_jobs=2, strategy="Random"))
    jobs.wait_for_jobs(target, [("tuning", other)])
    test = app(full, "tuning", job=tuning_job, view="compare", **{"with": other})
    assert not test.exception
    assert "found the better trial" in text(test)
    assert "the same validation rows" in text(test)
    table = next(frame.value for frame in test.dataframe if "setting" in frame.value)
    assert {"strategy", "jobs"} <= set(table["setting"])
    assert "objective" not in set(table["setting"])


def test_the_best_models_report_is_drawn_from_what_its_job_wrote(app, full, tuning_job, target):
    best = tuning_jobs.best_job_name(target, tuning_job)
    confusion = xgboost_report_jobs.read_report(target, training_jobs.describe_job(target, best))["performance"]["validation"]["confusion"]
    test = app(full, "tuning", job=tuning_job)
    assert f"{confusion['fp']:,} with paid and {confusion['fn']:,} with defaulted" in text(test)
    for section, words in (("Importance", "By gain"), ("Residuals", "probability of defaulted"), ("Calibration", "Scores differ")):
        test.session_state[f"report-tabs-{best}"] = section
        test.run()
        assert not test.exception
        assert words in text(test)


def test_trials_that_tie_have_no_best_and_a_reweighing_validates_with_weights(app, full, target):
    """Without a split every trial scores 0.5: the page says so. The rows are reweighed, so both channels have a weight."""
    dataset = rebalancing_jobs.read_result(target, rebalancing_jobs.list_jobs(target)[-1].name).dataset
    options = rebalancing_jobs.RebalancingOptions("reweighing")
    rebalancing = rebalancing_jobs.launch_job(target, WORKFLOW_IDENTITY, dataset, options)
    jobs.wait_for_jobs(target, [("processing", rebalancing)])
    data = rebalancing_jobs.read_result(target, rebalancing)
    static = {"objective": "binary:logistic", "num_round": "2", "gamma": "1000000"}
    ranges = (tuning_jobs.HyperparameterRange("max_depth", 2, 4, "integer"),)
    request = tuning_jobs.TuningRequest(data, ranges, static, max_jobs=2)
    name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, request)
    jobs.wait_for_jobs(target, [("tuning", name)])
    test = app(full, "tuning", job=name)
    assert not test.exception
    tie = "All 2 trials have the same objective value, 0.5, so none of them is the best."
    assert any(tie in warning.value for warning in test.warning)
    assert "Best model" not in {heading.value for heading in test.subheader}
    with pytest.raises(Conflict, match="none of them is the best"):
        tuning_jobs.best_job_name(target, name)
