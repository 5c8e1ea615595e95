"""What is wrong with a tuning request is said before it costs anything; and what it will cost is told from the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import tuning_history
from core.errors import DataError
from core.jobs import Job
from core.tuning_request import BOUNDS, Range, TuningRequest, check, grid_points, grid_size, problems

REQUEST = TuningRequest(None)  # type: ignore[arg-type]


def test_the_defaults_are_fine() -> None:
    assert problems(REQUEST) == []


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (Range("eta", 0, 1), "eta must lie above 0"),
        (Range("gamma", 3, 1), "is empty: 3 to 1"),
        (Range("gamma", float("nan"), 1), "has an empty end"),
        (Range("alpha", -1, 1), "can't be negative"),
        (Range("subsample", 0.5, 1.5), "at most at 1"),
        (Range("max_depth", 1.5, 4, "integer"), "whole numbers only"),
        (Range("gamma", 0, 5, scaling="Logarithmic"), "logarithmic scale from 0"),
        (Range("subsample", 0.5, 1, scaling="ReverseLogarithmic"), "reverse logarithmic"),
        (Range("seed", 1, 5, "integer"), "both tuned and fixed"),
    ],
)
def test_a_range_that_cannot_be_is_named_with_a_remedy(one: Range, words: str) -> None:
    (found,) = problems(replace(REQUEST, ranges=(one,)))
    assert words in found.what
    assert found.subject == one.name
    assert found.remedy


def test_all_problems_are_told_at_once_and_the_first_is_raised() -> None:
    request = replace(REQUEST, ranges=(Range("eta", 0, 1), Range("gamma", 3, 1)), max_parallel=20)
    assert [error.subject for error in problems(request)] == ["eta", "gamma", "jobs"]
    with pytest.raises(DataError, match="eta must lie"):
        check(request)


def test_hyperband_stops_early_by_itself() -> None:
    assert "Hyperband" in problems(replace(REQUEST, strategy="Hyperband", early_stopping=True))[0].what


def test_a_grid_past_the_limit_is_refused_before_it_is_launched() -> None:
    request = replace(REQUEST, strategy="Grid", ranges=tuple(BOUNDS.values()))
    assert grid_size(request.ranges) > 750
    assert f"{grid_size(request.ranges)} points" in problems(request)[0].what
    assert grid_points(BOUNDS["max_depth"])[0] == "1"


def past(seconds: float, made: int, parallel: int, status: str = "Completed") -> Job:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    raw: dict[str, Any] = {"TrainingJobStatusCounters": {"Completed": made}, "ResourceLimits": {"MaxParallelTrainingJobs": parallel}}
    return Job("j", "tuning", status, start, start + timedelta(seconds=seconds), None, raw)


def test_the_estimate_is_the_median_round_of_past_jobs_times_the_rounds_of_this_one() -> None:
    jobs = [past(30, 10, 2), past(40, 10, 2), past(100, 10, 1), past(5, 10, 2, "Stopped")]
    found = tuning_history.estimate(jobs, "Bayesian", REQUEST.ranges, 9, 2)
    assert found is not None
    assert (found.trials, found.waves, found.jobs) == (9, 5, 3)
    assert (found.shortest, found.seconds, found.longest) == (30, 40, 50)


def test_without_a_past_there_is_no_estimate() -> None:
    assert tuning_history.estimate([past(5, 1, 1, "Failed")], "Random", REQUEST.ranges, 9, 2) is None
