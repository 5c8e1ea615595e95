"""How much of the difference between a group's predictions and the others' flows through each feature, by SHAP values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.analysis.explanations.shap_summary import ShapEstimate, mean_with_interval, shap_gap
from core.analysis.intervals.confidence import MIN_ROWS, normal_quantile, too_few_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FlowFigure:
    """A figure with its 95 % interval, in the unit of the SHAP values; ``low`` and ``high`` are None where there are too few rows."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class FeatureFlow:
    """What flows through a feature, or through several together.

    ``gap``: its mean SHAP value in the group minus that of all others; those of all features add up to the difference of the mean
    predictions. ``share`` of that difference, with its interval: below 0 where the feature works against it, and above 1 where others do;
    None where the difference is within noise, as no share of nothing is. ``group_size`` and ``others_size``: the mean |SHAP| of either.
    """

    features: tuple[str, ...]
    gap: FlowFigure
    share: float | None
    share_low: float | None
    share_high: float | None
    group_size: FlowFigure
    others_size: FlowFigure


@dataclass(frozen=True)
class DisparityFlow:
    """``total``: the mean prediction of the group minus that of all others, in the unit of the SHAP values; ``flows``: of each feature, the
    greatest gap first; ``together``: of the features asked for as one. ``rows`` of the group and ``others``. ``why``: why there are no
    shares, "" where there are."""

    total: FlowFigure
    flows: tuple[FeatureFlow, ...]
    together: FeatureFlow | None
    rows: int
    others: int
    why: str = ""

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def measure_disparity_flow(values: Floats, features: Sequence[str], group: ArrayLike, *, together: Sequence[str] = ()) -> DisparityFlow:
    """Through which features the difference between a group's predictions and all others' flows.

    Parameters
    ----------
    values : SHAP values, rows × features, of log-odds or of the probability
    features : their names
    group : bool (rows,)
    together : features whose flow is also wanted as one, such as the proxies that were found

    Intervals are Student's, or Hall's where that reaches further; of shares Fieller's. Raises ValueError where the group has no row or all,
    or ``together`` names an unknown feature.

    >>> import numpy as np
    >>> values = np.array([[0.3, 0.1], [0.5, 0.0], [-0.1, 0.1], [0.1, 0.0]] * 3)
    >>> flow = measure_disparity_flow(values, ["debt", "age"], np.arange(12) % 4 < 2)
    >>> round(flow.total.value, 2), [(one.features[0], round(one.share, 2)) for one in flow.flows]
    (0.4, [('debt', 1.0), ('age', 0.0)])
    """
    inside = np.asarray(group, dtype=bool)
    rows, others = int(inside.sum()), int((~inside).sum())
    if not rows or not others:
        raise ValueError("the group must have some of the rows, and not all of them")
    unknown = [name for name in together if name not in features]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} not among the explained features, which are {', '.join(features)}")
    whole = values.sum(axis=1)
    total = shap_gap(whole, inside)
    why = ""
    if min(rows, others) < MIN_ROWS:
        why = too_few_rows(min(rows, others), "the group" if rows < others else "all others")
    elif total.within_noise:
        why = "the difference between the mean predictions is within noise, so it has no shares"

    def measure(names: tuple[str, ...]) -> FeatureFlow:
        part = values[:, [features.index(name) for name in names]].sum(axis=1)
        share, low, high = (None, None, None) if why else _share_of_gap(part, whole, inside)
        sizes = (mean_with_interval(np.abs(part[side])) for side in (inside, ~inside))
        return FeatureFlow(names, _figure(shap_gap(part, inside)), share, low, high, *map(_figure, sizes))

    flows = sorted((measure((name,)) for name in features), key=lambda one: -abs(one.gap.value))
    return DisparityFlow(_figure(total), tuple(flows), measure(tuple(together)) if together else None, rows, others, why)


def _figure(estimate: ShapEstimate) -> FlowFigure:
    low, high = (None if np.isnan(end) else end for end in (estimate.low, estimate.high))
    return FlowFigure(estimate.value, low, high)


def _share_of_gap(part: Floats, whole: Floats, inside: NDArray[np.bool_]) -> tuple[float, float | None, float | None]:
    """The gap of ``part`` divided by that of ``whole``, and Fieller's interval: the ratios at which the gap of part − ratio · whole may be
    0. None for its ends where the gap of ``whole`` is so near to noise that any ratio may be."""
    both = np.stack([part, whole])
    gap, gap_of_whole = both[:, inside].mean(axis=1) - both[:, ~inside].mean(axis=1)
    covariance = sum(np.cov(both[:, side]) / side.sum() for side in (inside, ~inside)) * normal_quantile() ** 2
    a, b, c = gap_of_whole**2 - covariance[1, 1], gap * gap_of_whole - covariance[0, 1], gap**2 - covariance[0, 0]
    if a <= 0:
        return float(gap / gap_of_whole), None, None
    root = np.sqrt(max(0.0, b * b - a * c))
    return float(gap / gap_of_whole), float((b - root) / a), float((b + root) / a)
