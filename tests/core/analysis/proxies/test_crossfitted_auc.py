"""Cross-fitted AUCs: values of scikit-learn, errors by definition, intervals that contain the best AUC."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from core.analysis.proxies.crossfitted_auc import FOLDS, CrossfittedAuc, assign_folds, auc_ends, crossfitted_auc, mean_auc
from core.analysis.proxies.feature_cells import FeatureCells, prepare_column


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(1)
    group = random.random(600) < 0.3
    codes = np.where(random.random(600) < 0.4, random.integers(0, 12, 600), random.integers(0, 6, 600) + 6 * group)
    return FeatureCells(codes.astype(np.int64), 12), group, assign_folds(group.astype(np.int64), 5)


def test_the_value_is_scikit_learns_in_each_fold_with_shares_of_the_others(rows):
    cells, group, folds = rows
    aucs, weights = [], []
    for fold in range(FOLDS):
        here = folds == fold
        others = pd.Series(group[~here]).groupby(cells.codes[~here]).agg(["sum", "size"])
        shares = (others["sum"] + group[~here].mean()) / (others["size"] + 1)
        aucs.append(roc_auc_score(group[here], shares.reindex(cells.codes[here]).fillna(group[~here].mean())))
        weights.append(group[here].sum() * (~group[here]).sum())
    found = crossfitted_auc(cells, group, folds)
    assert found.value == pytest.approx(np.average(aucs, weights=weights))
    in_sample = pd.Series(group).groupby(cells.codes).transform("mean")
    assert found.in_sample == pytest.approx(roc_auc_score(group, in_sample))


def test_the_error_is_delongs_by_his_definition(rows):
    """The variance of the mean over pairs of rows: from how each row fares against all of the other side."""
    cells, group, folds = rows
    variances, weights = [], []
    for fold in range(FOLDS):
        here = folds == fold
        others = pd.Series(group[~here]).groupby(cells.codes[~here]).agg(["sum", "size"])
        scores = ((others["sum"] + group[~here].mean()) / (others["size"] + 1)).reindex(cells.codes[here]).to_numpy()
        pairs = np.subtract.outer(scores[group[here]], scores[~group[here]])
        wins = (pairs > 0) + (pairs == 0) / 2
        variances.append(wins.mean(axis=1).var(ddof=1) / len(wins) + wins.mean(axis=0).var(ddof=1) / wins.shape[1])
        weights.append(wins.size)
    shares = np.array(weights) / sum(weights)
    assert crossfitted_auc(cells, group, folds).error ** 2 == pytest.approx((shares**2 * variances).sum())


def test_the_mean_of_groups_is_scikit_learns_weighted_one_against_rest(rows):
    cells, group, _ = rows
    codes = np.where(group, 2, np.arange(len(group)) % 2)
    groups = [codes == code for code in range(3)]
    parts = [crossfitted_auc(cells, one, assign_folds(one.astype(np.int64), 0)) for one in groups]
    shares = pd.get_dummies(codes).groupby(cells.codes).transform("mean")
    found = mean_auc(parts, groups)
    assert found.in_sample == pytest.approx(roc_auc_score(codes, shares, multi_class="ovr", average="weighted"))
    assert min(part.value for part in parts) < found.value < max(part.value for part in parts)


def test_folds_have_as_many_rows_of_each_group_as_can_be():
    groups = np.random.default_rng(0).choice(3, 500, p=[0.9, 0.08, 0.02])
    for code in range(3):
        counts = np.bincount(assign_folds(groups, 3)[groups == code], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "share", "shift"), [(400, 0.3, 0.0), (400, 0.3, 0.3), (1500, 0.1, 0.36), (100, 0.5, 2.5)])
def test_the_interval_contains_the_best_auc(rows, share, shift):
    """Of two normal distributions, the AUC is known. As in the search, an interval without a finding reaches to 0.5."""
    random, runs, missed = np.random.default_rng(7), 150, 0
    truth = stats.norm.cdf(shift / np.sqrt(2))
    for seed in range(runs):
        group = random.permutation(rows) < share * rows
        column = prepare_column(pd.Series(random.normal(size=rows) + shift * group), coded=False)
        cells = column.cut(np.ones(rows, dtype=bool), int(group.sum()))
        found = crossfitted_auc(cells, group, assign_folds(group.astype(np.int64), seed))
        low, high = auc_ends(found, int(group.sum()), int((~group).sum()))
        if (
            stats.mannwhitneyu(column.column.values[column.column.codes][group], column.column.values[column.column.codes][~group]).pvalue
            > 0.05
        ):
            low = min(low, 0.5)
        missed += not low <= truth <= high
    assert missed <= stats.binom.ppf(0.999, runs, 0.05)


def test_an_interval_is_never_without_width():
    low, high = auc_ends(CrossfittedAuc(1.0, 1.0, np.zeros(60)), 30, 30)
    assert low < 0.95
    assert high == 1.0
