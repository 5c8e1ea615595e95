"""SHAP figures in sentences, each with its number of rows and its interval. Probabilities are in percentage points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from core.analysis.explanations.shap_summary import ShapEstimate
from core.analysis.tables.value_names import ValueNames
from core.views.shared.number_text import band_text, format_number, format_percent, named_value_text


def points_text(value: float, digits: int = 2) -> str:
    """A probability, or a difference of two, in percentage points."""
    return format_number(100 * value, digits)


def interval_text(estimate: ShapEstimate, digits: int = 2) -> str:
    """``6.10 (95 % interval 5.98 to 6.22)``; only the value where there is no interval."""
    if estimate.low != estimate.low:
        return points_text(estimate.value, digits)
    return (
        f"{points_text(estimate.value, digits)} (95 % interval {points_text(estimate.low, digits)} to {points_text(estimate.high, digits)})"
    )


def _absolute_estimate(difference: ShapEstimate) -> ShapEstimate:
    """The absolute value of a difference whose interval excludes 0."""
    low, high = sorted((abs(difference.low), abs(difference.high)))
    return difference if difference.within_noise else ShapEstimate(abs(difference.value), low, high, difference.n)


def importance_sentence(estimates: Mapping[str, ShapEstimate]) -> str:
    """Which feature moves the predictions most, by how much, and what share of all movement few features have."""
    first, *rest = estimates.items()
    total = sum(e.value for e in estimates.values())
    words = f"{first[0]} moves the prediction most: by {interval_text(first[1])} points on average, n = {first[1].n:,}"
    if total > 0:
        words += f"; that is {format_percent(first[1].value / total, 0)} of all movement"
    if rest and total > 0:
        words += f", and {rest[0][0]}, the next, {format_percent(rest[0][1].value / total, 0)}"
    return words + "."


def differences_sentence(differences: Mapping[str, ShapEstimate], a: str, b: str) -> str:
    """Where two models of the same rows differ most, and how many differences are more than noise."""
    name, most = max(differences.items(), key=lambda item: abs(item[1].value))
    beyond = sum(not e.within_noise for e in differences.values())
    if most.within_noise:
        start = f"The largest difference of {b} from {a} is on {name}: {interval_text(most)} points, which is within the noise"
    else:
        way = "more" if most.value > 0 else "less"
        start = f"{b} leans {way} on {name} than {a}: by {interval_text(_absolute_estimate(most))} points"
    return f"{start}, the same {most.n:,} rows under both. {beyond} of {len(differences)} differences are more than noise."


def sensitive_columns_sentence(
    columns: Sequence[str], shares: Mapping[str, ShapEstimate], facet: str, people: str, gap: ShapEstimate | None
) -> str:
    """How much of the movement the sensitive columns carry, and in which direction the facet's own column moves the
    predictions of its people."""
    parts = []
    for model, found in shares.items():
        if found.value == found.value:
            parts.append(f"{interval_text(found)} % of {model}'s movement (n = {found.n:,})")
    words = f"Sensitive columns that the model is given: {' and '.join(columns)}. They carry {' and '.join(parts) or 'nothing'}."
    if gap is not None and gap.value == gap.value:
        if gap.within_noise:
            words += (
                f" These rows can't tell whether the column {facet} by itself makes predictions for {people} higher or lower than others': "
            )
            words += f"by {interval_text(gap)} points."
        else:
            way, size = "higher" if gap.value > 0 else "lower", interval_text(_absolute_estimate(gap))
            words += f" The column {facet} by itself makes predictions for {people} {size} points {way} than others'."
    return words


def beeswarm_sentence(correlations: Mapping[str, ShapEstimate]) -> str:
    """In which direction high values of the most important features move the prediction."""
    parts = []
    for name, e in correlations.items():
        if e.value == e.value:
            way = "raise" if e.value > 0 else "lower"
            mostly = "" if abs(e.value) > 0.7 else "mostly " if abs(e.value) > 0.3 else "hardly "
            moves = "raise or lower it, these rows can't tell" if e.within_noise else f"{mostly}{way} it"
            parts.append(
                f"high values of {name} {moves} (rank correlation {format_number(e.value, 2)}, {format_number(e.low, 2)} to "
                f"{format_number(e.high, 2)})"
            )
    if not parts:
        return "No feature correlates with its SHAP values: each has the same value in all rows."
    return "The prediction: " + "; ".join(parts) + f"; 95 % intervals, n = {max(e.n for e in correlations.values()):,}."


def bands_sentence(bands: pd.DataFrame, feature: str, model: str, names: ValueNames) -> str:
    """Where along a feature the prediction is raised and lowered most."""
    known = bands[bands["n"] > 0]
    if known.empty:
        return f"{feature} has no values to show."
    ordered = known.sort_values("mean", kind="stable")
    low, high = ordered.iloc[0], ordered.iloc[-1]

    def at(row: pd.Series) -> str:
        where = named_value_text(feature, row["from"], names) if row["from"] == row["to"] else band_text(row["from"], row["to"])
        return (
            f"{feature} = {where}: {interval_text(ShapEstimate(row['mean'], row['low'], row['high'], int(row['n'])))} points, n = "
            f"{int(row['n']):,}"
        )

    return f"{model}: most at {at(high)}; least at {at(low)}."


def row_sentence(row: int, prediction: float, expected: float, table: pd.DataFrame, threshold: float, outcome: str) -> str:
    """One row's prediction, which side of the threshold, and what raised and lowered it most."""
    raised, lowered = table[table["SHAP"] > 0], table[table["SHAP"] < 0]
    words = f"Row {row:,}: the model predicts {points_text(prediction)} %, expected {points_text(expected)} %; "
    words += f"{'above' if prediction > threshold else 'not above'} the threshold of {points_text(threshold, 1)} %, so {outcome}."
    for part, way in ((raised, "raised"), (lowered, "lowered")):
        if len(part):
            first = part.iloc[0]
            words += f" {first['feature']} = {first['value']} {way} it most, by {points_text(abs(first['SHAP']))} points."
    return words


def change_sentence(
    changes: Mapping[str, tuple[str, str]], before: float, after: float, threshold: float, outcomes: tuple[str, str]
) -> str:
    """What the model says after a change: ``changes`` is feature -> (was, is), ``outcomes`` in words before and after."""
    if not changes:
        return "Nothing is changed yet."
    what = ", ".join(f"{name} = {now} instead of {was}" for name, (was, now) in changes.items())
    moved = after - before
    words = f"With {what}, the model predicts {points_text(after)} % instead of {points_text(before)} %: "
    words += "no change" if abs(moved) < 5e-5 else f"{points_text(abs(moved))} points {'higher' if moved > 0 else 'lower'}"
    if (before > threshold) != (after > threshold):
        return words + f". That crosses the threshold of {points_text(threshold, 1)} %: {outcomes[1]} instead of {outcomes[0]}."
    return words + f". It stays on the same side of the threshold of {points_text(threshold, 1)} %: {outcomes[1]}."
