"""Shapley values of the log-odds, which are exact, for tree models and linear ones; and carried over to the probability, which is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from core.analysis.explanations.explanation_checks import ExplanationError, require_time
from core.analysis.explanations.plain_trees import rewrite_as_plain_trees
from core.analysis.explanations.walk_margins import Margin, TreeMargin
from core.analysis.explanations.xgboost_model import describe_booster

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Output = Literal["probability", "raw"]

PILOT_PAIRS = 2000
"""How many pairs of a row and a baseline row are explained first to estimate the time of all of them."""
PAIRS_WITHOUT_PILOT = 1_000_000
"""Up to so many pairs take seconds, and need no estimate."""


def explain_margin(
    booster: Booster, rows: Floats, background: Floats, output: Output, max_seconds: float | None
) -> tuple[Floats, float, Margin]:
    """SHAP values, (rows, features); the expected value over all rows of ``background``; and a function that gives the rows' log-odds.

    Of log-odds ("raw") they are exact; of the probability each pair of a row and a baseline row has one factor for all its features. Raises
    ExplanationError for a model that can't be explained, or if it takes more than ``max_seconds``.
    """
    if describe_booster(booster).name == "gblinear":
        return _explain_linear(booster, rows, background, output)
    return _explain_trees(booster, rows, background, output, max_seconds)


def _explain_trees(
    booster: Booster, rows: Floats, background: Floats, output: Output, max_seconds: float | None
) -> tuple[Floats, float, Margin]:
    """Interventional TreeSHAP (Lundberg et al., Nature Machine Intelligence 2, 56–67, 2020)."""
    import shap

    plain = rewrite_as_plain_trees(booster)
    every_row = shap.maskers.Independent(background, max_samples=len(background))  # given as an array, all but 100 rows are left out
    try:
        explainer = shap.TreeExplainer(plain, data=every_row, feature_perturbation="interventional", model_output=output)
        if len(rows) * len(background) > PAIRS_WITHOUT_PILOT:
            some = rows[: max(1, PILOT_PAIRS // len(background))]
            start = time.perf_counter()
            explainer.shap_values(some, check_additivity=False)
            require_time((time.perf_counter() - start) * len(rows) / len(some), max_seconds, len(rows), len(background))
        values = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=float)
        expected = float(np.ravel(explainer.expected_value)[0])
    except (NotImplementedError, AssertionError, IndexError, TypeError) as error:  # what shap raises for models that it doesn't know
        raise ExplanationError(f"shap can't explain it ({type(error).__name__}: {error})") from error
    return values, expected, TreeMargin(plain)


def _explain_linear(booster: Booster, rows: Floats, background: Floats, output: Output) -> tuple[Floats, float, Margin]:
    """Of a sum over features, each value is the feature's term minus its mean over the baseline rows. A missing feature's term is 0."""
    import xgboost

    def contributions(table: Floats) -> Floats:
        matrix = xgboost.DMatrix(table, feature_names=booster.feature_names)
        return np.asarray(booster.predict(matrix, pred_contribs=True), dtype=float)

    def margin(table: Floats) -> Floats:
        return np.asarray(contributions(table).sum(axis=1), dtype=float)

    terms, base = contributions(rows), contributions(background)
    if output == "raw":
        return terms[:, :-1] - base[:, :-1].mean(axis=0), float(base.sum(axis=1).mean()), Margin(margin)
    values = np.zeros(rows.shape)
    for one in base:
        steps = terms[:, :-1] - one[:-1]
        values += steps * probability_slope(terms.sum(axis=1), np.full(len(rows), one.sum()))[:, None]
    return values / len(base), float(expit(base.sum(axis=1)).mean()), Margin(margin)


def probability_slope(to: Floats, start: Floats) -> Floats:
    """The change in probability for each unit of log-odds from ``start`` to ``to``, element by element."""
    span, p = to - start, expit(start)
    flat = np.abs(span) < 1e-9
    return np.asarray(np.where(flat, p * (1 - p), (expit(to) - p) / np.where(flat, 1, span)), dtype=float)
