"""What a bias job writes beyond Clarify's metrics, and what is made of it for two models."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core import bias, bias_outcomes, comparison, jobs, rebalancing, registry
from core.analysis.bias import post_training_bias
from core.clients import connect
from core.errors import NotFound
from core.identity import WORKFLOW
from core.settings import Settings

KEY = "region=0"


@pytest.fixture(scope="module")
def clients(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def pair(demo, clients):
    """Baseline and mitigated version of the first run."""
    return [registry.get(clients, model["model_package_arn"]) for model in demo[1][0]["models"]]


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
    assert report.people(KEY) == ("people with region = north", "people with region = south")
    assert report.people("age=3") == ("people with age = 3", "all others")
    assert report.measured_on == "test"


def test_the_outcome_counts_the_people_of_the_scores(clients, pair):
    report = pair[1].bias
    table = bias_outcomes.rows(clients, report)
    for threshold in (0.2, 0.5, 0.83):
        away = (table["score"] > threshold).astype(int) != report.sweep(KEY).favourable
        found = bias_outcomes.outcome(report, KEY, threshold)
        assert found.threshold == threshold
        assert (found.turned.facet.away, found.turned.rest.away) == ((away & (table[KEY] == 1)).sum(), (away & (table[KEY] == 0)).sum())
        assert sum(one.n for _, one in found.groups) == len(table)


def test_at_its_own_threshold_a_report_has_one_interval_for_one_figure(pair):
    report = pair[1].bias
    metrics = report.facets[0].post_training
    found = bias_outcomes.outcome(report, KEY)
    assert found.turned.difference == pytest.approx(metrics["DPPL"].value)
    assert (found.turned.low, found.turned.high) == (metrics["DPPL"].interval.low, metrics["DPPL"].interval.high)
    for name, measure in metrics.items():
        if name != "FT" and measure.value is not None:
            assert found.figures[name][0] == pytest.approx(measure.value), name
    assert found.figures["accuracy"][0] == pytest.approx(report.governance["performance"]["accuracy"]["value"])


def test_bias_of_two_versions_is_compared_on_the_rows_that_both_judged(clients, pair):
    found, why = comparison.bias_differences(clients, *pair)
    assert why == ""
    assert set(found) == {KEY}
    assert len(found[KEY]) == 13
    for name, one in found[KEY].items():
        values = [package.bias.facets[0].post_training[name].value for package in pair]
        if None not in values and np.isfinite(values).all():
            assert (one.a, one.b) == pytest.approx(tuple(values)), name
            assert one.value == pytest.approx(values[1] - values[0]), name


def test_the_metrics_of_the_report_follow_from_its_rows(clients, pair):
    report = pair[0].bias
    table = bias_outcomes.rows(clients, report)
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


def test_reports_on_other_rows_are_not_paired(clients, pair):
    job = registry.data_of(clients, pair[1]).job
    model = bias.origin(clients, pair[1].properties["governance:bias-job"]).model
    name = bias.launch(clients, WORKFLOW, model, rebalancing.result(clients, job), rows="train")
    jobs.wait(clients, [("processing", name)])
    trained = bias.report(clients, name)
    assert name.startswith("governance-bias-train-")
    assert trained.measured_on == "train"
    assert "training rows: the model knows them" in clients.read(f"{trained.folder}/report.html").decode()
    found, why = bias_outcomes.paired(clients, trained, pair[1].bias)
    assert found == {}
    assert "do not judge the same rows" in why


def test_an_older_job_that_a_link_names_is_listed_too(clients):
    names = [job.name for job in bias.list_jobs(clients)]

    def listed(named):
        return [job.name for job in jobs.listed(clients, "processing", contains=bias.PREFIX, most=1, named=named)]

    assert listed(names[-1]) == [names[-1], names[0]]
    assert listed(names[0]) == listed("governance-bias-gone") == listed(rebalancing.list_jobs(clients)[0].name) == [names[0]]


def test_a_facet_of_many_codes_is_a_category_not_a_threshold(clients, pair):
    job = registry.data_of(clients, pair[1]).job
    model = bias.origin(clients, pair[1].properties["governance:bias-job"]).model
    data = rebalancing.result(clients, job)
    roles = replace(data.roles, facet="age", facet_value=40, group=None)
    name = bias.launch(clients, WORKFLOW, model, replace(data, dataset=replace(data.dataset, roles=roles)))
    jobs.wait(clients, [("processing", name)])
    (facet,) = bias.report(clients, name).facets
    assert facet.key == "age=40"


def test_a_report_leads_to_its_model_its_training_job_and_its_data(clients, pair):
    properties = pair[1].properties
    found = bias.origin(clients, properties["governance:bias-job"])
    assert (found.training_job, found.rebalanced) == (properties["governance:training-job"], properties["governance:rebalanced"])
    with pytest.raises(NotFound):
        bias.origin(clients, "governance-bias-gone")


def test_a_report_of_somebody_elses_clarify_is_read_without_our_extras(pair):
    raw = {key: value for key, value in pair[0].bias.raw.items() if key != "governance"}
    report = bias.parse(raw)
    (facet,) = report.facets
    assert facet.post_training["DPPL"].value == pair[0].bias.facets[0].post_training["DPPL"].value
    assert facet.post_training["DPPL"].interval is None
    assert bias_outcomes.outcome(report, KEY) is None
    assert bias_outcomes.paired(None, report, report)[0] == {}
    assert (report.counts(KEY), report.sweep(KEY), report.measured_on) == ({}, None, "")


def test_what_a_version_trained_on_is_told_with_its_hash(clients, pair):
    baseline, mitigated = (comparison.data_facts(clients, package) for package in pair)
    assert (baseline["channel train"], mitigated["channel train"]) == ("train.csv", "train_res.csv")
    files = registry.data_of(clients, pair[0]).manifest["files"]
    assert mitigated["channel train, SHA-256"] == files["train_res.csv"]["sha256"]
    assert baseline["test_res.csv, SHA-256"] == pair[0].properties["governance:test-sha256"]


def test_a_version_is_found_by_its_arn_and_its_group_by_the_same(clients, pair):
    found = registry.version(clients, pair[0].arn)
    assert (found.arn, found.version) == (pair[0].arn, pair[0].version)
    assert registry.group_of(pair[0].arn) == found.group
    assert registry.version(clients, pair[0].arn.rpartition("/")[0] + "/999") is None
    assert registry.group_of("arn:of:something") is None
