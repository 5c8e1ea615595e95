"""Which trials of another tuning job count in a job's own ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs.tuning.search_space import SearchSpace


def space(low="0.01", high="0.05", scaling="Linear"):
    return SearchSpace(
        {
            "ContinuousParameterRanges": [{"Name": "eta", "MinValue": low, "MaxValue": high, "ScalingType": scaling}],
            "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "6", "ScalingType": "Linear"}],
            "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
        }
    )


INSIDE = {"eta": "0.02", "max_depth": "3", "booster": "dart"}


def test_a_trial_inside_the_ranges_counts_where_it_was_tried():
    assert space().values(INSIDE) == {"eta": 0.02, "max_depth": 3, "booster": "dart"}
    assert space().values(INSIDE | {"max_depth": "3.0", "gamma": "9"}) == {"eta": 0.02, "max_depth": 3, "booster": "dart"}


@pytest.mark.parametrize(
    "other",
    [
        *({"eta": text} for text in ("0.9", "0.0099", "0.050001", "auto", "nan")),
        *({"max_depth": text} for text in ("1", "10", "2.5")),
        {"booster": "gblinear"},
    ],
    ids=str,
)
def test_a_trial_outside_the_ranges_says_nothing_of_them(other):
    assert space().values(INSIDE | other) is None


def test_a_trial_that_lacks_a_hyperparameter_says_nothing():
    assert space().values({"eta": "0.02", "booster": "dart"}) is None


@given(st.floats(0.9, 0.99999), st.sampled_from(["Linear", "Logarithmic", "ReverseLogarithmic"]))
def test_what_a_job_tries_itself_lies_in_its_ranges(value, scaling):
    own = space("0.9", "0.99999", scaling)
    stored = 1 - value if scaling == "ReverseLogarithmic" else value
    texts = own.to_hyperparameters({"eta": stored, "max_depth": 2, "booster": "dart"})
    assert own.values(texts)["eta"] == pytest.approx(stored, rel=1e-9)
