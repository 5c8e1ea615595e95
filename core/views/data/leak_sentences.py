"""What a table gives away, in sentences: features that tell the label, ids, rows that stand in it twice."""

from __future__ import annotations

from core.analysis.leaks.id_columns import IdColumn
from core.analysis.leaks.label_leaks import LabelLeak
from core.analysis.leaks.leak_findings import LeakFindings, findings_from_json
from core.analysis.leaks.row_twins import RowTwins
from core.analysis.resampling.rebalancing_manifest import RebalancingManifest
from core.analysis.tables.value_names import ValueNames
from core.views.shared.number_text import format_number, format_percent

_ID_REASONS = {
    "row order": "they rise or fall with the row number",
    "consecutive": "they are numbers with hardly a gap",
    "name": "and it is called one",
    "text": "a text for each row",
    "digits": "whole numbers with equally many digits",
}


def manifest_leaks(manifest: RebalancingManifest) -> LeakFindings | None:
    """What a rebalancing found; None for jobs of earlier versions, which didn't look."""
    return findings_from_json(manifest["leaks"]) if "leaks" in manifest else None


def describe_leaks(leaks: LeakFindings, label: str, names: ValueNames | None = None) -> list[str]:
    """Each finding, with its size and what to do; [] if there is none. ``names``: what codes mean."""
    found = [_describe_label_leak(leak, label, names or ValueNames()) for leak in leaks.label]
    found += [_describe_id(column, names or ValueNames()) for column in leaks.ids]
    if leaks.twins_in_training:
        parts = {f"{part} rows": twins for part, twins in leaks.twins_in_training.items()}
        found += [describe_twins(twins, part, "in training") for part, twins in parts.items() if twins.is_finding]
    elif leaks.twins.is_finding:
        found.append(describe_twins(leaks.twins, "rows", "in another row"))
    return found


def report_leaks(leaks: LeakFindings, label: str, names: ValueNames | None = None) -> list[str]:
    """Each finding; if there is none, that there is none, and how many held-out rows stand in training too."""
    found = describe_leaks(leaks, label, names)
    if found:
        return found
    twins = [
        f"{n.rows:,} of {n.of:,} {part} rows stand in training too, about as many as people who are alike explain, or hardly any."
        for part, n in leaks.twins_in_training.items()
        if n.rows
    ]
    return ["No feature alone gives the label away, and none looks like an id.", *twins]


def describe_twins(twins: RowTwins, which: str, where: str) -> str:
    """How many rows stand elsewhere too, and how many of them are to be expected. ``which``: such as "test rows"; ``where``: such as
    "in training"."""
    text = f"{twins.rows:,} of {twins.of:,} {which} ({format_percent(twins.share)}) stand {where} too, with every value and the label"
    if twins.repeats > 1:
        return f"{text}: every row of the table stands in it {twins.repeats} times. Keep each row once."
    expected = (
        f"{twins.expected:,.0f} of them {'is' if round(twins.expected) == 1 else 'are'} to be expected, as different people who are alike"
    )
    return f"{text}; {expected}. A model has seen such rows before it is tested: keep each row once."


def _describe_label_leak(leak: LabelLeak, label: str, names: ValueNames) -> str:
    feature, size = leak.feature, f"AUC {format_number(leak.auc)}, right in {leak.agreeing_rows:,} of {leak.rows:,} rows"
    one, zero = (names.describe(label, value) for value in (1, 0))
    values = [
        (f"{feature} is empty" if value is None else names.describe(feature, value), one if of else zero) for value, of in leak.labels
    ]
    if leak.kind == "one to one":
        text = f"{feature} is the label under another name: {'; '.join(f'{value} always has {of}' for value, of in values)} ({size})."
    elif leak.kind == "near copy":
        text = f"{feature} is nearly the label: {'; '.join(f'{value} mostly has {of}' for value, of in values)} ({size})."
    elif leak.kind == "threshold":
        limit = names.value(feature, leak.above) if names.is_coded(feature) else f"{leak.above:,g}"
        over, rest = (one, zero) if leak.label_above else (zero, one)
        text = f"{feature} alone gives the label away: every row above {limit} has {over}, every other one {rest} ({size})."
    elif leak.kind == "function":
        text = f"{feature} alone gives the label away: each of its values has one label only ({size})."
    elif leak.kind == "empty cells":
        text = f"Whether {feature} is empty gives the label away ({size})."
    else:
        text = f"{feature} alone nearly gives the label away ({size})."
    return f"{text} If it is known only after the outcome, leave it out."


def _describe_id(column: IdColumn, names: ValueNames) -> str:
    kind = "text" if names.is_coded(column.feature) else column.kind  # its numbers are codes, which count what it names
    return (
        f"{column.feature} looks like an id: {column.distinct:,} different values in {column.rows:,} rows, {_ID_REASONS[kind]}. "
        "Leave it out: a model learns single rows from it by heart."
    )
