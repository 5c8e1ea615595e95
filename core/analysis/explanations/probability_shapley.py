"""Shapley values of the probability, for tree models and linear ones: which pairs of rows are explained, and how they are put together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.analysis.explanations.explanation_checks import ExplanationError, check_explanation, error_bound, require_time
from core.analysis.explanations.leaf_tables import term_shares
from core.analysis.explanations.margin_shap import explain_margin, linear_terms
from core.analysis.explanations.plain_trees import rewrite_as_plain_trees
from core.analysis.explanations.tree_tables import read_trees
from core.analysis.explanations.xgboost_model import describe_booster

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]

PRECISION = 5e-5
"""Walks of a row end when the mean standard error of its values is at most this: a two-hundredth of a percentage point."""
COALITIONS_AT_MOST = 50_000_000
"""So many coalitions of all rows together take about a second."""
EXACT_FEATURES = range(7, 21)
"""With as few features as the first every coalition of a pair of rows is tried in any case; with more than the last in none, for the memory
that it takes."""
FEW_BASELINE_ROWS = 16
"""With more, errors of a row's pairs even out, and a pair has a straight line instead of the polynomial, which takes most of its time."""
EXACT_FEATURES_OF_FEW = 11
"""As the first of these where a row has few baseline rows: about as many coalitions as its walks cost."""
TERMS_AT_ONCE = 10_000_000
"""So many terms of a linear model are in memory at a time: one for each row, baseline row and feature."""
PAIRS_AT_MOST = 20_000
"""So many pairs of a row and a baseline row take about a second, and are all explained."""
PILOT_ROWS = 500
"""How many rows are explained first to estimate the time of all of them, where there are ten times as many."""


def explain_probability(
    booster: Booster, rows: Floats, background: Floats, walks: int, seed: int, max_seconds: float | None
) -> tuple[Floats, float, Floats]:
    """SHAP values, (rows, features); the expected value over all rows of ``background``; and the values' standard errors, 0 where exact.

    With up to half as many baseline rows as ``walks``, or few rows, each row is explained against each of them. Elsewhere the values of the
    log-odds over all baseline rows are taken as many times as the row's probability rises with them, and what this misses is measured on a
    sample of baseline rows, drawn for each row evenly over their log-odds. The sum of a row's values is known, and what it misses then is
    given to the features by the variances of their values (as a calibration estimator does: Deville and Särndal, JASA 1992).
    Raises ExplanationError for a model that can't be explained, or if it takes more than ``max_seconds``.
    """
    pairs = max(2, (walks + 1) // 2)
    n, m = len(rows), len(background)
    if m <= pairs or n * m <= PAIRS_AT_MOST:
        chosen = np.tile(np.arange(m), (n, 1))
        total, _, within = _explain(booster, rows, background, chosen, None, max(2, -(-pairs // m)), seed, max_seconds)
        margins = _margins(booster, background)
        return total / m, float(expit(margins).mean()), np.sqrt(within) / m
    of_rows, of_base = _margins(booster, rows), _margins(booster, background)
    starts = np.random.default_rng(seed).random(n)[:, None]
    chosen = np.argsort(of_base, kind="stable")[np.minimum(((starts + np.arange(pairs)) * m / pairs).astype(int), m - 1)]
    expected = float(expit(of_base).mean())
    slopes = probability_slope(of_rows, np.full(n, float(logit(np.clip(expected, 1e-12, 1 - 1e-12)))))
    total, squares, _ = _explain(booster, rows, background, chosen, slopes, 1, seed, max_seconds)
    of_log_odds, expected_log_odds = explain_margin(booster, rows, background, max_seconds)
    problem = check_explanation(of_log_odds, expected_log_odds, of_rows, of_base).problem
    pair_sums = expit(of_rows) - expit(of_base)[chosen].mean(axis=1) - slopes * (of_rows - of_base[chosen].mean(axis=1))
    if not problem and not (np.abs(total.sum(axis=1) / pairs - pair_sums) <= error_bound(of_rows)).all():
        problem = "the values of pairs of rows miss the difference of their predictions"
    if problem:  # beyond here the sums are made right, and would show nothing
        raise ExplanationError(problem)
    values = slopes[:, None] * of_log_odds + total / pairs
    variance = np.maximum(squares / pairs - (total / pairs) ** 2, 0) / (pairs - 1)
    missing = expit(of_rows) - expected - values.sum(axis=1)
    whole = variance.sum(axis=1, keepdims=True)
    share = np.where(whole > 0, variance / np.where(whole > 0, whole, 1), 1 / rows.shape[1])
    return values + missing[:, None] * share, expected, np.sqrt(variance)


def _explain(
    booster: Booster,
    rows: Floats,
    background: Floats,
    chosen: NDArray[np.int64],
    slopes: Floats | None,
    walks: int,
    seed: int,
    max_seconds: float | None,
    of_rows: int | None = None,
) -> tuple[Floats, Floats, Floats]:
    """``compiled_shapley.explain_pairs`` of each row and its ``chosen`` baseline rows; ``slopes``: None where these are all that there are;
    ``of_rows``: of so many rows ``rows`` are some. Raises ExplanationError if it takes more than ``max_seconds``."""
    from core.analysis.explanations import compiled_shapley

    n, width = rows.shape
    each, linear = chosen.size // max(n, 1), describe_booster(booster).name == "gblinear"

    def explain(some: slice) -> tuple[Floats, Floats, Floats]:
        of_some = None if slopes is None else slopes[some]
        return _explain(booster, rows[some], background, chosen[some], of_some, walks, seed + some.start, None, of_rows or n)

    if max_seconds is not None and n >= 10 * PILOT_ROWS:
        explain(slice(0, 1))  # the machine code is made
        begun = time.perf_counter()
        explain(slice(0, PILOT_ROWS))
        require_time((time.perf_counter() - begun) * n / PILOT_ROWS, max_seconds, n, each)
    size = max(1, TERMS_AT_ONCE // (each * (width + 1)))
    if linear and n > size:
        total, squares, within = (
            np.concatenate(found) for found in zip(*(explain(slice(at, at + size)) for at in range(0, n, size)), strict=True)
        )
        return total, squares, within
    few = slopes is None and each <= FEW_BASELINE_ROWS
    least = EXACT_FEATURES_OF_FEW if few else EXACT_FEATURES.start
    most = int(np.log2(COALITIONS_AT_MOST / max((of_rows or n) * each, 1)))
    exact_width = min(width, max(least, min(most, EXACT_FEATURES.stop - 1)))
    if linear:
        of_rows_terms, of_base = linear_terms(booster, rows), linear_terms(booster, background)
        steps = of_rows_terms[:, None, :] - of_base[chosen]
        steps[:, :, -1] = of_base.sum(axis=1)[chosen]
        empty = np.empty(0, dtype=np.int32)
        tables = (empty, empty, empty, np.empty(0, dtype=np.float32), np.empty(0, dtype=np.bool_), empty)
        start, depth, leaves = 0.0, 1, width
    else:
        trees = read_trees(rewrite_as_plain_trees(booster))
        tables = (trees.left, trees.right, trees.feature, trees.condition, trees.missing_left, trees.roots)
        start, depth, leaves = trees.start, trees.depth, int((trees.left < 0).sum())
        steps = np.empty((n, 0, 0))
    found = np.zeros((3, n, width))
    compiled_shapley.explain_pairs(  # type: ignore[no-untyped-call]
        *tables,
        start,
        steps,
        rows,
        background,
        chosen,
        np.zeros(n) if slopes is None else slopes,
        walks,
        PRECISION,
        seed,
        exact_width,
        few,
        *term_shares(max(exact_width, 2 * min(depth, width))),
        depth,
        leaves,
        *found,
    )
    return found[0], found[1], found[2]


def _margins(booster: Booster, rows: Floats) -> Floats:
    import xgboost

    matrix = xgboost.DMatrix(rows, feature_names=booster.feature_names)
    return np.asarray(booster.predict(matrix, output_margin=True), dtype=float)


def probability_slope(to: Floats, start: Floats) -> Floats:
    """The change in probability for each unit of log-odds from ``start`` to ``to``, element by element."""
    span, p = to - start, expit(start)
    flat = np.abs(span) < 1e-9
    return np.asarray(np.where(flat, p * (1 - p), (expit(to) - p) / np.where(flat, 1, span)), dtype=float)
