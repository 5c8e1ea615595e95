"""Sentences say what the figures say, with their uncertainty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.analysis.bias import bias_difference, decline_rates, threshold_sweep
from core.analysis.bias.bias_intervals import Interval
from core.analysis.bias.metric_registry import changes_sign
from core.analysis.performance.performance import evaluate_performance
from core.analysis.performance.performance_difference import compare_performance
from core.analysis.tables.value_names import ValueNames
from core.ledger.audit_log import Event
from core.reports.bias_jobs import Measure
from core.views.bias import bias_charts, bias_comparison_charts, decline_sentences
from core.views.bias import threshold_charts as threshold_views
from core.views.registry import event_history, performance_charts, quality_sentences
from core.views.shared import difference_sentences, metric_glossary, number_text
from core.views.tuning import tuning_sentences

PEOPLE = ("men", "women")


def turned(men: tuple[int, int], women: tuple[int, int], *, threshold: float = 0.5) -> decline_rates.DeclineRates:
    """(declined, of how many) on both sides."""
    facet = np.r_[np.ones(men[1], dtype=bool), np.zeros(women[1], dtype=bool)]
    scores = np.concatenate([np.where(np.arange(n) < away, 0.9, 0.1) for away, n in (men, women)])
    sweep = threshold_sweep.sweep_thresholds(facet, np.ones(len(facet), dtype=bool), scores, None, favourable=0)
    return decline_rates.decline_rates(sweep.count_tables()[sweep.nearest_index(threshold)])


def test_the_sentence_counts_of_100_people_and_gives_difference_interval_and_rows():
    text = decline_sentences.decline_rates_sentence(turned((210, 1000), (170, 1000)), PEOPLE)
    assert text.startswith("Of 100 men the model declines **21**, of 100 women **17**: 4.0 more (95 % interval ")
    assert text.endswith("beyond the noise), n = 2,000 (1,000 and 1,000).")


def test_a_difference_that_may_be_chance_is_called_noise_and_fewer_is_not_more():
    text = decline_sentences.decline_rates_sentence(turned((20, 100), (21, 100)), PEOPLE)
    assert "1.0 fewer (95 % interval −" in text
    assert "within the noise" in text


def test_a_side_without_rows_is_named():
    assert decline_sentences.decline_rates_sentence(turned((0, 0), (5, 10)), PEOPLE) == "There are no rows of men: nothing can be compared."
    assert decline_sentences.wrongly_declined_sentence(turned((0, 0), (5, 10)), PEOPLE).startswith(
        "Declined although their label is favourable: 5 of 10 women"
    )


def test_moving_the_threshold_is_told_in_people():
    text = decline_sentences.threshold_change_sentence(turned((30, 100), (20, 100)), turned((21, 100), (20, 100)), PEOPLE, 0.3, 0.5)
    assert text == "At 0.3 instead of 0.5, 9 more men and as many women are declined."
    assert "own threshold, 0.5" in decline_sentences.threshold_change_sentence(
        turned((1, 2), (1, 2)), turned((1, 2), (1, 2)), PEOPLE, 0.5, 0.5
    )


@pytest.fixture(scope="module")
def two():
    """Quality of two models, the second a worse-calibrated copy of the first, and their paired differences."""
    random = np.random.default_rng(0)
    y = (random.random(2000) < 0.3).astype(int)
    a = np.clip(0.3 + 0.25 * (y - 0.3) + random.normal(0, 0.12, 2000), 0.01, 0.99)
    b = np.clip(a + 0.25, 0.01, 0.99)
    figures = {name: evaluate_performance(y, s, resamples=50).to_json() for name, s in (("v1", a), ("v2", b))}
    return figures, compare_performance(y, a, b, resamples=200)


def test_a_gain_is_never_told_without_what_it_does_to_calibration(two):
    _, differences = two
    text = difference_sentences.trade_off_markdown(differences, {}, ["v1", "v2"])
    assert "better in" in text
    assert "recall +" in text.split("better in")[1].split("\n")[0]
    assert "brier +" in text.split("worse in")[1].split("\n")[0]
    assert "calibration error: " in text


def test_roc_precision_calibration_and_confusion_have_sentences_with_n_and_interval(two):
    figures, differences = two
    ranking = quality_sentences.auc_sentence(figures, differences["auc"])
    assert "n = 2,000 rows" in ranking
    assert f"ranks it first {100 * figures['v1']['auc']['value']:.1f} times (95 % interval " in ranking
    assert "within the noise" in ranking
    assert f"{100 * figures['v1']['prevalence']:.1f} % of the 2,000 rows" in quality_sentences.average_precision_sentence(
        figures, differences["average_precision"]
    )
    calibration = quality_sentences.calibration_sentence(figures, differences["ece"])
    assert f"a score is off by {100 * figures['v2']['ece']['value']:.1f} points" in calibration
    assert "beyond the noise" in calibration
    found = figures["v2"]["confusion"]
    share = 100 * found["tp"] / (found["tp"] + found["fn"])
    assert f"Of 100 rows with label 1 **v2** finds {number_text.per_hundred_text(share / 100)}" in quality_sentences.confusion_sentence(
        figures
    )


def difference(name: str, **changes: object) -> bias_difference.BiasDifference:
    values = {"a": 0.05, "b": 0.01, "value": -0.04, "low": -0.06, "high": -0.02, "p_value": 0.01, "fairer": "b", "n": 900}
    return bias_difference.BiasDifference(name, **{**values, **changes})  # type: ignore[arg-type]


def test_paired_bias_differences_are_judged_and_noise_can_be_left_out():
    found = {
        "DPPL": difference("DPPL"),
        "RD": difference("RD", p_value=0.4, fairer=None),
        "GE": difference("GE"),
        "CDDPL": difference("CDDPL", b=None, value=None, low=None, high=None, p_value=None, fairer=None),
    }
    names = ["v1", "v2"]
    table = bias_comparison_charts.differences_table(found, names).set_index("metric")
    assert table.loc["DPPL", "verdict"] == "beyond the noise: v2 is nearer to equal"
    assert table.loc["RD", "verdict"] == "within the noise: these rows can't tell"
    assert table.loc["GE", "verdict"] == "beyond the noise: v2 has less unequal errors"
    assert table.loc["CDDPL", ["v2", "verdict"]].tolist() == ["undefined", "undefined for one of the two"]
    assert list(bias_comparison_charts.differences_table(found, names, only_beyond=True)["metric"]) == ["DPPL", "GE"]
    text = difference_sentences.bias_differences_sentence(found, names, PEOPLE)
    assert "**v2** treats men and women more alike by DPPL. " in text
    assert "n = 900" in text
    figure = bias_comparison_charts.differences_figure(found)
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open", "circle"]


def measure(name: str, value: float | None, interval: Interval | None, *, low: float = -1.0) -> Measure:
    return Measure(name, name, value, None if value is not None else "nobody is accepted", low, 1.0, "in words", interval)


def test_each_metric_says_whether_its_interval_leaves_no_difference_out():
    metrics = {
        "DPPL": measure("DPPL", 0.03, Interval(0.01, 0.05, 500)),
        "RD": measure("RD", 0.01, Interval(-0.02, 0.04, 500)),
        "TE": measure("TE", 0.01, Interval(None, None, 500, "undefined in 12 % of the resamples, for lack of rows")),
        "KS": measure("KS", 0.01, Interval(0.005, 0.02, 500), low=0.0),
        "DI": measure("DI", None, None, low=0.0),
    }
    table = bias_charts.metrics_table({"m": metrics}).set_index("metric")
    assert table.loc["DPPL", "m"] == "0.0300 [0.0100, 0.0500]"
    assert table["certainty"].tolist() == [
        "Beyond the noise, n = 500.",
        "**Within the noise**: the interval contains 0, so these rows can't tell, n = 500.",
        "No interval: undefined in 12 % of the resamples, for lack of rows.",
        "n = 500.",
        "",
    ]
    assert table.loc["DI", "in words"] == "Undefined: nobody is accepted"
    assert (
        difference_sentences.noise_markdown({"m": metrics})
        == "**m**: 1 of 2 metrics with a direction are beyond the noise (DPPL); undefined: DI; n = 500."
    )
    bars = bias_charts.metrics_figure({"m": metrics}).data[0].error_x
    assert [None if x is None else round(x, 3) for x in bars.array] == [0.01, None, 0.03, 0.02]


def test_infinite_intervals_have_no_error_bar():
    bars = bias_charts.metrics_figure({"m": {"TE": measure("TE", 0.5, Interval(0.1, float("inf"), 50))}}).data[0].error_x
    assert bars.array == (None,)


def test_the_glossary_explains_every_metric_of_every_report():
    from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING
    from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS as METRICS

    every = [*PRE_TRAINING, *POST_TRAINING, "auc", *METRICS, *(name.replace("_", " ") for name in METRICS)]
    assert all(metric_glossary.find_entry(name).interpretation for name in every)
    assert "(JS, KL, KS, LP, TVD, GE)" in metric_glossary.BIAS_INTRODUCTION
    text = metric_glossary.entries_markdown(["DI", "unknown", "ece"])
    assert text.count("**") == 4
    assert "four-fifths" in text


def test_curves_over_thresholds_have_a_line_for_each_side_and_tell_where_the_gap_is_widest():
    facet = np.arange(200) % 2 == 0
    scores = np.where(facet, 0.7, 0.3)
    sweep = threshold_sweep.sweep_thresholds(
        facet, np.arange(200) < 150, scores, np.array(["a", "b"] * 100), favourable=0, names=("a", "b")
    )
    figure, table = threshold_views.decline_figure_and_table({"v1": sweep}, PEOPLE, {"here": 0.5})
    assert [trace.name for trace in figure.data] == ["v1: men", "v1: women"]
    assert len(table) == 2 * 99
    assert "**v1** 100.0 points at 0.3, more men" in decline_sentences.widest_gap_sentence({"v1": sweep}, PEOPLE)
    assert decline_sentences.metric_range_sentence({"v1": sweep}, "DPPL").startswith(
        "DPPL ranges **v1** from 0.000 (at 0.01) to 1.000 (at 0.3)"
    )
    groups = [
        (name, decline_rates.decline_rates(alone)) for name, alone in decline_rates.tables_by_group(sweep.count_tables()[49], sweep.groups)
    ]
    assert bias_comparison_charts.groups_sentence(groups, PEOPLE) == "No group has rows of both sides."
    assert list(bias_comparison_charts.groups_table(groups, PEOPLE)["men: rows"]) == [100, 0]


def test_history_tells_who_when_and_why_the_newest_first():
    body = {"reason": "Recall fell for men.", "code": "bias"}
    event = Event(7, "x", "2026-03-04T05:06:07+00:00", "reject", {"name": "Chris", "role": "officer", "id": "c"}, "arn", body, "", "")
    table = event_history.events_table([event], {"governance:trained-by-name": "Dana"}, pd.Timestamp("2026-03-01", tz="UTC"))
    assert table.iloc[0][["what", "who", "reason", "rationale", "event"]].tolist() == [
        "rejected",
        "Chris",
        "bias",
        "Recall fell for men.",
        "7",
    ]
    assert table.iloc[1]["rationale"] == "The model was trained by Dana."
    assert table["when"].is_monotonic_decreasing


def test_long_numbers_of_a_setting_are_shortened_and_names_are_not():
    table = performance_charts.values_table({"a": {"eta": "0.0265875439832727", "job": "gov-0.12345678"}})
    assert table["a"].tolist() == ["0.02659", "gov-0.12345678"]


def test_a_figure_that_rounds_to_zero_has_no_sign_and_no_direction():
    assert number_text.format_number(-0.00001) == number_text.signed_number(-1e-17) == "0.000"
    assert number_text.format_percent(-1e-9) == "0.0 %"
    assert not changes_sign("DPL", 0.12, -1e-17)
    assert not changes_sign("DPL", 0.12, -0.0004)
    assert changes_sign("DPL", 0.12, -0.01)
    assert changes_sign("DI", 0.8, 1.2)


def test_facets_by_which_trials_were_not_measured_are_named():
    names = ValueNames.from_coding({"sex": {"f": 0, "m": 1}, "region": {f"r{i}": i for i in range(9)}})
    chosen = [("sex", 0), *(("region", i) for i in range(9))]
    assert tuning_sentences.unmeasured_facets_sentence(chosen[:2], [("region", 0.0), ("sex", 0)], names) == ""
    assert tuning_sentences.unmeasured_facets_sentence(chosen, [("sex", 0), ("region", 0)], names) == (
        "The trials weren't measured by region = r1, region = r2, region = r3, region = r4, region = r5 and 3 more. "
        "A version's bias report has every facet."
    )
