"""The settings of a tuning job before it is launched (ranges, strategy, limits), and what is wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from core.errors import DataError
from core.jobs.rebalancing_jobs import RebalancedData

OBJECTIVES = {
    "validation:auc": "Maximize",
    "validation:logloss": "Minimize",
    "validation:error": "Minimize",
    "validation:aucpr": "Maximize",
}
"""The objectives that are offered, and their directions."""
CLASS_OBJECTIVES = {
    f"validation:{name}": "Maximize"
    for name in (
        *("accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro"),
        *("precision", "precision_macro", "precision_micro", "recall", "recall_macro", "recall_micro"),
    )
}
"""Objectives that only work where the model's output is log-odds (``binary:logitraw``)."""
CLASS_OBJECTIVES_REASON = (
    "SageMaker's XGBoost container 3.0-5 compares probabilities with 0, so every row counts as label 1 and every model gets the same value."
)
STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")
MAX_JOBS = 750
"""SageMaker's limit on the training jobs of one tuning job."""


@dataclass(frozen=True)
class HyperparameterRange:
    """The range of a hyperparameter. ``kind``: integer or continuous; ``scaling``: as SageMaker's ScalingType."""

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
"""The form's default ranges; eta starts above 0, since a model with eta 0 learns nothing."""
DEFAULT_RANGES = tuple(BOUNDS[name] for name in ("max_depth", "eta", "gamma", "alpha", "min_child_weight", "subsample"))


@dataclass(frozen=True)
class TuningRequest:
    """All settings of a tuning job. ``rebalanced``: the rows; ``warm_start``: names of earlier tuning jobs to start from."""

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
    """Raises DataError for the first invalid setting."""
    for error in find_problems(request):
        raise error


def find_problems(request: TuningRequest) -> list[DataError]:
    """Each invalid setting, with what to do about it; empty if the request can be launched."""
    found = []
    remedy = f"Choose one of {', '.join(OBJECTIVES)}."
    if request.objective in CLASS_OBJECTIVES:
        if request.static.get("objective") != "binary:logitraw":
            reason = f"{request.objective} can't tell models apart. {CLASS_OBJECTIVES_REASON}"
            found.append(DataError(reason, resource="objective", hint=remedy))
    elif request.objective not in OBJECTIVES:
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
        remedy = "Turn off early stopping: Hyperband itself stops weak trials."
        found.append(DataError("Early stopping can't be combined with Hyperband.", resource="early stopping", hint=remedy))
    if len(request.warm_start) > 5:
        found.append(DataError("A warm start can use at most 5 earlier jobs.", resource="warm start", hint="Choose fewer."))
    grid = request.strategy == "Grid" and not found
    most = grid_size(request.ranges) if grid else request.max_jobs
    if not 1 <= request.max_parallel <= most <= MAX_JOBS:
        found.append(_limits_problem(most, request.max_parallel, is_grid=grid))
    return found


def _limits_problem(jobs: int, parallel: int, *, is_grid: bool) -> DataError:
    """What is wrong with the number of jobs, in all or in parallel."""
    if jobs > MAX_JOBS:
        what = f"The grid has {jobs} points, more than the {MAX_JOBS} jobs" if is_grid else f"{jobs} jobs are more than the {MAX_JOBS}"
        hint = "Tune fewer hyperparameters." if is_grid else "Choose fewer jobs."
        return DataError(f"{what} that SageMaker allows.", resource="jobs", hint=hint)
    if jobs < 1 or parallel < 1:
        return DataError(
            f"A tuning job needs at least 1 job and 1 at a time, not {jobs} and {parallel}.", resource="jobs", hint="Choose more."
        )
    total = f"the grid's {jobs} points" if is_grid else f"the total of {jobs}"
    return DataError(f"{parallel} parallel jobs exceed {total}.", resource="jobs", hint="Run fewer jobs at a time.")


def _range_problem(one: HyperparameterRange, static: dict[str, str]) -> DataError | None:
    """What is wrong with a range, or None."""
    what = remedy = ""
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        what, remedy = f"The range of {one.name} is missing its minimum or maximum.", "Enter both numbers."
    elif not one.low < one.high:
        what, remedy = f"The range of {one.name} is empty: {one.low:g} to {one.high:g}.", "Set its maximum above its minimum."
    elif one.low < 0:
        what, remedy = f"{one.name} can't be negative.", "Start at 0."
    elif one.name == "eta" and not (one.low > 0 and one.high <= 1):
        what, remedy = "eta must be above 0 and at most 1.", "At 0 the model learns nothing; start at 0.01, for instance."
    elif one.name in {"subsample", "colsample_bytree"} and not (one.low > 0 and one.high <= 1):
        what, remedy = f"{one.name} must be above 0 and at most 1.", "It is a share of the rows or columns."
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
    """The values of a range that the Grid strategy tries: minimum, middle, maximum."""
    if one.kind == "integer":
        step = max(1, round((one.high - one.low) / 2))
        return [str(v) for v in range(int(one.low), int(one.high) + 1, step)]
    return [f"{v:.6g}" for v in (one.low, (one.low + one.high) / 2, one.high)]


def grid_size(ranges: tuple[HyperparameterRange, ...]) -> int:
    """The number of jobs of the Grid strategy: every combination of ``grid_points``."""
    size = 1
    for one in ranges:
        size *= len(grid_points(one))
    return size
