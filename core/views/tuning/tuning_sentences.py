"""A tuning job in sentences, each computed from the trials that the picture beside it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from core.analysis.performance.performance_json import EstimateJson, PerformanceJson
from core.analysis.tables.value_names import ValueNames
from core.views.shared.number_text import duration_text, format_number, format_percent


def best_trial_sentence(
    trials: pd.DataFrame, *, objective: str, maximize: bool, interval: tuple[float, float] | None = None, rows: int = 0
) -> str:
    """Which trial is the best, and how many later ones were no better. ``interval`` is the best's, from ``rows`` validation rows."""
    known = trials.dropna(subset=["objective"]).sort_values("number")
    if known.empty:
        return "No trial has an objective."
    if len(known) > 1 and known["objective"].nunique() == 1:
        return (
            f"All {len(known)} trials have the same {objective}, {format_number(known['objective'].iloc[0], 4)}: "
            "**none of them is the best**. Choose an objective that tells them apart, or wider ranges."
        )
    best = known.sort_values("objective", ascending=not maximize, kind="stable").iloc[0]
    after = int((known["number"] > best["number"]).sum())
    spread = known["objective"].median()
    text = f"**Trial {best['number']}** has the best {objective}, {format_number(best['objective'], 4)}"
    if interval:
        text += f" (95 % interval {format_number(interval[0], 4)} to {format_number(interval[1], 4)}, n = {rows:,} validation rows)"
    text += f"; the median of {len(known)} trials is {format_number(spread, 4)}." if len(known) > 1 else "."
    if after:
        text += f" The {after} trial{'s' if after > 1 else ''} after it found nothing better."
    if interval:
        low, high = interval
        alike = int(known["objective"].between(low, high).sum()) - 1
        if alike > 0:
            text += f" {alike} other trial{'s lie' if alike > 1 else ' lies'} within its interval."
    return text


def importance_sentence(table: pd.DataFrame, trials: int) -> str:
    """Which hyperparameters explain the objective most, in these trials."""
    if table.empty:
        return "Fewer than four different trials: importance can't be estimated."
    first = table.iloc[0]
    text = f"**{first['hyperparameter']}** explains {format_percent(first['importance'], 0)} of the differences among these {trials} trials"
    if len(table) > 1:
        text += f", {table.iloc[1]['hyperparameter']} {format_percent(table.iloc[1]['importance'], 0)}"
    return text + (". With so few trials this is only a hint." if trials < 30 else ".")


def best_ranges_sentence(trials: pd.DataFrame, parameters: Sequence[str], *, maximize: bool) -> str:
    """The ranges of the hyperparameters in the best quarter of the trials."""
    known = trials.dropna(subset=["objective"])
    if len(known) < 4:
        return f"{len(known)} trial{'s' if len(known) != 1 else ''}: too few to say which ranges are good."
    best = known.sort_values("objective", ascending=not maximize).head(max(2, len(known) // 4))
    parts = []
    for name in parameters:
        values = pd.to_numeric(best[name], errors="coerce").dropna()
        if len(values):
            parts.append(f"{name} {values.min():.3g} to {values.max():.3g}")
    return f"The best {len(best)} of {len(known)} trials have {', '.join(parts)}."


def timeline_sentence(trials: pd.DataFrame) -> str:
    """How long the trials took."""
    known = trials.dropna(subset=["started", "ended"])
    if known.empty:
        return "No trial has ended."
    start, end = pd.to_datetime(known["started"], utc=True), pd.to_datetime(known["ended"], utc=True)
    took = (end - start).dt.total_seconds()
    whole = (end.max() - start.min()).total_seconds()
    at_once = took.sum() / whole if whole else 1
    return (
        f"{len(known)} trials in {duration_text(whole)}, {at_once:.1f} at a time on average; "
        f"each took {duration_text(took.median())} (median; {duration_text(took.min())} to {duration_text(took.max())})."
    )


def best_round_sentence(rounds: pd.DataFrame) -> str:
    """The best round on the validation rows, and the metrics at the last round."""
    found = []
    for metric, rows in rounds.groupby("metric", sort=False):
        wide = rows.pivot_table(index="round", columns="data", values="value")
        if "validation" not in wide:
            continue
        falling = any(word in str(metric) for word in ("loss", "error", "rmse", "mae", "mse"))
        best = int(wide["validation"].sort_values(ascending=falling, kind="stable").index[0])
        last = int(wide.index.max())
        text = f"{metric} on the validation rows was best at round {best} of {last} ({format_number(wide['validation'].loc[best], 4)})"
        if "train" in wide:
            ends = {channel: format_number(wide[channel].iloc[-1], 4) for channel in ("train", "validation")}
            text += f"; at the end training is at {ends['train']}, validation at {ends['validation']}"
        found.append(text)
    return ". ".join(found) + "." if found else "No validation rows were given."


def comparison_sentence(
    names: Sequence[str], bests: Sequence[float | None], counts: Sequence[int], *, objective: str, maximize: bool
) -> str:
    """Which of two tuning jobs found the better trial."""
    if any(best is None for best in bests):
        return "One of the two has no trial with an objective yet."
    a, b = (float(best or 0.0) for best in bests)
    if a == b:
        return f"Both found {objective} {format_number(a, 4)}, in {counts[0]} and {counts[1]} trials."
    first = 0 if (a > b) == maximize else 1
    better, worse = (names[first], names[1 - first])
    return (
        f"**{better}** found the better trial: {objective} {format_number(bests[first], 4)} in {counts[first]} trials, "
        f"against {format_number(bests[1 - first], 4)} in {counts[1 - first]} of **{worse}**; a difference of "
        f"{format_number(abs(a - b), 4)}."
    )


class TuningDuration(Protocol):
    """How long a tuning job may take, according to ``jobs`` past ones: ``core.jobs.tuning.tuning_history``."""

    @property
    def trials(self) -> int: ...
    @property
    def rounds(self) -> int: ...
    @property
    def jobs(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def shortest(self) -> float: ...
    @property
    def longest(self) -> float: ...


def duration_estimate_sentence(prediction: TuningDuration | None) -> str:
    """How long a tuning job will take, and what the estimate rests on; None: no tuning job has completed yet."""
    if prediction is None:
        return "No estimate yet: no tuning job has completed in this workspace."
    past = f"{prediction.jobs} past tuning job{'s' if prediction.jobs > 1 else ''}"
    text = (
        f"{prediction.trials} training jobs in {prediction.rounds} rounds of parallel jobs: about **{duration_text(prediction.seconds)}**"
    )
    if prediction.jobs > 1:
        text += f" ({duration_text(prediction.shortest)} to {duration_text(prediction.longest)})"
    return (
        f"{text}, as {past} here took {duration_text(prediction.seconds / prediction.rounds)} a round (median; whatever their "
        "data and boosting rounds)."
    )


def unmeasured_facets_sentence(chosen: Sequence[tuple[str, float]], measured: Sequence[tuple[str, float]], names: ValueNames) -> str:
    """Which of the chosen facets, (column, value), trials weren't measured by; "" if they were by all."""
    lacking = [facet for facet in chosen if facet not in measured]
    if not lacking:
        return ""
    listed = ", ".join(names.describe(*facet) for facet in lacking[:5]) + (f" and {len(lacking) - 5:,} more" if lacking[5:] else "")
    return f"The trials weren't measured by {listed}. A version's bias report has every facet."


def report_sentences(performance: PerformanceJson, rows: str, labels: tuple[str, str]) -> dict[str, str]:
    """A sentence for each picture of an XGBoost report: confusion, roc, pr, calibration. ``labels``: what 0 and 1 are called."""
    zero, one = labels
    confusion, n = performance["confusion"], performance["n"]
    wrong = confusion["fp"] + confusion["fn"]
    error = performance["accuracy"]
    auc, precision, recall, ece = (performance[name] for name in ("auc", "average_precision", "recall", "ece"))
    return {
        "confusion": f"Of 100 {rows} rows {100 * wrong / n:.0f} are predicted wrongly: {confusion['fp']:,} with {zero} and "
        f"{confusion['fn']:,} with {one}; accuracy {_value_with_interval(error)}, n = {n:,}. Of 100 rows with {one} it finds "
        f"{100 * (recall['value'] or 0):.0f}.",
        "roc": f"Of a row of each label, the one with {one} has the higher score in {100 * (auc['value'] or 0.5):.0f} of 100 pairs: "
        f"AUC {_value_with_interval(auc)}, n = {n:,}.",
        "pr": f"Average precision {_value_with_interval(precision)}, "
        f"where chance would reach {format_number(performance['prevalence'])}, n = {n:,}.",
        "calibration": f"Scores differ from observed rates by {100 * (ece['value'] or 0):.1f} points on average (calibration error "
        f"{_value_with_interval(ece)}), n = {n:,}.",
    }


def _value_with_interval(found: EstimateJson) -> str:
    if found["value"] is None:
        return "undefined"
    if found["low"] is None:
        return format_number(found["value"])
    return f"{format_number(found['value'])} (95 % interval {format_number(found['low'])} to {format_number(found['high'])})"
