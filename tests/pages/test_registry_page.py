"""The registry: two versions compared in words, deep links, other groups, many versions, older reports."""

from __future__ import annotations

import json

import pytest
from replacing import replaced

from core.aws.target import Target
from core.registry import model_packages, version_registration
from core.reports import bias_outcomes

SECTIONS = ("Quality", "Bias", "Threshold", "Explanation", "Settings and data", "History", "All versions")


def text(test) -> str:
    return "\n".join(str(part.value) for part in [*test.markdown, *test.caption, *test.info, *test.warning, *test.text])


def frame(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


@pytest.mark.parametrize("view", SECTIONS)
def test_a_link_opens_each_section_and_no_other(app, full, view):
    test = app(full, "registry", view=view)
    assert not test.exception
    assert not test.error
    open_now = [tab.label for tab in test.tabs if tab.children]
    assert open_now == [view]


def test_quality_says_what_a_gain_costs_and_calibration_stands_beside_it(app, full):
    said = text(app(full, "registry", view="Quality"))
    assert "**v2 · mitigated**" in said.replace("\\", "")
    assert "- calibration error: " in said
    assert "Of 100 pairs with one row of each label" in said
    assert said.count("n = 800") >= 3


def test_only_differences_beyond_the_noise_are_left_when_asked_for(app, full):
    test = app(full, "registry", view="Quality", differences="yes")
    assert test.toggle[0].value
    assert frame(test, "beyond noise")["beyond noise"].str.startswith("yes").all()
    test.toggle[0].set_value(False).run()
    assert test.query_params["differences"] == "no"
    assert len(frame(test, "beyond noise")) == 11


def test_bias_of_both_is_paired_and_told_of_100_people(app, full):
    test = app(full, "registry", view="Bias")
    said = text(test)
    assert said.count("Of 100 men ") == 2
    assert "the same rows for both" in said
    assert len(frame(test, "metric", "verdict")) == 13


def test_the_threshold_in_the_link_decides_who_is_turned_away(app, full, target: Target, packages):
    test = app(full, "registry", view="Threshold", threshold="0.3")
    assert test.slider[0].value == 0.3
    report = model_packages.read_package(target, packages[0]).bias
    found = bias_outcomes.outcome_at_threshold(report, "SEX=1", 0.3).declined
    counts = frame(test, "declined", "approved")
    mine = counts[counts["version"].str.startswith("v2")]
    assert mine["declined"].tolist() == [found.facet.declined, found.rest.declined]
    assert "At 0.3 instead of 0.5" in text(test)
    test.slider[0].set_value(0.7).run()
    assert test.query_params["threshold"] == "0.7"
    assert frame(test, "declined", "approved")["declined"].sum() < counts["declined"].sum()
    assert "0.7 instead of 0.5" in text(test)


def test_a_threshold_that_is_no_number_is_the_reports_own(app, full):
    test = app(full, "registry", view="Threshold", threshold="much")
    assert not test.exception
    assert test.slider[0].value == 0.5


def test_settings_show_what_differs_and_all_when_asked_for(app, full):
    test = app(full, "registry", view="Settings and data")
    few = [frame for frame in test.dataframe if "name" in frame.value]
    assert "channel train" in set(few[1].value["name"])
    assert "method" not in set(few[1].value["name"])
    test.toggle[0].set_value(False).run()
    assert {"method", "split", "leaked rows", "data set, SHA-256"} <= set(test.dataframe[1].value["name"])


def test_history_begins_with_the_registration(app, full):
    table = frame(app(full, "registry", view="History"), "what", "who", "rationale")
    assert table.iloc[-1]["what"] == "registered"
    assert "trained by" in table.iloc[-1]["rationale"]


def test_one_version_alone_needs_no_second(app, full, packages):
    test = app(full, "registry", package=packages[0], other="none", view="Quality")
    assert not test.exception
    assert "difference" not in frame(test, "metric")
    assert "Of 100 pairs" in text(test)


def test_every_job_and_record_behind_the_version_is_linked(app, full):
    labels = {link.proto.label.replace("\\", "") for link in app(full, "registry").get("page_link")}
    assert {"Lineage", "Training job", "Data", "Bias report", "Explanation", "Decisions"} <= labels


@pytest.fixture(scope="module")
def crowd(target: Target):
    """A group with 104 versions without reports, with a name that Markdown could misread."""
    name = "crowd-of-versions-with-a-very-long-name-indeed"
    version_registration.ensure_group(target, name)
    arns = [
        target.sagemaker.create_model_package(
            ModelPackageGroupName=name, ModelPackageDescription=f"*trial* {n}: job-{n}", SourceUri=target.uri("nothing")
        )["ModelPackageArn"]
        for n in range(104)
    ]
    yield name, arns
    for arn in arns:
        target.sagemaker.delete_model_package(ModelPackageName=arn)
    target.sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def test_a_hundred_versions_are_listed_and_older_ones_when_asked_for(app, full, crowd):
    name, _ = crowd
    test = app(full, "registry", group=name, view="All versions")
    assert not test.exception
    assert len(frame(test, "version", "training job")) == 100
    next(button for button in test.button if button.label == "Older versions").click().run()
    assert len(frame(test, "version", "training job")) == 104


def test_a_link_to_an_old_version_of_another_group_opens_it(app, full, crowd):
    name, arns = crowd
    test = app(full, "registry", package=arns[0], view="Quality")
    assert not test.exception
    assert test.query_params["group"] == name
    assert next(box for box in test.selectbox if box.label == "Version").value == arns[0]
    assert next(box for box in test.selectbox if box.label == "Compare with").value == "none"  # nobody knows which rows the others had
    assert "The version doesn't have quality figures" in text(test)


def test_changing_the_group_forgets_the_versions_of_the_other(app, full, crowd, packages):
    name, _ = crowd
    test = app(full, "registry", package=packages[0], view="All versions")
    box = next(box for box in test.selectbox if box.label == "Group")
    box.set_value(name).run()
    assert not test.exception
    assert "doesn't exist here" not in text(test)
    assert len(frame(test, "version", "training job")) == 100


def test_a_version_whose_report_is_older_than_its_intervals_is_still_shown(app, full, target: Target, packages):
    package = model_packages.read_package(target, packages[0])
    uri = f"{package.bias.folder}/analysis.json"
    raw = json.loads(target.files.read(uri))
    for key in ("sweeps", "names", "rows_sha256", "measured_on"):
        del raw["governance"][key]
    for stage in raw["governance"]["metrics"].values():
        for values in stage.values():
            for metrics in values.values():
                for metric in metrics.values():
                    metric.pop("interval", None)
    from streamlit import cache_data

    with replaced(target, {uri: json.dumps(raw).encode()}):
        cache_data.clear()
        for view in ("Bias", "Threshold"):
            test = app(full, "registry", package=packages[0], other="none", view=view)
            assert not test.exception
            assert "evidence has changed" in test.error[0].value
        assert "before other thresholds were counted" in text(test)
        # the hash of the test file was registered, and labels agree row by row: the two can be compared all the same
        assert "the same rows for both" in text(app(full, "registry", package=packages[0], view="Bias"))
    cache_data.clear()
