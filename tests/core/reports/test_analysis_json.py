"""Clarify's analysis.json as anybody's container writes it: every known shape is read, everything else is an error that says why."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.reports import analysis_json, bias_jobs, shap_jobs
from core.views.bias import bias_charts as views
from core.views.bias import decline_sentences
from core.views.shared import difference_sentences

DI = {"name": "DI", "description": "Disparate Impact (DI)", "value": 0.71}
CDDPL = {"name": "CDDPL", "description": "Conditional Demographic Disparity", "value": None, "error": "Group variable is empty"}


def stage(*metrics, value="1", facet="SEX", **more):
    return {"facets": {facet: [{"value_or_threshold": value, "metrics": list(metrics or (DI,))}]}, "label": "y", **more}


def post(*metrics, **more):
    return {"version": "1.0", "post_training_bias_metrics": stage(*metrics, **more)}


def only(raw):
    (facet,) = bias_jobs.parse_report(raw).facets
    return facet


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2", "2"),
        (2, "2"),
        (2.0, "2"),
        (0.5, "0.5"),
        (["a", "b"], "a, b"),
        ([1, 2.0], "1, 2"),
        ("(0.5, 1.0]", "(0.5, 1.0]"),
        (True, "True"),
    ],
)
def test_a_value_or_threshold_is_read_however_it_is_written(written, read):
    assert only(post(value=written)).value == read


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ('"Infinity"', math.inf),
        ('"-Infinity"', -math.inf),
        ("NaN", None),
        ('"NaN"', None),
        ('"0.25"', 0.25),
        ("null", None),
        ("3", 3.0),
    ],
)
def test_a_value_is_a_token_of_json_or_its_text(token, value):
    content = json.dumps(post()).replace("0.71", token).encode()
    measure = bias_jobs.parse_report(analysis_json.load(content)).facets[0].post_training["DI"]
    assert measure.value == value
    assert (measure.error == "the report doesn't say why") == (value is None)


def test_a_metric_without_a_value_keeps_the_reports_own_reason():
    assert only(post(DI, CDDPL)).post_training["CDDPL"].error == "Group variable is empty"


def test_both_stages_of_a_facet_are_one_whatever_type_its_value_has():
    raw = post(value=1.0) | {"pre_training_bias_metrics": stage({"name": "CI", "description": "", "value": 0.2}, value="1")}
    facet = only(raw)
    assert set(facet.pre_training) == {"CI"}
    assert set(facet.post_training) == {"DI"}


@pytest.mark.parametrize("missing", [{}, {"pre_training_bias_metrics": None}])
def test_a_report_of_one_stage_has_no_other(missing):
    facet = only(post() | missing)
    assert facet.pre_training == {}


def test_several_facets_and_values_stand_beside_each_other_in_the_order_of_the_report():
    raw = post()
    raw["post_training_bias_metrics"]["facets"] |= {"AGE": [{"value_or_threshold": v, "metrics": [DI]} for v in ("(1, 2]", "(2, 3]")]}
    assert [facet.key for facet in bias_jobs.parse_report(raw).facets] == ["SEX=1", "AGE=(1, 2]", "AGE=(2, 3]"]


def test_what_a_report_of_others_lacks_is_not_made_up():
    report = bias_jobs.parse_report(post(label_value_or_threshold="(1.0, 130.2]"))
    assert report.label == ("y", "(1.0, 130.2]")
    assert report.measured_on == ""
    assert report.sweep("SEX=1") is None
    assert report.counts("SEX=1") == {}
    assert only(report.raw).post_training["DI"].interval is None


def test_a_known_metric_has_its_range_and_its_direction_and_an_unknown_one_has_none():
    measures = only(post(DI, {"name": "XYZ", "description": "Ours", "value": 1})).post_training
    assert (measures["DI"].low, measures["DI"].high) == (0, math.inf)
    assert "0.71" in measures["DI"].in_words
    assert (measures["XYZ"].low, measures["XYZ"].high, measures["XYZ"].in_words) == (-math.inf, math.inf, "")
    assert len(views.metrics_table({"m": measures})) == 2


def test_without_intervals_nobody_is_told_that_metrics_are_within_the_noise():
    said = difference_sentences.noise_markdown({"m": only(post(DI, CDDPL)).post_training})
    assert "no intervals" in said
    assert "beyond the noise" not in said
    assert "CDDPL" in said


WRONG = {
    "[]": "an object",
    "3": "an object",
    "": "empty",
    "{": "not JSON",
    "{}": "none of the parts of a report",
    '{"version": "1.0"}': 'only "version"',
    '{"post_training_bias_metrics": []}': "post_training_bias_metrics can't be read",
    '{"post_training_bias_metrics": {"label": "y"}}': "post_training_bias_metrics.facets is missing",
    '{"post_training_bias_metrics": {"facets": {"SEX": [{"metrics": []}]}}}': "facets.SEX[0].value_or_threshold is missing",
    '{"post_training_bias_metrics": {"facets": {"SEX": [{"value_or_threshold": "1"}]}}}': "facets.SEX[0].metrics is missing",
    '{"post_training_bias_metrics": {"facets": {"SEX": [{"value_or_threshold": null, "metrics": []}]}}}': "null is not a value",
    json.dumps(post({"name": "DI"})): "facets.SEX[0].metrics[0].value is missing",
    json.dumps(post({"name": "DI", "value": "high"})): '"high" is not a number',
    json.dumps(post({"name": "DI", "value": True})): "true is not a number",
    json.dumps(post({"name": "DI", "value": [0.1]})): "[0.1] is not a number",
    json.dumps(post(DI, DI)): "names a metric twice",
    json.dumps(post() | {"governance": {"threshold": "much"}}): "governance.threshold",
    json.dumps(post() | {"governance": {"sweeps": [{"facet": "SEX"}]}}): "governance.sweeps[0]",
    json.dumps(post() | {"governance": {"counts": [3]}}): "governance.counts[0]",
    # other files of SageMaker's, by name
    '[{"value_or_threshold": "1", "metrics": []}]': "smclarify's bias_report",
    '{"version": "1.0", "violations": []}': "a list of violations",
    '{"version": 0.0, "binary_classification_metrics": {}}': "model's quality",
    '{"version": 0.0, "features": [{"name": "a", "inferred_type": "Integral"}]}': "data-quality monitor",
    '{"methods": {"shap": {}}, "label": "y"}': "analysis_config.json",
    json.dumps(post({"name": "DI", "threshold": 0.8})): "drift check (constraints)",
    '{"post_training_bias_metrics": {"facets": [{"name_or_index": "a", "metrics": [{"name": "DI", "threshold": 1}]}]}}': "drift check",
    "[" * 100_000: "too deep",
    '{"post_training_bias_metrics": {"label": "\\ud800", "facets": {}}}': "UTF-8",
}


@pytest.mark.parametrize("content", WRONG, ids=lambda c: c[:60])
def test_what_is_no_report_is_an_error_that_names_the_part_and_the_remedy(content):
    with pytest.raises(DataError) as caught:
        bias_jobs.parse_report(analysis_json.load(content.encode(), "s3://b/analysis.json"), "s3://b/analysis.json")
    assert WRONG[content] in caught.value.message
    assert caught.value.message.startswith("s3://b/analysis.json can't be read as a report")
    assert caught.value.hint


def test_a_file_that_is_larger_than_any_report_is_not_read():
    with pytest.raises(DataError, match="limit of 20,000,000"):
        analysis_json.load(b" " * (analysis_json.MAX_REPORT_BYTES + 1))


def test_bytes_that_are_no_text_are_an_error():
    with pytest.raises(DataError, match="can't be read as a report"):
        analysis_json.load(b"\x89PNG\r\n\x1a\n\xff\xfe")


def explained(**labels):
    return {"version": "1.0", "explanations": {"kernel_shap": labels}}


LABEL = {"global_shap_values": {"a": 0.1, "b": -0.4}, "expected_value": 0.3}


def test_global_values_of_every_label_are_read_the_greatest_first():
    found = shap_jobs.summarize_report(explained(label0=LABEL, label1={**LABEL, "expected_value": [0.1, 0.2]}))
    assert [one.label for one in found.labels] == ["label0", "label1"]
    assert list(found.labels[0].values.items()) == [("b", -0.4), ("a", 0.1)]
    assert found.labels[0].expected == (0.3,)
    assert found.labels[1].expected == (0.1, 0.2)


def test_values_by_aggregation_are_told_apart():
    nested = {"global_shap_values": {"mean_abs": {"a": 0.1}, "median": {"a": 0.05}}, "expected_value": 0.3}
    found = shap_jobs.summarize_report(explained(label0=nested))
    assert [(one.label, one.values) for one in found.labels] == [("label0, mean_abs", {"a": 0.1}), ("label0, median", {"a": 0.05})]


def test_features_without_a_figure_are_named_and_left_out():
    found = shap_jobs.summarize_report(explained(label0={"global_shap_values": {"a": 0.1, "b": None, "c": "NaN", "d": "Infinity"}}))
    assert found.labels[0].values == {"a": 0.1}
    assert found.labels[0].undefined == ("b", "c", "d")
    assert found.labels[0].expected == ()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (explained(label0={"global_top_shap_text": {"review": {"good": 0.2}}, "expected_value": 0.1}), "text features"),
        ({"explanations": {"pdp": [{"feature_name": "a", "data_type": "numerical"}]}}, "pdp"),
        ({"explanations": {"asymmetric_shapley_value": {}}}, "asymmetric_shapley_value"),
        ({"explanations": {"kernel_shap": {}}}, "kernel_shap"),
        (post(), "no explanations"),
    ],
)
def test_explanations_without_global_values_are_refused_by_what_they_are(raw, words):
    with pytest.raises(DataError) as caught:
        shap_jobs.summarize_report(raw)
    assert words in caught.value.message


def test_a_report_that_also_holds_partial_dependence_says_so():
    raw = explained(label0=LABEL)
    raw["explanations"]["pdp"] = [{"feature_name": "a"}]
    assert shap_jobs.summarize_report(raw).others == ("pdp",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def mutated(raw):
    """``raw`` with one of its parts, however deep, left out or replaced by anything."""

    def at(value):
        options = [json_values]
        if isinstance(value, dict) and value:
            for key in value:
                options.append(at(value[key]).map(lambda new, key=key: {**value, key: new}))
                options.append(st.just({k: v for k, v in value.items() if k != key}))
        if isinstance(value, list) and value:
            options += [at(value[0]).map(lambda new: [new, *value[1:]]), st.just(value * 2)]
        return st.one_of(options)

    return at(raw)


SWEEP = {"facet": "SEX", "value_or_threshold": "1", "favourable": 0, "thresholds": [0.5], "groups": [], "totals": [[[1, 2], [3, 4]]]}
OWN = post(DI, CDDPL) | {
    "governance": {
        "threshold": 0.5,
        "names": {"SEX=1": ["men", "women"]},
        "counts": [{"facet": "SEX", "value_or_threshold": "1", "rows": 7, "rest": 3, "favourable_rows": 4, "favourable_rest": 2}],
        "sweeps": [{**SWEEP, "accepted": [[[[1, 1], [2, 2]]]]}],
        "metrics": {"post_training_bias_metrics": {"SEX": {"1": {"DI": {"low": 0, "high": "Infinity", "in_words": "less"}}}}},
    }
}


@settings(max_examples=150, deadline=None)
@given(st.one_of(json_values, mutated(OWN), mutated(explained(label0=LABEL))))
def test_whatever_the_json_it_is_a_report_that_pages_can_show_or_an_error_with_a_remedy(raw):
    from core.reports import bias_outcomes

    for read in (bias_jobs.parse_report, shap_jobs.summarize_report):
        try:
            found = read(raw)
        except DataError as error:
            found = error
        if isinstance(found, DataError):
            assert found.message
            assert found.hint
        elif read is bias_jobs.parse_report:
            assert 0 <= len(found.label) <= 2
            assert isinstance(found.measured_on, str)
            assert isinstance(found.threshold, float)
            for facet in found.facets:
                decline_sentences.label_rates_sentence(found.counts(facet.key), found.group_names(facet.key))
                bias_outcomes.outcome_at_threshold(found, facet.key)
                for measures in (facet.pre_training, facet.post_training):
                    if measures:
                        views.compact_table({"m": measures})
                        views.metrics_figure({"m": measures})
                        difference_sentences.noise_markdown({"m": measures})
        else:
            assert all(math.isfinite(value) for one in found.labels for value in one.values.values())
