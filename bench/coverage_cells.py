"""The populations of the coverage simulation, and how often the product's intervals contain the true value on samples of one of them.

Every sample is judged by the product's own functions, as a report is. The truth of a figure is its value on the population's shares (of
scores: on half a million rows).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.analysis.bias.bias_count_tables import CELL_SHAPE, CountTables, post_training_metrics, pre_training_metrics
from core.analysis.bias.bias_difference import (
    BiasDifference,
    compare_flip_test,
    compare_metric,
    draw_paired_kinds,
    paired_metrics,
    single_intervals,
)
from core.analysis.bias.bias_intervals import Interval, flip_test_interval, table_intervals
from core.analysis.bias.flip_test import FLIP_TEST
from core.analysis.bias.metric_shares import why_too_few
from core.analysis.explanations import shap_summary
from core.analysis.intervals.confidence import MIN_ROWS
from core.analysis.intervals.proportions import Share, paired_share_difference, share_difference, share_ratio, share_with_interval
from core.analysis.performance.calibration_error import calibration_error_ends
from core.analysis.performance.performance import evaluate_performance, performance_estimates
from core.analysis.performance.performance_difference import paired_differences
from core.analysis.performance.score_draws import draw_score_metrics
from core.analysis.trials.trial_disparity import DISPARITY_METRICS, compare_distances, distance_ends, distance_from_parity

Floats = NDArray[np.float64]
DRAWS, DRAWS_OF_MANY = 120, 40
"""For each interval, and for those of 1,000 scores and more. The product takes 1,000: fewer make an interval less steady, and no less often
right (``posterior_draws.interval_ends``)."""
BATCH = 100
GROUPS = 3
THRESHOLD = 0.5


@dataclass
class Count:
    """Of ``samples`` with an interval, ``covered`` had the true value in it."""

    covered: int = 0
    samples: int = 0

    @property
    def share(self) -> float:
        return self.covered / self.samples


def _seed(random: np.random.Generator) -> int:
    """Another one for each sample: the same few draws for all would err alike in all of them."""
    return int(random.integers(2**31))


class Counts(dict[str, Count]):
    """By figure."""

    def add(self, figure: str, low: float | None, high: float | None, true: float | None) -> None:
        """Count one sample, unless it has no interval or the population no true value."""
        if low is None or high is None or true is None or np.isnan(low) or not np.isfinite(true):
            return
        one = self.setdefault(figure, Count())
        one.samples += 1
        one.covered += bool(low - 1e-9 <= true <= high + 1e-9)


# shares ---------------------------------------------------------------------------------------------

SHARES = (0.01, 0.05, 0.1, 0.5, 0.7, 0.95, 0.99)
SHARE_PAIRS = tuple((p, q) for p in SHARES for q in SHARES)
"""Two shares of two sets of rows. As a pair of two models: their shares where they decide alike in seven rows of ten."""


def simulate_shares(rows: tuple[int, int], place: int, samples: int, random: np.random.Generator) -> Counts:
    """A share, the difference and the ratio of two, and the difference of two on the same rows."""
    counts, (p, q), n = Counts(), SHARE_PAIRS[place], rows[0]
    if min(rows) < MIN_ROWS:
        return counts
    gained, lost = DISAGREEMENT * q * (1 - p), DISAGREEMENT * p * (1 - q)
    for hits, others, (more, less, _) in zip(
        random.binomial(rows[0], p, samples).tolist(),
        random.binomial(rows[1], q, samples).tolist(),
        random.multinomial(n, (gained, lost, 1 - gained - lost), samples).tolist(),
        strict=True,
    ):
        one, other = _share(hits, rows[0]), _share(others, rows[1])
        counts.add("a share", one.low, one.high, p)
        counts.add("difference of two shares", *share_difference(one, other)[1:], p - q)
        if hits or others:
            counts.add("ratio of two shares", *share_ratio(one, other)[1:], p / q)
        counts.add("difference of two shares on the same rows", *_paired_ends(more, less, n), gained - lost)
    return counts


@cache
def _share(hits: int, n: int) -> Share:
    found = share_with_interval(hits, n)
    assert found is not None
    return found


@cache
def _paired_ends(gained: int, lost: int, n: int) -> tuple[float, float]:
    return paired_share_difference(gained, lost, n)[1:]


# bias metrics ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """One side: the share of favourable labels, and of favourable predictions among the favourable and the unfavourable labels."""

    label: float
    accepted: float
    accepted_wrongly: float


POPULATIONS = tuple(
    (People(*facet), People(*rest))
    for facet, rest in (
        ((0.5, 0.7, 0.3), (0.5, 0.7, 0.3)),
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ((0.8, 0.9, 0.4), (0.9, 0.95, 0.6)),
        ((0.2, 0.4, 0.1), (0.1, 0.3, 0.05)),
        ((0.97, 0.99, 0.9), (0.95, 0.97, 0.9)),
        ((0.03, 0.05, 0.01), (0.05, 0.1, 0.02)),
        ((0.99, 0.99, 0.99), (0.99, 0.99, 0.99)),
        ((0.01, 0.01, 0.01), (0.01, 0.01, 0.01)),
        ((0.5, 0.99, 0.01), (0.5, 0.99, 0.01)),
        ((0.7, 0.9, 0.5), (0.3, 0.8, 0.2)),
        ((0.95, 0.9, 0.8), (0.05, 0.2, 0.1)),
    )
)
"""Facet and rest; shares from 0.01 to 0.99."""
DISAGREEMENT = 0.3
"""How often the second model decides independently, with the same chances."""


def population_sides(place: int) -> list[Floats]:
    """The shares of the facet and of the rest by label and by both models' predictions, (2, 2, 2) each; favourable is 1. In every other
    population the second model's chances are those of the first, in the others they are nearer to a half for the facet."""
    facet, rest = POPULATIONS[place]
    return [side_kinds(facet, moved=place % 2 == 1), side_kinds(rest, moved=False)]


def side_kinds(people: People, *, moved: bool) -> Floats:
    """One side's shares, (2, 2, 2). ``moved``: whether the second model, where it decides independently, has other chances."""
    kinds = np.zeros((2, 2, 2))
    for label, first, second in np.ndindex(2, 2, 2):
        chance = people.accepted if label else people.accepted_wrongly
        anew = (chance + 0.5) / 2 if moved else chance
        share, pick, again = ([1 - of, of] for of in (people.label, chance, anew))
        kinds[label, first, second] = share[label] * pick[first] * ((1 - DISAGREEMENT) * (first == second) + DISAGREEMENT * again[second])
    return kinds


def true_metrics(sides: list[Floats], sizes: tuple[int, int], model: int) -> dict[str, float]:
    """The metrics of a population; ``sides``: (2, 2, 2) of the facet and of the rest. Groups differ by chance only. The flip test finds
    one in two of the facet's wrong decisions."""
    table = np.zeros((GROUPS + 1, *CELL_SHAPE))
    for side, kinds, rows in zip((1, 0), sides, sizes, strict=True):
        table[:-1, side, :, :, 1] = kinds.sum(axis=2 - model) * rows / GROUPS
    found = {name: float(value) for name, value in (pre_training_metrics(table) | post_training_metrics(table)).items()}
    by_decision = sides[0].sum(axis=2 - model)
    return found | {FLIP_TEST: float(by_decision[0, 1] - by_decision[1, 0]) / 2}


def sample_counts(sides: list[Floats], sizes: tuple[int, int], samples: int, random: np.random.Generator) -> Floats:
    """Rows by group, facet, label and both models' predictions, (samples, GROUPS, 2, 2, 2, 2)."""
    shape = (samples, GROUPS, 2, 2, 2)
    rest, facet = (
        random.multinomial(rows, np.tile(kinds.ravel() / GROUPS, GROUPS), samples).reshape(shape)
        for kinds, rows in zip(sides[::-1], sizes[::-1], strict=True)
    )
    return np.stack([rest, facet], axis=2).astype(float)


def simulate_bias(rows: tuple[int, int], place: int, samples: int, random: np.random.Generator) -> Counts:
    """Every bias metric, its distance from parity, and the differences of both between two models. (CI aside: how many rows each side has
    isn't a matter of chance here.)"""
    counts = Counts()
    if sum(rows) < MIN_ROWS:
        return counts
    for start in range(0, samples, BATCH):
        _simulate_bias_batch(counts, rows, population_sides(place), min(BATCH, samples - start), random)
    return counts


def _simulate_bias_batch(counts: Counts, rows: tuple[int, int], sides: list[Floats], samples: int, random: np.random.Generator) -> None:
    """The metrics of all samples' draws at once; their intervals one by one."""
    true, other = (true_metrics(sides, rows, model) for model in (0, 1))
    sampled = sample_counts(sides, rows, samples, random)
    tables = np.zeros((2, samples, GROUPS + 1, *CELL_SHAPE))
    for model in (0, 1):
        tables[model, :, :-1, ..., 1] = sampled.sum(axis=5 - model)
    points = [post_training_metrics(of_model) for of_model in tables]
    kinds, by_group = sampled.sum(axis=1), sampled.sum(axis=3)
    draws = [draw_paired_kinds(*parts, seed=_seed(random), draws=DRAWS) for parts in zip(kinds, by_group, strict=True)]
    drawn = paired_metrics(*(np.concatenate(parts) for parts in zip(*draws, strict=True)))
    differ = kinds[..., 0, 1] + kinds[..., 1, 0]  # by sample, facet and label
    differing = {"RD": differ[:, :, 1].sum(axis=1), "SD": differ[:, :, 0].sum(axis=1)}
    everywhere = differ.sum(axis=(1, 2))
    for i in range(samples):
        one, second = (CountTables(of_model[i]) for of_model in tables)
        found = table_intervals("pre", tables[0, i]) | table_intervals("post", tables[0, i])
        found_second = table_intervals("post", tables[1, i])
        found[FLIP_TEST], flips = _flip_test(kinds[i, 1], random)
        for name, interval in found.items():
            if name != "CI":
                counts.add(name, interval.low, interval.high, true[name])
        counts.add(f"{FLIP_TEST}, difference", flips.low, flips.high, other[FLIP_TEST] - true[FLIP_TEST])
        for name in DISPARITY_METRICS:
            few = why_too_few(name, one, paired=True) or why_too_few(name, second, paired=True)
            of_models = [float(of_model[name][i]) for of_model in points]
            of_draws = [of_model[name][i * DRAWS : (i + 1) * DRAWS] for of_model in drawn]
            rows_that_differ = int(differing.get(name, everywhere)[i])
            alone, intervals = single_intervals(name, (one, second)), (found[name], found_second[name])
            difference = compare_metric(name, of_models, of_draws, sum(rows), rows_that_differ, few, alone)
            counts.add(f"{name}, difference", difference.low, difference.high, other[name] - true[name])
            values, drawn_values = (of_models[0], of_models[1]), (of_draws[0], of_draws[1])
            closer = compare_distances(name, values, drawn_values, intervals, bool(alone), rows_that_differ, few)
            far, far_other = (float(distance_from_parity(name, of[name])) for of in (true, other))
            counts.add(f"{name}, distance", *distance_ends(name, found[name]), far)
            counts.add(f"{name}, difference of distances", closer.low, closer.high, far_other - far)


def _flip_test(facet: Floats, random: np.random.Generator) -> tuple[Interval, BiasDifference]:
    """The flip test's interval and difference; ``facet``: its rows by label and both predictions, (2, 2, 2)."""
    label, first, second = np.unravel_index(np.repeat(np.arange(8), facet.astype(int).ravel()), (2, 2, 2))
    luck = random.random(len(label)) < 0.5
    a, b = (np.where(luck, accepted - label, 0.0) for accepted in (first, second))
    interval = flip_test_interval(int((a > 0).sum()), int((a < 0).sum()), len(a), len(a))
    return interval, compare_flip_test(np.ones(len(a), dtype=bool), a, b, _seed(random), DRAWS)


# performance metrics --------------------------------------------------------------------------------

SCORES = (
    (0.5, 1.0, 0.5),
    (0.5, 2.5, 0.5),
    (0.1, 1.5, 0.5),
    (0.9, 1.5, 0.3),
    (0.03, 2.0, 0.5),
    (0.99, 1.0, 0.5),
    (0.01, 3.0, 0.3),
    (0.3, 4.0, 0.2),
    (0.5, 4.0, 0.3),
    (0.6, 0.4, 0.3),
)
"""Share of label 1, how far apart the labels' scores are, and how much noise the second model adds."""
TRUTH_ROWS = 500_000


def draw_scores(population: tuple[float, float, float], rows: int, random: np.random.Generator) -> tuple[Floats, list[Floats]]:
    """Labels, and the scores of two models: the first is calibrated, the second sees the same with noise."""
    share, distance, noise = population
    labels = (random.random(rows) < share).astype(float)
    seen = distance * (labels - 0.5) + random.normal(size=rows)
    scores = [1 / (1 + np.exp(-np.log(share / (1 - share)) - distance * x)) for x in (seen, seen + noise * random.normal(size=rows))]
    return labels, scores


@cache
def true_performance(place: int, rows: int) -> tuple[Mapping[str, float | None], Mapping[str, float | None]]:
    """Of both models on so many rows."""
    labels, scores = draw_scores(SCORES[place], rows, np.random.default_rng(1))
    first, second = ({n: e.value for n, e in evaluate_performance(labels, s, resamples=1).estimates().items()} for s in scores)
    return first | {"ece": 0.0}, second  # what so many rows leave of a calibrated model's error is noise


def simulate_performance(rows: tuple[int], place: int, samples: int, random: np.random.Generator) -> Counts:
    """Every performance metric and every difference."""
    counts, resamples = Counts(), DRAWS if rows[0] < 1000 else DRAWS_OF_MANY
    if rows[0] < MIN_ROWS:
        return counts
    true = true_performance(place, TRUTH_ROWS)
    for _ in range(samples):
        y, (a, b) = draw_scores(SCORES[place], rows[0], random)
        draws = draw_score_metrics(y, [a, b], _seed(random), resamples)
        for name, one in performance_estimates(y, a, THRESHOLD, draws[0]).items():
            counts.add(name, one.low, one.high, true[0][name])
        counts.add("ece, uncalibrated", *calibration_error_ends(y, b), true[1]["ece"])
        for name, difference in paired_differences(y, (a, b), (THRESHOLD, THRESHOLD), draws, seed=_seed(random)).items():
            before, after = (of[name] for of in true)
            moved = None if before is None or after is None else after - before
            counts.add(f"{name}, difference", difference.low, difference.high, moved)
    return counts


# SHAP values ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Values:
    """SHAP values of one feature: how they are drawn, (n,), and the means of them and of their sizes."""

    draw: Callable[[np.random.Generator, int], Floats]
    mean: float
    mean_size: float


def _two_values(share: float, value: float, other: float) -> Values:
    return Values(
        lambda random, n: np.where(random.random(n) < share, value, other),
        share * value + (1 - share) * other,
        share * abs(value) + (1 - share) * abs(other),
    )


VALUES = (
    Values(lambda random, n: random.normal(size=n), 0.0, float(np.sqrt(2 / np.pi))),
    Values(lambda random, n: random.uniform(-1, 2, n), 0.5, 5 / 6),
    Values(lambda random, n: random.exponential(size=n), 1.0, 1.0),
    Values(lambda random, n: random.lognormal(size=n), float(np.exp(0.5)), float(np.exp(0.5))),
    Values(lambda random, n: random.laplace(size=n), 0.0, 1.0),
    _two_values(0.5, -0.5, 0.4),
    _two_values(0.3, 1.0, -0.2),
)
"""Even and skewed ones, continuous ones, and those of a feature with two values."""
CORRELATIONS = (-0.9, -0.5, 0.0, 0.3, 0.6, 0.98, 0.995)
RARE = 0.1


def second_model(values: Floats, random: np.random.Generator) -> Floats:
    """The SHAP values of another model: greater by a fifth, and by noise."""
    return 1.2 * values + 0.3 * random.normal(size=values.shape)


@cache
def true_gain(place: int) -> float:
    """By how much the mean size of the second model's values is greater, on ``TRUTH_ROWS`` rows."""
    random = np.random.default_rng(1)
    values = VALUES[place].draw(random, TRUTH_ROWS)
    return float(np.abs(second_model(values, random)).mean() - np.abs(values).mean())


def simulate_explanations(rows: tuple[int], place: int, samples: int, random: np.random.Generator) -> Counts:
    """Mean SHAP values, what is made of them, and the rank correlation with the feature. A gap: of two sides, so many rows each."""
    counts, n, one, other, correlation = Counts(), rows[0], VALUES[place], VALUES[place - 1], CORRELATIONS[place]
    facet = np.arange(2 * n) < n
    for _ in range(samples):
        values = np.column_stack([one.draw(random, n), other.draw(random, n)])
        second = second_model(values, random)
        first, noise = random.normal(size=(2, n))
        data = correlation * first + np.sqrt(1 - correlation**2) * noise
        found = {
            "mean SHAP value": (shap_summary.mean_with_interval(values[:, 0]), one.mean),
            "mean |SHAP|": (shap_summary.feature_importance(values, ["a", "b"])["a"], one.mean_size),
            "mean |SHAP|, difference": (shap_summary.importance_difference(values, second, ["a", "b"])["a"], true_gain(place)),
            "share in all movement": (shap_summary.importance_share(values, [0]), one.mean_size / (one.mean_size + other.mean_size)),
            "gap of the facet and the rest": (shap_summary.shap_gap(values.T.ravel(), facet), one.mean - other.mean),
            "rank correlation": (shap_summary.rank_correlation(first, data), float(6 / np.pi * np.arcsin(correlation / 2))),
        }
        rare = np.where(random.random(n) < RARE, 1.0, 0.05)
        found["mean |SHAP| that one row in ten decides"] = shap_summary.mean_with_interval(rare), RARE + (1 - RARE) * 0.05
        for figure, (estimate, true) in found.items():
            counts.add(figure, estimate.low, estimate.high, true)
    return counts
