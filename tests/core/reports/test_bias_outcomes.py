"""What a bias job writes beyond Clarify's metrics, and what is made of it for two models."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from core.analysis.bias.bias_metrics import post_training_bias
from core.aws.target import connect
from core.errors import NotFound
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs
from core.registry import model_packages, registry_types, version_comparison
from core.reports import bias_jobs, bias_outcomes
from core.settings import Settings

KEY = "region=0"


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def pair(demo, target):
    """Baseline and mitigated version of the first run."""
    return [model_packages.read_package(target, model["model_package_arn"]) for model in demo[1][0]["models"]]


def test_every_defined_metric_has_an_interval_with_its_rows_or_a_reason(pair):
    for package in pair:
        (facet,) = package.bias.facets
        assert facet.key == KEY
        for measure in [*facet.pre_training.values(), *facet.post_training.values()]:
            assert measure.interval is not None, measure.name
            assert measure.interval.n == package.performance["n"]
            if measure.interval.low is not None:
                assert measure.interval.low <= measure.value <= measure.interval.high, measure.name
            else:
                assert measure.interval.why


def test_extras_stay_under_our_own_key_of_the_report(pair):
    raw = pair[0].bias.raw
    assert set(raw) == {"version", "governance", "pre_training_bias_metrics", "post_training_bias_metrics"}
    (entry,) = raw["post_training_bias_metrics"]["facets"]["region"]
    assert all(set(metric) <= {"name", "description", "value", "error"} for metric in entry["metrics"])
    json.dumps(raw, allow_nan=False)


def test_the_report_knows_what_its_people_are_called_and_which_rows_they_are(pair):
    report = pair[1].bias
    assert report.group_names(KEY) == ("people with region = north", "people with region = south")
    assert report.group_names("age=3") == ("people with age = 3", "all others")
    assert report.measured_on == "test"


def test_the_outcome_counts_the_people_of_the_scores(target, pair):
    report = pair[1].bias
    table = bias_outcomes.read_scored_rows(target, report)
    for threshold in (0.2, 0.5, 0.83):
        away = (table["score"] > threshold).astype(int) != report.sweep(KEY).favourable
        found = bias_outcomes.outcome_at_threshold(report, KEY, threshold)
        assert found.threshold == threshold
        assert (found.declined.facet.declined, found.declined.rest.declined) == (
            (away & (table[KEY] == 1)).sum(),
            (away & (table[KEY] == 0)).sum(),
        )
        assert sum(one.n for _, one in found.declined_by_group) == len(table)


def test_at_its_own_threshold_a_report_has_one_interval_for_one_figure(pair):
    report = pair[1].bias
    metrics = report.facets[0].post_training
    found = bias_outcomes.outcome_at_threshold(report, KEY)
    assert found.declined.difference == pytest.approx(metrics["DPPL"].value)
    assert (found.declined.low, found.declined.high) == (metrics["DPPL"].interval.low, metrics["DPPL"].interval.high)
    for name, measure in metrics.items():
        if name != "FT" and measure.value is not None:
            assert found.metrics[name][0] == pytest.approx(measure.value), name
    assert found.metrics["accuracy"][0] == pytest.approx(report.governance["performance"]["accuracy"]["value"])


def test_bias_of_two_versions_is_compared_on_the_rows_that_both_judged(target, pair):
    found, why = version_comparison.bias_differences(target, *pair)
    assert why == ""
    assert set(found) == {KEY}
    assert len(found[KEY]) == 13
    for name, one in found[KEY].items():
        values = [package.bias.facets[0].post_training[name].value for package in pair]
        if None not in values and np.isfinite(values).all():
            assert (one.a, one.b) == pytest.approx(tuple(values)), name
            assert one.value == pytest.approx(values[1] - values[0]), name


def test_the_metrics_of_the_report_follow_from_its_rows(target, pair):
    report = pair[0].bias
    table = bias_outcomes.read_scored_rows(target, report)
    favourable = report.sweep(KEY).favourable
    again = post_training_bias(
        table[KEY],
        table["label"] == favourable,
        (table["score"] > 0.5).astype(int) == favourable,
        table["group"].to_numpy(dtype=object),
        None,
    )
    expected = report.facets[0].post_training
    assert {n: m.value for n, m in again.items() if n != "FT"} == pytest.approx({n: m.value for n, m in expected.items() if n != "FT"})
    assert table[f"flip {KEY}"].sum() / table[KEY].sum() == pytest.approx(expected["FT"].value)


def test_reports_on_other_rows_are_not_paired(target, pair):
    job = model_packages.find_rebalancing(target, pair[1]).job
    model = bias_jobs.find_origin(target, pair[1].properties["governance:bias-job"]).model
    name = bias_jobs.launch_job(target, WORKFLOW_IDENTITY, model, rebalancing_jobs.read_result(target, job), rows="train")
    jobs.wait_for_jobs(target, [("processing", name)])
    trained = bias_jobs.read_job_report(target, name)
    assert name.startswith("governance-bias-train-")
    assert trained.measured_on == "train"
    assert "training rows: the model knows them" in target.files.read(f"{trained.folder}/report.html").decode()
    found, why = bias_outcomes.paired_differences(target, trained, pair[1].bias)
    assert found == {}
    assert re.match(
        r"Report 1 was measured on the training rows of 'loans' \(.* rows\), Report 2 was tested on 'loans' \(300 rows\)\.", why
    )


def test_an_older_job_that_a_link_names_is_listed_too(target):
    names = [job.name for job in bias_jobs.list_jobs(target)]

    def listed(named):
        return [
            job.name
            for job in jobs.list_jobs(target, "processing", name_contains=bias_jobs.JOB_NAME_PREFIX, max_results=1, including=named)
        ]

    assert listed(names[-1]) == [names[-1], names[0]]
    assert listed(names[0]) == listed("governance-bias-gone") == listed(rebalancing_jobs.list_jobs(target)[0].name) == [names[0]]


def test_a_facet_of_many_codes_is_a_category_not_a_threshold(target, pair):
    job = model_packages.find_rebalancing(target, pair[1]).job
    model = bias_jobs.find_origin(target, pair[1].properties["governance:bias-job"]).model
    data = rebalancing_jobs.read_result(target, job)
    roles = replace(data.roles, facet="age", facet_value=40, group=None)
    name = bias_jobs.launch_job(target, WORKFLOW_IDENTITY, model, replace(data, dataset=replace(data.dataset, roles=roles)))
    jobs.wait_for_jobs(target, [("processing", name)])
    (facet,) = bias_jobs.read_job_report(target, name).facets
    assert facet.key == "age=40"


def test_a_report_leads_to_its_model_its_training_job_and_its_data(target, pair):
    properties = pair[1].properties
    found = bias_jobs.find_origin(target, properties["governance:bias-job"])
    assert (found.training_job, found.rebalancing_job) == (properties["governance:training-job"], properties["governance:rebalanced"])
    with pytest.raises(NotFound):
        bias_jobs.find_origin(target, "governance-bias-gone")


def test_a_report_of_somebody_elses_clarify_is_read_without_our_extras(pair):
    raw = {key: value for key, value in pair[0].bias.raw.items() if key != "governance"}
    report = bias_jobs.parse_report(raw)
    (facet,) = report.facets
    assert facet.post_training["DPPL"].value == pair[0].bias.facets[0].post_training["DPPL"].value
    assert facet.post_training["DPPL"].interval is None
    assert bias_outcomes.outcome_at_threshold(report, KEY) is None
    assert bias_outcomes.paired_differences(None, report, report)[0] == {}
    assert (report.counts(KEY), report.sweep(KEY), report.measured_on) == ({}, None, "")


def test_what_a_version_trained_on_is_told_with_its_hash(target, pair):
    baseline, mitigated = (version_comparison.data_facts(target, package) for package in pair)
    assert (baseline["channel train"], mitigated["channel train"]) == ("train.csv", "train_res.csv")
    files = model_packages.find_rebalancing(target, pair[0]).manifest["files"]
    assert mitigated["channel train, SHA-256"] == files["train_res.csv"]["sha256"]
    assert baseline["test_res.csv, SHA-256"] == pair[0].properties["governance:test-sha256"]


def test_a_version_is_found_by_its_arn_and_its_group_by_the_same(target, pair):
    found = model_packages.find_version(target, pair[0].arn)
    assert (found.arn, found.version) == (pair[0].arn, pair[0].version)
    assert registry_types.group_from_arn(pair[0].arn) == found.group
    assert model_packages.find_version(target, pair[0].arn.rpartition("/")[0] + "/999") is None
    assert registry_types.group_from_arn("arn:of:something") is None
