"""What a table of all groups says, in sentences: how sure its intervals are, which groups fare worse, which are too small."""

from __future__ import annotations

from math import isinf

from core.analysis.bias.group_table import GroupFigure, GroupOutcome, GroupTable
from core.analysis.intervals.simultaneous_intervals import confidence_of_each

MAX_NAMED = 5
DISPARITY_TITLES = {
    "DPL": "favourable label: all others − group",
    "DPPL": "selection rate: all others − group",
    "DI": "selection rate: group / all others",
    "RD": "recall: all others − group",
}
"""Metric of the table -> what it compares."""


def explain_group_table(table: GroupTable) -> list[str]:
    """Sentences for a reader of the table, the most important first.

    >>> import numpy as np
    >>> sex = GroupColumn("sex", np.repeat([0, 1], 200), ("f", "m"), ("women", "men"))
    >>> table = measure_groups([sex], np.repeat([False, True], 200), np.repeat([False, True], 200))
    >>> explain_group_table(table)[0]
    'Selected less often than all others, by more than noise: women (0.0 % against 100.0 %).'
    """
    sentences = [_worse_off(table), _how_sure(table)]
    small = [group for group in table.groups if group.why]
    count, rows = len(small) + table.unlisted, sum(group.rows for group in small) + table.unlisted_rows
    if count:
        which = "1 intersection has" if count == 1 else f"{count:,} intersections have"
        end = "it is counted, not measured" if count == 1 else f"{rows:,} in total: they are counted, not measured"
        sentences.append(f"{which} fewer than {table.floor} rows{f' ({rows})' if count == 1 else ''}{'; ' if count == 1 else ', '}{end}.")
    if table.unlisted:
        sentences.append(f"The {table.unlisted:,} smallest of them are not listed.")
    return [sentence for sentence in sentences if sentence]


def _worse_off(table: GroupTable) -> str:
    """Which groups have the favourable prediction less often, beyond the noise; the label where there are no predictions."""
    predicted = any("DPPL" in group.disparities for group in table.groups)
    metric, what = ("DPPL", "Selected") if predicted else ("DPL", "With the favourable label")
    measured = [group for group in table.groups if metric in group.disparities]
    worse = [
        group for group in measured if is_beyond_noise(metric, group.disparities[metric]) and (group.disparities[metric].value or 0) > 0
    ]
    if not any(group.disparities[metric].value is not None for group in measured):
        return ""
    shares = {figure.value for group in measured if (figure := group.selection_rate if predicted else group.label_share)}
    if shares in ({0.0}, {1.0}):
        who, outcome = ("Nobody" if shares == {0.0} else "Everybody"), ("is selected" if predicted else "has the favourable label")
        return f"{who} {outcome}: the groups' shares compare nothing."
    if not worse:
        share = "selection rate" if predicted else "share of favourable labels"
        return f"No measured group has a {share} below that of all others by more than noise; a small group can differ unseen."
    worse.sort(key=lambda group: -(group.disparities[metric].value or 0))
    named = ", ".join(f"{group.name} ({_against(group, metric)})" for group in worse[:MAX_NAMED])
    more = f" and {len(worse) - MAX_NAMED:,} more" if len(worse) > MAX_NAMED else ""
    return f"{what} less often than all others, by more than noise: {named}{more}."


def _against(group: GroupOutcome, metric: str) -> str:
    share = group.selection_rate if metric == "DPPL" else group.label_share
    own = (share.value if share else None) or 0.0
    return f"{100 * own:.1f} % against {100 * (own + (group.disparities[metric].value or 0)):.1f} %"


def _how_sure(table: GroupTable) -> str:
    if table.comparisons == 0:
        return ""
    together = f"all {table.comparisons:,} together" if table.comparisons > 1 else "the one comparison"
    each = 100 * confidence_of_each(table.comparisons)
    made = "1 comparison was" if table.comparisons == 1 else f"{table.comparisons:,} comparisons were"
    return (
        f"Each group is compared with all others. {made} made, and "
        f"each column's intervals are right in {100 * table.confidence:g} % of cases for {together} "
        f"(Bonferroni: {each:.5g} % each); two groups that are each other's rest count once."
    )


def is_beyond_noise(metric: str, figure: GroupFigure) -> bool:
    """Whether a disparity's interval excludes "no difference" (0, or 1 for DI)."""
    neutral = 1.0 if metric == "DI" else 0.0
    return figure.low is not None and figure.high is not None and not figure.low <= neutral <= figure.high


def figure_text(figure: GroupFigure | None, *, percent: bool = False) -> str:
    """``0.031 [0.010, 0.052]``, or ``30.1 % [28.0, 32.2]``; ``undefined`` where there's no value, ``–`` where nothing was measured."""
    if figure is None:
        return "–"
    if figure.value is None:
        return "undefined"

    def text(value: float) -> str:
        shown = ("∞" if value > 0 else "−∞") if isinf(value) else f"{100 * value:.1f}" if percent else f"{value:.3f}"
        return shown.replace("-", "−")

    unit = " %" if percent else ""
    ends = "" if figure.low is None or figure.high is None else f" [{text(figure.low)}, {text(figure.high)}]"
    return f"{text(figure.value)}{unit}{ends}"
