"""What leaving features out costs: models trained without them on the same rows, judged on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from core.analysis.explanations.retrained_models import as_numbers, train_booster
from core.analysis.intervals.confidence import CONFIDENCE
from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.trials.trial_reports import RESAMPLES, FacetRows, TrialReport, judge_trials, trial_report_to_json

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
MAX_DROPPED = 8
RETRAININGS = 4
"""How often the model with all features is trained again with another seed."""
ALL_FEATURES, ALL_PROXIES = "all features", "without all of them"


@dataclass(frozen=True)
class Cost:
    """By how much a figure changes without the features. Its 95 % interval allows for both the rows on which the models are judged and the
    chance in their training; None where there is none."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def beyond_noise(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class DroppedModel:
    """A model, and what it was trained without. ``auc``: by how much it changes; ``disparities``: for each facet in turn, metric -> by how
    much its distance from parity changes. ``report``: performance and disparities, each with its paired difference to the model with all
    features; the intervals of these are those of the rows alone."""

    dropped: tuple[str, ...]
    auc: Cost
    disparities: tuple[Mapping[str, Cost], ...]
    report: TrialReport


@dataclass(frozen=True)
class DroppingCost:
    """``reference``: the model with all features, trained again; ``retrained``: the same with other seeds, which shows what chance in
    training changes (one, where there is no chance in it); ``models``: without one feature each, in the order given, then without all of
    them; ``not_tried``: features beyond the limit."""

    reference: TrialReport
    retrained: tuple[TrialReport, ...]
    models: tuple[DroppedModel, ...]
    not_tried: tuple[str, ...]
    training_rows: int
    test_rows: int

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "reference": trial_report_to_json(self.reference),
            "retrained": [trial_report_to_json(one) for one in self.retrained],
            "models": [
                {
                    "dropped": list(one.dropped),
                    "auc": _cost_to_json(one.auc),
                    "disparities": [{name: _cost_to_json(cost) for name, cost in of_facet.items()} for of_facet in one.disparities],
                    "report": trial_report_to_json(one.report),
                }
                for one in self.models
            ],
            "not_tried": list(self.not_tried),
            "training_rows": self.training_rows,
            "test_rows": self.test_rows,
        }


def _cost_to_json(cost: Cost) -> dict[str, object]:
    return asdict(cost) | {"beyond_noise": cost.beyond_noise}


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

    Without all of them no model is trained where they are all features. Raises ValueError for a proxy that isn't a feature, for none, and
    for a model of one feature; KeyError without ``num_round``.

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
    >>> [one.dropped for one in cost.models], len(cost.retrained), cost.models[0].disparities[0]["DPPL"].beyond_noise
    ([('height',)], 1, False)
    """
    names = [str(name) for name in training]
    unknown = [name for name in proxies if name not in names]
    if unknown or not proxies:
        what = f"{', '.join(unknown)} not among" if unknown else "name at least one of"
        raise ValueError(f"{what} the model's features: {', '.join(names)}")
    if len(names) == 1:
        raise ValueError("the model has one feature, so nothing would be left without it")
    together = [tuple(proxies)] if 1 < len(set(proxies)) < len(names) else []
    dropped = [(name,) for name in proxies[:max_features]] + together

    def score(without: tuple[str, ...] = (), reseed: int = 0) -> Floats:
        kept = [column for column in training if str(column) not in without]
        of_training = int(str(hyperparameters.get("seed", 0))) + reseed
        return _predict(train_booster(training[kept], labels, {**hyperparameters, "seed": of_training}, weights), test[kept])

    scores = {ALL_FEATURES: score()}
    for reseed in range(1, RETRAININGS + 1):
        scores[f"seed {reseed}"] = score(reseed=reseed)
        if np.array_equal(scores[f"seed {reseed}"], scores[ALL_FEATURES]):
            break
    first = len(scores)
    scores |= {f"without {one[0]}" if len(one) == 1 else ALL_PROXIES: score(one) for one in dropped}
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
    whole = reports[:first]
    models = tuple(_describe_model(*pair, whole) for pair in zip(dropped, reports[first:], strict=True))
    return DroppingCost(whole[0], tuple(whole[1:]), models, tuple(proxies[max_features:]), len(training), len(test))


def _describe_model(dropped: tuple[str, ...], report: TrialReport, whole: Sequence[TrialReport]) -> DroppedModel:
    """``whole``: the models with all features, each with another seed."""
    auc = _widen(report.differences["auc"], [one.performance["auc"].value for one in whole])
    disparities = tuple(
        {
            name: _widen(found.closer, [one.facets[place].measures[name].distance.value for one in whole])
            for name, found in facet.measures.items()
        }
        for place, facet in enumerate(report.facets)
    )
    return DroppedModel(dropped, auc, disparities, report)


def _widen(difference: PerformanceDifference, values: Sequence[float | None]) -> Cost:
    """A difference with an interval that allows for the chance in both trainings too. ``values``: the figure of the same model, trained
    with several seeds: Student's interval of the difference of two of them. The two kinds of noise don't depend on each other, so their
    widths add up as Newcombe has it."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    if difference.value is None or difference.low is None or difference.high is None or len(known) < len(values):
        return Cost(difference.value, None, None)
    chance = float(stdtrit(len(known) - 1, (1 + CONFIDENCE) / 2) * np.sqrt(2) * np.std(known, ddof=1))
    value = difference.value
    return Cost(value, value - float(np.hypot(value - difference.low, chance)), value + float(np.hypot(difference.high - value, chance)))


def _predict(booster: Booster, features: pd.DataFrame) -> Floats:
    import xgboost

    return np.asarray(booster.predict(xgboost.DMatrix(as_numbers(features))), dtype=float)
