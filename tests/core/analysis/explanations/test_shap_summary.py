"""SHAP values summed up: means, differences, shares and bands, against SciPy and the bootstrap."""

from __future__ import annotations

import io
import pickle
import tarfile

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from core.analysis.explanations import shap_summary as summary
from core.analysis.explanations import xgboost_model
from core.analysis.explanations.shap_summary import ShapEstimate
from core.views.explainability import shap_charts as views
from core.views.explainability import shap_sentences as words

RNG = np.random.default_rng(3)
N = 4000
DATA = pd.DataFrame({"debt": RNG.normal(0, 1, N), "sex": RNG.integers(1, 3, N), "age": RNG.integers(18, 80, N)})
VALUES = np.column_stack([0.1 * DATA["debt"] + RNG.normal(0, 0.01, N), np.where(DATA["sex"] == 1, 0.02, -0.01), RNG.normal(0, 0.005, N)])
NAMES = list(DATA)


def by_scipy(value, error, third, freedom):
    """The wider of Student's interval and Hall's at either end: his cubic function of the studentised mean, solved numerically."""
    skewness, quantile = third / error**3, stats.t.ppf(0.975, freedom)

    def beyond(t, end):
        return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6 - end

    far_down, far_up = (optimize.brentq(beyond, -1e3, 1e3, args=(end,)) for end in (quantile, -quantile))
    return value - max(far_down, quantile) * error, value - min(far_up, -quantile) * error


@pytest.mark.parametrize("x", [np.abs(VALUES[:, 0]), RNG.lognormal(size=12), -RNG.lognormal(size=30), RNG.normal(size=9)])
def test_a_mean_has_the_wider_of_students_and_halls_intervals(x):
    found = summary.mean_with_interval(x)
    expected = by_scipy(x.mean(), stats.sem(x), stats.kstat(x, 3) / len(x) ** 2, len(x) - 1)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((x.mean(), *expected, len(x)))
    low, high = stats.t.interval(0.95, len(x) - 1, loc=x.mean(), scale=stats.sem(x))
    assert found.low <= low + 1e-12
    assert found.high >= high - 1e-12


def test_one_row_has_a_mean_without_an_interval_and_no_row_has_none():
    one, none = summary.mean_with_interval(np.array([0.3])), summary.mean_with_interval(np.array([]))
    assert one.value == 0.3
    assert np.isnan([one.low, one.high, none.value]).all()
    assert one.within_noise


def test_features_come_with_the_greatest_mean_first():
    found = summary.feature_importance(VALUES, NAMES)
    assert list(found) == ["debt", "sex", "age"]
    assert found["debt"].value == pytest.approx(np.abs(VALUES[:, 0]).mean())


def test_a_difference_is_paired_by_row():
    other = VALUES + RNG.normal(0, 1e-4, VALUES.shape) + np.array([0, 0.01, 0])
    found = summary.importance_difference(VALUES, other, NAMES)["sex"]
    d = np.abs(other[:, 1]) - np.abs(VALUES[:, 1])
    expected = by_scipy(d.mean(), stats.sem(d), stats.kstat(d, 3) / N**2, N - 1)
    assert (found.value, found.low, found.high) == pytest.approx((d.mean(), *expected))
    assert summary.importance_difference(VALUES, VALUES, NAMES)["debt"].within_noise


def test_a_share_has_the_interval_of_the_bootstrap():
    found = summary.importance_share(VALUES, [1])
    sizes = np.abs(VALUES)
    draws = [sizes[rows, 1].sum() / sizes[rows].sum() for rows in RNG.integers(0, N, (2000, N))]
    assert found.value == pytest.approx(sizes[:, 1].sum() / sizes.sum())
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=1e-3)


def test_the_share_of_everything_is_one_and_of_a_model_that_never_moves_is_undefined():
    assert summary.importance_share(VALUES, [0, 1, 2]).value == pytest.approx(1)
    assert np.isnan(summary.importance_share(np.zeros((5, 2)), [0]).value)


@pytest.mark.parametrize("n", [N, 40])
def test_the_gap_between_two_groups_has_welchs_interval_or_halls(n):
    rows, values = (DATA["sex"] == 1).to_numpy()[:n], np.exp(VALUES[:n, 0] * 10)
    found = summary.shap_gap(values, rows)
    welch = stats.ttest_ind(values[rows], values[~rows], equal_var=False)
    third = stats.kstat(values[rows], 3) / rows.sum() ** 2 - stats.kstat(values[~rows], 3) / (~rows).sum() ** 2
    error = np.hypot(stats.sem(values[rows]), stats.sem(values[~rows]))
    assert (found.low, found.high) == pytest.approx(by_scipy(values[rows].mean() - values[~rows].mean(), error, third, welch.df))
    interval = welch.confidence_interval()
    assert found.low <= interval.low + 1e-12
    assert found.high >= interval.high - 1e-12
    assert np.isnan(summary.shap_gap(VALUES[:, 0], np.ones(N, dtype=bool)).value)


def test_the_association_is_spearmans():
    found = summary.rank_correlation(VALUES[:, 0], DATA["debt"].to_numpy())
    assert found.value == pytest.approx(stats.spearmanr(VALUES[:, 0], DATA["debt"]).statistic)
    assert found.low < found.value < found.high
    assert np.isnan(summary.rank_correlation(VALUES[:, 0], np.ones(N)).value)


@pytest.mark.parametrize("rows", [5, 10, 30])
def test_intervals_of_few_rows_contain_the_truth(rows):
    random = np.random.default_rng(0)
    for draw, true in ((random.normal, np.sqrt(2 / np.pi)), (random.lognormal, np.exp(0.5))):
        means = [summary.mean_with_interval(np.abs(draw(size=rows))) for _ in range(1000)]
        assert np.mean([one.low <= true <= one.high for one in means]) >= 0.9
    pairs = random.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=(500, rows))
    found = [summary.rank_correlation(pair[:, 0], pair[:, 1]) for pair in pairs]
    assert np.mean([one.low <= 6 / np.pi * np.arcsin(0.45) <= one.high for one in found]) >= 0.93


def test_four_rows_have_no_interval_and_a_perfect_order_of_five_proves_little():
    four = np.arange(4.0)
    assert np.isnan([summary.mean_with_interval(four).low, summary.importance_share(four[:, None], [0]).low]).all()
    assert np.isnan([summary.shap_gap(four, four < 2).low, summary.rank_correlation(four, four).low]).all()
    five = summary.rank_correlation(np.arange(5.0), np.arange(5.0))
    assert five.high == five.value == pytest.approx(1)
    assert five.low < 0.5


@pytest.mark.parametrize(("feature", "bands"), [("debt", 6), ("sex", 2), ("age", 6)])
def test_bands_hold_every_row_once(feature, bands):
    found = summary.mean_by_band(VALUES[:, NAMES.index(feature)], DATA[feature])
    assert len(found) == bands
    assert found["n"].sum() == N
    assert np.average(found["mean"], weights=found["n"]) == pytest.approx(VALUES[:, NAMES.index(feature)].mean())


def test_bands_of_a_feature_that_is_mostly_zero_hold_every_row_once():
    data = pd.Series(np.where(np.arange(N) < N * 0.95, 0, np.arange(N)))
    found = summary.mean_by_band(VALUES[:, 0], data)
    assert found["n"].sum() == N
    assert len(found) >= 2


def test_missing_values_are_a_band_of_their_own():
    data = DATA["debt"].where(DATA["debt"] < 1)
    found = summary.mean_by_band(VALUES[:, 0], data)
    without = found[found["from"].isna()]
    assert found["n"].sum() == N
    assert without["n"].tolist() == [data.isna().sum()]
    assert without["mean"].tolist() == pytest.approx([VALUES[data.isna().to_numpy(), 0].mean()])
    assert summary.mean_by_band(VALUES[:, 0], pd.Series([np.nan] * N))["n"].tolist() == [N]


def test_reasons_are_what_pushed_the_wrong_way_the_strongest_first_and_nothing_else():
    values = np.array([0.1, -0.2, 0.3, 0.0])
    assert summary.top_contributions(values, list("abcd"), increasing=True) == [("c", 0.3), ("a", 0.1)]
    assert summary.top_contributions(values, list("abcd"), increasing=False) == [("b", -0.2)]


# words ----------------------------------------------------------------------------------------------


def test_the_sentences_hold_the_figure_its_interval_and_its_n():
    found = summary.feature_importance(VALUES, NAMES)
    said = words.importance_sentence(found)
    assert said.startswith("debt moves the prediction most")
    assert f"{100 * found['debt'].value:.2f} (95 % interval {100 * found['debt'].low:.2f} to" in said
    assert "n = 4,000" in said


def test_a_difference_in_words_is_of_the_right_sign_and_noise_is_called_noise():
    more = {"debt": ShapEstimate(0.01, 0.005, 0.015, 50), "age": ShapEstimate(0.001, -0.001, 0.003, 50)}
    assert "b leans more on debt than a: by 1.00 (95 % interval 0.50 to 1.50) points" in words.differences_sentence(more, "a", "b")
    assert "1 of 2 differences are more than noise" in words.differences_sentence(more, "a", "b")
    less = {"debt": ShapEstimate(-0.01, -0.015, -0.005, 50)}
    assert "b leans less on debt than a: by 1.00 (95 % interval 0.50 to 1.50) points" in words.differences_sentence(less, "a", "b")
    assert "within the noise" in words.differences_sentence({"age": more["age"]}, "a", "b")


def test_a_change_in_words_says_when_the_threshold_is_crossed():
    crossed = words.change_sentence({"debt": ("2", "0")}, 0.6, 0.4, 0.5, ("late", "paid"))
    assert "debt = 0 instead of 2" in crossed
    assert "20.00 points lower. That crosses the threshold of 50.0 %: paid instead of late." in crossed
    assert "same side" in words.change_sentence({"debt": ("2", "1")}, 0.6, 0.55, 0.5, ("late", "late"))
    assert words.change_sentence({}, 0.6, 0.6, 0.5, ("late", "late")) == "Nothing is changed yet."


def test_the_table_of_features_marks_the_sensitive_ones_and_its_shares_add_up():
    found = summary.feature_importance(VALUES, NAMES)
    table = views.importance_table({"m": found}, summary.importance_difference(VALUES, VALUES, NAMES), ("sex",))
    assert table.set_index("feature")["sensitive"].to_dict() == {"debt": "", "sex": "sensitive", "age": ""}
    assert table["m, share"].sum() == pytest.approx(1)
    assert set(table["beyond noise"]) == {"no"}


def test_a_sensitive_feature_is_drawn_however_small_it_is():
    fig = views.importance_bars({"m": summary.feature_importance(VALUES, NAMES)}, sensitive=("age",), top=1)
    assert list(fig.data[0].y) == ["age (sensitive)", "debt"]


# models ---------------------------------------------------------------------------------------------


def archive(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no archive", "can't be read"),
        (archive("something", b"else"), "contains no xgboost-model"),
        (archive("xgboost-model", pickle.dumps({"a": 1})), "not an XGBoost model"),
    ],
)
def test_what_is_no_model_is_refused_with_the_reason(content, words):
    with pytest.raises(xgboost_model.ModelError, match=words):
        xgboost_model.load_booster(content)
