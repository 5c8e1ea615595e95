import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.resampling.label_shares import measure_label_shares
from core.analysis.resampling.resampling import METHODS, RebalanceConfig, asked_counts, rebalance

EXACT = ["none", "random-over", "random-under", "reweighing", "smote", "smote-nc"]


def table(seed, rows=800):
    random = np.random.default_rng(seed)
    sex = random.choice([1, 2, 3], rows, p=[0.2, 0.3, 0.5])
    late = (random.random(rows) < 0.1 + 0.08 * sex).astype(int)
    return pd.DataFrame(
        {"late": late, "sex": sex, "code": random.choice([0, 1], rows), "a": random.normal(late, 1), "b": random.normal(sex, 1)}
    )


def shares(frame, config):
    result = rebalance(frame, config)
    sides = [(one["sex"], (one["late"] == 0).to_numpy()) for one in (frame, result.frame)]
    return measure_label_shares(*sides, asked_counts(frame, config), result.weights), result


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["facet", "label", "label_facet"])
def test_the_shares_are_those_of_the_rows(method, target):
    frame = table(1)
    found, result = shares(frame, RebalanceConfig("late", "sex", 1, method, target, ("code",)))
    weights = np.ones(len(result.frame)) if result.weights is None else result.weights
    for group in found:
        before, after = frame[frame["sex"] == int(group.group)], result.frame["sex"] == int(group.group)
        assert group.before == pytest.approx(before["late"].eq(0).mean())
        assert group.after == pytest.approx(np.average(result.frame.loc[after, "late"] == 0, weights=weights[after]))
        assert group.moved == pytest.approx(group.after - group.before)
    assert [group.group for group in found] == ["1", "2", "3"]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    method=st.sampled_from(EXACT),
    target=st.sampled_from(["facet", "label", "label_facet"]),
    share=st.floats(0.5, 1),
)
def test_shares_move_only_as_the_target_asks(seed, method, target, share):
    """The seeds that are drawn for new rows (or the rows left by under-sampling) spread around what the target asks; the rest is exact."""
    frame = table(seed)
    asked_share = {"k_neighbors": 2, "sampling_strategy": share}
    found, _ = shares(frame, RebalanceConfig("late", "sex", 1, method, target, ("code",), asked_share, seed))
    for group in found:
        if target == "facet" and method != "reweighing":
            assert group.asked == pytest.approx(group.before)
        noise = 0 if method in {"none", "reweighing"} else 5 * 0.5 / np.sqrt(min(group.rows_before, group.rows_after))
        assert abs(group.beyond_target) <= noise + 1e-12


def test_a_share_without_rows_is_undefined():
    (left, gone) = measure_label_shares(
        (pd.Series([1, 1, 2]), np.array([True, False, True])), (pd.Series([1, 1]), np.array([True, True])), np.array([1.0, 1.0, 0.0])
    )
    assert (left.before, left.after, left.moved) == (0.5, 1.0, 0.5)
    assert (gone.before, gone.after, gone.moved, gone.asked, gone.beyond_target) == (1.0, None, None, None, None)
