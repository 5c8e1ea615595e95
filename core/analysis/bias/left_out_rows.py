"""Which rows are left out of a report's figures because something about them isn't known, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from core.analysis.bias.bias_json import FacetCounts


def left_out_sentences(counts: Sequence[FacetCounts], label: str | None, rows: int, *, unlabelled: int = 0) -> list[str]:
    """A sentence for each kind of row that is left out; none where every row is known.

    Parameters
    ----------
    counts : of each facet, the report's ``counts``: ``facet``, ``without_label``, ``without_facet``, ``without_prediction``,
        ``without_group``; reports of earlier versions have none of the last four
    label : the label's column
    rows : all rows of the report
    unlabelled : rows without a label, where no facet was measured

    >>> left_out_sentences([{"facet": "sex", "without_facet": 12}], "paid", 60)
    ['12 of 60 rows have no value in sex; they are left out of the figures by sex.']
    """
    found: dict[str, None] = {}  # several values of a facet share a sentence
    missing = max([unlabelled, *(int(one.get("without_label", 0)) for one in counts)])
    if missing:
        found[f"{_rows_have(missing, rows)} no value in {label or 'the label'}; they are left out of all figures that need the label."] = (
            None
        )
    for one in counts:
        facet = one["facet"]
        if one.get("without_facet"):
            found[f"{_rows_have(one['without_facet'], rows)} no value in {facet}; they are left out of the figures by {facet}."] = None
        if one.get("without_prediction"):
            found[f"{_rows_have(one['without_prediction'], rows)} no prediction; they are left out of post-training bias by {facet}."] = (
                None
            )
        if one.get("without_group"):
            found[f"{_rows_have(one['without_group'], rows)} no group; they are left out of the conditional metrics by {facet}."] = None
    return list(found)


def _rows_have(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows {'has' if count == 1 else 'have'}"
