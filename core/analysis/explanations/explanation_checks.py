"""Whether an explanation can be right: its sums, its expected value, and the time that it would take. A wrong one is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RELATIVE_BOUND = 1e-4
"""The allowed error, in probability or log-odds, for each unit of the largest prediction. XGBoost adds in single precision (about 1e-7)."""


class ExplanationError(ValueError):
    """This model's predictions can't be explained rightly, or not in the time given; the message says why, and what to do."""


@dataclass(frozen=True)
class ExplanationCheck:
    """How far an explanation is from what it must be.

    ``additivity``: the greatest |expected + Σ SHAP − prediction| over the rows, measured by what is allowed, and ``bound``: what is allowed
    of it; both in row ``worst_row`` (from 0; -1 without rows). ``expected``: |expected − mean prediction of the baseline rows|, None where
    the baseline isn't known, and ``expected_bound``.
    """

    additivity: float
    worst_row: int
    bound: float
    expected: float | None
    expected_bound: float

    @property
    def problem(self) -> str:
        """What is wrong, in one sentence; empty if both errors are within the bound."""
        if not self.additivity <= self.bound:  # NaN is a problem too
            error = f"{self.additivity:.4g}; allowed is {self.bound:.1g}"
            return f"in row {self.worst_row} expected value and SHAP values miss the model's prediction by {error}"
        if self.expected is not None and not self.expected <= self.expected_bound:
            error = f"{self.expected:.4g}; allowed is {self.expected_bound:.1g}"
            return f"the expected value misses the mean prediction of the baseline rows by {error}"
        return ""


def check_explanation(
    values: Floats, expected: float, predictions: Sequence[float] | Floats, baseline_predictions: Sequence[float] | Floats | None = None
) -> ExplanationCheck:
    """Compare SHAP values, (rows, features), with the model's own predictions of the rows, and of the baseline rows where they are known.

    >>> import numpy as np
    >>> check_explanation(np.array([[0.2, -0.1], [0.1, 0.3]]), 0.5, [0.6, 0.7]).problem
    "in row 1 expected value and SHAP values miss the model's prediction by 0.2; allowed is 0.0001"
    """
    known = np.asarray(predictions, dtype=float)
    errors, bounds = np.abs(expected + values.sum(axis=1) - known), error_bound(known)
    share = errors / bounds
    worst = int(np.argmax(np.where(np.isnan(share), np.inf, share))) if len(errors) else -1
    mean = float(np.mean(baseline_predictions)) if baseline_predictions is not None else expected
    return ExplanationCheck(
        float(errors[worst]) if len(errors) else 0.0,
        worst,
        float(bounds[worst]) if len(errors) else RELATIVE_BOUND,
        None if baseline_predictions is None else abs(expected - mean),
        float(error_bound(np.array(mean))),
    )


def error_bound(predictions: Floats) -> Floats:
    """What is allowed of an error beside each prediction: 0.0001; beyond log-odds of ±1 a ten-thousandth of them, at most 0.01."""
    return RELATIVE_BOUND * np.clip(np.abs(predictions), 1.0, 100.0)


def require_time(seconds: float, limit: float | None, rows: int, baseline_rows: int) -> None:
    """Raise ExplanationError if the estimated ``seconds`` exceed ``limit`` (None: no limit), with the number of baseline rows that fit."""
    if limit is None or seconds <= limit:
        return
    fitting = int(baseline_rows * limit / seconds)
    remedy = f"give at most {fitting:,} baseline rows" if fitting else "explain fewer rows against one baseline row"
    raise ExplanationError(
        f"{rows:,} rows against {baseline_rows:,} baseline rows would take about {format_duration(seconds)}, and the job may run for "
        f"{format_duration(limit)}: {remedy}, or give the job more time"
    )


def format_duration(seconds: float) -> str:
    """A duration in the largest unit that gives at least 1.

    >>> format_duration(12), format_duration(3600), format_duration(18720)
    ('12 seconds', '1 hour', '5.2 hours')
    """
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = f"{seconds / size:,.1f}".removesuffix(".0")
            return f"{count} {unit}{'' if count == '1' else 's'}"
    return f"{seconds:,.0f} seconds"
