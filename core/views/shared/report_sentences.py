"""Sentences that say what figures say, with the number of rows and the interval; computed from the results, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.analysis.bias_tables import divide
from core.analysis.performance_difference import LOWER_IS_BETTER
from core.analysis.thresholds import Sweep, TurnedAway
from core.analysis.thresholds import figures as figures_of
from core.views.style import number, percent

NOISE = "within the noise"
OVERALL = ("GE",)
"""Bias metrics that look at all people together, not at facet and rest."""


class Paired(Protocol):
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


def signed(value: float | None, digits: int = 3) -> str:
    """With its sign; a rounded zero has none."""
    text = number(value, digits)
    return text if value is None or value <= 0 or not any(c in "123456789" for c in text) else f"+{text}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """``95 % interval 0.1 to 0.2``."""
    return "no interval" if low is None or high is None else f"95 % interval {number(low, digits)} to {number(high, digits)}"


def hundred(share: float | None) -> str:
    """Of 100 people, how many; with a decimal where there are few."""
    if share is None:
        return "–"
    return number(100 * share, 0 if 0.1 <= share <= 0.9 or share in (0, 1) else 1)


def turned_away(found: TurnedAway, people: tuple[str, str], model: str = "the model") -> str:
    """Of 100 men the model turns away 21, of 100 women 17."""
    d, a = found.facet, found.rest
    if d.share is None or a.share is None or found.difference is None:
        return f"There are no rows of {people[0] if d.rows == 0 else people[1]}: nothing can be compared."
    gap = abs(100 * found.difference)
    more = "more" if found.difference > 0 else "fewer"
    least, most = 100 * (found.low or 0), 100 * (found.high or 0)
    low, high = sorted((abs(least), abs(most)))
    if found.low is None or found.high is None:
        ends = "no interval: too few rows"
    elif found.low <= 0 <= found.high:
        ends = f"95 % interval {signed(least, _fine(least))} to {signed(most, _fine(most))}: {NOISE}"
    else:
        ends = f"95 % interval {number(low, _fine(low))} to {number(high, _fine(high))}, beyond the noise"
    return (
        f"Of 100 {people[0]} {model} turns away **{hundred(d.share)}**, of 100 {people[1]} **{hundred(a.share)}**: "
        f"{number(gap, 1)} {more} ({ends}), n = {found.n:,} ({d.rows:,} and {a.rows:,})."
    )


def _fine(points: float) -> int:
    """Decimals that don't show a small figure as none."""
    return 1 if abs(points) >= 0.05 or points == 0 else 2


def wrongly(found: TurnedAway, people: tuple[str, str]) -> str:
    """Of those who deserved acceptance."""
    parts = [
        f"{side.wrongly:,} of {side.deserving:,} {name} ({percent(side.wrongly / side.deserving)})"
        for side, name in ((found.facet, people[0]), (found.rest, people[1]))
        if side.deserving
    ]
    return f"Turned away although their label is the favourable one: {' and '.join(parts)}." if parts else ""


def moved(now: TurnedAway, before: TurnedAway, people: tuple[str, str], threshold: float, was: float) -> str:
    """What another threshold does to how many people."""

    def change(new: int, old: int, name: str) -> str:
        return f"{abs(new - old):,} {'more' if new > old else 'fewer'} {name}" if new != old else f"as many {name}"

    if abs(threshold - was) < 1e-9:
        return f"This is the report's own threshold, {was:g}."
    parts = [change(now.facet.away, before.facet.away, people[0]), change(now.rest.away, before.rest.away, people[1])]
    return f"At {threshold:g} instead of {was:g}, {' and '.join(parts)} are turned away."


def labelled(counts: Mapping[str, Any], people: tuple[str, str]) -> str:
    """How often either side has the favourable label in these rows."""
    if not counts or not counts["rows"] or not counts["rest"]:
        return ""
    d, a = counts["favourable_rows"] / counts["rows"], counts["favourable_rest"] / counts["rest"]
    return (
        f"Of 100 {people[0]} **{hundred(d)}** have the favourable label, of 100 {people[1]} **{hundred(a)}**, "
        f"n = {counts['rows'] + counts['rest']:,} ({counts['rows']:,} and {counts['rest']:,})."
    )


def difference(name: str, found: Paired, digits: int = 3) -> str:
    """``auc: 0.771 → 0.768, −0.003 (95 % interval −0.010 to 0.004): within the noise``."""
    if found.value is None:
        return f"{name}: undefined for one of the two"
    verdict = "beyond the noise" if found.beyond_noise else NOISE
    ends = interval(found.low, found.high, digits)
    return f"{name}: {number(found.a, digits)} → {number(found.b, digits)}, {signed(found.value, digits)} ({ends}): {verdict}"


def ranking(figures: Mapping[str, Mapping[str, Any]], found: Paired | None) -> str:
    """AUC as a frequency."""
    parts = [
        f"**{name}** ranks it first {number(100 * f['auc']['value'], 1)} times ({_ends(f['auc'], 100, 1)})"
        for name, f in figures.items()
        if f["auc"]["value"] is not None
    ]
    if not parts:
        return "All rows have the same label: AUC is undefined."
    n = next(iter(figures.values()))["auc"]["n"]
    text = f"Of 100 pairs with one row of each label, the row of label 1 should come first: {', '.join(parts)}; n = {n:,} rows."
    return text + (f" {difference('AUC', found)} (DeLong)." if found is not None else "")


def retrieval(figures: Mapping[str, Mapping[str, Any]], found: Paired | None) -> str:
    """Precision and recall as frequencies."""
    first = next(iter(figures.values()))
    parts = [f"**{name}** has an average precision of {_estimate(f['average_precision'])}" for name, f in figures.items()]
    text = f"{percent(first['prevalence'])} of the {first['n']:,} rows have label 1, which is what chance would reach: {', '.join(parts)}."
    return text + (f" {difference('average precision', found)}." if found is not None else "")


def confusion(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """What is found, and what is called 1 wrongly."""
    parts = []
    for name, f in figures.items():
        c = f["confusion"]
        ones, called = c["tp"] + c["fn"], c["tp"] + c["fp"]
        right = f"; {hundred(c['tp'] / called)} of 100 rows that it calls 1 are" if called else "; it calls none 1"
        parts.append(f"Of 100 rows with label 1 **{name}** finds {hundred(c['tp'] / ones if ones else None)}{right}.")
    return f"{' '.join(parts)} n = {next(iter(figures.values()))['n']:,}."


def calibration(figures: Mapping[str, Mapping[str, Any]], found: Paired | None) -> str:
    """How far scores are from what happens, and to which side."""
    parts = []
    for name, f in figures.items():
        bins = f["calibration"]
        n = sum(b["n"] for b in bins) or 1
        said, seen = (sum(b["n"] * b[key] for b in bins) / n for key in ("mean_score", "observed"))
        parts.append(
            f"**{name}** says {percent(said)} on average where {percent(seen)} happen; "
            f"a score is off by {number(100 * f['ece']['value'], 1)} points ({_ends(f['ece'], 100, 1)})"
        )
    text = f"{'. '.join(parts)}; n = {next(iter(figures.values()))['n']:,}."
    return text + (f" {difference('calibration error', found)}." if found is not None else "")


def trade(quality: Mapping[str, Paired], bias: Mapping[str, Any], names: Sequence[str]) -> str:
    """What the second model gains, beside what it does to calibration and to the groups: never one without the others."""
    gains = [f"{n.replace('_', ' ')} {signed(d.value)}" for n, d in quality.items() if d.beyond_noise and _good(n, d)]
    costs = [f"{n.replace('_', ' ')} {signed(d.value)}" for n, d in quality.items() if d.beyond_noise and not _good(n, d)]
    fairer = [n for n, d in bias.items() if d.fairer == "b" and n not in OVERALL]
    worse = [n for n, d in bias.items() if d.fairer == "a" and n not in OVERALL]
    lines = [f"**{names[1]}** against **{names[0]}**, beyond the noise:"]
    lines.append(f"- better in {', '.join(gains)}" if gains else "- better in no quality figure")
    lines.append(f"- worse in {', '.join(costs)}" if costs else "- worse in no quality figure")
    if bias:
        lines.append(f"- groups nearer to each other by {', '.join(fairer)}" if fairer else "- groups nearer to each other by no metric")
        lines.append(f"- groups further apart by {', '.join(worse)}" if worse else "- groups further apart by no metric")
    ece = quality.get("ece")
    if ece is not None:
        lines.append(f"- {difference('calibration error', ece)}")
    return "\n".join(lines)


def _good(name: str, found: Paired) -> bool:
    return ((found.value or 0) > 0) != (name.replace(" ", "_") in LOWER_IS_BETTER)


def biases(found: Mapping[str, Any], names: Sequence[str], people: tuple[str, str]) -> str:
    """Which model treats the groups more alike, by which metrics."""
    noise = sum(not d.beyond_noise for d in found.values())
    fairer = {which: [n for n, d in found.items() if d.fairer == which and n not in OVERALL] for which in ("a", "b")}
    if not fairer["a"] and not fairer["b"]:
        start = f"No metric shows that either version treats {people[0]} and {people[1]} more alike by more than noise"
    else:
        parts = [
            f"**{names['ab'.index(which)]}** treats {people[0]} and {people[1]} more alike by {', '.join(metrics)}"
            for which, metrics in fairer.items()
            if metrics
        ]
        start = "; ".join(parts)
    first = next(iter(found.values()))
    return f"{start}. {noise} of {len(found)} differences are {NOISE}; n = {first.n:,}, the same rows drawn for both."


def noisy(models: Mapping[str, Mapping[str, Any]]) -> str:
    """Which metrics of each model are beyond the noise, and which are undefined. Distances and GE, which can't be 0, aren't counted. Of a
    report without intervals only that it has none."""
    lines = []
    for model, metrics in models.items():
        around = {n: m for n, m in metrics.items() if m.interval is not None and m.interval.low is not None and m.low < _neutral(n)}
        beyond = [n for n, m in around.items() if not m.interval.low <= _neutral(n) <= m.interval.high]
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


def _neutral(name: str) -> float:
    return 1.0 if name == "DI" else 0.0


def widest(sweeps: Mapping[str, Sweep], people: tuple[str, str]) -> str:
    """At which threshold either side's share turned away is furthest from the other's."""
    parts = []
    for model, sweep in sweeps.items():
        cells = sweep.tables().sum(axis=(1, -1))
        away = divide(cells[:, :, :, 0].sum(axis=-1), cells.sum(axis=(-1, -2)))
        gap = away[:, 1] - away[:, 0]
        place = int(np.abs(gap).argmax())
        more = people[0] if gap[place] > 0 else people[1]
        parts.append(f"**{model}** {number(100 * abs(float(gap[place])), 1)} points at {sweep.thresholds[place]:g}, more {more}")
    return f"The two groups are furthest apart: {'; '.join(parts)} turned away. Points without intervals: choose a threshold to see one."


def course(sweeps: Mapping[str, Sweep], name: str) -> str:
    """From where to where a figure goes over the thresholds."""
    parts = []
    for model, sweep in sweeps.items():
        values = figures_of(sweep.tables(), sweep.favourable)[name]
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            low, high = known[values[known].argmin()], known[values[known].argmax()]
            parts.append(
                f"**{model}** from {number(float(values[low]))} (at {sweep.thresholds[low]:g}) "
                f"to {number(float(values[high]))} (at {sweep.thresholds[high]:g})"
            )
    return f"{name} goes {'; '.join(parts)}." if parts else f"{name} is undefined at every threshold."


def importance(models: Mapping[str, Mapping[str, float]], rows: int | None) -> str:
    """What weighs most, and where the models disagree."""
    parts = []
    for name, values in models.items():
        sizes = {feature: abs(value) for feature, value in values.items()}
        top = sorted(sizes.items(), key=lambda item: -item[1])[:3]
        total = sum(sizes.values()) or 1
        parts.append(f"in **{name}** {', '.join(feature for feature, _ in top)} weigh most ({percent(sum(v for _, v in top) / total, 0)})")
    text = "; ".join(parts).replace("in ", "In ", 1) + "."
    if len(models) == 2:
        a, b = models.values()
        shared = [feature for feature in a if feature in b]
        if shared:
            furthest = max(shared, key=lambda feature: abs(a[feature] - b[feature]))
            same = a[furthest] == b[furthest]
            text += (
                " They don't differ." if same else f" They differ most in {furthest}: {number(a[furthest], 4)} → {number(b[furthest], 4)}."
            )
    return text + (f" Mean |SHAP| of {rows:,} rows." if rows else "")


def _ends(estimate: Mapping[str, Any], scale: float = 1, digits: int = 3) -> str:
    low, high = estimate["low"], estimate["high"]
    return interval(None if low is None else scale * low, None if high is None else scale * high, digits)


def _estimate(estimate: Mapping[str, Any], digits: int = 3) -> str:
    return f"{number(estimate['value'], digits)} ({_ends(estimate, 1, digits)})"
