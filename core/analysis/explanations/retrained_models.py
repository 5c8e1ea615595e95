"""The same model trained again on other draws of its training rows: what else the same procedure could have learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from xgboost import Booster

NOT_OF_THE_LEARNER = frozenset({"num_round", "early_stopping_rounds", "csv_weights", "eval_metric", "_tuning_objective_metric", "_kfold"})
"""Hyperparameters of the container, which XGBoost's learner doesn't take or which don't change what it learns in a number of rounds."""
DEFAULT_COUNT = 10
"""With two baselines each, 20 alternatives: a group's share of them is known to about 0.1."""


def retrain_models(
    rows: pd.DataFrame,
    labels: NDArray[np.int64],
    parameters: Mapping[str, object],
    rounds: int,
    *,
    weights: NDArray[np.float64] | None = None,
    count: int = DEFAULT_COUNT,
    seed: int = 0,
) -> list[Booster]:
    """``count`` boosters with the same hyperparameters, each with a seed of its own and on a bootstrap resample of ``rows``: as many rows,
    drawn with replacement. By the seed alone models without ``subsample`` and the like would all be the same.

    ``parameters``: as ``xgboost.train`` takes them; ``weights``: of the rows, where the model was trained with some.

    >>> import numpy as np
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"debt": [0.1, 0.9] * 50})
    >>> models = retrain_models(rows, np.array([0, 1] * 50), {"objective": "binary:logistic"}, 5, count=2)
    >>> [model.num_boosted_rounds() for model in models]
    [5, 5]
    """
    random, found = np.random.default_rng(seed), []
    for number in range(count):
        drawn = random.integers(0, len(rows), len(rows))
        of_drawn = None if weights is None else np.asarray(weights)[drawn]
        found.append(
            train_booster(
                rows.iloc[drawn], np.asarray(labels)[drawn], {**parameters, "num_round": rounds, "seed": seed + number + 1}, of_drawn
            )
        )
    return found


def train_booster(
    features: pd.DataFrame, labels: ArrayLike, hyperparameters: Mapping[str, object], weights: ArrayLike | None = None
) -> Booster:
    """An ``xgboost.Booster`` as the built-in algorithm trains it, in ``num_round`` rounds, on (n, p) numbers and labels (n,) of 0 and 1."""
    import xgboost

    parameters = {"objective": "binary:logistic", "nthread": 1} | {
        name: value for name, value in hyperparameters.items() if name not in NOT_OF_THE_LEARNER
    }
    matrix = xgboost.DMatrix(as_numbers(features), np.asarray(labels, dtype=float), weight=weights)
    return xgboost.train(parameters, matrix, num_boost_round=int(str(hyperparameters["num_round"])))


def as_numbers(features: pd.DataFrame) -> NDArray[np.float32]:
    """A table of numbers in single precision, (n, p); missing ones are NaN."""
    numbers: NDArray[np.float32] = features.to_numpy(dtype=np.float32, na_value=np.nan)
    return numbers
