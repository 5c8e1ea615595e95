"""Only like is compared with like: which rows are the same, and every reason why two figures can't be compared."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.comparability import JudgedRows, are_same_rows, describe_judged_rows, explain_incomparable, explain_label_mismatch

V = ("v3", "v2")
LOANS = JudgedRows(
    part="test",
    dataset="loans-2024",
    uploaded="2026-11-03T09:12:00+00:00",
    table="a" * 64,
    count=1200,
    split="seed 42, 20 % for testing",
    label="paid",
    favourable="1",
    favourable_name="paid = yes",
    facets=("sex=2",),
    measured="m1",
    file="f1",
    row_ids="r1",
)
CREDIT = JudgedRows(
    part="test",
    dataset="credit-default",
    uploaded="2026-11-01T08:00:00+00:00",
    table="b" * 64,
    count=6000,
    split="seed 42, 20 % for testing",
    label="default",
    favourable="0",
    favourable_name="default = no",
    facets=("SEX=1",),
    facet_names=("men",),
    measured="m2",
    file="f2",
    row_ids="r2",
)


def test_two_data_sets_are_named_with_their_rows_and_every_further_reason_is_given_at_once() -> None:
    assert explain_incomparable(V, LOANS, CREDIT, by_facet=True) == (
        "v3 was tested on 'loans-2024' (1,200 rows), v2 on 'credit-default' (6,000 rows).",
        "v3 predicts paid, v2 default.",
        "v3 was measured for people with sex = 2, v2 for men: they have no facet in common.",
    )


def test_the_facet_matters_only_where_bias_is_compared() -> None:
    other = replace(LOANS, facets=("age=40",))
    assert explain_incomparable(V, LOANS, other) == ()
    assert len(explain_incomparable(V, LOANS, other, by_facet=True)) == 1
    assert explain_incomparable(V, LOANS, replace(LOANS, facets=("age=40", "sex=2")), by_facet=True) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"favourable": "0", "favourable_name": "paid = no"},
            "The favourable value is paid = yes for v3 and paid = no for v2.",
        ),
        (
            {"measured": "", "file": "f9", "row_ids": "r9", "split": "seed 7, 20 % for testing"},
            "Both come from 'loans-2024', but v3 was tested on 1,200 rows (seed 42, 20 % for testing), "
            "v2 on 1,200 rows (seed 7, 20 % for testing).",
        ),
        (
            {"measured": "m9", "file": "f9", "row_ids": ""},
            "Both come from 'loans-2024', but v3 was tested on 1,200 rows (seed 42, 20 % for testing), v2 on 1,200 rows, which are others.",
        ),
        (
            {"part": "validation", "count": 960, "measured": "m9", "file": "f9", "row_ids": "r9"},
            "v3 was tested on 'loans-2024' (1,200 rows), v2 was measured on the validation rows of 'loans-2024' (960 rows).",
        ),
        (
            {"table": "c" * 64, "uploaded": "2026-11-28T10:00:00+00:00", "count": 1150, "measured": "m9", "file": "f9", "row_ids": "r9"},
            "v3 was tested on 'loans-2024' (1,200 rows, uploaded 2026-11-03 09:12 UTC, SHA-256 aaaaaaaa…), "
            "v2 on 'loans-2024' (1,150 rows, uploaded 2026-11-28 10:00 UTC, SHA-256 cccccccc…).",
        ),
    ],
)
def test_each_reason_is_told_in_the_users_own_names_and_values(change, reason) -> None:
    assert explain_incomparable(V, LOANS, replace(LOANS, **change)) == (reason,)


def test_rows_that_nobody_recorded_are_like_nothing_not_even_like_themselves() -> None:
    assert explain_incomparable(V, JudgedRows(), JudgedRows()) == ("It isn't recorded on which rows v3 and v2 were measured.",)
    assert explain_incomparable(V, LOANS, JudgedRows(count=80)) == (
        "v3 was tested on 'loans-2024' (1,200 rows); it isn't recorded on which rows v2 was measured.",
    )
    assert explain_incomparable(V, JudgedRows(measured="m9", count=80), LOANS) == (
        "v3 was measured on 80 rows of another source, v2 was tested on 'loans-2024' (1,200 rows).",
    )


def test_a_column_that_was_left_out_leaves_the_rows_the_same() -> None:
    assert are_same_rows(LOANS, replace(LOANS, measured="m9", file="f9"))


def test_a_report_that_read_other_rows_than_its_file_has_is_not_believed() -> None:
    assert not are_same_rows(LOANS, replace(LOANS, measured="m9"))


def test_labels_must_agree_row_by_row() -> None:
    assert explain_label_mismatch(V, [0, 1, 1], [0, 1, 1]) == ""
    assert explain_label_mismatch(V, [0, math.nan, 1], [0, math.nan, 1]) == ""
    assert "in one row, first in row 1" in explain_label_mismatch(V, [0, math.nan, 1], [0, 1, 1])
    assert explain_label_mismatch(V, [0, 1, 1], [0, 1]) == "v3 has scores of 3 rows, v2 of 2."
    assert explain_label_mismatch(V, [0, 1, 1, 0], [0, 0, 1, 1]) == (
        "v3 and v2 have other labels in 2 of 4 rows, first in row 1: they weren't judged on the same rows."
    )


def test_what_something_was_judged_on_is_a_sentence_also_where_little_is_known() -> None:
    assert describe_judged_rows("v3", replace(LOANS, part="train")) == "v3 was measured on the training rows of 'loans-2024' (1,200 rows)"
    assert describe_judged_rows("v3", JudgedRows()) == "v3 was measured on an unknown number of rows of another source"


hashes = st.sampled_from(["", "x", "y"])
rows = st.builds(
    JudgedRows,
    part=st.sampled_from(["", "test", "validation", "train"]),
    dataset=st.sampled_from(["", "loans", "credit"]),
    table=hashes,
    count=st.sampled_from([None, 1, 80]),
    split=hashes,
    label=hashes,
    favourable=st.sampled_from(["", "0", "1"]),
    facets=st.sampled_from([(), ("sex=2",), ("age=1", "sex=2")]),
    measured=hashes,
    file=hashes,
    row_ids=hashes,
)


@given(rows, rows, st.booleans())
def test_comparable_is_symmetric_needs_proof_and_otherwise_there_is_a_sentence(a, b, by_facet) -> None:
    reasons = explain_incomparable(V, a, b, by_facet=by_facet)
    assert bool(reasons) == bool(explain_incomparable(V, b, a, by_facet=by_facet))
    assert all(reason.endswith(".") and "v3" in reason and "v2" in reason for reason in reasons)
    if not reasons:
        assert any(x and x == y for x, y in ((a.measured, b.measured), (a.file, b.file), (a.row_ids, b.row_ids)))
    assert bool(explain_incomparable(V, a, a)) != a.is_known
