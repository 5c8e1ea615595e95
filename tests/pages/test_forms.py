"""The pages start real work, and refuse what can't be."""

from __future__ import annotations

import pytest

from core.jobs import jobs, rebalancing_jobs, training_jobs
from core.jobs.tuning import tuning_jobs
from core.reports import bias_jobs, shap_jobs


def press(test, label: str):
    button = next(button for button in test.button if button.label == label)
    return button.click().run()


def test_rebalancing_by_reweighing_starts_a_job_and_links_to_it(app, full, target):
    test = app(full, "data", tab="new")
    test.selectbox(key="method").set_value("reweighing").run()
    test = press(test, "Rebalance")
    assert not test.exception
    job = test.query_params["job"]
    jobs.wait_for_jobs(target, [("processing", job)])
    assert rebalancing_jobs.read_result(target, job).has_weights


def test_a_table_whose_label_has_three_values_is_refused_before_anything_is_stored(app, empty):
    test = app(empty, "data")
    test.radio(key="source").set_value("upload").run()
    test.file_uploader[0].upload("people.csv", b"outcome,sex,income\n0,1,5\n1,2,6\n1,1,7\n0,2,8\n").run()
    assert not test.error
    label = next(box for box in test.selectbox if box.label == "Label")
    label.set_value("income").run()
    assert "income has 4 different value(s)" in test.error[0].value
    assert next(button for button in test.button if button.label == "Rebalance").disabled


def test_a_file_that_is_not_utf_8_is_read_and_its_encoding_is_said(app, empty):
    test = app(empty, "data")
    test.radio(key="source").set_value("upload").run()
    content = b"paid,sex,place\nno,1,Orl\xe9ans\nyes,2,Nice\nyes,1,Nice\nno,2,Orl\xe9ans\n"
    test.file_uploader[0].upload("latin.csv", content).run()
    assert not test.exception
    assert not test.error
    said = "\n".join(str(part.value) for part in [*test.info, *test.warning]).replace("\\", "")
    assert "Windows-1252" in said
    assert "Orléans" in said


def test_a_tuning_job_is_launched_with_what_the_form_says(app, full, target):
    test = app(full, "tuning", tab="new", data=rebalancing_jobs.list_jobs(target)[-1].name)
    next(number for number in test.number_input if number.label == "Jobs").set_value(2)
    next(box for box in test.selectbox if box.label == "Strategy").set_value("Random")
    test = press(test.run(), "Launch tuning")
    job = tuning_jobs.describe_job(target, test.query_params["job"])
    jobs.wait_for_jobs(target, [("tuning", job.name)])
    assert job.raw["HyperParameterTuningJobConfig"]["Strategy"] == "Random"
    assert job.raw["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 2


def test_more_jobs_at_a_time_than_jobs_is_refused_with_a_remedy(app, full):
    before = tuning_names(app, full)
    test = app(full, "tuning", tab="new")
    next(number for number in test.number_input if number.label == "Jobs").set_value(1)
    next(number for number in test.number_input if number.label == "In parallel").set_value(5)
    test.run()
    assert any("5 parallel jobs exceed" in str(found.value) for found in [*test.error, *test.warning])
    assert next(button for button in test.button if button.label == "Launch tuning").disabled
    assert tuning_names(app, full) == before


def tuning_names(app, full) -> list[str]:
    return next(box for box in app(full, "tuning").selectbox if box.label == "Tuning job").options


def test_the_baseline_is_trained_on_the_untouched_rows(app, full, target):
    test = press(app(full, "tuning", tab="single"), "Train")
    job = training_jobs.describe_job(target, test.query_params["training"])
    jobs.wait_for_jobs(target, [("training", job.name)])
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job.raw["InputDataConfig"]}
    assert channels["train"].endswith("/train.csv")


@pytest.mark.parametrize(("page", "label", "module"), [("bias", "Measure bias", bias_jobs), ("explainability", "Explain", shap_jobs)])
def test_a_report_is_started_on_the_test_rows(app, full, target, page, label, module):
    test = press(app(full, page, tab="new"), label)
    job = test.query_params["job"]
    jobs.wait_for_jobs(target, [("processing", job)])
    assert jobs.input_uri(jobs.describe_job(target, "processing", job), "dataset").endswith("/test_header.csv")
    assert job in [found.name for found in module.list_jobs(target)]
