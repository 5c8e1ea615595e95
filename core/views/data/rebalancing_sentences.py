"""What a rebalancing did to the training rows, in sentences and counts."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from core.analysis.bias.direction import difference_sign
from core.analysis.bias.metric_registry import changes_sign
from core.analysis.intervals.proportions import Share, share_difference, share_with_interval
from core.analysis.resampling.rebalancing_manifest import CellCount, MetricEntry, RebalancingManifest
from core.analysis.tables.value_names import ValueNames
from core.views.shared.number_text import format_number, format_percent, signed_number

Counts = Iterable[CellCount]
"""The cells of label × facet, each once."""


def pivot_counts(rows: Counts) -> pd.DataFrame:
    """Rows (or their weights) by label, down, and facet, across."""
    cells = [(str(row["label"]), str(row["facet"]), float(row.get("weight", row["count"]))) for row in rows]
    frame = pd.DataFrame(cells, columns=["label", "facet", "count"])
    return frame.pivot_table(index="label", columns="facet", values="count", aggfunc="sum", fill_value=0)


def counts_table(before: Counts, after: Counts, *, label: str, facet: str, names: ValueNames) -> pd.DataFrame:
    """Rows of the training part by label and facet, before and after, with the difference."""
    table = _count_changes(before, after)
    table["label"] = [names.value(label, code) for code in table["label"]]
    table["facet"] = [names.value(facet, code) for code in table["facet"]]
    return table


def _count_changes(before: Counts, after: Counts) -> pd.DataFrame:
    old, new = pivot_counts(before).stack(), pivot_counts(after).stack()
    table = pd.DataFrame({"before": old, "after": new}).fillna(0).round().astype(int)
    table["change"] = table["after"] - table["before"]
    return table.reset_index()


def counts_sentence(before: Counts, after: Counts, *, label: str, facet: str, names: ValueNames) -> str:
    """The rows in all before and after, and the cell of label × facet that changed most."""
    table = _count_changes(before, after)
    total = f"{table['before'].sum():,} rows before, {table['after'].sum():,} after"
    if not table["change"].any():
        return f"{total}: no cell changed."
    row = table.to_dict("records")[int(table["change"].abs().to_numpy().argmax())]
    cell = f"{names.describe(facet, row['facet'])}, {names.describe(label, row['label'])}"
    return f"{total}. Most changed: {cell}, from {row['before']:,} to {row['after']:,}."


def group_outcomes_sentence(manifest: RebalancingManifest, names: ValueNames) -> str:
    """How many of 100 people of each group have the favourable outcome before (with interval and n) and after. The rows after are
    constructed, not sampled, so they have no interval."""
    config = manifest["config"]
    groups = _facet_groups(manifest, names)
    favourable = str(config.get("favourable", 0))
    found = [[_favourable_share(manifest["counts"][when], values, favourable) for _, values in groups] for when in ("before", "after")]
    (old, old_rest), (new, new_rest) = found
    if old is None or old_rest is None or new is None or new_rest is None:
        return ""
    (who, _), (rest, _) = groups
    outcome = names.describe(str(config["label"]), config.get("favourable", 0))
    mine, theirs = _change_text(old, new, f" the favourable outcome ({outcome})"), _change_text(old_rest, new_rest, " it")
    gap, low, high = share_difference(old, old_rest)
    ends = sorted((abs(low), abs(high))) if low * high > 0 else [low, high]
    within = "" if low * high > 0 else ", so within the noise: these rows can't tell"
    interval = f"95 % interval {format_number(100 * ends[0], 1)} to {format_number(100 * ends[1], 1)}{within}"
    now = _gap_text(new.value - new_rest.value)
    return f"Of 100 {who}, {mine}; of 100 {rest}, {theirs}. Before, {who} were {_gap_text(gap)} {rest} ({interval}); after, {now} them."


def _change_text(old: Share, new: Share, what: str) -> str:
    now = f"{100 * new.value:.1f}" if difference_sign(new.value, old.value) else "as many"
    interval = f"95 % interval {100 * old.low:.1f} to {100 * old.high:.1f}, n = {round(old.n):,}"
    return f"{100 * old.value:.1f} have{what} before ({interval}) and {now} after"


def _gap_text(value: float) -> str:
    sign = difference_sign(value)
    return f"{abs(100 * value):.1f} points {'ahead of' if sign > 0 else 'behind'}" if sign else "level with"


def _facet_groups(manifest: RebalancingManifest, names: ValueNames) -> list[tuple[str, set[str]]]:
    """(who, values) of the facet's group and of all others."""
    config = manifest["config"]
    facet = str(config["facet"])
    values = sorted({str(row["facet"]) for row in manifest["counts"]["before"]})
    mine = str(config.get("facet_value", values[0]))
    others = [value for value in values if value != mine]
    rest = names.describe_group(facet, others[0], "rows") if len(others) == 1 else "others"
    return [(names.describe_group(facet, mine, "rows"), {mine}), (rest, set(others))]


def _favourable_share(rows: Counts, values: set[str], favourable: str) -> Share | None:
    mine = [(str(row["label"]), float(row.get("weight", row["count"]))) for row in rows if str(row["facet"]) in values]
    return share_with_interval(sum(weight for label, weight in mine if label == favourable), sum(weight for _, weight in mine))


def label_shares_table(manifest: RebalancingManifest, names: ValueNames) -> pd.DataFrame:
    """Each group's share of favourable labels before and after, with the counts behind it; movements in points of 100. Empty for jobs of
    earlier versions, which didn't measure it."""
    facet = str(manifest["config"]["facet"])
    rows = []
    for one in manifest.get("label_shares", []):
        who = "others" if one["group"] == "others" else names.describe(facet, one["group"])
        rows.append(
            {
                "group": who,
                "before": _share_of(one["before"], one["favourable_before"], one["rows_before"]),
                "after": _share_of(one["after"], one["favourable_after"], one["rows_after"]),
                "moved, points": signed_number(_points(one["moved"]), 2),
                "beyond the target": signed_number(_points(one["beyond_target"]), 2),
            }
        )
    return pd.DataFrame(rows)


def label_shares_sentence(manifest: RebalancingManifest, names: ValueNames) -> str:
    """The group whose share of favourable labels moved most, and how much of that the target asked for; "" for jobs of earlier versions."""
    known = [one for one in manifest.get("label_shares", []) if one["moved"] is not None and one["beyond_target"] is not None]
    if not known:
        return ""
    most = max(known, key=lambda one: abs(one["moved"] or 0))
    far = max(known, key=lambda one: abs(one["beyond_target"] or 0))
    facet = str(manifest["config"]["facet"])
    who, farther = ("others" if one["group"] == "others" else names.describe(facet, one["group"]) for one in (most, far))
    asked = (most["asked"] or 0) - (most["before"] or 0)
    text = (
        f"The share of favourable labels moved most for {who}: from {format_percent(most['before'])} to {format_percent(most['after'])} "
        f"({signed_number(_points(most['moved']), 2)} points; the target asks for {signed_number(_points(asked), 2)}). "
    )
    return text + f"Beyond what the target asks, it moved most for {farther}: {signed_number(_points(far['beyond_target']), 2)} points."


def _points(share: float | None) -> float | None:
    """A share as points of 100; what rounds to 0.00 is 0, without a sign."""
    return None if share is None else round(100 * share, 2) + 0.0


def _share_of(share: float | None, favourable: float, rows: float) -> str:
    counts = f"{format_number(favourable, 0)} of {format_number(rows, 0)}"
    return f"{format_percent(share)} ({counts})" if share is not None else "no rows"


def added_rows_kind(method: str) -> str:
    """Whether the rows that a method adds are copied or synthetic."""
    return "copied" if method == "random-over" else "synthetic"


def rebalancing_sentence(manifest: RebalancingManifest, favourable: str, names: ValueNames) -> str:
    """What the rebalancing did to the two groups, computed from its manifest."""
    config, counts = manifest["config"], manifest["counts"]
    rates_before, rates_after = _favourable_rates(counts["before"], favourable), _favourable_rates(counts["after"], favourable)
    count, share, split = int(manifest["synthetic"]["count"]), float(manifest["synthetic"]["share"]), manifest["split"]
    gone = int(split["original_train_rows"]) - (int(split["train_rows"]) - count)
    parts = []
    for facet, rate in rates_before.items():
        now = rates_after.get(facet)
        if now is not None:
            moved = (
                f"from {format_percent(rate)} to {format_percent(now)}"
                if difference_sign(now, rate)
                else f"unchanged at {format_percent(rate)}"
            )
            parts.append(f"for {names.describe(config['facet'], facet)} {moved}")
    text = f"{count:,} {added_rows_kind(config['method'])} rows ({format_percent(share)} of the training rows). "
    if gone and config["order"] == "split_first":
        text += f"{gone:,} real rows are removed. "
    text += f"The share of favourable outcomes: {'; '.join(parts)}."
    bias = manifest["pre_training_bias"]
    imbalance = (metric_entry_value(bias["before"].get("CI", {})), metric_entry_value(bias["after"].get("CI", {})))
    if None not in imbalance:
        text += f" Class imbalance goes from {format_number(imbalance[0])} to {format_number(imbalance[1])}"
    old, new = metric_entry_value(bias["before"].get("DPL", {})), metric_entry_value(bias["after"].get("DPL", {}))
    if old is not None and new is not None:
        text += f", the difference in favourable labels (DPL) from {format_number(old)} to {format_number(new)}"
        if changes_sign("DPL", old, new):
            text += ": its sign flips, so the group that was behind is now ahead in the data, so balanced counts have not removed the bias"
        elif difference_sign(abs(new), abs(old)) > 0:
            text += ": the groups' outcomes are further apart than before"
        elif difference_sign(abs(new), abs(old)) < 0:
            text += ": the groups' outcomes are closer than before"
    return text + "."


def _favourable_rates(rows: Counts, favourable: str) -> dict[str, float]:
    wide = pivot_counts(rows)
    totals = wide.sum(axis=0)
    good = wide.loc[favourable] if favourable in wide.index else totals * 0
    return {str(facet): float(good[facet] / totals[facet]) for facet in wide.columns if totals[facet]}


def metric_entry_value(entry: MetricEntry) -> float | None:
    """The value of a manifest's metric; None where it is undefined or missing."""
    value = entry.get("value")
    return None if value is None else float(value)
