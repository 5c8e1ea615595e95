"""Trials judged on the same rows: figures, intervals, the front, the alternatives, the filter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.analysis.bias.bias_metrics import post_training_bias
from core.analysis.performance.performance import evaluate_performance
from core.analysis.performance.performance_difference import compare_performance
from core.analysis.tables.value_names import ValueNames
from core.analysis.trials import pareto_front, trial_reports
from core.analysis.trials.trial_disparity import DISPARITY_METRICS, distance_from_parity
from core.views.tuning import pareto_charts as views
from core.views.tuning import tuning_charts, tuning_sentences, xgboost_charts
from core.views.tuning.trial_filter import TrialFilter, tuned_parameters


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(3)
    n = 1500
    facet = random.random(n) < 0.4
    label = (random.random(n) < 0.25).astype(int)
    group = pd.Series(random.choice(["young", "middle", "old"], n))
    base = 0.35 + 0.25 * label + random.normal(0, 0.15, n)
    scores = {
        "fair": np.clip(base, 0, 1),
        "unfair": np.clip(base + 0.12 * facet + random.normal(0, 0.01, n), 0, 1),
        "lax": np.clip(base * 0.4, 0, 0.49),
        "noise": random.random(n),
    }
    return label, scores, facet, group


@pytest.fixture(scope="module")
def judged(rows):
    label, scores, facet, group = rows
    found = trial_reports.judge_trials(
        label, scores, [trial_reports.FacetRows("SEX", 1, facet)], reference="unfair", group=group, resamples=300
    )
    return {report.name: report for report in found}


def as_report(judged):
    return {"reference": "unfair", "trials": [trial_reports.trial_report_to_json(report) for report in judged.values()]}


def test_each_figure_equals_what_the_single_model_functions_say(rows, judged) -> None:
    label, scores, facet, group = rows
    for name, report in judged.items():
        alone = evaluate_performance(label, scores[name], resamples=10).estimates()
        assert {key: e.value for key, e in report.performance.items()} == pytest.approx({key: e.value for key, e in alone.items()})
        bias = post_training_bias(facet, label == 0, scores[name] <= 0.5, group.to_numpy(), pd.DataFrame({"x": scores[name]}))
        for measure, found in report.facets[0].measures.items():
            assert found.value == pytest.approx(bias[measure].value), measure
            assert found.error == bias[measure].error


def test_accuracies_are_compared_as_those_of_two_registered_models_are(rows, judged) -> None:
    label, scores, _, _ = rows
    expected = compare_performance(label, scores["unfair"], scores["fair"], resamples=10)["accuracy"]
    found = judged["fair"].differences["accuracy"]
    assert (found.value, found.low, found.high, found.p_value) == pytest.approx(
        (expected.value, expected.low, expected.high, expected.p_value)
    )


def test_the_interval_of_a_disparity_is_the_bootstraps_of_scipy(rows, judged) -> None:
    label, scores, facet, _ = rows

    def dppl(index):
        accepted, inside = scores["unfair"][index] <= 0.5, facet[index]
        return accepted[~inside].mean() - accepted[inside].mean()

    judge = stats.bootstrap((np.arange(len(label)),), dppl, n_resamples=2000, method="percentile", vectorized=False, rng=1)
    found = judged["unfair"].facets[0].measures["DPPL"]
    width = judge.confidence_interval.high - judge.confidence_interval.low
    assert found.low == pytest.approx(judge.confidence_interval.low, abs=0.15 * width)
    assert found.high == pytest.approx(judge.confidence_interval.high, abs=0.15 * width)


def test_pairing_makes_the_interval_of_the_difference_narrower_than_the_trials_own(judged) -> None:
    own = judged["fair"].facets[0].measures["DPPL"].distance
    closer = judged["fair"].facets[0].measures["DPPL"].closer
    assert closer.value < 0
    assert closer.beyond_noise
    alone = judged["unfair"].facets[0].measures["DPPL"].distance
    assert closer.high - closer.low < (own.high - own.low) + (alone.high - alone.low)


def test_the_reference_differs_from_itself_by_nothing(judged) -> None:
    reference = judged["unfair"]
    assert all(difference.value == 0 and not difference.beyond_noise for difference in reference.differences.values())
    assert all(found.closer.value in (0, None) for found in reference.facets[0].measures.values())


def test_a_ratio_is_as_far_from_parity_either_way() -> None:
    assert distance_from_parity("DI", np.array([0.8, 1.25, 1.0, 0.0, np.inf])) == pytest.approx([0.2, 0.2, 0, 1, 1])
    assert distance_from_parity("DPPL", -0.1) == pytest.approx(0.1)


def test_rows_of_one_side_only_leave_the_disparities_undefined_with_a_reason(rows) -> None:
    label, scores, _, group = rows
    facet = trial_reports.FacetRows("SEX", 1, np.zeros(len(label), dtype=bool))
    found = trial_reports.judge_trials(label, scores, [facet], reference="fair", group=group, resamples=20)[0].facets[0].measures["DPPL"]
    assert found.value is None
    assert "Facet set is empty" in str(found.error)
    assert found.distance.value is None


def test_rows_of_unknown_facet_or_group_are_left_out_as_in_a_bias_report() -> None:
    random = np.random.default_rng(3)
    label, score = random.integers(0, 2, 300), random.random(300)
    sex, town = random.choice([1.0, 2.0, np.nan], 300), pd.Series(random.choice(["a", "b", None], 300))
    known = ~np.isnan(sex)
    facet = trial_reports.FacetRows("sex", 1, sex == 1, known)
    (report,) = trial_reports.judge_trials(label, {"one": score}, [facet], reference="one", group=town, resamples=20)
    alone = post_training_bias((sex == 1)[known], label[known] == 0, score[known] <= 0.5, town[known], None, metrics=DISPARITY_METRICS)
    measures = report.facets[0].measures
    assert {name: one.value for name, one in measures.items()} == pytest.approx({name: one.value for name, one in alone.items()})
    assert {name: one.in_words for name, one in measures.items()} == {name: one.in_words for name, one in alone.items()}
    assert sum(side["rows"] for side in report.facets[0].counts.values()) == known.sum()


def test_a_reference_that_is_no_trial_is_an_error(rows) -> None:
    with pytest.raises(KeyError):
        trial_reports.judge_trials(rows[0], rows[1], [], reference="gone")


def test_the_front_is_what_nothing_dominates() -> None:
    random = np.random.default_rng(0)
    performance, away = pd.Series(random.random(300).round(2)), pd.Series(random.random(300).round(2))
    away[5] = np.nan
    expected = [
        bool(not np.isnan(d) and not ((performance >= p) & (away <= d) & ((performance > p) | (away < d))).any())
        for p, d in zip(performance, away, strict=True)
    ]
    assert pareto_front.is_on_front(performance, away).tolist() == expected


def test_a_trial_that_turns_nobody_away_is_no_alternative(judged) -> None:
    table = views.trials_table(as_report(judged), performance="auc", measure="DPPL").set_index("name")
    assert table.loc["lax", "distance"] == 0
    assert table.loc["lax", "one_sided"]
    assert not table.loc["lax", "front"]
    assert views.fairer_alternatives(table.reset_index())["name"].tolist() == ["fair", "noise"]


def test_an_alternative_is_named_with_its_price_and_what_it_brings(judged) -> None:
    table = views.trials_table(as_report(judged), performance="auc", measure="DPPL", numbers={"fair": 7, "unfair": 3})
    best = table[table["reference"]].to_dict("records")[0]
    row = views.fairer_alternatives(table).to_dict("records")[0]
    text = views.alternative_sentence(row, best, views.compared_groups(as_report(judged), ValueNames()), performance="auc", measure="DPPL")
    assert text.startswith("**Trial 7**: AUC ")
    assert f"{100 * abs(row['gained']):.1f} points higher" in text
    assert "nearer to parity by" in text
    assert f"declines {100 * row['turned_away']:.0f} instead of {100 * best['turned_away']:.0f}" in text


def test_less_is_better_for_a_loss(judged) -> None:
    report = as_report(judged)
    table = views.trials_table(report, performance="log_loss", measure="DPPL").set_index("name")
    raw = next(trial for trial in report["trials"] if trial["name"] == "noise")["differences"]["log_loss"]
    assert table.loc["noise", "gained"] == pytest.approx(-raw["value"])
    assert table.loc["noise", "gained_low"] == pytest.approx(-raw["high"])
    row = table.reset_index().query("name == 'noise'").to_dict("records")[0]
    best = table.reset_index().query("reference").to_dict("records")[0]
    assert "log loss" in (
        text := views.alternative_sentence(row, best, views.compared_groups(report, ValueNames()), performance="log_loss", measure="DPPL")
    )
    assert "higher [+" in text


@pytest.mark.parametrize(("left", "words"), [(0.5, "half the"), (0.33, "a third of the"), (0.01, "almost no"), (0.41, "41 % of the")])
def test_what_is_left_of_a_disparity_is_said_in_words(left: float, words: str) -> None:
    assert views.remaining_disparity_text(left * 0.2, 0.2) == words


def test_the_scatter_of_750_trials_shows_each_once(judged) -> None:
    one = views.trials_table(as_report(judged), performance="auc", measure="DPPL")
    many = pd.concat([one] + [one[~one["reference"]]] * 249, ignore_index=True)
    fig = views.pareto_figure(many, performance="auc", measure="DPPL")
    assert sum(len(trace.x) for trace in fig.data if trace.mode != "lines") == len(many)
    assert len(views.pareto_table(many, performance="auc", measure="DPPL")) == len(many)


def frame(n: int = 6) -> pd.DataFrame:
    start = pd.date_range("2026-01-01", periods=n, freq="10s", tz="UTC")
    return pd.DataFrame(
        {
            "number": range(1, n + 1),
            "name": [f"t{i}" for i in range(n)],
            "status": ["Completed"] * (n - 1) + ["Failed"],
            "objective": [0.7, 0.8, 0.75, 0.79, 0.6, None][:n],
            "created": start,
            "started": start,
            "ended": start + pd.Timedelta("10s"),
            "reason": None,
            "eta": np.linspace(0.1, 0.6, n),
        }
    )


def test_a_filter_comes_back_from_the_url_as_it_went_in() -> None:
    wanted = TrialFilter(("Completed", "Stopped"), {"objective": (0.75, 0.8), "eta": (0.1, 0.4)})
    assert TrialFilter.from_text(wanted.to_text()) == wanted
    assert TrialFilter.from_text("") == TrialFilter()
    assert not TrialFilter.from_text("status;eta:a:b;eta:2:1;::")


def test_a_filter_keeps_both_ends_and_drops_trials_without_a_value() -> None:
    kept = TrialFilter(ranges={"objective": (0.75, 0.8)}).apply(frame())
    assert kept["number"].tolist() == [2, 3, 4]
    assert TrialFilter(("Failed",)).apply(frame())["number"].tolist() == [6]
    assert TrialFilter(ranges={"gone": (0, 1)}).apply(frame())["number"].tolist() == [1, 2, 3, 4, 5, 6]
    assert tuned_parameters(frame()) == ["eta"]


def test_the_history_says_which_is_best_and_how_many_are_as_good() -> None:
    text = tuning_sentences.best_trial_sentence(frame(), objective="validation:auc", maximize=True, interval=(0.785, 0.81), rows=500)
    assert text.startswith("**Trial 2** has the best validation:auc, 0.8000 (95 % interval 0.7850 to 0.8100, n = 500 validation rows)")
    assert "The 3 trials after it found nothing better." in text
    assert text.endswith("1 other trial lies within its interval.")
    tied = tuning_sentences.best_trial_sentence(frame().assign(objective=0.44), objective="validation:f1", maximize=True)
    assert "none of them is the best" in tied
    assert "0.4400" in tied
    assert (
        tuning_sentences.best_trial_sentence(frame().assign(objective=np.nan), objective="x", maximize=True) == "No trial has an objective."
    )


def test_the_timeline_counts_what_ran_at_once() -> None:
    assert (
        tuning_sentences.timeline_sentence(frame()) == "6 trials in 60 s, 1.0 at a time on average; each took 10 s (median; 10 s to 10 s)."
    )


def test_two_histories_are_told_apart_by_more_than_colour() -> None:
    fig = tuning_charts.overlay_figure({"a": frame(), "b": frame()}, objective="validation:auc", maximize=True)
    lines = [trace for trace in fig.data if trace.mode == "lines"]
    assert len({trace.line.dash for trace in lines}) == len({trace.line.color for trace in lines}) == 2


def test_features_get_their_names_in_the_importance() -> None:
    table = xgboost_charts.importance_table({"gain": {"f1": 3.0, "f0": 1.0}, "weight": {"f0": 2.0}}, ["AGE", "SEX"])
    assert table["feature"].tolist() == ["SEX", "AGE"]
    assert xgboost_charts.importance_sentence(table).startswith("By gain, **SEX** has 75 % of the total")
