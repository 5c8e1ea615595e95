"""What is wrong with a tuning request is said before it costs anything; and what it will cost is told from the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import DataError
from core.jobs.jobs import Job
from core.jobs.tuning import tuning_history
from core.jobs.tuning.tuning_jobs import Trial, tie_sentence
from core.jobs.tuning.tuning_request import (
    BOUNDS,
    OBJECTIVES,
    HyperparameterRange,
    TuningRequest,
    check_request,
    find_problems,
    grid_points,
    grid_size,
)

REQUEST = TuningRequest(None)  # type: ignore[arg-type]


def test_the_defaults_are_fine() -> None:
    assert find_problems(REQUEST) == []


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (HyperparameterRange("eta", 0, 1), "eta must be above 0"),
        (HyperparameterRange("gamma", 3, 1), "is empty: 3 to 1"),
        (HyperparameterRange("gamma", float("nan"), 1), "is missing its minimum or maximum"),
        (HyperparameterRange("alpha", -1, 1), "can't be negative"),
        (HyperparameterRange("subsample", 0.5, 1.5), "at most 1"),
        (HyperparameterRange("max_depth", 1.5, 4, "integer"), "whole numbers only"),
        (HyperparameterRange("gamma", 0, 5, scaling="Logarithmic"), "logarithmic scale from 0"),
        (HyperparameterRange("subsample", 0.5, 1, scaling="ReverseLogarithmic"), "reverse logarithmic"),
        (HyperparameterRange("seed", 1, 5, "integer"), "both tuned and fixed"),
    ],
)
def test_a_range_that_cannot_be_is_named_with_a_remedy(one: HyperparameterRange, words: str) -> None:
    (found,) = find_problems(replace(REQUEST, ranges=(one,)))
    assert words in found.message
    assert found.resource == one.name
    assert found.hint


def test_all_problems_are_told_at_once_and_the_first_is_raised() -> None:
    request = replace(REQUEST, ranges=(HyperparameterRange("eta", 0, 1), HyperparameterRange("gamma", 3, 1)), max_parallel=20)
    assert [error.resource for error in find_problems(request)] == ["eta", "gamma", "jobs"]
    with pytest.raises(DataError, match="eta must be"):
        check_request(request)


@pytest.mark.parametrize("metric", ["f1", "accuracy", "balanced_accuracy", "precision", "recall", "f1_binary", "f1_macro"])
def test_an_objective_that_is_the_same_for_every_model_is_refused_with_the_reason(metric: str) -> None:
    (found,) = find_problems(replace(REQUEST, objective=f"validation:{metric}"))
    assert "compares probabilities with 0" in found.message
    assert "validation:auc" in (found.hint or "")
    assert f"validation:{metric}" not in OBJECTIVES
    raw = {**REQUEST.static, "objective": "binary:logitraw"}
    assert find_problems(replace(REQUEST, objective=f"validation:{metric}", static=raw)) == []


def trial(number: int, objective: float | None, status: str = "Completed", definition: str = "") -> Trial:
    return Trial(f"t{number}", status, objective, {}, datetime(2026, 1, 1, tzinfo=UTC), None, None, None, definition)


def test_trials_that_tie_have_no_best() -> None:
    tied = [trial(1, 0.5), trial(2, 0.5), trial(3, None, "Failed")]
    assert tie_sentence(tied) == "All 2 trials have the same objective value, 0.5, so none of them is the best."
    assert tie_sentence([*tied, trial(4, 0.6)]) == ""
    assert tie_sentence([trial(1, 0.5)]) == ""
    assert tie_sentence([]) == ""
    assert tie_sentence([trial(1, 0.5, definition="a"), trial(2, 0.5, definition="b")]) == ""


def test_hyperband_stops_early_by_itself() -> None:
    assert "Hyperband" in find_problems(replace(REQUEST, strategy="Hyperband", early_stopping=True))[0].message


def test_a_grid_past_the_limit_is_refused_before_it_is_launched() -> None:
    request = replace(REQUEST, strategy="Grid", ranges=tuple(BOUNDS.values()))
    assert grid_size(request.ranges) > 750
    assert f"{grid_size(request.ranges)} points" in find_problems(request)[0].message
    assert grid_points(BOUNDS["max_depth"])[0] == "1"


def past(seconds: float, made: int, parallel: int, status: str = "Completed") -> Job:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    raw: dict[str, Any] = {"TrainingJobStatusCounters": {"Completed": made}, "ResourceLimits": {"MaxParallelTrainingJobs": parallel}}
    return Job("j", "tuning", status, start, start + timedelta(seconds=seconds), None, raw)


def test_the_estimate_is_the_median_round_of_past_jobs_times_the_rounds_of_this_one() -> None:
    jobs = [past(30, 10, 2), past(40, 10, 2), past(100, 10, 1), past(5, 10, 2, "Stopped")]
    found = tuning_history.estimate_duration(jobs, "Bayesian", REQUEST.ranges, 9, 2)
    assert found is not None
    assert (found.trials, found.rounds, found.jobs) == (9, 5, 3)
    assert (found.shortest, found.seconds, found.longest) == (30, 40, 50)


def test_without_a_past_there_is_no_estimate() -> None:
    assert tuning_history.estimate_duration([past(5, 1, 1, "Failed")], "Random", REQUEST.ranges, 9, 2) is None
