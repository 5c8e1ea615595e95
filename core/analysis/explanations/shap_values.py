"""Shapley values of a gradient-boosted model's predictions, as Clarify's Kernel SHAP estimates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.explanations.explanation_checks import ExplanationCheck, ExplanationError, check_explanation
from core.analysis.explanations.margin_shap import explain_margin
from core.analysis.explanations.probability_shapley import explain_probability
from core.analysis.explanations.xgboost_model import describe_booster
from core.analysis.tables.feature_names import FeatureError, match_features

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]

Output = Literal["probability", "raw"]
DEFAULT_WALKS = 256
"""At most so many walks a row; most need fewer."""


@dataclass(frozen=True)
class Explanation:
    """SHAP values: ``expected`` plus a row's ``values`` is that row's prediction.

    ``values`` is (rows, features) in the order of ``features``; ``check`` says how far these sums are from the model's predictions.
    ``output`` says of what: "probability" of label 1, or "raw" for its log-odds. ``row_errors``, (rows,): the largest standard error of
    one of the row's values, 0 where they are exact. ``standard_error`` is that of a single value, the mean over all; global values are far
    more precise, since errors of rows cancel out.
    """

    features: tuple[str, ...]
    values: Floats
    expected: float
    predictions: Floats
    check: ExplanationCheck
    output: str
    standard_error: float
    row_errors: Floats

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

    Of log-odds they are exact. Of the probability they are exact where every coalition of the features that tell a row from its baseline
    row can be tried; elsewhere a part of them is sampled on ``walks`` walks a row (``compiled_shapley``, ``probability_shapley``). In every
    row their sum is checked against the model's own prediction, and the expected value against the mean prediction of ``baseline``.

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
    values, expected, errors = np.zeros(matrix.shape), float(of_baseline.mean()), np.zeros(matrix.shape)
    if model.num_boosted_rounds() > 0 and len(matrix):  # a model of no rounds predicts the same for everyone
        try:
            if output == "raw":
                values, expected = explain_margin(model, matrix, background, max_seconds)
            else:
                values, expected, errors = explain_probability(model, matrix, background, walks, seed, max_seconds)
        except ExplanationError as error:
            raise ExplanationError(f"this model ({describe_booster(model)}) can't be explained: {error}") from error
    check = check_explanation(values, expected, predictions, of_baseline)
    if check.problem:
        raise ExplanationError(
            f"the explanation of this model ({describe_booster(model)}) is wrong and isn't reported: {check.problem}. Train the model with "
            "the booster gbtree and one tree in each round, and explain that"
        )
    names = tuple(match_features(model.feature_names, data.columns))
    standard_error = float(errors.mean()) if errors.size else 0.0
    return Explanation(names, values, expected, predictions, check, output, standard_error, errors.max(axis=1, initial=0.0))


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
