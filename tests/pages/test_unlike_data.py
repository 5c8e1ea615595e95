"""Two data sets in one workspace: pages show what can't be compared each alone, with its own rows, why, and what to do instead."""

from __future__ import annotations

import re

import pytest

from core.aws.target import connect
from core.jobs import rebalancing_jobs
from core.jobs.tuning import tuning_jobs
from core.registry import model_packages
from core.settings import Settings

pytestmark = pytest.mark.slow
LOANS, CREDIT = "'loans-2024' (100 rows)", "'credit-2023' (160 rows)"


@pytest.fixture(scope="module")
def target(two_sets):
    return connect(Settings(workspace=two_sets))


@pytest.fixture(scope="module")
def versions(target):
    """number -> version with its reports."""
    return {v.version: model_packages.read_package(target, v.arn) for v in model_packages.list_versions(target)}


def text(test) -> str:
    parts = [*test.header, *test.markdown, *test.caption, *test.info, *test.warning]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def links(test) -> list[str]:
    return [link.proto.label.replace("\\", "") for link in test.get("page_link")]


BARE_CODE = re.compile(r"\b(?:paid|defaulted|sex|region)(?: = |=)\d|\blabel [01]\b|predicted [01]\b")


@pytest.mark.parametrize("number", [1, 4])
def test_no_page_shows_a_bare_code_of_a_coded_column(app, two_sets, versions, number):
    """Texts, headings of tables and cells of text in them, and the options of select boxes."""
    properties = versions[number].properties
    pages = [("registry", {"package": versions[number].arn, "view": view}) for view in ("Quality", "Bias", "Threshold", "Explanation")]
    pages += [("bias", {"job": properties["governance:bias-job"], "view": view}) for view in ("Metrics", "Groups", "Threshold")]
    pages += [("explainability", {"job": properties["governance:shap-job"]}), ("data", {"job": properties["governance:rebalanced"]})]
    pages += [("data", {"tab": "sets"}), ("decisions", {"package": versions[number].arn})]
    for page, query in pages:
        test = app(two_sets, page, **query)
        assert not test.exception, page
        shown = [text(test), *(option for box in test.selectbox for option in box.options)]
        for frame in (one.value for one in test.dataframe):
            shown += [*map(str, frame.columns), *(str(cell) for column in frame for cell in frame[column] if isinstance(cell, str))]
        assert [found for part in shown for found in BARE_CODE.findall(part)] == [], (page, query)


@pytest.mark.parametrize("view", ["Quality", "Bias", "Threshold", "Explanation", "Settings and data"])
def test_versions_of_two_data_sets_stand_alone_in_each_section(app, two_sets, versions, view):
    test = app(two_sets, "registry", package=versions[3].arn, other=versions[1].arn, view=view)
    assert not test.exception
    assert not test.error
    said = text(test)
    assert f"v1 was tested on {LOANS}, v3 on {CREDIT}." in said
    assert "v1 predicts paid, v3 defaulted." in said
    of_loans, of_credit = "v1 (loans-2024) · baseline", "v3 (credit-2023) · baseline"
    assert {f"Compare {of_credit} with v4 (credit-2023) · mitigated", f"Train on the data of {of_credit}"} <= set(links(test))
    if view != "Settings and data":
        assert [header.value.replace("\\", "") for header in test.header] == [of_loans, of_credit]
    assert "beyond the noise:" not in said
    assert "They differ most" not in said


def test_each_version_has_its_own_rows_and_share_of_label_1(app, two_sets, versions):
    test = app(two_sets, "registry", package=versions[3].arn, other=versions[1].arn, view="Quality")
    said = text(test)
    for number, positive in ((1, "paid = yes"), (3, "defaulted = yes")):
        performance = versions[number].performance
        assert f"n = {performance['n']}" in said
        assert f"{100 * performance['prevalence']:.1f} % of them have {positive}" in said
    tables = [one.value for one in test.dataframe if "metric" in one.value]
    assert tables
    assert all("difference" not in table for table in tables)
    assert not any({"v1 (loans-2024) · baseline", "v3 (credit-2023) · baseline"} <= set(table) for table in tables)


def test_the_registry_compares_with_a_version_of_the_same_data_unless_asked(app, two_sets, versions):
    test = app(two_sets, "registry", package=versions[2].arn)
    assert next(box.value for box in test.selectbox if box.label == "Compare with") == versions[1].arn
    assert "can't be compared" not in text(test)


@pytest.mark.parametrize("view", ["Metrics", "Difference", "Groups", "Threshold"])
def test_bias_reports_of_two_data_sets_stand_alone(app, two_sets, versions, view):
    jobs = [versions[number].properties["governance:bias-job"] for number in (3, 1)]
    test = app(two_sets, "bias", job=jobs[0], other=jobs[1], view=view)
    assert not test.exception
    assert not test.error
    said = text(test)
    assert "These two can't be compared." in said
    assert "'loans-2024' (100 rows)" in said
    assert "'credit-2023' (160 rows)" in said
    assert {"n = 100 ", "n = 160 "} <= {f"n = {number} " for number in (100, 160) if f"n = {number} " in said}


def test_a_bias_report_is_compared_with_one_on_the_same_rows_unless_asked(app, two_sets, versions):
    jobs = {number: version.properties["governance:bias-job"] for number, version in versions.items()}
    for number, other in ((1, 2), (4, 3)):
        test = app(two_sets, "bias", job=jobs[number])
        assert next(box.value for box in test.selectbox if box.label == "Compare with") == jobs[other]
        assert "can't be compared" not in text(test)


def test_explanations_of_two_data_sets_stand_alone(app, two_sets, versions):
    jobs = [versions[number].properties["governance:shap-job"] for number in (3, 1)]
    test = app(two_sets, "explainability", job=jobs[0], **{"with": jobs[1]})
    assert not test.exception
    assert not test.error
    said = text(test)
    assert "These two can't be compared." in said
    assert "100 rows explained" in said
    assert "leans" not in said
    assert any(label.startswith("Open ") for label in links(test))


def test_tuning_jobs_of_two_tables_have_no_better_trial(app, two_sets, target):
    newest, oldest = (job.name for job in tuning_jobs.list_jobs(target))
    test = app(two_sets, "tuning", job=newest, view="compare", **{"with": oldest})
    assert not test.exception
    assert not test.error
    said = text(test)
    assert "The two jobs can't be compared." in said
    assert "measured on the validation rows of 'credit-2023' (128 rows)" in said
    assert "the validation rows of 'loans-2024' (80 rows)" in said
    assert "found the better trial" not in said
    assert said.count("has the best validation:auc") == 2


def test_rebalancings_of_two_tables_are_shown_apart(app, two_sets, target):
    names = [job.name for job in rebalancing_jobs.list_jobs(target)]
    test = app(two_sets, "data", tab="compare", compare=",".join(names))
    assert not test.exception
    assert not test.error
    said = text(test)
    assert "Not all of these can be compared." in said
    assert "is nearest to 0 with" not in said
    assert len([one for one in test.dataframe if "training rows" in one.value]) == 2
