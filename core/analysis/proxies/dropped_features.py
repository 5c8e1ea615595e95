"""What leaving features out costs: models trained without them on the same rows, judged on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.analysis.trials.trial_reports import RESAMPLES, FacetRows, TrialReport, judge_trials, trial_report_to_json

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
MAX_DROPPED = 8
NOT_OF_THE_LEARNER = frozenset({"num_round", "early_stopping_rounds", "csv_weights", "eval_metric", "_tuning_objective_metric", "_kfold"})
"""Hyperparameters of the container, which XGBoost's learner doesn't take or which don't change what it learns in a number of rounds."""
ALL_FEATURES, ANOTHER_SEED, ALL_PROXIES = "all features", "all features, another seed", "without all of them"


@dataclass(frozen=True)
class DroppedModel:
    """A model and what it was trained without: ``report`` has its performance and its disparities, each with its paired difference to the
    model with all features, ``reference``."""

    dropped: tuple[str, ...]
    report: TrialReport


@dataclass(frozen=True)
class DroppingCost:
    """``reference``: the model with all features, trained again; ``another_seed``: the same with another seed, which shows what mere chance
    in training changes; ``models``: without one feature each, in the order given, then without all of them. ``not_tried``: features beyond
    the limit. Intervals are those of the held-out rows: what chance in training adds isn't in them."""

    reference: TrialReport
    another_seed: TrialReport
    models: tuple[DroppedModel, ...]
    not_tried: tuple[str, ...]
    training_rows: int
    test_rows: int

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "reference": trial_report_to_json(self.reference),
            "another_seed": trial_report_to_json(self.another_seed),
            "models": [{"dropped": list(one.dropped), "report": trial_report_to_json(one.report)} for one in self.models],
            "not_tried": list(self.not_tried),
            "training_rows": self.training_rows,
            "test_rows": self.test_rows,
        }


def measure_dropping(
    training: pd.DataFrame,
    labels: ArrayLike,
    hyperparameters: Mapping[str, object],
    test: pd.DataFrame,
    test_labels: ArrayLike,
    facets: Sequence[FacetRows],
    proxies: Sequence[str],
    *,
    weights: ArrayLike | None = None,
    favourable: int = 0,
    threshold: float = 0.5,
    group: pd.Series | None = None,
    max_features: int = MAX_DROPPED,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> DroppingCost:
    """What the model loses, and what its disparities become, without each proxy and without all of them.

    Parameters
    ----------
    training, labels : (n, p) numbers, and (n,) 0 or 1: the rows on which the model was trained; ``weights``: (n,) or None
    hyperparameters : the model's, with ``num_round``, the number of its rounds: where training stopped early, those that it kept
    test, test_labels : held-out rows with the same columns, and their labels
    facets, favourable, threshold, group, seed, resamples : as for ``judge_trials``, of the test rows
    proxies : the features to leave out, the strongest first; more than ``max_features`` aren't tried one by one

    Raises ValueError for a proxy that isn't a feature, for none, and where nothing would be left; KeyError without ``num_round``.

    >>> import numpy as np, pandas as pd
    >>> random = np.random.default_rng(0)
    >>> women = random.random(600) < 0.5
    >>> table = pd.DataFrame({"debt": random.random(600), "height": 175 - 12 * women + random.normal(0, 7, 600)})
    >>> late = (table["debt"] + 0.2 * women + random.normal(0, 0.2, 600) > 0.7).astype(int)
    >>> parameters = {"objective": "binary:logistic", "max_depth": 2, "num_round": 5}
    >>> half = slice(0, 300), slice(300, 600)
    >>> rows = [part for at in half for part in (table[at], late[at])]
    >>> facet = FacetRows("sex", "f", women[300:])
    >>> cost = measure_dropping(rows[0], rows[1], parameters, rows[2], rows[3], [facet], ["height"], resamples=50)
    >>> [one.dropped for one in cost.models], cost.another_seed.differences["auc"].value
    ([('height',)], 0.0)
    """
    names = [str(name) for name in training]
    unknown = [name for name in proxies if name not in names]
    if unknown or not proxies:
        what = f"{', '.join(unknown)} not among" if unknown else "name at least one of"
        raise ValueError(f"{what} the model's features: {', '.join(names)}")
    if set(proxies) >= set(names):
        raise ValueError("without all of the proxies no feature would be left: name fewer")
    dropped = [(name,) for name in proxies[:max_features]] + ([tuple(proxies)] if len(proxies) > 1 else [])
    first_seed = int(str(hyperparameters.get("seed", 0)))
    tried: dict[str, tuple[tuple[str, ...], int]] = {ALL_FEATURES: ((), first_seed), ANOTHER_SEED: ((), first_seed + 1)}
    tried |= {f"without {one[0]}" if len(one) == 1 else ALL_PROXIES: (one, first_seed) for one in dropped}
    scores = {}
    for name, (without, of_training) in tried.items():
        kept = [column for column in training if str(column) not in without]
        booster = train_booster(training[kept], labels, {**hyperparameters, "seed": of_training}, weights)
        scores[name] = _predict(booster, test[kept])
    reports = judge_trials(
        test_labels,
        scores,
        facets,
        reference=ALL_FEATURES,
        favourable=favourable,
        group=group,
        threshold=threshold,
        seed=seed,
        resamples=resamples,
    )
    models = tuple(DroppedModel(one, report) for one, report in zip(dropped, reports[2:], strict=True))
    return DroppingCost(reports[0], reports[1], models, tuple(proxies[max_features:]), len(training), len(test))


def train_booster(
    features: pd.DataFrame, labels: ArrayLike, hyperparameters: Mapping[str, object], weights: ArrayLike | None = None
) -> Booster:
    """An ``xgboost.Booster`` as the built-in algorithm trains it, in ``num_round`` rounds, on (n, p) numbers and labels (n,) of 0 and 1."""
    import xgboost

    parameters = {"objective": "binary:logistic", "nthread": 1} | {
        name: value for name, value in hyperparameters.items() if name not in NOT_OF_THE_LEARNER
    }
    matrix = xgboost.DMatrix(_to_numbers(features), np.asarray(labels, dtype=float), weight=weights)
    return xgboost.train(parameters, matrix, num_boost_round=int(str(hyperparameters["num_round"])))


def _predict(booster: Booster, features: pd.DataFrame) -> Floats:
    import xgboost

    return np.asarray(booster.predict(xgboost.DMatrix(_to_numbers(features))), dtype=float)


def _to_numbers(features: pd.DataFrame) -> Floats:
    numbers: Floats = features.to_numpy(dtype=np.float32, na_value=np.nan)
    return numbers
