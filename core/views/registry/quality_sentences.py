"""How well models predict, in sentences: each says what the picture beside it shows, with its interval and the number of rows."""

from __future__ import annotations

from collections.abc import Mapping

from core.analysis.performance.performance_json import EstimateJson, PerformanceJson
from core.views.shared.difference_sentences import PairedDifference, difference_text
from core.views.shared.number_text import format_number, format_percent, interval_text, per_hundred_text


def auc_sentence(figures: Mapping[str, PerformanceJson], paired: PairedDifference | None, positive: str = "label 1") -> str:
    """AUC, as how often a row of label 1, called ``positive``, ranks first in 100 pairs."""
    parts = [
        f"**{name}** ranks it first {format_number(100 * f['auc']['value'], 1)} times ({_estimate_interval(f['auc'], 100, 1)})"
        for name, f in figures.items()
        if f["auc"]["value"] is not None
    ]
    if not parts:
        return "All rows have the same label: AUC is undefined."
    rows = _row_counts({name: f["auc"]["n"] for name, f in figures.items()})
    text = f"Of 100 pairs with one row of each label, the row with {positive} should come first: {', '.join(parts)}; {rows} rows."
    return text + (f" {difference_text('AUC', paired)} ." if paired is not None else "")


def average_precision_sentence(figures: Mapping[str, PerformanceJson], paired: PairedDifference | None, positive: str = "label 1") -> str:
    """Average precision of each model, against what chance would reach."""
    parts = {name: f"**{name}** has an average precision of {_estimate_text(f['average_precision'])}" for name, f in figures.items()}
    chance = {name: f"{format_percent(f['prevalence'])} of the {f['n']:,} rows have {positive}" for name, f in figures.items()}
    if len(set(chance.values())) == 1:
        text = f"{next(iter(chance.values()))}, which is what chance would reach: {', '.join(parts.values())}."
    else:
        text = ". ".join(f"{parts[name]}; {chance[name]}, which is what chance would reach there" for name in figures) + "."
    return text + (f" {difference_text('average precision', paired)}." if paired is not None else "")


def confusion_sentence(figures: Mapping[str, PerformanceJson], positive: str = "label 1") -> str:
    """How many rows of label 1, called ``positive``, each model finds, and how often a row for which it predicts it has it."""
    parts = []
    for name, f in figures.items():
        c = f["confusion"]
        ones, called = c["tp"] + c["fn"], c["tp"] + c["fp"]
        right = (
            f"; {per_hundred_text(c['tp'] / called)} of 100 rows for which it predicts {positive} have it"
            if called
            else f"; it predicts {positive} for no row"
        )
        of_ones = (
            f"Of 100 rows with {positive} **{name}** finds {per_hundred_text(c['tp'] / ones)}"
            if ones
            else f"**{name}**: no row has {positive}"
        )
        parts.append(f"{of_ones}{right}.")
    return f"{' '.join(parts)} {_row_counts({name: f['n'] for name, f in figures.items()})}."


def calibration_sentence(figures: Mapping[str, PerformanceJson], paired: PairedDifference | None) -> str:
    """How far scores are from observed rates, and in which direction."""
    parts = []
    for name, f in figures.items():
        bins, off = f["calibration"], f["ece"]["value"]
        n = sum(b["n"] for b in bins) or 1
        said, seen = (sum(b["n"] * b[key] for b in bins) / n for key in ("mean_score", "observed"))
        parts.append(
            f"**{name}** predicts {format_percent(said)} on average where {format_percent(seen)} is observed; "
            f"a score is off by {format_number(None if off is None else 100 * off, 1)} points ({_estimate_interval(f['ece'], 100, 1)})"
        )
    text = f"{'. '.join(parts)}; {_row_counts({name: f['n'] for name, f in figures.items()})}."
    return text + (f" {difference_text('calibration error', paired)}." if paired is not None else "")


def _row_counts(counts: Mapping[str, int]) -> str:
    """``n = 800``; of each model, where they differ."""
    if len(set(counts.values())) == 1:
        return f"n = {next(iter(counts.values())):,}"
    return f"n = {', '.join(f'{n:,} for **{name}**' for name, n in counts.items())}"


def _estimate_interval(estimate: EstimateJson, scale: float = 1, digits: int = 3) -> str:
    low, high = estimate["low"], estimate["high"]
    return interval_text(None if low is None else scale * low, None if high is None else scale * high, digits)


def _estimate_text(estimate: EstimateJson, digits: int = 3) -> str:
    if estimate["value"] is None:
        return f"– (undefined: {estimate.get('why') or 'on these rows'})"
    return f"{format_number(estimate['value'], digits)} ({_estimate_interval(estimate, 1, digits)})"
