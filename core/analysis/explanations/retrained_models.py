"""The same model trained again on other draws of its training rows: what else the same procedure could have learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from xgboost import Booster

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
    import xgboost

    random, found = np.random.default_rng(seed), []
    for number in range(count):
        drawn = random.integers(0, len(rows), len(rows))
        matrix = xgboost.DMatrix(
            rows.iloc[drawn], np.asarray(labels)[drawn], weight=None if weights is None else np.asarray(weights)[drawn]
        )
        found.append(xgboost.train({**parameters, "seed": seed + number + 1}, matrix, num_boost_round=rounds))
    return found
