"""The trials of a tuning job judged on the same rows: how well each does, and how unequally it treats people.

Each figure has its 95 % interval, and its difference to one trial (the best, usually), paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.analysis.bias.outcome_counts import BoolArray
from core.analysis.performance.performance import performance_estimates
from core.analysis.performance.performance_difference import PerformanceDifference, paired_differences
from core.analysis.performance.performance_estimates import Estimate, check_labels_and_scores
from core.analysis.performance.performance_metrics import Floats
from core.analysis.performance.score_draws import draw_score_metrics
from core.analysis.tables.plain_json import to_plain_json
from core.analysis.trials.trial_disparity import Disparity, measure_disparities
from core.analysis.trials.trials_json import TrialReportJson

RESAMPLES = 500


@dataclass(frozen=True)
class FacetRows:
    """The people with one value of a column: ``rows`` is bool (n,), True for those with the value. ``known``: bool (n,), False where the
    column has no value; those rows are left out of the facet's figures. None: all are known."""

    name: str
    value: float | str
    rows: BoolArray
    known: BoolArray | None = None

    @classmethod
    def of_column(cls, column: pd.Series, value: float | str) -> FacetRows:
        """The people with a value of a column; those whose value is unknown are on neither side."""
        return cls(str(column.name), value, (column == value).to_numpy(dtype=bool), column.notna().to_numpy(dtype=bool))


@dataclass(frozen=True)
class FacetReport:
    """One trial and one facet. ``counts``: rows of the ``facet`` and of the ``rest``, how many are accepted, and how many of these and of
    the others have the favourable label."""

    name: str
    value: float | str
    counts: dict[str, dict[str, int]]
    measures: dict[str, Disparity]


@dataclass(frozen=True)
class TrialReport:
    """One trial: its performance, the difference to the reference's, and its disparities."""

    name: str
    performance: dict[str, Estimate]
    differences: dict[str, PerformanceDifference]
    facets: tuple[FacetReport, ...]


def judge_trials(
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    facets: Sequence[FacetRows],
    *,
    reference: str,
    favourable: int = 0,
    group: pd.Series | None = None,
    threshold: float = 0.5,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[TrialReport]:
    """Judge every trial, in the order of ``scores``.

    Parameters
    ----------
    labels : (n,) 0 or 1
    scores : trial → (n,) in [0, 1], the predicted probability of label 1
    reference : the trial that the others are compared with
    favourable : the label that is good for people; a score above ``threshold`` predicts 1
    group : categories for CDDPL, binned if many; rows without one are left out of it

    Intervals and differences are those of ``evaluate_performance``, ``compare_performance``, ``metric_intervals`` and ``compare_bias``;
    ``resamples``: how many draws make those that no formula gives. Raises ValueError for unusable
    input, and KeyError for a reference that isn't a trial.

    >>> import numpy as np
    >>> rows = np.arange(200)
    >>> labels, women = rows % 2, rows % 3 == 0
    >>> scores = {"trial-1": (rows % 5) / 5, "trial-2": labels * 0.5 + (rows % 5) / 10}
    >>> reports = judge_trials(labels, scores, [FacetRows("sex", 2, women)], reference="trial-1", resamples=100)
    >>> [(report.name, round(report.performance["auc"].value, 2)) for report in reports]
    [('trial-1', 0.5), ('trial-2', 1.0)]
    """
    names = list(scores)
    checked = [check_labels_and_scores(labels, values) for values in scores.values()]
    y, s = checked[0][0], [values for _, values in checked]
    at = names.index(reference) if reference in scores else -1
    if at < 0:
        raise KeyError(reference)
    performance, differences = _measure_performance(y, s, at, threshold, seed, resamples)
    wanted = (y == favourable).astype(bool)
    accepted = [((values > threshold) == (favourable == 1)).astype(bool) for values in s]
    kept = [np.ones(len(y), dtype=bool) if facet.known is None else facet.known for facet in facets]
    measured = [
        measure_disparities(
            facet.rows[rows],
            wanted[rows],
            None if group is None else group[rows],
            [yes[rows] for yes in accepted],
            at,
            seed=seed,
            draws=resamples,
        )
        for facet, rows in zip(facets, kept, strict=True)
    ]
    return [
        TrialReport(
            name,
            performance[i],
            differences[i],
            tuple(
                FacetReport(
                    facet.name,
                    facet.value,
                    _count_outcomes(facet.rows[rows], wanted[rows], accepted[i][rows]),
                    found[i],
                )
                for facet, rows, found in zip(facets, kept, measured, strict=True)
            ),
        )
        for i, name in enumerate(names)
    ]


def _measure_performance(
    y: Floats, s: list[Floats], at: int, threshold: float, seed: int, resamples: int
) -> tuple[list[dict[str, Estimate]], list[dict[str, PerformanceDifference]]]:
    """The figures of each trial, and their differences to those of the trial at place ``at``."""
    draws = draw_score_metrics(y, s, seed, resamples)
    figures = [performance_estimates(y, values, threshold, drawn) for values, drawn in zip(s, draws, strict=True)]
    compared = [
        paired_differences(y, (s[at], values), (threshold, threshold), (draws[at], drawn), seed=seed)
        for values, drawn in zip(s, draws, strict=True)
    ]
    return figures, compared


def _count_outcomes(facet: BoolArray, wanted: BoolArray, accepted: BoolArray) -> dict[str, dict[str, int]]:
    return {
        side: {
            "rows": int(rows.sum()),
            "accepted": int((rows & accepted).sum()),
            "accepted_rightly": int((rows & accepted & wanted).sum()),
            "rejected_rightly": int((rows & ~accepted & ~wanted).sum()),
        }
        for side, rows in (("facet", facet), ("rest", ~facet))
    }


def trial_report_to_json(report: TrialReport) -> TrialReportJson:
    """As plain JSON values; infinities as strings. A difference also says whether it is ``beyond_noise``."""
    content = asdict(report)
    for name, difference in report.differences.items():
        content["differences"][name]["beyond_noise"] = difference.beyond_noise
    for place, facet in enumerate(report.facets):
        for name, found in facet.measures.items():
            content["facets"][place]["measures"][name]["closer"]["beyond_noise"] = found.closer.beyond_noise
    return cast(TrialReportJson, to_plain_json(content))
