"""Every page on an empty workspace, on a full one, and when something is wrong."""

from __future__ import annotations

import pytest
from paths import APP
from streamlit.testing.v1 import AppTest

from core.data import datasets
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs
from core.registry import model_packages, registry_types

PAGES = ("overview", "data", "tuning", "lineage", "registry", "bias", "explainability", "decisions", "settings")
TITLES = {"data": "Data and rebalancing"}
FORMS = ("data", "tuning", "bias", "explainability")
GONE = [("data", "job"), ("tuning", "job"), ("bias", "job"), ("explainability", "job"), ("registry", "package")]


def text(test) -> str:
    parts = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.subheader]
    return "\n".join(str(part.value) for part in parts)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "settings"])
def test_an_empty_workspace_is_no_error_and_says_what_to_do_next(app, empty, page):
    test = app(empty, page)
    assert not test.exception
    assert not test.error
    assert test.title[0].value == TITLES.get(page, page.capitalize())
    assert test.page_link or test.button


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("person", ["Dana", "Chris", "Vera"])
def test_a_full_workspace_is_shown_to_every_role(app, full, page, person):
    test = app(full, page, person)
    assert not test.exception
    assert not test.error
    assert test.metric or test.dataframe or test.get("echarts_chart") or test.get("plotly_chart") or (page == "settings" and test.subheader)


@pytest.mark.parametrize("page", PAGES)
def test_an_engine_that_cannot_start_is_an_error_with_a_remedy_and_no_traceback(app, tmp_path, page):
    blocked = tmp_path / "file"
    blocked.write_text("this is no folder")
    test = app(blocked, page)
    assert not test.exception
    assert "choose another workspace: GOVERNANCE_WORKSPACE" in test.error[0].value


@pytest.mark.parametrize(("page", "name"), GONE)
def test_a_link_to_something_that_is_gone_says_so(app, full, page, name):
    test = app(full, page, **{name: "gone"})
    assert not test.exception
    assert "gone" in test.warning[0].value


def test_a_link_that_names_nobody_here_says_who_acts_instead(monkeypatch, empty):
    monkeypatch.setenv("GOVERNANCE_WORKSPACE", str(empty))
    test = AppTest.from_file(APP, default_timeout=60)
    test.query_params["as"] = "Mallory, administrator"
    test.run()
    assert "Nobody here is called Mallory, administrator. You act as Dana" in test.warning[0].value


def test_a_link_to_a_lineage_node_that_is_unknown_is_an_error_with_a_remedy(app, full):
    test = app(full, "lineage", uri="s3://nowhere/nothing.csv")
    assert not test.exception
    assert "Nothing is recorded about s3://nowhere/nothing.csv" in test.error[0].value


def test_the_overview_counts_what_the_workspace_holds(app, full, target):
    """Other tests may have added to it."""
    values = {metric.label: metric.value for metric in app(full).metric}
    versions = model_packages.list_own_versions(target)
    assert len(versions) >= 2
    assert values["Data sets"] == f"{len(datasets.list_datasets(target)):,}"
    assert values["Versions"] == f"{len(versions):,}"
    assert values["Waiting for a decision"] == "0"


def test_the_data_page_counts_every_training_row_and_says_what_happened_to_the_groups(app, full, target):
    job = rebalancing_jobs.list_jobs(target)[-1].name
    manifest = rebalancing_jobs.read_result(target, job).manifest
    test = app(full, "data", job=job)
    values = {metric.label: metric.value for metric in test.metric}
    assert values["Training rows"] == f"{manifest['split']['train_rows']:,}"
    assert values["Leaked rows"] == "0"
    table = next(frame.value for frame in test.dataframe if "change" in frame.value and "label" in frame.value)
    assert table["after"].sum() == manifest["split"]["train_rows"]
    assert f"{manifest['synthetic']['count']:,} synthetic rows" in text(test)
    assert "no held-out row" in text(test)


def test_the_workshops_order_is_marked_as_a_leak(app, full, target):
    options = rebalancing_jobs.RebalancingOptions("smote", "label", {"k_neighbors": 5}, order="workshop")
    job = rebalancing_jobs.launch_job(target, WORKFLOW_IDENTITY, datasets.list_datasets(target)[0], options)
    jobs.wait_for_jobs(target, [("processing", job)])
    test = app(full, "data", job=job)
    assert test.warning[0].value.startswith("**Leak: ")
    assert {metric.label: metric.value for metric in test.metric}["Leaked rows"] != "0"


def test_the_tuning_page_shows_every_trial_and_that_they_used_the_rebalanced_rows(app, full, tuning_job):
    test = app(full, "tuning", job=tuning_job)
    assert {metric.label: metric.value for metric in test.metric}["Trials"] == "4 of 4"
    assert "Every trial trained on the rebalanced rows" in text(test)
    assert any(len(frame.value) == 4 and "objective" in frame.value for frame in test.dataframe)


def test_all_21_bias_metrics_are_shown_with_range_and_words(app, full):
    test = app(full, "bias")
    rows = [str(cell) for table in test.table for cell in table.value["reading"]]
    assert len(rows) == 21
    assert all(", [" in row or ", (" in row for row in rows)
    assert all(len(row.split(". ", 1)[1]) > 10 for row in rows)


def test_shap_values_add_up_to_the_prediction_on_the_page(app, full):
    test = app(full, "explainability")
    error = next(metric.value for metric in test.metric if metric.label.startswith("Additivity"))
    assert float(error) <= 1e-5


def test_two_versions_are_compared_with_intervals_and_noise_is_called_noise(app, full, packages):
    test = app(full, "registry", package=packages[0])
    table = next(frame.value for frame in test.dataframe if "beyond noise" in frame.value)
    assert set(table["metric"]) >= {"auc", "recall", "brier"}
    assert table["difference"].str.contains(r"\[").any()
    assert table["beyond noise"].str.startswith(("yes", "no", "–")).all()


def test_who_trained_or_submitted_a_version_is_told_why_he_cannot_decide(app, full, packages):
    test = app(full, "decisions", "Dana", package=packages[0])
    labels = {button.label for button in test.button}
    assert not labels & {"Approve", "Reject"}
    assert "Submit for a decision" in labels


def test_a_version_that_nobody_submitted_is_not_approved_from_the_page(app, full, target, packages):
    test = app(full, "decisions", "Chris", package=packages[0])
    assert not test.exception
    assert "Approve" not in {button.label for button in test.button}
    assert model_packages.read_package(target, packages[0]).status == registry_types.PENDING_STATUS


def test_the_lineage_page_opens_at_the_version_that_a_link_names(app, full, packages):
    test = app(full, "lineage", package=packages[0])
    assert not test.error
    assert ":artifact/" in test.query_params["arn"]
    assert "nodes shown" in text(test)


@pytest.mark.parametrize("page", FORMS)
def test_a_viewer_may_launch_nothing(app, full, page):
    test = app(full, page, "Vera", "new")
    names = {"Rebalance", "Launch tuning", "Train", "Measure bias", "Explain"}
    launches = [button for button in test.button if button.label in names]
    assert launches
    assert all(button.disabled for button in launches)
