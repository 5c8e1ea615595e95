"""How often the 95 % intervals contain the true value: ``python -m bench.coverage`` simulates, and writes the tables of docs/intervals.md.

Every sample is judged by the product's own functions, as a report is. The truth of a figure is its value on the population's shares (of
the scores, on a million rows). A cell of the table is a number of rows with one population; it counts where at least 50 samples have an
interval.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.analysis.bias.bias_count_tables import CELL_SHAPE, post_training_metrics, pre_training_metrics
from core.analysis.bias.bias_difference import compare_bias
from core.analysis.bias.bias_intervals import metric_intervals
from core.analysis.bias.flip_test import FLIP_TEST
from core.analysis.performance.performance import evaluate_performance
from core.analysis.performance.performance_difference import compare_performance

Floats = NDArray[np.float64]
DOCUMENT = Path(__file__).parents[1] / "docs/intervals.md"
MARKS = ("<!-- coverage: made by python -m bench.coverage -->", "<!-- end of coverage -->")
DRAWS, MIN_SAMPLES, GROUPS = 400, 50, 3
SIZES = ((1, 1), (3, 3), (5, 5), (10, 10), (20, 20), (50, 50), (200, 200), (10, 400), (400, 10), (5000, 5000))
"""Rows of the facet and of the rest."""
ROWS = (1, 5, 10, 20, 50, 200, 1000, 10_000)


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
SCORES = (
    (0.5, 1.0, 0.5),
    (0.5, 2.5, 0.5),
    (0.1, 1.5, 0.5),
    (0.9, 1.5, 0.3),
    (0.03, 2.0, 0.5),
    (0.99, 1.0, 0.5),
    (0.01, 3.0, 0.3),
    (0.3, 4.0, 0.2),
)
"""Share of label 1, how far apart the labels' scores are, and how much noise the second model adds."""


@dataclass
class Count:
    """Of ``samples`` with an interval, ``covered`` had the true value in it."""

    covered: int = 0
    samples: int = 0

    @property
    def share(self) -> float:
        return self.covered / self.samples


Counts = dict[tuple[str, str, int], Count]
"""By figure, rows, and population."""


def side_kinds(people: People) -> Floats:
    """The population's shares by label and by both models' predictions, (2, 2, 2); favourable is 1."""
    kinds = np.zeros((2, 2, 2))
    for label, first, second in np.ndindex(2, 2, 2):
        chance = people.accepted if label else people.accepted_wrongly
        pick = [1 - chance, chance]
        kinds[label, first, second] = (
            [1 - people.label, people.label][label] * pick[first] * ((1 - DISAGREEMENT) * (first == second) + DISAGREEMENT * pick[second])
        )
    return kinds


def true_metrics(sides: list[Floats], sizes: tuple[int, int], model: int) -> dict[str, float]:
    """The metrics of a population; ``sides``: (2, 2, 2) of the facet and of the rest. Groups differ by chance only."""
    table = np.zeros((GROUPS + 1, *CELL_SHAPE))
    for side, kinds, rows in zip((1, 0), sides, sizes, strict=True):
        table[:-1, side, :, :, 1] = kinds.sum(axis=2 - model) * rows / GROUPS
    return {name: float(value) for name, value in (pre_training_metrics(table) | post_training_metrics(table)).items() if name != FLIP_TEST}


def sample_rows(sides: list[Floats], sizes: tuple[int, int], random: np.random.Generator) -> tuple[NDArray[np.bool_], ...]:
    """Facet, label and both models' predictions, (n,) each."""
    kinds = [random.choice(8, size=rows, p=shares.ravel()) for shares, rows in zip(sides, sizes, strict=True)]
    label, first, second = np.unravel_index(np.concatenate(kinds), (2, 2, 2))
    return np.repeat([True, False], sizes), label == 1, first == 1, second == 1


def simulate_bias(samples: int, sizes: tuple[tuple[int, int], ...] = SIZES, seed: int = 0, *, paired: bool = True) -> Counts:
    """Every bias metric and, where ``paired``, every difference, the flip test aside (its interval is that of a paired share)."""
    random, counts = np.random.default_rng(seed), Counts()
    for rows in sizes:
        for place, population in enumerate(POPULATIONS):
            sides = [side_kinds(people) for people in population]
            true, other = (true_metrics(sides, rows, model) for model in (0, 1))
            for _ in range(samples):
                facet, label, first, second = sample_rows(sides, rows, random)
                group, key = random.integers(0, GROUPS, len(facet)), f"{rows[0]:,} and {rows[1]:,}"
                found = metric_intervals("pre", facet, label, None, group, resamples=DRAWS)
                found |= metric_intervals("post", facet, label, first, group, resamples=DRAWS)
                for name, one in found.items():
                    if name != "CI":  # how many rows each side has isn't a matter of chance here
                        _count(counts, (name, key, place), one.low, one.high, true[name])
                if not paired:
                    continue
                for name, difference in compare_bias(facet, label, first, second, group, resamples=DRAWS).items():
                    _count(counts, (f"{name}, difference", key, place), difference.low, difference.high, other[name] - true[name])
    return counts


def draw_scores(population: tuple[float, float, float], rows: int, random: np.random.Generator) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Labels, and the scores of two models: the first is calibrated, the second sees the same with noise."""
    share, distance, noise = population
    labels = (random.random(rows) < share).astype(np.int64)
    seen = distance * (labels - 0.5) + random.normal(size=rows)
    first, second = (1 / (1 + np.exp(-np.log(share / (1 - share)) - distance * x)) for x in (seen, seen + noise * random.normal(size=rows)))
    return labels, first, second


def simulate_performance(
    samples: int, sizes: tuple[int, ...] = ROWS, seed: int = 1, truth_rows: int = 1_000_000, *, paired: bool = True
) -> Counts:
    """Every performance metric and, where ``paired``, every difference."""
    random, counts = np.random.default_rng(seed), Counts()
    for place, population in enumerate(SCORES):
        labels, first, second = draw_scores(population, truth_rows, random)
        true, other = ({n: e.value for n, e in evaluate_performance(labels, s, resamples=1).estimates().items()} for s in (first, second))
        true["ece"] = 0.0  # what a million rows leave of a calibrated model's is noise
        for rows in sizes:
            for _ in range(samples if rows <= 1000 else max(MIN_SAMPLES, samples // 5)):
                y, a, b = draw_scores(population, rows, random)
                for name, one in evaluate_performance(y, a, resamples=DRAWS).estimates().items():
                    _count(counts, (name, f"{rows:,}", place), one.low, one.high, true[name])
                if not paired:
                    continue
                for name, difference in compare_performance(y, a, b, resamples=DRAWS).items():
                    before, after = true[name], other[name]
                    moved = None if before is None or after is None else after - before
                    _count(counts, (f"{name}, difference", f"{rows:,}", place), difference.low, difference.high, moved)
    return counts


def _count(counts: Counts, key: tuple[str, str, int], low: float | None, high: float | None, true: float | None) -> None:
    if low is None or high is None or true is None or not np.isfinite(true):
        return
    one = counts.setdefault(key, Count())
    one.samples += 1
    one.covered += low - 1e-9 <= true <= high + 1e-9


def summarise(counts: Counts) -> dict[str, dict[str, tuple[float, float] | None]]:
    """Figure → rows → (mean over the populations, least); None where too few samples have an interval."""
    result: dict[str, dict[str, tuple[float, float] | None]] = {}
    for figure, rows, _ in counts:
        result.setdefault(figure, {}).setdefault(rows, None)
    for figure, by_rows in result.items():
        for rows in by_rows:
            shares = [c.share for (f, r, _), c in counts.items() if (f, r) == (figure, rows) and c.samples >= MIN_SAMPLES]
            by_rows[rows] = (float(np.mean(shares)), min(shares)) if shares else None
    return result


def _table(counts: Counts, columns: list[str]) -> Iterator[str]:
    yield f"| figure | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for figure, by_rows in summarise(counts).items():
        cells = [f"{100 * cell[0]:.1f} ({100 * cell[1]:.0f})" if (cell := by_rows.get(column)) else "too few" for column in columns]
        yield f"| {figure.replace('_', ' ')} | {' | '.join(cells)} |"


def main() -> None:
    """Simulate, and write the tables into docs/intervals.md."""
    quick, start = "--quick" in sys.argv, time.time()
    samples, rows_of_scores = (60, ROWS[:-1]) if quick else (400, ROWS)
    bias, performance = simulate_bias(samples), simulate_performance(samples, rows_of_scores)
    lines = [
        MARKS[0],
        "",
        f"Simulated with {samples} samples a cell; {DRAWS} draws. "
        "Each entry: percent of intervals that contain the true value, mean over all populations (least). The least of some ten cells "
        f"is itself off by about {100 * 2.0 * (0.95 * 0.05 / samples) ** 0.5:.0f} points by chance.",
        "",
        "Rows of the facet and of the rest:",
        "",
        *_table(bias, [f"{a:,} and {b:,}" for a, b in SIZES]),
        "",
        "Rows:",
        "",
        *_table(performance, [f"{rows:,}" for rows in rows_of_scores]),
        "",
        MARKS[1],
    ]
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(MARKS[0])
    DOCUMENT.write_text(head + "\n".join(lines) + rest.split(MARKS[1])[1], encoding="utf-8")
    print("\n".join(lines), f"\n{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
