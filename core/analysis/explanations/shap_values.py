"""Shapley values of a gradient-boosted model's predictions, as Clarify's Kernel SHAP estimates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.explanations.shap_remainder import estimate_remainder
from core.analysis.tables.feature_names import FeatureError, match_features

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]

DEFAULT_WALKS = 32


@dataclass(frozen=True)
class Explanation:
    """SHAP values: ``expected`` plus a row's ``values`` is that row's prediction.

    ``values`` is (rows, features) in the order of ``features``; ``additivity_error`` is the greatest absolute error of that sum over all
    rows.
    ``output`` says of what: "probability" of label 1, or "raw" for its log-odds. ``standard_error`` is that of a single value, the mean
    over all (0 for log-odds, which are exact); global values are far more precise, since errors of rows cancel out.
    """

    features: tuple[str, ...]
    values: Floats
    expected: float
    predictions: Floats
    additivity_error: float
    output: str
    standard_error: float

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
    import xgboost

    booster, matrix = _prepare_inputs(booster, data)
    return np.asarray(booster.predict(xgboost.DMatrix(matrix, feature_names=booster.feature_names)), dtype=float)


def compute_shap_values(
    booster: Booster,
    data: pd.DataFrame,
    baseline: pd.DataFrame,
    *,
    output: Literal["probability", "raw"] = "probability",
    walks: int = DEFAULT_WALKS,
    seed: int = 0,
) -> Explanation:
    """Interventional SHAP values of every row of ``data``: what Kernel SHAP estimates by sampling.

    ``booster`` is an ``xgboost.Booster`` with a binary logistic objective, ``data`` has its features under the model's own
    names, in any order (in the order of training if the model has no names), and ``baseline`` one or more rows of the same columns that
    stand for "feature unknown".

    Of log-odds they are exact (TreeSHAP, Lundberg et al., Nature Machine Intelligence 2, 56–67, 2020). Of the probability they
    are TreeSHAP's plus a remainder sampled on ``walks`` walks per row (see ``shap_remainder``); additivity is exact in both.
    Raises FeatureError when the columns don't fit the model.

    >>> import pandas as pd
    >>> import xgboost
    >>> data = pd.DataFrame({"debt": [0.1, 0.2, 0.8, 0.9] * 10, "age": [30, 60, 30, 60] * 10})
    >>> parameters = {"objective": "binary:logistic", "max_depth": 2, "base_score": 0.5}
    >>> booster = xgboost.train(parameters, xgboost.DMatrix(data, [0, 0, 1, 1] * 10), num_boost_round=5)
    >>> explanation = compute_shap_values(booster, data.head(2), data)
    >>> [name for name, value in explanation.global_importance().items() if value > 0.01], explanation.additivity_error < 1e-6
    (['debt'], True)
    """
    import shap
    import xgboost

    model, matrix = _prepare_inputs(booster, data)
    _, background = _prepare_inputs(booster, baseline[list(data.columns)])
    if len(background) == 0:
        raise FeatureError("the baseline has no rows")

    def margin(rows: Floats) -> Floats:
        return np.asarray(model.inplace_predict(rows.astype(np.float32), predict_type="margin", validate_features=False), dtype=float)

    explainer = shap.TreeExplainer(model, data=background, feature_perturbation="interventional", model_output=output)
    values = np.asarray(explainer.shap_values(matrix, check_additivity=False), dtype=float)
    standard_error = 0.0
    if output == "probability" and walks > 0 and len(matrix):
        missing, errors = estimate_remainder(margin, matrix, background, walks, seed)
        values = values + missing
        standard_error = float(errors.mean())
    known = xgboost.DMatrix(matrix, feature_names=model.feature_names)
    predictions = np.asarray(model.predict(known, output_margin=output == "raw"), dtype=float)
    expected = float(np.ravel(explainer.expected_value)[0])
    additivity = float(np.abs(values.sum(axis=1) + expected - predictions).max(initial=0.0))
    names = tuple(match_features(model.feature_names, data.columns))
    return Explanation(names, values, expected, predictions, additivity, output, standard_error)


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
    best = booster.attr("best_iteration")
    if best is not None and int(best) + 1 < booster.num_boosted_rounds():
        booster = booster[: int(best) + 1]
    renamed = data.rename(columns=str)[order]
    return booster, renamed.to_numpy(dtype=np.float32).astype(float)
