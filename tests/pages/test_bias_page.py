"""The bias page: sentences, intervals, two reports side by side, groups, thresholds, training rows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.data import bundled_data, column_roles, datasets, table_check, threshold_facets
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs
from core.registry import model_packages
from core.reports import bias_jobs


def text(test) -> str:
    return "\n".join(str(part.value) for part in [*test.markdown, *test.caption, *test.info, *test.warning, *test.text])


def frame(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


def test_the_page_begins_with_what_happens_to_100_people(app, full):
    test = app(full, "bias", other="none")
    assert "Of 100 men the model declines **" in test.markdown[0].value
    assert "have the favourable label" in text(test)


def test_each_metric_has_its_interval_and_says_whether_it_is_noise(app, full):
    tables = [table.value for table in app(full, "bias", other="none").table]
    assert [len(table) for table in tables] == [13, 8]
    for table in tables:
        values = table[table.columns[0]]
        assert values.str.contains(r"\[−?[\d.]+, −?[\d.]+\]|undefined", regex=True).all()
    assert tables[0]["reading"].str.contains("the noise|n = 800", regex=True).all()


def test_each_metric_is_explained_where_it_stands(app, full):
    said = text(app(full, "bias", other="none"))
    for name in ("DPL: Difference in proportions of labels", "CDDL: Conditional", "DI: Disparate impact", "FT: Flip test"):
        assert f"**{name}" in said


@pytest.mark.parametrize("view", ["Metrics", "Difference", "Groups", "Threshold"])
def test_a_link_opens_each_section(app, full, view):
    test = app(full, "bias", view=view)
    assert not test.exception
    assert not test.error
    assert view in [tab.label for tab in test.tabs if tab.children]


def test_two_reports_are_paired_and_a_link_chooses_them(app, full, target):
    names = [job.name for job in bias_jobs.list_jobs(target) if job.status == "Completed"]
    test = app(full, "bias", job=names[1], other=names[0], view="Difference")
    assert not test.warning
    assert {box.label: box.value for box in test.selectbox if box.label in ("Report", "Compare with")} == {
        "Report": names[1],
        "Compare with": names[0],
    }
    assert len(frame(test, "metric", "verdict")) == 13
    assert re.search(r"of 13 differences are within the noise; n = [\d,]+, the same rows for both\.", text(test))


def test_the_groups_are_shown_with_the_widest_gap_named(app, full):
    test = app(full, "bias", view="Groups")
    assert "The gap is widest at" in text(test)
    assert len(frame(test, "group", "difference (points)")) == 5


def test_training_rows_are_marked_wherever_they_are_shown(app, full, target, packages):
    package = model_packages.read_package(target, packages[0])
    model = bias_jobs.find_origin(target, package.properties["governance:bias-job"]).model
    name = bias_jobs.launch_job(target, WORKFLOW_IDENTITY, model, model_packages.find_rebalancing(target, package), rows="train")
    jobs.wait_for_jobs(target, [("processing", name)])
    test = app(full, "bias", job=name, other=package.properties["governance:bias-job"], view="Difference")
    assert "Measured on training rows" in test.warning[0].value
    assert "was measured on the training rows of" in text(test)
    beside = app(full, "bias", job=package.properties["governance:bias-job"], other=name)
    assert "is measured on training rows" in text(beside)


def test_a_report_leads_to_its_training_job_and_data(app, full):
    labels = {link.proto.label.replace("\\", "") for link in app(full, "bias").get("page_link")}
    assert {"Training job", "Data", "Versions"} <= labels


def test_the_form_says_whom_it_measures(app, full):
    test = app(full, "bias", tab="new")
    assert "Measures men against women, by groups of AGE" in text(test)


@pytest.mark.slow
def test_a_report_of_two_facets_has_one_table_of_all_groups(app, full, target, packages):
    checked = table_check.check_table(
        threshold_facets.add_typed_facets(
            column_roles.read_if_needed(bundled_data.read_bundled().sample(2000, random_state=2)), "AGE <= 25"
        ),
        replace(bundled_data.BUNDLED_ROLES, group=None, further_facets=(("AGE <= 25", "yes"), ("MARRIAGE", 2))),
    )
    dataset = datasets.upload_dataset(target, WORKFLOW_IDENTITY, checked, "two-facets")
    job = rebalancing_jobs.launch_job(target, WORKFLOW_IDENTITY, dataset, rebalancing_jobs.RebalancingOptions(method="none"))
    jobs.wait_for_jobs(target, [("processing", job)])
    data = rebalancing_jobs.read_result(target, job)
    package = model_packages.read_package(target, packages[0])
    model = bias_jobs.find_origin(target, package.properties["governance:bias-job"]).model
    name = bias_jobs.launch_job(target, WORKFLOW_IDENTITY, model, data)
    jobs.wait_for_jobs(target, [("processing", name)])
    report = bias_jobs.read_job_report(target, name)
    assert [facet.key for facet in report.facets] == ["SEX=1", "AGE <= 25=1", "MARRIAGE=2"]
    test = app(full, "bias", job=name, other="none", view="Groups")
    assert not test.exception
    table = frame(test, "group", "all others", "DPPL")
    assert {"men", "women", "AGE <= 25 = yes", "men and AGE <= 25 = yes"} <= set(table["group"])
    assert table["note"].str.contains("fewer than 30 rows").any()
    assert "Bonferroni" in text(test)
