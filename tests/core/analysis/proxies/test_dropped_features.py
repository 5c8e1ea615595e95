"""Models without features: those of xgboost's own scikit-learn interface, compared as any two models are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference
from scipy import stats
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from core.analysis.performance.performance_difference import compare_performance
from core.analysis.proxies import dropped_features
from core.analysis.proxies.dropped_features import measure_dropping
from core.analysis.trials.trial_reports import FacetRows

PARAMETERS = {"objective": "binary:logistic", "max_depth": "3", "eta": "0.3", "num_round": "15", "eval_metric": "auc"}


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(1)
    n = 3000
    women = random.random(n) < 0.4
    table = pd.DataFrame(
        {
            "debt": random.random(n),
            "height": 175 - 12 * women + random.normal(0, 5, n),
            "shoe": pd.array(np.where(random.random(n) < 0.1, 0, (42 - 3 * women + random.normal(0, 1, n)).round()), dtype="Int64"),
            "luck": random.random(n),
        }
    )
    table.loc[random.random(n) < 0.05, "shoe"] = pd.NA
    late = (1.4 * table["debt"] + 0.35 * women + random.normal(0, 0.2, n) > 1.2).astype(int)
    return table[:1500], late[:1500], table[1500:], late[1500:], FacetRows("sex", "f", women[1500:])


@pytest.fixture(scope="module")
def cost(rows):
    training, labels, test, test_labels, facet = rows
    return measure_dropping(training, labels, PARAMETERS, test, test_labels, [facet], ["height", "shoe"], resamples=200)


def theirs(rows, columns, **options):
    training, labels, test, _, _ = rows
    model = XGBClassifier(n_estimators=15, max_depth=3, learning_rate=0.3, n_jobs=1, **options)
    return model.fit(training[columns].astype(float), labels).predict_proba(test[columns].astype(float))[:, 1]


def test_each_model_is_the_one_that_xgboosts_own_interface_trains_without_the_columns(rows, cost):
    _, _, _, labels, facet = rows
    every = list(rows[0])
    models = {(): cost.reference} | {one.dropped: one.report for one in cost.models}
    assert list(models) == [(), ("height",), ("shoe",), ("height", "shoe")]
    for dropped, report in models.items():
        scores = theirs(rows, [name for name in every if name not in dropped])
        assert report.performance["auc"].value == pytest.approx(roc_auc_score(labels, scores), abs=1e-6)
        parity = demographic_parity_difference(labels, scores > 0.5, sensitive_features=facet.rows)
        assert abs(report.facets[0].measures["DPPL"].value) == pytest.approx(parity)
        compared = compare_performance(labels, theirs(rows, every), scores, resamples=200)["auc"]
        found = report.differences["auc"]
        assert found.value == pytest.approx(compared.value, abs=1e-6)
        assert (found.low, found.high) == pytest.approx((compared.low, compared.high), abs=0.005)  # other draws


def test_without_the_proxies_the_disparity_is_surely_smaller_and_so_is_the_auc(cost):
    together = cost.models[-1]
    assert together.disparities[0]["DPPL"].high < 0
    assert together.auc.high < 0
    assert together.auc.beyond_noise


def test_without_chance_in_training_the_interval_is_that_of_the_rows(cost):
    assert len(cost.retrained) == 1
    for one in cost.models:
        found = one.report.differences["auc"]
        assert (one.auc.value, one.auc.low, one.auc.high) == pytest.approx((found.value, found.low, found.high))


def test_chance_in_training_widens_the_interval_as_other_seeds_show_it(rows):
    training, labels, test, test_labels, facet = rows
    sampled = PARAMETERS | {"subsample": "0.5", "seed": "3"}
    cost = measure_dropping(training, labels, sampled, test, test_labels, [facet], ["luck"], resamples=50)
    aucs = [
        roc_auc_score(test_labels, theirs(rows, list(training), subsample=0.5, random_state=3 + reseed))
        for reseed in range(dropped_features.RETRAININGS + 1)
    ]
    assert [one.performance["auc"].value for one in (cost.reference, *cost.retrained)] == pytest.approx(aucs, abs=1e-6)
    found, chance = cost.models[0].report.differences["auc"], stats.t.ppf(0.975, len(aucs) - 1) * np.sqrt(2) * stats.tstd(aucs)
    assert found.value - cost.models[0].auc.low == pytest.approx(np.hypot(found.value - found.low, chance))
    assert cost.models[0].auc.high - found.value == pytest.approx(np.hypot(found.high - found.value, chance))


def test_weights_are_those_of_the_training(rows):
    training, labels, test, test_labels, facet = rows
    weights = np.where(labels == 1, 3.0, 1.0)
    cost = measure_dropping(training, labels, PARAMETERS, test, test_labels, [facet], ["luck"], weights=weights, resamples=20)
    model = XGBClassifier(n_estimators=15, max_depth=3, learning_rate=0.3, n_jobs=1).fit(
        training.astype(float), labels, sample_weight=weights
    )
    theirs = roc_auc_score(test_labels, model.predict_proba(test.astype(float))[:, 1])
    assert cost.reference.performance["auc"].value == pytest.approx(theirs, abs=1e-6)


def test_no_more_than_the_limit_are_tried_one_by_one_but_all_together(rows):
    training, labels, test, test_labels, facet = rows
    cost = measure_dropping(
        training, labels, PARAMETERS, test, test_labels, [facet], ["shoe", "luck", "height"], max_features=1, resamples=20
    )
    assert [one.dropped for one in cost.models] == [("shoe",), ("shoe", "luck", "height")]
    assert cost.not_tried == ("luck", "height")


@pytest.mark.parametrize(("proxies", "said"), [(["age"], "age not among the model's features: debt"), ([], "name at least one")])
def test_what_cannot_be_tried_is_refused(rows, proxies, said):
    training, labels, test, test_labels, facet = rows
    with pytest.raises(ValueError, match=said):
        measure_dropping(training, labels, PARAMETERS, test, test_labels, [facet], proxies)


def test_where_all_features_are_proxies_each_is_tried_and_a_model_of_one_is_refused(rows):
    training, labels, test, test_labels, facet = rows
    every = list(training)
    cost = measure_dropping(training, labels, PARAMETERS, test, test_labels, [facet], every, resamples=20)
    assert [one.dropped for one in cost.models] == [(name,) for name in every]
    with pytest.raises(ValueError, match="one feature"):
        measure_dropping(training[["debt"]], labels, PARAMETERS, test[["debt"]], test_labels, [facet], ["debt"])


def test_it_is_plain_json(cost):
    content = json.loads(json.dumps(cost.to_json(), allow_nan=False))
    assert content["models"][0]["report"]["differences"]["auc"]["value"] == cost.models[0].report.differences["auc"].value
    assert content["models"][-1]["disparities"][0]["DPPL"]["beyond_noise"] is True
    assert content["reference"]["name"] == dropped_features.ALL_FEATURES
