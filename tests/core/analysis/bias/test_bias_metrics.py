"""The bias metrics against a real Clarify run and against smclarify 0.5."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import GOLDEN, ROOT
from sklearn.model_selection import train_test_split

from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING, post_training_bias, pre_training_bias
from core.analysis.bias.flip_test import flip_test
from core.analysis.bias.metric_registry import value_sign
from tools import judges

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import smclarify.bias.metrics as peer


@pytest.fixture(scope="module")
def golden():
    figures = json.loads((GOLDEN / "workshop_bias_1.json").read_text())
    frame = pd.read_csv(ROOT / "core/data/uci_credit_default.csv.gz").drop(columns="ID")
    scores = pd.read_csv(GOLDEN / "workshop_model1_scores.csv", index_col="index")["score"]
    rows = train_test_split(train_test_split(frame, test_size=0.2, random_state=42)[1], test_size=0.2, random_state=42)[0]
    return figures, rows, scores.loc[rows.index]


def test_a_real_clarify_run_is_reproduced_to_its_printed_digits(golden):
    figures, rows, scores = golden
    facet, label, accepted = rows["SEX"] == 1, rows["LABEL"] == 0, scores <= 0.5
    pre = pre_training_bias(facet, label, rows["AGE"])
    post = post_training_bias(facet, label, accepted, rows["AGE"], rows.drop(columns=["LABEL", "SEX"]))
    expected = figures["pre_training"] | figures["post_training"] | figures["later_metrics_from_smclarify_0_5"]
    printed = {name: f"{metric.value:.6g}" for name, metric in (pre | post).items()}
    assert printed == {name: f"{value:.6g}" for name, value in expected.items()}


def assert_equal(ours, expected):
    assert list(ours) == sorted(expected)
    for name, metric in ours.items():
        if expected[name] is None:
            assert metric.value is None, name
            assert metric.error, name
        else:
            assert metric.error is None, (name, metric.error)
            assert metric.value == pytest.approx(expected[name], rel=1e-9, abs=1e-9), name
        assert metric.in_words


def assert_all_equal(facet, label, prediction, group, features):
    pre, post = judges.expected_bias(facet, label, prediction, group, features)
    assert len(pre) == 8
    assert len(post) == 13
    assert_equal(pre_training_bias(facet, label, group), pre)
    assert_equal(post_training_bias(facet, label, prediction, group, features), post)
    return pre | post


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    n=st.integers(2, 60),
    shares=st.tuples(*[st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.95, 1.0])] * 3),
    groups=st.integers(1, 7),
    width=st.sampled_from([1, 3, 17]),
    whole=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_all_21_equal_smclarify_on_random_data_unless_a_ratio_is_0_over_0(n, shares, groups, width, whole, seed):
    random = np.random.default_rng(seed)
    facet, label, prediction = (pd.Series(random.random(n) < share) for share in shares)
    group = pd.Series(random.integers(0, groups, n))
    # Few different whole numbers make many equal distances, where the neighbours chosen depend on how ties are broken.
    values = random.integers(0, 4, (n, width)) if whole else random.normal(size=(n, width))
    assert_all_equal(facet, label, prediction, group, pd.DataFrame(values))


def test_all_21_equal_smclarify_on_real_data(golden):
    _, rows, scores = golden
    rows, scores = rows.iloc[:1500].reset_index(drop=True), scores.iloc[:1500].reset_index(drop=True)
    features = rows.drop(columns=["LABEL", "EDUCATION"])
    values = assert_all_equal(rows["EDUCATION"] == 1, rows["LABEL"] == 0, scores <= 0.3, rows["AGE"], features)
    assert None not in values.values()


def test_a_missing_group_value_belongs_to_no_group():
    facet, label = pd.Series([True, False, True, False, True]), pd.Series([True, False, False, True, True])
    group = pd.Series([1.0, 1.0, 2.0, 2.0, np.nan])
    known = pre_training_bias(facet, label, group)["CDDL"].value
    assert known == pytest.approx(judges.clarify_metrics("pre", facet, label, label, group, None)["CDDL"])


def test_the_flip_test_breaks_ties_as_smclarify_does_on_many_equal_rows():
    random = np.random.default_rng(5)
    facet, prediction = pd.Series(random.random(900) < 0.4), pd.Series(random.random(900) < 0.5)
    features = pd.DataFrame(random.integers(0, 2, (900, 18)))
    assert flip_test(facet.to_numpy(), prediction.to_numpy(), features) == peer.FT(features, facet, prediction)


def test_an_empty_facet_is_named_as_the_reason():
    label = np.array([True, False, True])
    metrics = post_training_bias(np.zeros(3, bool), label, label, None, None)
    assert metrics["DPPL"].value is None
    assert "no row has the facet's value" in metrics["DPPL"].error
    assert "Group variable" in metrics["CDDPL"].error
    assert metrics["GE"].value == 0


@pytest.mark.parametrize(
    ("name", "label", "accepted", "reason"),
    [
        ("DI", "1010", "0000", "Nobody is accepted, in the facet or in the rest"),
        ("RD", "0010", "1010", "Nobody in the facet has the favourable label"),
        ("RD", "1000", "1010", "Nobody in the rest has the favourable label"),
        ("RD", "0000", "1010", "Nobody has the favourable label"),
        ("SD", "1110", "1010", "Nobody in the facet has the unfavourable label"),
        ("DAR", "1010", "0010", "Nobody in the facet is accepted"),
        ("DRR", "1010", "1110", "Nobody in the facet is rejected"),
        ("DCA", "0010", "0010", "Nobody in the facet has the favourable label or is accepted"),
        ("DCR", "1110", "1110", "Nobody in the facet has the unfavourable label or is rejected"),
        ("TE", "1010", "1000", "Nobody in the facet is judged wrongly"),
        ("CDDPL", "1010", "1100", "No group of the group variable has both outcomes"),
    ],
)
def test_a_ratio_of_0_over_0_is_undefined_and_says_who_is_missing(name, label, accepted, reason):
    facet, group = np.array([True, True, False, False]), ["a", "a", "b", "b"]
    label, accepted = ([cell == "1" for cell in text] for text in (label, accepted))
    metric = post_training_bias(facet, label, accepted, group, None, metrics=[name])[name]
    assert metric.value is None
    assert reason in metric.error
    assert metric.in_words == f"Can't be computed. {metric.error}."


@pytest.mark.parametrize(("name", "label", "accepted"), [("DCA", "1010", "0000"), ("DCR", "1010", "1111"), ("TE", "1010", "0000")])
def test_two_infinite_ratios_are_not_called_equal(name, label, accepted):
    label, accepted = ([cell == "1" for cell in text] for text in (label, accepted))
    metric = post_training_bias([True, True, False, False], label, accepted, None, None, metrics=[name])[name]
    assert metric.value == 0
    assert "It compares nothing." in metric.in_words
    assert "equal" not in metric.in_words


def test_groups_with_one_outcome_are_mentioned():
    facet, label = [True, False, True, False, True, False], [True, True, False, False, True, True]
    metric = pre_training_bias(facet, label, ["a", "a", "a", "a", "b", "b"])["CDDL"]
    assert "1 of 2 groups, with 2 of 6 rows, have one outcome only" in metric.in_words


def test_text_features_leave_the_flip_test_undefined():
    facet, label = np.array([True, False, True]), np.array([True, False, True])
    metric = post_training_bias(facet, label, label, None, pd.DataFrame({"city": ["a", "b", "c"]}))["FT"]
    assert metric.error == "FlipTest does not support non-numeric columns"


def test_nobody_of_the_rest_accepted_makes_disparate_impact_infinite():
    facet = np.array([True, True, False, False])
    metric = post_training_bias(facet, facet, np.array([True, False, False, False]), None, None, metrics=["DI"])["DI"]
    assert metric.value == float("inf")
    assert metric.in_words == "The facet is accepted infinitely times as often as the rest: more often."


@pytest.mark.parametrize("definition", [*PRE_TRAINING.values(), *POST_TRAINING.values()], ids=lambda definition: definition.name)
def test_every_metric_says_which_direction_its_value_has(definition):
    words = {definition.in_words(definition.neutral + step) for step in (0, 0.25)}
    assert len(words) == 2
    if definition.low < definition.neutral:
        words.add(definition.in_words(definition.neutral - 0.25))
        assert len(words) == 3
    assert all(word.endswith(".") and "{" not in word for word in words)
    assert definition.description.endswith(f"({definition.name})")


def test_a_difference_that_is_printed_as_0_is_equal_and_a_small_divergence_is_not():
    for value, sign in ((0.0004, 0), (-0.0004, 0), (-1e-17, 0), (0.0006, 1), (-0.0006, -1)):
        assert (POST_TRAINING["DPPL"].in_words(value) == POST_TRAINING["DPPL"].equal) == (sign == 0)
        assert value_sign("DPPL", value) == sign
    assert POST_TRAINING["DI"].in_words(1.0004) == POST_TRAINING["DI"].equal
    assert PRE_TRAINING["KL"].in_words(0.0003) != PRE_TRAINING["KL"].equal  # shares of 0.50 and 0.512
    assert PRE_TRAINING["KL"].in_words(1e-16) == PRE_TRAINING["KL"].equal


def test_descriptions_are_those_of_clarify():
    ours = {name: definition.description for name, definition in (PRE_TRAINING | POST_TRAINING).items()}
    functions = peer.PRETRAINING_METRICS + peer.POSTTRAINING_METRICS
    assert ours == {function.__name__: peer.common.metric_description(function) for function in functions}


def test_values_lie_in_their_range():
    random = np.random.default_rng(1)
    for _ in range(50):
        facet, label, prediction = (random.random(80) < random.uniform(0.1, 0.9) for _ in range(3))
        group = random.integers(0, 3, 80)
        metrics = pre_training_bias(facet, label, group) | post_training_bias(facet, label, prediction, group, pd.DataFrame({"x": group}))
        assert all(metric.low - 1e-12 <= metric.value <= metric.high + 1e-12 for metric in metrics.values())


def test_a_metric_that_does_not_exist_is_refused():
    with pytest.raises(KeyError):
        pre_training_bias([True, False], [True, False], None, metrics=["DPL", "XYZ"])


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="as many rows"):
        pre_training_bias([True, False], [True], None)


def test_a_weight_of_n_counts_as_n_rows():
    random = np.random.default_rng(5)
    facet, label, group = random.random(400) < 0.4, random.random(400) < 0.7, random.integers(0, 4, 400)
    weight = random.integers(0, 5, 400)
    weighted = pre_training_bias(facet, label, group, weight=weight)
    repeated = pre_training_bias(*(np.repeat(values, weight) for values in (facet, label, group)))
    assert {name: metric.value for name, metric in weighted.items()} == pytest.approx({n: m.value for n, m in repeated.items()}, abs=1e-12)
