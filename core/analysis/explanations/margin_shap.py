"""Shapley values of the log-odds, which are exact, for tree models and linear ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.analysis.explanations.explanation_checks import ExplanationError, require_time
from core.analysis.explanations.leaf_tables import estimate_seconds, explain_by_tables, trace_patterns
from core.analysis.explanations.plain_trees import rewrite_as_plain_trees
from core.analysis.explanations.tree_tables import read_trees
from core.analysis.explanations.xgboost_model import describe_booster

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]

PILOT_PAIRS = 2000
"""How many pairs of a row and a baseline row are explained first to estimate the time of all of them."""
PAIRS_WITHOUT_PILOT = 1_000_000
"""Up to so many pairs take seconds, and need no estimate."""


def explain_margin(booster: Booster, rows: Floats, background: Floats, max_seconds: float | None) -> tuple[Floats, float]:
    """SHAP values of the log-odds, (rows, features), and the expected value over all rows of ``background``.

    Raises ExplanationError for a model that can't be explained, or if it takes more than ``max_seconds``.
    """
    if describe_booster(booster).name == "gblinear":
        terms, base = linear_terms(booster, rows), linear_terms(booster, background)
        return terms[:, :-1] - base[:, :-1].mean(axis=0), float(base.sum(axis=1).mean())
    plain = rewrite_as_plain_trees(booster)
    if len(background) > 1:
        tables = read_trees(plain)
        trees = trace_patterns(tables)
        seconds = estimate_seconds(trees, len(rows), len(background))
        if seconds is not None:
            require_time(seconds, max_seconds, len(rows), len(background))
            return explain_by_tables(trees, tables.start, rows, background)
    return _explain_pairs(plain, rows, background, max_seconds)


def _explain_pairs(plain: Booster, rows: Floats, background: Floats, max_seconds: float | None) -> tuple[Floats, float]:
    """Interventional TreeSHAP (Lundberg et al., Nature Machine Intelligence 2, 56–67, 2020): every pair of a row and a baseline row."""
    import shap

    every_row = shap.maskers.Independent(background, max_samples=len(background))  # given as an array, all but 100 rows are left out
    try:
        explainer = shap.TreeExplainer(plain, data=every_row, feature_perturbation="interventional", model_output="raw")
        if len(rows) * len(background) > PAIRS_WITHOUT_PILOT:
            some = rows[: max(1, PILOT_PAIRS // len(background))]
            start = time.perf_counter()
            explainer.shap_values(some, check_additivity=False)
            require_time((time.perf_counter() - start) * len(rows) / len(some), max_seconds, len(rows), len(background))
        values = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=float)
        expected = float(np.ravel(explainer.expected_value)[0])
    except (NotImplementedError, AssertionError, IndexError, TypeError) as error:  # what shap raises for models that it doesn't know
        raise ExplanationError(f"shap can't explain it ({type(error).__name__}: {error})") from error
    return values, expected


def linear_terms(booster: Booster, table: Floats) -> Floats:
    """What each feature adds to the log-odds of a linear model, and its constant: (rows, features + 1). A missing feature's term is 0."""
    import xgboost

    matrix = xgboost.DMatrix(table, feature_names=booster.feature_names)
    return np.asarray(booster.predict(matrix, pred_contribs=True), dtype=float)
