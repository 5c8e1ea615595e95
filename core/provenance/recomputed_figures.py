"""Every figure of a bias report, computed again from the rows and their scores by the functions that the container uses."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.analysis.bias.bias_intervals import metric_intervals
from core.analysis.bias.bias_metrics import Metric, post_training_bias, pre_training_bias, with_intervals
from core.analysis.bias.group_table import GroupColumn, measure_groups
from core.analysis.bias.outcome_counts import COMPARES_NOTHING
from core.analysis.bias.threshold_sweep import DEFAULT_THRESHOLDS, sweep_thresholds
from core.analysis.performance.performance import evaluate_performance
from core.analysis.performance.score_draws import RESAMPLES, SCORE_METRICS
from core.provenance.scored_rows import MAX_STORED_FACETS, FacetRows, ScoredRows
from core.reports.bias_report import BiasReport, Measure

Figures = dict[str, float | str | None]
"""A figure's name in words -> its value; None where it is undefined."""
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-6, 1e-9
MAX_GROUP_VALUES = 100
MANY_ROWS, FEW_DRAWS = 50_000, 100
"""Of more rows, intervals that come from draws are made of so few draws here."""
DRAWN_TOLERANCE, FEW_DRAWN_TOLERANCE = 0.15, 0.5
"""By what share of their width the ends of an interval from draws may differ: other draws, as another release makes them, differ by 2 % of
it (7 % with few draws), so that this is far more than chance gives."""
DRAWN_METHOD = "Dirichlet draws"
INTERVAL_ENDS = (": low", ": high", ", low end", ", high end", ", rows")
DRAWN_METRICS = tuple(name for name in SCORE_METRICS if name != "ece")
MAX_NAMED = 3
"""Of many figures that differ, so many are named."""


@dataclass(frozen=True)
class MeasuredFigures:
    """``figures``: every figure that a report of these rows must have; ``tolerances``: figure -> by how much it may differ, for ends of
    intervals that come from draws."""

    figures: Figures
    tolerances: dict[str, float]


def measure_figures(rows: ScoredRows) -> MeasuredFigures:
    """Every figure of a report, from the rows."""
    many = len(rows.labels) > MANY_ROWS
    draws = FEW_DRAWS if many else RESAMPLES
    performance = evaluate_performance(rows.labels, rows.scores, threshold=rows.threshold, resamples=draws)
    found = _flatten(json.loads(json.dumps(asdict(performance))), "")
    drawn = [(f"{name}: low", f"{name}: high") for name in DRAWN_METRICS]
    for facet in rows.facets:
        for stage, metrics in _facet_metrics(rows, facet).items():
            for name, metric in metrics.items():
                found |= _metric_figures(said := f"{name} of {facet.key} ({stage}-training)", metric)
                if metric.interval is not None and metric.interval.method == DRAWN_METHOD:
                    drawn.append((f"{said}, low end", f"{said}, high end"))
        found |= _flatten(_counts(rows, facet), f"counts of {facet.key}")
        if facet in rows.facets[:MAX_STORED_FACETS]:
            found |= _flatten(_sweep(rows, facet), f"threshold counts of {facet.key}")
    found |= _flatten(_finite(_group_table(rows)), "table of groups")
    tolerances: dict[str, float] = {}
    for low, high in drawn:
        ends = found.get(low), found.get(high)
        if isinstance(ends[0], float) and isinstance(ends[1], float):
            width = (ends[1] - ends[0]) * (FEW_DRAWN_TOLERANCE if many else DRAWN_TOLERANCE)
            tolerances |= {low: width, high: width}
    return MeasuredFigures(found, tolerances)


def reported_figures(report: BiasReport) -> Figures:
    """The same figures as a report has them, of all that it has."""
    own = report.governance
    found = _flatten(json.loads(json.dumps(own.get("performance") or {}, default=asdict)), "")
    for facet in report.facets:
        for stage, measures in (("pre", facet.pre_training), ("post", facet.post_training)):
            for name, measure in measures.items():
                found |= _metric_figures(f"{name} of {facet.key} ({stage}-training)", measure)
    for name, listed in (("counts", own.get("counts") or []), ("threshold counts", own.get("sweeps") or [])):
        for one in listed:
            parts = {key: value for key, value in one.items() if key not in {"facet", "value_or_threshold"}}
            found |= _flatten(parts, f"{name} of {one['facet']}={one['value_or_threshold']}")
    return found | _flatten(_finite(_group_numbers(asdict(report.group_table)) if report.group_table else {}), "table of groups")


def find_wrong_figures(reported: Figures, measured: Figures, tolerances: Mapping[str, float] | None = None) -> Iterator[str]:
    """The figures on which a report and the rows disagree, in sentences: each with what the report says and what the rows say.
    ``tolerances``: figure -> by how much it may differ, where it isn't to be the same to six digits."""
    allowed = tolerances or {}
    differing = [name for name in measured if name in reported and not _is_same(reported[name], measured[name], allowed.get(name, 0.0))]
    lacking, added = [name for name in measured if name not in reported], [name for name in reported if name not in measured]
    for name in differing[:MAX_NAMED]:
        yield f"{name} is {_text(reported[name])} in the report, and {_text(measured[name])} by the rows."
    if len(differing) > MAX_NAMED:
        yield f"{len(differing) - MAX_NAMED:,} more figures differ from those of the rows."
    for names, what in ((lacking, "lacks"), (added, "has figures that the rows don't give:")):
        if names:
            more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
            yield f"The report {what} {', '.join(names[:MAX_NAMED])}{more}."


def without_interval_ends(figures: Figures) -> Figures:
    """The figures without the ends of intervals."""
    return {name: figure for name, figure in figures.items() if not name.endswith(INTERVAL_ENDS)}


def metric_values(rows: ScoredRows, *, binned: bool) -> dict[tuple[str, str, str], float | None]:
    """(stage, facet=value, metric) -> its value. ``binned``: False where each value of the group variable is a group, as for AWS."""
    return {
        (stage, facet.key, name): metric.value
        for facet in rows.facets
        for stage, metrics in _facet_metrics(rows, facet, binned=binned, intervals=False).items()
        for name, metric in metrics.items()
    }


def find_wrong_values(report: BiasReport, rows: ScoredRows) -> Iterator[str]:
    """The same for a report of AWS's container, which has values alone: it takes each value of the group variable for a group, and 0 / 0
    for 0."""
    measured: Figures = {}
    for (stage, key, name), value in metric_values(rows, binned=False).items():
        measured[f"{name} of {key} ({stage}-training)"] = 0.0 if value is None else value
    reported: Figures = {}
    for facet in report.facets:
        for stage, measures in (("pre", facet.pre_training), ("post", facet.post_training)):
            for name, measure in measures.items():
                reported[f"{name} of {facet.key} ({stage}-training)"] = 0.0 if measure.value is None else measure.value
    yield from find_wrong_figures(reported, measured)


def _facet_metrics(
    rows: ScoredRows, facet: FacetRows, *, binned: bool = True, intervals: bool = True
) -> dict[Literal["pre", "post"], dict[str, Metric]]:
    groups, favourable, accepted = rows.group_codes(facet, binned=binned), rows.favourable[facet.kept], rows.accepted[facet.kept]
    flips = rows.flips(facet)
    before = pre_training_bias(facet.of_facet, favourable, groups)
    after = post_training_bias(
        facet.of_facet, favourable, accepted, groups, rows.compared_features(facet) if flips is None else None, flips=flips
    )
    if not intervals:
        return {"pre": before, "post": after}
    ends = metric_intervals("pre", facet.of_facet, favourable, None, groups)
    ends_after = metric_intervals("post", facet.of_facet, favourable, accepted, groups, flips)
    return {"pre": with_intervals(before, ends), "post": with_intervals(after, ends_after)}


def _metric_figures(name: str, metric: Metric | Measure) -> Figures:
    """A metric's value and its interval; and whether it compares nothing, for which its words are asked."""
    interval = metric.interval
    found: Figures = {name: metric.value}
    if metric.in_words.endswith(COMPARES_NOTHING):
        found[f"{name}, what it compares"] = "nothing"
    if interval is not None:
        found |= {f"{name}, low end": interval.low, f"{name}, high end": interval.high, f"{name}, rows": interval.n}
    return found


def _counts(rows: ScoredRows, facet: FacetRows) -> dict[str, int]:
    of, favourable = facet.of_facet, rows.favourable[facet.kept]
    group = None if rows.group is None else rows.group[facet.kept]
    return {
        "rows": int(of.sum()),
        "rest": int((~of).sum()),
        "favourable_rows": int((of & favourable).sum()),
        "favourable_rest": int((~of & favourable).sum()),
        "without_label": 0,
        "without_facet": int((~facet.kept).sum()),
        "without_prediction": 0,
        "without_group": 0 if group is None else int(group.isna().sum()),
    }


def _sweep(rows: ScoredRows, facet: FacetRows) -> object:
    group = None if rows.group is None else rows.group[facet.kept]
    found = sweep_thresholds(
        facet.of_facet,
        rows.favourable[facet.kept],
        rows.scores[facet.kept],
        None if group is None else group.astype(str).where(group.notna(), None).tolist(),
        favourable=int(rows.roles.favourable),
        thresholds=tuple(sorted({*DEFAULT_THRESHOLDS, rows.threshold})),
        names=() if group is None else tuple(map(str, group.cat.categories)),
    )
    return found.to_json()


def _group_table(rows: ScoredRows) -> object:
    columns = [_group_column(rows, name, rows.frame[name]) for name in dict.fromkeys(facet.column for facet in rows.facets)]
    group, facets = rows.group, {facet.column for facet in rows.facets}
    if group is not None and rows.roles.group not in facets and group.nunique() <= MAX_GROUP_VALUES:
        values = tuple(map(str, group.cat.categories))
        columns.append(GroupColumn(str(rows.roles.group), group.cat.codes.to_numpy().astype(np.int64), values, values))
    return _group_numbers(asdict(measure_groups(columns, rows.favourable, rows.accepted)))


def _group_column(rows: ScoredRows, name: str, series: pd.Series) -> GroupColumn:
    codes, uniques = pd.factorize(series.astype("Int64"), sort=True)
    values = tuple(map(str, uniques))
    return GroupColumn(name, codes.astype(np.int64), values, values, dict(rows.roles.derived).get(name, ""))


def _group_numbers(table: dict[str, object]) -> object:
    """A table of groups without what its people are called, which is words."""
    groups = table["groups"]
    assert isinstance(groups, list | tuple)
    return {**table, "groups": [{key: value for key, value in one.items() if key not in {"names", "why"}} for one in groups], "method": ""}


def _finite(value: object) -> object:
    return json.loads(json.dumps(value))


def _flatten(value: object, name: str) -> Figures:
    """Every number and text in a tree of JSON, by its path in words."""
    if isinstance(value, Mapping):
        parts = [(f"{name}: {key}" if name else str(key), one) for key, one in value.items() if key not in {"why", "method"}]
    elif isinstance(value, list | tuple):
        parts = [(f"{name} {place}", one) for place, one in enumerate(value, 1)]
    elif isinstance(value, bool | int | float | str) or value is None:
        return {name: value}
    else:
        raise TypeError(type(value))
    return {path: figure for part, one in parts for path, figure in _flatten(one, part).items()}


def _is_same(a: float | str | None, b: float | str | None, allowed: float) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b or math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=max(ABSOLUTE_TOLERANCE, allowed))
    return a == b


def _text(value: float | str | None) -> str:
    return "undefined" if value is None else value if isinstance(value, str) else f"{value:z.6g}"
