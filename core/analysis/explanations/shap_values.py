"""Shapley values of a gradient-boosted model's predictions, as Clarify's Kernel SHAP estimates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from core.analysis.explanations.coalitions import count_evaluations, enumerate_shapley_values
from core.analysis.explanations.explanation_checks import ExplanationCheck, ExplanationError, check_explanation
from core.analysis.explanations.margin_shap import Output, explain_margin
from core.analysis.explanations.shap_remainder import estimate_remainder
from core.analysis.explanations.xgboost_model import describe_booster
from core.analysis.tables.feature_names import FeatureError, match_features

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]

DEFAULT_WALKS = 32
CHEAP_EVALUATIONS = 1_000_000
"""So many predictions take a second or two, and are always made where they give exact values."""


@dataclass(frozen=True)
class Explanation:
    """SHAP values: ``expected`` plus a row's ``values`` is that row's prediction.

    ``values`` is (rows, features) in the order of ``features``; ``check`` says how far these sums are from the model's predictions.
    ``output`` says of what: "probability" of label 1, or "raw" for its log-odds. ``standard_error`` is that of a single value, the mean
    over all (0 where values are exact); global values are far more precise, since errors of rows cancel out.
    """

    features: tuple[str, ...]
    values: Floats
    expected: float
    predictions: Floats
    check: ExplanationCheck
    output: str
    standard_error: float

    @property
    def additivity_error(self) -> float:
        """The greatest absolute error of the sum over all rows."""
        return self.check.additivity

    def global_importance(self, aggregation: str = "mean_abs") -> dict[str, float]:
        """Each feature's global value, as Clarify's ``agg_method`` has it.

        ``mean_abs`` is the mean of absolute values, ``median`` the median of values, ``mean_sq`` the mean of squares.
        """
        if aggregation == "mean_abs":
            total = np.abs(self.values).mean(axis=0)
        elif aggregation == "median":
            total = np.median(self.values, axis=0)
        elif aggregation == "mean_sq":
            total = (self.values**2).mean(axis=0)
        else:
            raise ValueError(f"agg_method must be mean_abs, median or mean_sq, not {aggregation}")
        return dict(zip(self.features, total.tolist(), strict=True))


def predict_probabilities(booster: Booster, data: pd.DataFrame) -> Floats:
    """P(label = 1) of each row, by the best round where training stopped early.

    >>> import pandas as pd
    >>> import xgboost
    >>> data = pd.DataFrame({"debt": [0.1, 0.9] * 10})
    >>> booster = xgboost.train({"objective": "binary:logistic", "base_score": 0.5}, xgboost.DMatrix(data, [0, 1] * 10), num_boost_round=5)
    >>> (predict_probabilities(booster, data.head(2)) > 0.5).tolist()
    [False, True]
    """
    return _predict(*_prepare_inputs(booster, data))


def compute_shap_values(
    booster: Booster,
    data: pd.DataFrame,
    baseline: pd.DataFrame,
    *,
    output: Output = "probability",
    walks: int = DEFAULT_WALKS,
    seed: int = 0,
    max_seconds: float | None = None,
) -> Explanation:
    """Interventional SHAP values of every row of ``data``: what Kernel SHAP estimates by sampling.

    ``booster`` is an ``xgboost.Booster`` of any kind with a binary logistic objective, ``data`` has its features under the model's own
    names, in any order (in the order of training if the model has no names), and ``baseline`` one or more rows of the same columns that
    stand for "feature unknown"; all of them count.

    Of log-odds they are exact. Of the probability they are exact where every coalition of features can be tried at no more cost than
    ``walks`` walks per row, or in a second or two; elsewhere they are carried over from the log-odds, plus a remainder sampled on these
    walks (see ``shap_remainder``). In every row their sum is checked against the model's own prediction, and the expected value against
    the mean prediction of ``baseline``.

    Raises FeatureError when the columns don't fit the model; ExplanationError where the values would be wrong, or take more than
    ``max_seconds``.

    >>> import pandas as pd
    >>> import xgboost
    >>> data = pd.DataFrame({"debt": [0.1, 0.2, 0.8, 0.9] * 10, "age": [30, 60, 30, 60] * 10})
    >>> parameters = {"objective": "binary:logistic", "max_depth": 2, "base_score": 0.5}
    >>> booster = xgboost.train(parameters, xgboost.DMatrix(data, [0, 0, 1, 1] * 10), num_boost_round=5)
    >>> explanation = compute_shap_values(booster, data.head(2), data)
    >>> [name for name, value in explanation.global_importance().items() if value > 0.01], explanation.additivity_error < 1e-6
    (['debt'], True)
    """
    model, matrix = _prepare_inputs(booster, data)
    _, background = _prepare_inputs(booster, baseline[list(data.columns)])
    if len(background) == 0:
        raise FeatureError("the baseline has no rows")
    predictions, of_baseline = (_predict(model, rows, output_margin=output == "raw") for rows in (matrix, background))
    values, expected, standard_error = np.zeros(matrix.shape), float(of_baseline.mean()), 0.0
    if model.num_boosted_rounds() > 0:  # a model of no rounds predicts the same for everyone
        try:
            values, expected, standard_error = _compute_values(model, matrix, background, output, walks, seed, max_seconds)
        except ExplanationError as error:
            raise ExplanationError(f"this model ({describe_booster(model)}) can't be explained: {error}") from error
    check = check_explanation(values, expected, predictions, of_baseline)
    if check.problem:
        raise ExplanationError(
            f"the explanation of this model ({describe_booster(model)}) is wrong and isn't reported: {check.problem}. Train the model with "
            "the booster gbtree and one tree in each round, and explain that"
        )
    names = tuple(match_features(model.feature_names, data.columns))
    return Explanation(names, values, expected, predictions, check, output, standard_error)


def _compute_values(
    model: Booster, matrix: Floats, background: Floats, output: Output, walks: int, seed: int, max_seconds: float | None
) -> tuple[Floats, float, float]:
    """Values, expected value, and the mean standard error of a value."""
    values, expected, margin = explain_margin(model, matrix, background, output, max_seconds)
    if output == "raw" or walks == 0 or len(matrix) == 0:
        return values, expected, 0.0
    width = matrix.shape[1]
    if count_evaluations(width, len(background)) <= max(walks * (width + 1), CHEAP_EVALUATIONS // len(matrix)):
        return enumerate_shapley_values(lambda table: expit(margin(table)), matrix, background), expected, 0.0
    missing, errors = estimate_remainder(margin, matrix, background, walks, seed)
    return values + missing, expected, float(errors.mean())


def _predict(model: Booster, matrix: Floats, *, output_margin: bool = False) -> Floats:
    import xgboost

    return np.asarray(model.predict(xgboost.DMatrix(matrix, feature_names=model.feature_names), output_margin=output_margin), dtype=float)


def _prepare_inputs(booster: Booster, data: pd.DataFrame) -> tuple[Booster, Floats]:
    """The booster cut at its best round, and the data as it sees it: single precision, in its order."""
    order = match_features(booster.feature_names, data.columns)
    if booster.num_features() != data.shape[1]:
        raise FeatureError(
            f"the model was trained on {booster.num_features()} features, and the data has {data.shape[1]}: "
            + ", ".join(map(str, data.columns))
        )
    text = [str(name) for name in data.columns if not pd.api.types.is_numeric_dtype(data[name].dtype)]
    if text:
        raise FeatureError(f"the model needs numbers, and {', '.join(text)} contains text")
    renamed = data.rename(columns=str)[order]
    infinite = [str(name) for name in renamed if renamed[name].abs().max() > np.finfo(np.float32).max]
    if infinite:
        raise FeatureError(f"{', '.join(infinite)} contains values that are infinite, or too large for 32 bits")
    best = booster.attr("best_iteration")
    if best is not None and int(best) + 1 < booster.num_boosted_rounds() and describe_booster(booster).name != "gblinear":
        booster = booster[: int(best) + 1]
    return booster, renamed.to_numpy(dtype=np.float32).astype(float)
