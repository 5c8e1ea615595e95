"""Gaps through every resampling method, and medians of the training rows alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.analysis.resampling.missing_cells import fill_for_distances, fill_with_medians, median_of_training
from core.analysis.resampling.resampling import METHODS, RebalanceConfig, ResamplingError, rebalance
from core.analysis.resampling.splitting import split_rows
from core.analysis.tables.column_kinds import ColumnError, to_integers


def gapped(seed: int, share: float, rows: int = 240) -> pd.DataFrame:
    """Whole numbers, codes and fractions, each with gaps; a column without any value; a further facet with gaps."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "LABEL": random.choice([0, 1], rows, p=[0.6, 0.4]),
            "SEX": random.choice([1, 2], rows, p=[0.35, 0.65]),
            "REGION": random.choice([1.0, 2.0, 5.0], rows),
            "AGE": random.integers(18, 90, rows).astype(float),
            "DEBT": random.random(rows),
            "EMPTY": np.nan,
            "OTHER": random.choice([0.0, 1.0], rows),
        }
    )
    for name in ("REGION", "AGE", "DEBT", "OTHER"):
        frame.loc[random.random(rows) < share, name] = np.nan
    return to_integers(frame, ["LABEL", "SEX"], ["REGION", "OTHER"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0, 0.6),
    method=st.sampled_from(list(METHODS)),
    target=st.sampled_from(["facet", "label", "label_facet"]),
)
def test_a_row_lacks_what_its_seed_lacks_and_nothing_else_and_codes_stay_codes(seed, share, method, target):
    train = gapped(seed, share)
    try:
        result = rebalance(train, RebalanceConfig("LABEL", "SEX", 1, method, target, ("REGION", "OTHER"), {}, seed, ("OTHER",)))
    except ResamplingError as error:
        assume("almost equal already" not in str(error))
        raise
    of_seeds = train.iloc[result.seeds].reset_index(drop=True)
    pd.testing.assert_frame_equal(result.frame.isna(), of_seeds.isna())
    assert result.frame.dtypes.to_dict() == train.dtypes.to_dict()
    assert set(result.frame["REGION"].dropna()) <= {1, 2, 5}
    pd.testing.assert_series_equal(result.frame["OTHER"], of_seeds["OTHER"])
    real = result.origin >= 0
    pd.testing.assert_frame_equal(
        result.frame[real].reset_index(drop=True), train.iloc[result.origin[real]].reset_index(drop=True), check_exact=True
    )
    lines = result.frame.to_csv(index=False, lineterminator="\n").splitlines()
    assert [line.split(",")[3] for line in lines[1:]] == ["" if pd.isna(age) else str(int(age)) for age in result.frame["AGE"]]


def test_filled_copies_are_those_of_scikit_learn():
    from sklearn.impute import SimpleImputer

    frame = gapped(1, 0.3)[["AGE", "DEBT", "REGION"]]
    numbers = frame.to_numpy(dtype=float)
    measures = SimpleImputer(strategy="median").fit_transform(numbers[:, :2])
    codes = SimpleImputer(strategy="most_frequent").fit_transform(numbers[:, 2:])
    np.testing.assert_array_equal(fill_for_distances(frame, {"REGION"}), np.hstack([measures, codes]))


def test_without_gaps_synthetic_rows_are_those_of_before():
    frame = gapped(3, 0.0).drop(columns="EMPTY")
    ask = RebalanceConfig("LABEL", "SEX", 1, "smote", "label", ("REGION",))
    as_floats = rebalance(frame.astype({"AGE": float}), ask).frame
    np.testing.assert_array_equal(rebalance(frame, ask).frame["AGE"], np.rint(as_floats["AGE"]))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), other=st.integers(-1000, 1000))
def test_a_median_is_of_the_training_rows_whatever_the_test_rows_hold(seed, other):
    frame = gapped(seed, 0.3)
    parts = split_rows(frame, "LABEL", "SEX", 1, seed=seed, validation_size=0.2, test_size=0.2)
    filled = fill_with_medians(frame, ["AGE", "DEBT"], parts.train, parts.validation, parts.test)
    changed = frame.copy()
    changed.loc[[*parts.validation, *parts.test], ["AGE", "DEBT"]] = other
    again = fill_with_medians(changed, ["AGE", "DEBT"], parts.train, parts.validation, parts.test)
    by_name = {column["column"]: column for column in filled.columns}
    assert {c["column"]: c["filled_with"] for c in again.columns if c["filled_with"] is not None}.items() <= {
        name: column["filled_with"] for name, column in by_name.items()
    }.items()
    assert by_name["DEBT"]["filled_with"] == pytest.approx(np.nanmedian(frame["DEBT"].to_numpy(dtype=float)[parts.train]))
    train_ages = sorted(frame["AGE"].iloc[parts.train].dropna().tolist())
    assert by_name["AGE"]["filled_with"] == train_ages[(len(train_ages) - 1) // 2]
    assert filled.frame["AGE"].dtype == "int64"
    assert filled.frame[["REGION", "EMPTY", "OTHER"]].isna().equals(frame[["REGION", "EMPTY", "OTHER"]].isna())
    gaps = frame["AGE"].isna()
    assert [by_name["AGE"][part] for part in ("train", "validation", "test")] == [
        int(gaps.iloc[rows].sum()) for rows in (parts.train, parts.validation, parts.test)
    ]


def test_without_a_value_in_training_there_is_no_median():
    with pytest.raises(ColumnError, match="AGE: has no value in the training rows"):
        median_of_training(pd.Series([None, 3.0], name="AGE"), np.array([0]))
