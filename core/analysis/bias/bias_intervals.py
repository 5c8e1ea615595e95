"""95 % intervals of bias metrics, by a bootstrap that draws rows with replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.bias import bias_count_tables
from core.analysis.bias.flip_test import FLIP_TEST, asked_rows
from core.analysis.bias.outcome_counts import BoolArray, Floats
from core.analysis.intervals.bootstrap_draws import percentile_ends

RESAMPLES = 1000
SEED = 0
MIN_DEFINED_SHARE = 0.95
"""The least share of resamples in which a metric must be defined to have an interval: one of the defined resamples alone would mislead."""


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a metric on ``n`` rows; ends may be infinite. Where there is none, both ends are None and ``why`` says why."""

    low: float | None
    high: float | None
    n: int
    why: str = ""


def metric_intervals(
    stage: Literal["pre", "post"],
    facet: ArrayLike,
    favourable_label: ArrayLike,
    favourable_prediction: ArrayLike | None,
    group: ArrayLike | None,
    flips: ArrayLike | None = None,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Percentile intervals of every metric of a stage, by name.

    Parameters as for ``pre_training_bias`` and ``post_training_bias``. ``flips``: (n,) what the flip test found for each row of the facet
    (``flip_test.flip_outcomes``), 0 for the rest: neighbours are searched once, not again in each resample. Without it FT has no interval.
    Where the flip test asked a sample of the facet, ``n`` of its interval is how many rows it asked.

    >>> import numpy as np
    >>> rows = np.arange(600)
    >>> interval = metric_intervals("pre", rows % 3 == 0, rows % 4 > 0, None, None)["DPL"]
    >>> round(interval.low, 2), round(interval.high, 2), interval.n
    (-0.08, 0.08, 600)
    """
    d = np.asarray(facet, dtype=bool)
    codes, groups = bias_count_tables.group_codes(group, len(d))
    predicted = favourable_label if favourable_prediction is None else favourable_prediction
    cells = bias_count_tables.cell_numbers(d, favourable_label, predicted, codes, flips)
    (draws,) = bias_count_tables.resample_tables([cells], groups, seed, resamples)
    figures = bias_count_tables.pre_training_metrics(draws) if stage == "pre" else bias_count_tables.post_training_metrics(draws)
    if flips is None:
        figures.pop(FLIP_TEST, None)
    found = {name: percentile_interval(values, len(d)) for name, values in figures.items()}
    if flips is not None and stage == "post":
        rows = asked_rows(d, np.asarray(flips, dtype=float))
        if rows.sum() < d.sum():
            found[FLIP_TEST] = _flip_interval(rows, np.asarray(flips, dtype=float), seed, resamples)
    return found


def _flip_interval(rows: BoolArray, flips: Floats, seed: int, resamples: int) -> Interval:
    """The flip test's interval on the rows that it asked."""
    n, counts = int(rows.sum()), [int((flips[rows] == flip).sum()) for flip in (-1, 0, 1)]
    draws = np.random.default_rng(seed).multinomial(n, np.array(counts) / n, size=resamples)
    return percentile_interval((draws[:, 2] - draws[:, 0]) / n, n)


def percentile_interval(draws: Floats, n: int) -> Interval:
    """The interval of bootstrap draws, of which some may be undefined (NaN) or infinite."""
    share = float((~np.isnan(draws)).mean()) if len(draws) else 0.0
    if share < MIN_DEFINED_SHARE:
        return Interval(None, None, n, f"undefined in {100 * (1 - share):.0f} % of the resamples, for lack of rows")
    return Interval(*percentile_ends(draws, "inverted_cdf"), n)
