"""Sentences that say what figures say, with the number of rows and the interval; computed from the results, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.analysis.bias.decline_rates import DeclineRates
from core.analysis.bias.metric_registry import compares_groups, neutral_value
from core.analysis.bias.outcome_counts import divide
from core.analysis.bias.threshold_sweep import ThresholdSweep
from core.analysis.bias.threshold_sweep import all_metrics as figures_of
from core.analysis.performance.performance_metrics import is_lower_better
from core.views.shared.figure_style import format_number, format_percent

WITHIN_NOISE = "within the noise"


class PairedDifference(Protocol):
    """A paired difference b − a, of quality or of bias."""

    @property
    def a(self) -> float | None: ...
    @property
    def b(self) -> float | None: ...
    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def beyond_noise(self) -> bool: ...


def signed_number(value: float | None, digits: int = 3) -> str:
    """With its sign; a rounded zero has none."""
    text = format_number(value, digits)
    return text if value is None or value <= 0 or not any(c in "123456789" for c in text) else f"+{text}"


def interval_text(low: float | None, high: float | None, digits: int = 3) -> str:
    """``95 % interval 0.1 to 0.2``."""
    return "no interval" if low is None or high is None else f"95 % interval {format_number(low, digits)} to {format_number(high, digits)}"


def per_hundred_text(share: float | None) -> str:
    """Of 100 people, how many; with a decimal where there are few."""
    if share is None:
        return "–"
    return format_number(100 * share, 0 if 0.1 <= share <= 0.9 or share in (0, 1) else 1)


def decline_rates_sentence(rates: DeclineRates, people: tuple[str, str], model: str = "the model") -> str:
    """Of 100 men the model turns away 21, of 100 women 17."""
    d, a = rates.facet, rates.rest
    if d.share is None or a.share is None or rates.difference is None:
        return f"There are no rows of {people[0] if d.rows == 0 else people[1]}: nothing can be compared."
    gap = abs(100 * rates.difference)
    more = "more" if rates.difference > 0 else "fewer"
    least, most = 100 * (rates.low or 0), 100 * (rates.high or 0)
    low, high = sorted((abs(least), abs(most)))
    if rates.low is None or rates.high is None:
        ends = "no interval: too few rows"
    elif rates.low <= 0 <= rates.high:
        ends = f"95 % interval {signed_number(least, _decimals(least))} to {signed_number(most, _decimals(most))}: {WITHIN_NOISE}"
    else:
        ends = f"95 % interval {format_number(low, _decimals(low))} to {format_number(high, _decimals(high))}, beyond the noise"
    return (
        f"Of 100 {people[0]} {model} turns away **{per_hundred_text(d.share)}**, of 100 {people[1]} **{per_hundred_text(a.share)}**: "
        f"{format_number(gap, 1)} {more} ({ends}), n = {rates.n:,} ({d.rows:,} and {a.rows:,})."
    )


def _decimals(points: float) -> int:
    """Decimals that don't show a small figure as none."""
    return 1 if abs(points) >= 0.05 or points == 0 else 2


def wrongly_declined_sentence(rates: DeclineRates, people: tuple[str, str]) -> str:
    """Of those who deserved acceptance."""
    parts = [
        f"{side.wrongly_declined:,} of {side.favourable_rows:,} {name} ({format_percent(side.wrongly_declined / side.favourable_rows)})"
        for side, name in ((rates.facet, people[0]), (rates.rest, people[1]))
        if side.favourable_rows
    ]
    return f"Turned away although their label is the favourable one: {' and '.join(parts)}." if parts else ""


def threshold_change_sentence(
    now: DeclineRates, before: DeclineRates, people: tuple[str, str], threshold: float, old_threshold: float
) -> str:
    """What another threshold does to how many people."""

    def change(new: int, old: int, name: str) -> str:
        return f"{abs(new - old):,} {'more' if new > old else 'fewer'} {name}" if new != old else f"as many {name}"

    if abs(threshold - old_threshold) < 1e-9:
        return f"This is the report's own threshold, {old_threshold:g}."
    parts = [change(now.facet.declined, before.facet.declined, people[0]), change(now.rest.declined, before.rest.declined, people[1])]
    return f"At {threshold:g} instead of {old_threshold:g}, {' and '.join(parts)} are turned away."


def label_rates_sentence(counts: Mapping[str, Any], people: tuple[str, str]) -> str:
    """How often either side has the favourable label in these rows."""
    if not counts or not counts["rows"] or not counts["rest"]:
        return ""
    d, a = counts["favourable_rows"] / counts["rows"], counts["favourable_rest"] / counts["rest"]
    return (
        f"Of 100 {people[0]} **{per_hundred_text(d)}** have the favourable label, of 100 {people[1]} **{per_hundred_text(a)}**, "
        f"n = {counts['rows'] + counts['rest']:,} ({counts['rows']:,} and {counts['rest']:,})."
    )


def difference_text(name: str, found: PairedDifference, digits: int = 3) -> str:
    """``auc: 0.771 → 0.768, −0.003 (95 % interval −0.010 to 0.004): within the noise``."""
    if found.value is None:
        return f"{name}: undefined for one of the two"
    verdict = "beyond the noise" if found.beyond_noise else WITHIN_NOISE
    ends = interval_text(found.low, found.high, digits)
    return (
        f"{name}: {format_number(found.a, digits)} → {format_number(found.b, digits)}, {signed_number(found.value, digits)} "
        f"({ends}): {verdict}"
    )


def auc_sentence(figures: Mapping[str, Mapping[str, Any]], paired: PairedDifference | None) -> str:
    """AUC as a frequency."""
    parts = [
        f"**{name}** ranks it first {format_number(100 * f['auc']['value'], 1)} times ({_estimate_interval(f['auc'], 100, 1)})"
        for name, f in figures.items()
        if f["auc"]["value"] is not None
    ]
    if not parts:
        return "All rows have the same label: AUC is undefined."
    n = next(iter(figures.values()))["auc"]["n"]
    text = f"Of 100 pairs with one row of each label, the row of label 1 should come first: {', '.join(parts)}; n = {n:,} rows."
    return text + (f" {difference_text('AUC', paired)} (DeLong)." if paired is not None else "")


def average_precision_sentence(figures: Mapping[str, Mapping[str, Any]], paired: PairedDifference | None) -> str:
    """Precision and recall as frequencies."""
    first = next(iter(figures.values()))
    parts = [f"**{name}** has an average precision of {_estimate_text(f['average_precision'])}" for name, f in figures.items()]
    share = format_percent(first["prevalence"])
    text = f"{share} of the {first['n']:,} rows have label 1, which is what chance would reach: {', '.join(parts)}."
    return text + (f" {difference_text('average precision', paired)}." if paired is not None else "")


def confusion_sentence(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """What is found, and what is called 1 wrongly."""
    parts = []
    for name, f in figures.items():
        c = f["confusion"]
        ones, called = c["tp"] + c["fn"], c["tp"] + c["fp"]
        right = f"; {per_hundred_text(c['tp'] / called)} of 100 rows that it calls 1 are" if called else "; it calls none 1"
        parts.append(f"Of 100 rows with label 1 **{name}** finds {per_hundred_text(c['tp'] / ones if ones else None)}{right}.")
    return f"{' '.join(parts)} n = {next(iter(figures.values()))['n']:,}."


def calibration_sentence(figures: Mapping[str, Mapping[str, Any]], paired: PairedDifference | None) -> str:
    """How far scores are from what happens, and to which side."""
    parts = []
    for name, f in figures.items():
        bins = f["calibration"]
        n = sum(b["n"] for b in bins) or 1
        said, seen = (sum(b["n"] * b[key] for b in bins) / n for key in ("mean_score", "observed"))
        parts.append(
            f"**{name}** says {format_percent(said)} on average where {format_percent(seen)} happen; "
            f"a score is off by {format_number(100 * f['ece']['value'], 1)} points ({_estimate_interval(f['ece'], 100, 1)})"
        )
    text = f"{'. '.join(parts)}; n = {next(iter(figures.values()))['n']:,}."
    return text + (f" {difference_text('calibration error', paired)}." if paired is not None else "")


def trade_off_markdown(quality: Mapping[str, PairedDifference], bias: Mapping[str, Any], names: Sequence[str]) -> str:
    """What the second model gains, beside what it does to calibration and to the groups: never one without the others."""
    gains = [f"{n.replace('_', ' ')} {signed_number(d.value)}" for n, d in quality.items() if d.beyond_noise and _is_improvement(n, d)]
    costs = [f"{n.replace('_', ' ')} {signed_number(d.value)}" for n, d in quality.items() if d.beyond_noise and not _is_improvement(n, d)]
    fairer = [n for n, d in bias.items() if d.fairer == "b" and compares_groups(n)]
    worse = [n for n, d in bias.items() if d.fairer == "a" and compares_groups(n)]
    lines = [f"**{names[1]}** against **{names[0]}**, beyond the noise:"]
    lines.append(f"- better in {', '.join(gains)}" if gains else "- better in no quality figure")
    lines.append(f"- worse in {', '.join(costs)}" if costs else "- worse in no quality figure")
    if bias:
        lines.append(f"- groups nearer to each other by {', '.join(fairer)}" if fairer else "- groups nearer to each other by no metric")
        lines.append(f"- groups further apart by {', '.join(worse)}" if worse else "- groups further apart by no metric")
    ece = quality.get("ece")
    if ece is not None:
        lines.append(f"- {difference_text('calibration error', ece)}")
    return "\n".join(lines)


def _is_improvement(name: str, found: PairedDifference) -> bool:
    return ((found.value or 0) > 0) != is_lower_better(name.replace(" ", "_"))


def bias_differences_sentence(differences: Mapping[str, Any], names: Sequence[str], people: tuple[str, str]) -> str:
    """Which model treats the groups more alike, by which metrics."""
    noise = sum(not d.beyond_noise for d in differences.values())
    fairer = {which: [n for n, d in differences.items() if d.fairer == which and compares_groups(n)] for which in ("a", "b")}
    if not fairer["a"] and not fairer["b"]:
        start = f"No metric shows that either version treats {people[0]} and {people[1]} more alike by more than noise"
    else:
        parts = [
            f"**{names['ab'.index(which)]}** treats {people[0]} and {people[1]} more alike by {', '.join(metrics)}"
            for which, metrics in fairer.items()
            if metrics
        ]
        start = "; ".join(parts)
    first = next(iter(differences.values()))
    return f"{start}. {noise} of {len(differences)} differences are {WITHIN_NOISE}; n = {first.n:,}, the same rows drawn for both."


def noise_markdown(models: Mapping[str, Mapping[str, Any]]) -> str:
    """Which metrics of each model are beyond the noise, and which are undefined. Distances and GE, which can't be 0, aren't counted. Of a
    report without intervals only that it has none."""
    lines = []
    for model, metrics in models.items():
        around = {n: m for n, m in metrics.items() if m.interval is not None and m.interval.low is not None and m.low < neutral_value(n)}
        beyond = [n for n, m in around.items() if not m.interval.low <= neutral_value(n) <= m.interval.high]
        undefined = [n for n, m in metrics.items() if m.value is None]
        if not around and not undefined and any(m.interval is not None for m in metrics.values()):
            continue
        if not around:
            without = all(m.interval is None for m in metrics.values())
            text = "the report has no intervals, so that noise can't be told from a difference" if without else "no interval is known"
            lines.append(f"**{model}**: {text}{'; undefined: ' + ', '.join(undefined) if undefined else ''}.")
            continue
        n = max((m.interval.n for m in around.values()), default=0)
        text = f"**{model}**: {len(beyond)} of {len(around)} metrics with a direction are beyond the noise"
        text += f" ({', '.join(beyond)})" if beyond else ""
        text += f"; undefined: {', '.join(undefined)}" if undefined else ""
        lines.append(f"{text}; n = {n:,}.")
    return "  \n".join(lines)


def widest_gap_sentence(sweeps: Mapping[str, ThresholdSweep], people: tuple[str, str]) -> str:
    """At which threshold either side's share turned away is furthest from the other's."""
    parts = []
    for model, sweep in sweeps.items():
        cells = sweep.count_tables().sum(axis=(1, -1))
        away = divide(cells[:, :, :, 0].sum(axis=-1), cells.sum(axis=(-1, -2)))
        gap = away[:, 1] - away[:, 0]
        place = int(np.abs(gap).argmax())
        more = people[0] if gap[place] > 0 else people[1]
        parts.append(f"**{model}** {format_number(100 * abs(float(gap[place])), 1)} points at {sweep.thresholds[place]:g}, more {more}")
    return f"The two groups are furthest apart: {'; '.join(parts)} turned away. Points without intervals: choose a threshold to see one."


def metric_range_sentence(sweeps: Mapping[str, ThresholdSweep], name: str) -> str:
    """From where to where a figure goes over the thresholds."""
    parts = []
    for model, sweep in sweeps.items():
        values = figures_of(sweep.count_tables(), sweep.favourable)[name]
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            low, high = known[values[known].argmin()], known[values[known].argmax()]
            parts.append(
                f"**{model}** from {format_number(float(values[low]))} (at {sweep.thresholds[low]:g}) "
                f"to {format_number(float(values[high]))} (at {sweep.thresholds[high]:g})"
            )
    return f"{name} goes {'; '.join(parts)}." if parts else f"{name} is undefined at every threshold."


def importance_sentence(models: Mapping[str, Mapping[str, float]], rows: int | None) -> str:
    """What weighs most, and where the models disagree."""
    parts = []
    for name, values in models.items():
        sizes = {feature: abs(value) for feature, value in values.items()}
        top = sorted(sizes.items(), key=lambda item: -item[1])[:3]
        total = sum(sizes.values()) or 1
        parts.append(
            f"in **{name}** {', '.join(feature for feature, _ in top)} weigh most ({format_percent(sum(v for _, v in top) / total, 0)})"
        )
    text = "; ".join(parts).replace("in ", "In ", 1) + "."
    if len(models) == 2:
        a, b = models.values()
        shared = [feature for feature in a if feature in b]
        if shared:
            furthest = max(shared, key=lambda feature: abs(a[feature] - b[feature]))
            same = a[furthest] == b[furthest]
            text += (
                " They don't differ."
                if same
                else f" They differ most in {furthest}: {format_number(a[furthest], 4)} → {format_number(b[furthest], 4)}."
            )
    return text + (f" Mean |SHAP| of {rows:,} rows." if rows else "")


def _estimate_interval(estimate: Mapping[str, Any], scale: float = 1, digits: int = 3) -> str:
    low, high = estimate["low"], estimate["high"]
    return interval_text(None if low is None else scale * low, None if high is None else scale * high, digits)


def _estimate_text(estimate: Mapping[str, Any], digits: int = 3) -> str:
    return f"{format_number(estimate['value'], digits)} ({_estimate_interval(estimate, 1, digits)})"
