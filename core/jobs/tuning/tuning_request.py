"""What can be asked of a tuning job: ranges, strategy, limits; and what is wrong with a request."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from core.errors import DataError
from core.jobs.rebalancing_jobs import RebalancedData

OBJECTIVES = {
    "validation:auc": "Maximize",
    "validation:f1": "Maximize",
    "validation:accuracy": "Maximize",
    "validation:balanced_accuracy": "Maximize",
    "validation:logloss": "Minimize",
    "validation:error": "Minimize",
    "validation:aucpr": "Maximize",
}
STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")


@dataclass(frozen=True)
class HyperparameterRange:
    """The range of a hyperparameter: kind is integer or continuous."""

    name: str
    low: float
    high: float
    kind: str = "continuous"
    scaling: str = "Auto"


BOUNDS = {
    "max_depth": HyperparameterRange("max_depth", 1, 10, "integer"),
    "eta": HyperparameterRange("eta", 0.01, 1.0),
    "gamma": HyperparameterRange("gamma", 0.0, 5.0),
    "alpha": HyperparameterRange("alpha", 0.0, 2.0),
    "min_child_weight": HyperparameterRange("min_child_weight", 1.0, 10.0),
    "subsample": HyperparameterRange("subsample", 0.5, 1.0),
    "colsample_bytree": HyperparameterRange("colsample_bytree", 0.5, 1.0),
    "lambda": HyperparameterRange("lambda", 0.0, 10.0),
}
"""The defaults of the form; eta starts above 0, where nothing would be learned."""
DEFAULT_RANGES = tuple(BOUNDS[name] for name in ("max_depth", "eta", "gamma", "alpha", "min_child_weight", "subsample"))


@dataclass(frozen=True)
class TuningRequest:
    """Every setting of a tuning job on the files of a rebalancing job."""

    rebalanced: RebalancedData
    ranges: tuple[HyperparameterRange, ...] = DEFAULT_RANGES
    static: dict[str, str] = field(default_factory=lambda: {"objective": "binary:logistic", "num_round": "50", "seed": "42"})
    objective: str = "validation:auc"
    strategy: str = "Bayesian"
    max_jobs: int = 10
    max_parallel: int = 2
    early_stopping: bool = False
    warm_start: tuple[str, ...] = ()
    seed: int = 42
    instance_type: str | None = None


def check_request(request: TuningRequest) -> None:
    """Raises DataError naming the first setting that can't be."""
    for error in find_problems(request):
        raise error


def find_problems(request: TuningRequest) -> list[DataError]:
    """Every setting that can't be, with what to do about it; none where the request can be launched."""
    found = []
    if request.objective not in OBJECTIVES:
        remedy = f"Choose one of {', '.join(OBJECTIVES)}."
        found.append(DataError(f"{request.objective} is not an objective.", resource="objective", hint=remedy))
    if request.strategy not in STRATEGIES:
        remedy = f"Choose one of {', '.join(STRATEGIES)}."
        found.append(DataError(f"{request.strategy} is not a strategy.", resource="strategy", hint=remedy))
    if not request.ranges:
        found.append(DataError("No hyperparameter is tuned.", resource="ranges", hint="Give at least one range."))
    for one in request.ranges:
        error = _range_problem(one, request.static)
        if error:
            found.append(error)
    if request.strategy == "Hyperband" and request.early_stopping:
        remedy = "Turn off stopping weak trials early: Hyperband does so itself."
        found.append(DataError("Hyperband stops weak trials its own way.", resource="early stopping", hint=remedy))
    if len(request.warm_start) > 5:
        found.append(DataError("A warm start has at most five parents.", resource="warm start", hint="Choose fewer."))
    grid = request.strategy == "Grid" and not found
    most = grid_size(request.ranges) if grid else request.max_jobs
    if not 1 <= request.max_parallel <= most <= 750:
        what = f"The grid has {most} points, which" if grid else f"{most} jobs, {request.max_parallel} at a time,"
        remedy = "At most 750 jobs, at least as many as at a time" + (
            ": tune fewer hyperparameters, or run fewer at a time." if grid else "."
        )
        found.append(DataError(f"{what} can't be.", resource="jobs", hint=remedy))
    return found


def _range_problem(one: HyperparameterRange, static: dict[str, str]) -> DataError | None:
    """What is wrong with a range, or None."""
    what = remedy = ""
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        what, remedy = f"The range of {one.name} has an empty end.", "Give both numbers."
    elif not one.low < one.high:
        what, remedy = f"The range of {one.name} is empty: {one.low:g} to {one.high:g}.", "Set its maximum above its minimum."
    elif one.low < 0:
        what, remedy = f"{one.name} can't be negative.", "Start at 0."
    elif one.name == "eta" and not (one.low > 0 and one.high <= 1):
        what, remedy = "eta must lie above 0 and at most at 1.", "At 0 nothing is learned; start at 0.01, for instance."
    elif one.name in {"subsample", "colsample_bytree"} and not (one.low > 0 and one.high <= 1):
        what, remedy = f"{one.name} must lie above 0 and at most at 1.", "It is a share."
    elif one.kind == "integer" and not (float(one.low).is_integer() and float(one.high).is_integer()):
        what, remedy = f"{one.name} takes whole numbers only.", f"Use {math.floor(one.low)} to {math.ceil(one.high)}, for instance."
    elif one.scaling == "Logarithmic" and one.low == 0:
        what, remedy = f"{one.name} can't have a logarithmic scale from 0.", "Start above 0, or choose a linear scale."
    elif one.scaling == "ReverseLogarithmic" and (one.high >= 1 or one.kind == "integer"):
        what, remedy = f"{one.name} can't have a reverse logarithmic scale.", "It is for shares below 1; choose another scale."
    elif one.name in static:
        what, remedy = f"{one.name} is both tuned and fixed.", "Remove it from one of the two."
    return DataError(what, resource=one.name, hint=remedy) if what else None


def grid_points(one: HyperparameterRange) -> list[str]:
    if one.kind == "integer":
        step = max(1, round((one.high - one.low) / 2))
        return [str(v) for v in range(int(one.low), int(one.high) + 1, step)]
    return [f"{v:.6g}" for v in (one.low, (one.low + one.high) / 2, one.high)]


def grid_size(ranges: tuple[HyperparameterRange, ...]) -> int:
    """How many jobs the Grid strategy makes: three points (or fewer) of each range."""
    size = 1
    for one in ranges:
        size *= len(grid_points(one))
    return size
