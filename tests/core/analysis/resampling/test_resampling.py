import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from core.analysis.bias.bias_metrics import pre_training_bias
from core.analysis.resampling.nearest_neighbours import KDTreeNeighbors
from core.analysis.resampling.resampling import METHODS, RebalanceConfig, ResamplingError, rebalance
from core.analysis.resampling.seeded_samplers import run_sampler
from core.analysis.resampling.splitting import SplitError, count_leaked_rows, split_rows

OVER = ["smote", "smote-nc", "borderline-smote", "adasyn", "random-over"]


def table(rows=400, seed=0):
    random = np.random.default_rng(seed)
    facet = random.choice([1, 2], rows, p=[0.3, 0.7])
    return pd.DataFrame(
        {
            "LABEL": random.choice([0, 1], rows, p=[0.75, 0.25]),
            "SEX": facet,
            "EDUCATION": random.choice([1, 2, 4], rows),
            "AMOUNT": random.integers(0, 100_000, rows) + facet * 500,
            "RATE": random.random(rows),
        }
    )


def config(**changes):
    return RebalanceConfig(**{"label": "LABEL", "facet": "SEX", "facet_value": 1, "categorical": ("EDUCATION",), **changes})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["facet", "label", "label_facet"])
def test_every_method_keeps_codes_labels_and_integers(method, target):
    frame = table()
    result = rebalance(frame, config(method=method, target=target))
    assert list(result.frame.columns) == list(frame.columns)
    assert (result.frame.dtypes == frame.dtypes).all()
    assert set(result.frame["LABEL"]) <= {0, 1}
    assert set(result.frame["SEX"]) <= {1, 2}
    assert set(result.frame["EDUCATION"]) <= {1, 2, 4}
    assert len(result.frame) == len(result.synthetic) == len(result.origin)
    kept = result.origin >= 0
    pd.testing.assert_frame_equal(
        result.frame[kept].reset_index(drop=True), frame.iloc[result.origin[kept]].reset_index(drop=True), check_dtype=True
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), method=st.sampled_from(OVER), target=st.sampled_from(["facet", "label", "label_facet"]))
def test_over_sampling_keeps_the_rows_first_and_balances(seed, method, target):
    frame = table(300, seed)
    result = rebalance(frame, config(method=method, target=target, seed=seed))
    pd.testing.assert_frame_equal(result.frame.head(len(frame)), frame)
    assert not result.synthetic[: len(frame)].any()
    assert result.synthetic[len(frame) :].all()
    columns = {"facet": ["SEX"], "label": ["LABEL"], "label_facet": ["LABEL", "SEX"]}[target]
    counts = result.frame.groupby(columns).size()
    if method != "adasyn":
        assert counts.nunique() == 1
    assert counts.min() > frame.groupby(columns).size().min()


def test_the_same_seed_gives_the_same_rows():
    for method in METHODS:
        first, second = (rebalance(table(), config(method=method)) for _ in range(2))
        pd.testing.assert_frame_equal(first.frame, second.frame)


def test_synthetic_rows_are_those_of_imbalanced_learn():
    from imblearn.over_sampling import SMOTE

    frame = table().drop(columns="EDUCATION").assign(AMOUNT=lambda t: t["AMOUNT"].astype(float))
    ours = rebalance(frame, config(method="smote", target="label", categorical=()))
    theirs, _ = SMOTE(random_state=42).fit_resample(frame[["AMOUNT", "RATE"]].to_numpy(), frame["LABEL"])
    np.testing.assert_allclose(ours.frame[["AMOUNT", "RATE"]].to_numpy(), theirs, rtol=1e-12)


def test_rows_of_smote_nc_are_those_of_imbalanced_learn():
    """By the same tree; ours looks for the neighbours of its seeds only, and sets categories in an array."""
    from imblearn.over_sampling import SMOTENC

    frame = table().astype(float)
    groups = (frame["SEX"] == 2).to_numpy().astype(int)
    counts = {group: int(np.bincount(groups).max()) for group in (0, 1)}
    ours = run_sampler("smote-nc", frame.to_numpy(), groups, counts, {"k_neighbors": 5}, [0, 1, 2], 7)
    theirs = SMOTENC([0, 1, 2], k_neighbors=KDTreeNeighbors(6), sampling_strategy=counts, random_state=7)
    np.testing.assert_array_equal(ours.rows, theirs.fit_resample(frame.to_numpy(), groups)[0])


INTERPOLATING = ["smote", "smote-nc", "borderline-smote", "adasyn", "smote-tomek", "smote-enn"]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    method=st.sampled_from([*INTERPOLATING, "random-over"]),
    target=st.sampled_from(["facet", "label", "label_facet"]),
    rows=st.integers(120, 300),
    share=st.floats(0.2, 0.8),
    order=st.sampled_from(["split_first", "shuffled"]),
)
def test_label_and_facets_of_a_synthetic_row_are_its_seeds(seed, method, target, rows, share, order):
    random = np.random.default_rng(seed)
    facet = random.choice([1, 2, 3], rows, p=[share / 2, share / 2, 1 - share])
    frame = pd.DataFrame(
        {
            "LABEL": (random.random(rows) < 0.3 + 0.2 * (facet == 1)).astype(int),
            "SEX": facet,
            "MARRIED": random.choice([0, 1, 2], rows),
            "EDUCATION": random.choice([1, 2, 4], rows),
            "A": random.normal(facet, 1),
            "B": random.normal(size=rows),
        }
    )
    frame = frame.sample(frac=1, random_state=seed) if order == "shuffled" else frame
    parameters = {"k_neighbors": 3}
    chosen = config(method=method, target=target, seed=seed, parameters=parameters, further_facets=("MARRIED",), categorical=("EDUCATION",))
    try:
        result = rebalance(frame, chosen)
    except ResamplingError as error:
        if method == "adasyn" and "it finds no row to add" in str(error):
            reject()
        raise
    facets = ["LABEL", "SEX", "MARRIED"]
    seeds = frame.iloc[result.seeds].reset_index(drop=True)
    pd.testing.assert_frame_equal(result.frame[facets], seeds[facets])
    np.testing.assert_array_equal(result.origin, np.where(result.synthetic & (method != "random-over"), -1, result.seeds))
    # The seeds are the real ones: each row lies between its seed and some other row, on a straight line through both.
    points, features = frame[["A", "B"]].to_numpy(), result.frame[["A", "B"]].to_numpy()
    for row in np.flatnonzero(result.synthetic):
        step, ways = features[row] - points[result.seeds[row]], points - points[result.seeds[row]]
        across = np.abs(ways[:, 0] * step[1] - ways[:, 1] * step[0])
        along = ways @ step
        assert np.any((across <= 1e-9 * np.maximum(1, np.abs(along))) & (along >= step @ step * (1 - 1e-9)))


@pytest.mark.parametrize("method", ["smote", "smote-nc", "smote-tomek"])
@pytest.mark.parametrize("target", ["facet", "label", "label_facet"])
def test_an_independence_that_was_planted_stays(method, target):
    random = np.random.default_rng(5)
    rows = 20_000
    facet, label = random.choice([1, 2], rows, p=[0.3, 0.7]), (random.random(rows) < 0.3).astype(int)
    frame = pd.DataFrame({"LABEL": label, "SEX": facet, "EDUCATION": random.choice([1, 2, 4], rows), "RATE": random.random(rows) + label})
    result = rebalance(frame, config(method=method, target=target)).frame
    after = pre_training_bias(result["SEX"] == 1, result["LABEL"] == 0, None, metrics=["DPL"])["DPL"].value
    before = pre_training_bias(frame["SEX"] == 1, frame["LABEL"] == 0, None, metrics=["DPL"])["DPL"].value
    assert abs(after - (0 if target == "label_facet" else before)) < 0.02
    if target == "facet" and method != "smote-tomek":
        new = result["LABEL"].iloc[rows:]
        assert abs(new.mean() - label[facet == 1].mean()) < 3 * np.sqrt(0.21 / len(new))  # three standard errors of the seeds drawn


def test_reweighing_makes_label_and_facet_independent():
    frame = table()
    result = rebalance(frame, config(method="reweighing"))
    assert result.weights is not None
    weighted = frame.assign(w=result.weights).groupby(["SEX", "LABEL"])["w"].sum().unstack()
    rates = weighted[1] / weighted.sum(axis=1)
    assert rates.iloc[0] == pytest.approx(rates.iloc[1])
    assert result.weights.mean() == pytest.approx(1)
    bias = pre_training_bias(frame["SEX"] == 1, frame["LABEL"] == 0, None, weight=result.weights, metrics=["DPL", "KL", "CI"])
    assert bias["DPL"].value == pytest.approx(0)
    assert bias["KL"].value == pytest.approx(0)
    assert bias["CI"].value == pytest.approx(((frame["SEX"] != 1).sum() - (frame["SEX"] == 1).sum()) / len(frame))


@pytest.mark.parametrize(
    ("frame", "changes", "words"),
    [
        (table().assign(SEX=2), {}, "Column SEX has only one value"),
        (table().head(12).assign(SEX=[1, 1] + [2] * 10), {}, "k_neighbors to 1 or less"),
        (table(), {"method": "magic"}, "'magic' is not known"),
        (table(), {"parameters": {"k_neighbors": 0}}, "k_neighbors must be at least 1"),
        (table(), {"parameters": {"sampling_strategy": 2}}, "sampling_strategy must be above 0"),
    ],
)
def test_what_cannot_be_rebalanced_says_why_and_what_to_do(frame, changes, words):
    with pytest.raises(ResamplingError, match=words):
        rebalance(frame, config(**changes))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), validation=st.floats(0.1, 0.4), test=st.floats(0.1, 0.4))
def test_a_split_shares_no_row_and_loses_none(seed, validation, test):
    frame = table(200, seed=1)
    parts = split_rows(frame, "LABEL", "SEX", 1, seed=seed, validation_size=validation, test_size=test)
    everything = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(everything) == list(range(len(frame)))
    assert count_leaked_rows(parts.train, np.concatenate([parts.validation, parts.test])) == 0
    assert abs(len(parts.test) - test * len(frame)) <= 2
    assert len(set(zip(frame["LABEL"].iloc[parts.test], frame["SEX"].iloc[parts.test], strict=True))) == 4


def test_a_stratum_that_is_too_small_is_named():
    frame = table(100).assign(LABEL=0)
    frame.loc[:1, ["LABEL", "SEX"]] = [1, 1]
    frame.loc[2:40, "LABEL"] = 1
    frame.loc[2:40, "SEX"] = 2
    with pytest.raises(SplitError, match=r"Only 2 rows have LABEL = 1 and SEX = 1"):
        split_rows(frame, "LABEL", "SEX", 1, seed=1, validation_size=0.2, test_size=0.2)
