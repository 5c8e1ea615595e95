"""Reasons of declined rows: by the rule's own arithmetic, by shap, and where they don't hold."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import shap
import xgboost

from core.analysis.explanations.principal_reasons import ReasonRules
from core.analysis.explanations.reason_groups import ReasonError
from core.analysis.explanations.reason_notice import NOTICE_FORMS, PLAIN_NOTICE, tabulate_reasons, write_notice
from core.analysis.explanations.reasons import Applicants, find_reasons
from core.analysis.explanations.retrained_models import retrain_models
from core.analysis.explanations.shap_values import predict_probabilities

NAMES = ["debt_1", "debt_2", "income", "region", "sex"]
GROUPS = {"high debts": ["debt_1", "debt_2"], "low income": ["income"]}
PARAMETERS = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.4, "nthread": 1}
ROUNDS = 12


def draw(rows, seed, sex=0.0):
    """Rows, and whether they default; ``sex``: how much it counts."""
    random = np.random.default_rng(seed)
    data = pd.DataFrame(random.normal(size=(rows, len(NAMES))).round(1), columns=NAMES)
    data["sex"] = random.integers(0, 2, rows)
    worth = data["debt_1"] + data["debt_2"] * (data["income"] < 0) - data["income"] + sex * data["sex"] + 0.3 * data["region"]
    return data, (worth + random.normal(size=rows) > 0.7 + sex / 2).astype(int).to_numpy()


@pytest.fixture(scope="module")
def case():
    train, labels = draw(1500, 0)
    booster = xgboost.train(PARAMETERS, xgboost.DMatrix(train, labels), ROUNDS)
    data, _ = draw(600, 1)
    return booster, Applicants(data, predict_probabilities(booster, data)), train, labels


def find(booster, applicants, **given):
    asked = {"threshold": 0.5, "favourable": 0, "groups": GROUPS, "prohibited": ["sex"]} | given
    return find_reasons(booster, applicants, **asked)


def by_shap(booster, rows, baseline):
    """Each group's points, by shap's own pairs of rows."""
    judge = shap.TreeExplainer(
        booster, shap.maskers.Independent(baseline.to_numpy(float), max_samples=len(baseline)), feature_perturbation="interventional"
    )
    values = pd.DataFrame(judge.shap_values(rows.to_numpy(float), check_additivity=False), columns=NAMES)
    return pd.DataFrame({words: values[features].sum(axis=1) for words, features in (GROUPS | {"region": ["region"]}).items()})


@pytest.mark.parametrize("favourable", [0, 1])
def test_the_points_are_those_of_all_pairs_by_shap_against_each_baseline(case, favourable):
    booster, applicants, *_ = case
    found = find(booster, applicants, favourable=favourable)
    predicts_one = applicants.scores > 0.5
    declined = predicts_one if favourable == 0 else ~predicts_one
    assert [row.row for row in found.rows] == np.flatnonzero(declined).tolist()
    passing = np.flatnonzero(~declined)
    nearest = passing[np.argsort(np.abs(applicants.scores[passing] - 0.5), kind="stable")[: found.passing_rows]]
    assert found.passing_rows >= 100
    features = applicants.features
    for against, baseline in (("all", features), ("passing", features.iloc[np.sort(nearest)])):
        points = by_shap(booster, features[declined], baseline) * (1 if favourable == 0 else -1)
        for at, row in enumerate(found.rows):
            for reason in row.reasons if against == "all" else row.other_reasons:
                assert reason.points == pytest.approx(points[reason.words].iloc[at], abs=1e-5)
            strongest = points.iloc[at].idxmax()
            listed = row.reasons if against == "all" else row.other_reasons
            assert [one.words for one in listed[:1]] == ([strongest] if points.iloc[at].max() > 0 else [])


def test_of_a_score_that_adds_up_the_points_are_the_distance_from_the_average_as_the_commentary_says():
    train, labels = draw(1500, 4)
    linear = xgboost.train({"objective": "binary:logistic", "booster": "gblinear", "eta": 0.3}, xgboost.DMatrix(train, labels), 20)
    data, _ = draw(300, 5)
    applicants = Applicants(data, predict_probabilities(linear, data))
    factors = pd.DataFrame(linear.predict(xgboost.DMatrix(data), pred_contribs=True)[:, :-1], columns=NAMES).astype(float)
    found = find(linear, applicants)
    assert found.rows
    for row in found.rows:
        below = factors.loc[row.row] - factors.mean()
        for reason in row.reasons:
            features = found.groups[reason.words]
            assert reason.points == pytest.approx(below[list(features)].sum(), abs=1e-4)


def test_stability_counts_the_models_trained_again_under_both_baselines(case):
    booster, applicants, train, labels = case
    models = retrain_models(train, labels, PARAMETERS, ROUNDS, count=3, seed=5)
    found = find(booster, applicants, alternatives=models)
    assert found.alternatives == 6
    seen = {row.row: Counter() for row in found.rows}
    everyone = applicants.features
    for model in models:
        scores = predict_probabilities(model, everyone)
        declined = pd.concat([everyone.loc[list(seen)]] * 2, ignore_index=True)
        again = find(model, Applicants(declined, np.ones(len(declined))), population=Applicants(everyone, scores))
        for row in again.rows[: len(seen)]:
            for reasons in (row.reasons, row.other_reasons):
                seen[list(seen)[row.row]].update(one.words for one in reasons)
    for row in found.rows:
        for reason in (*row.reasons, *row.other_reasons):
            assert reason.stability == pytest.approx(seen[row.row][reason.words] / 6)
        unsteady = any(
            (count / 6 if words in {one.words for one in row.reasons} else 1 - count / 6) < found.rules.stability
            for words, count in ((words, seen[row.row][words]) for words in found.groups)
        )
        assert row.holds == (row.same and not unsteady and not row.prohibited)
    assert 0 < found.holding_share < 1
    assert found.holding_share <= found.same_share


def test_reasons_whose_stability_was_not_measured_do_not_hold(case):
    found = find(*case[:2])
    assert found.holding_share is None
    assert all("Stability wasn't measured" in " ".join(row.problems) for row in found.rows)
    assert {reason.stability for row in found.rows for reason in row.reasons} == {None}


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_a_prohibited_feature_is_never_a_reason_and_is_pointed_out_where_it_counted_as_much(weight):
    train, labels = draw(1500, 2, sex=weight)
    booster = xgboost.train(PARAMETERS, xgboost.DMatrix(train, labels), ROUNDS)
    data, _ = draw(400, 3, sex=weight)
    found = find(booster, Applicants(data, predict_probabilities(booster, data)))
    assert not {"sex"} & {reason.words for row in found.rows for reason in (*row.reasons, *row.other_reasons)}
    flagged = [row for row in found.rows if row.prohibited]
    assert {data["sex"][row.row] for row in flagged} <= {1}
    women = [row for row in found.rows if data["sex"][row.row] == 1]
    assert len(flagged) / len(women) < 0.05 if weight == 0 else len(flagged) / len(women) > 0.5
    for row in flagged:
        assert row.problems[-1] == "sex counted as much as a reason, and can't be one: a person has to look at this decision."
        with pytest.raises(ReasonError, match="sex counted as much as a reason"):
            write_notice(row)


def test_what_only_the_limit_leaves_out_is_said(case):
    booster, applicants, *_ = case
    found = find(booster, applicants, rules=ReasonRules(limit=1, share=0.9, nearly_equal=0.5))
    said = [row for row in found.rows if "More than 1 groups are about as strong, and only 1 are named." in row.problems]
    assert said
    assert {len(row.reasons) for row in found.rows} == {1}


def test_the_applicants_just_above_are_a_share_of_those_that_pass_with_all_of_the_same_score(case):
    booster, applicants, *_ = case
    few = find(booster, applicants, rules=ReasonRules(passing_share=0.01, passing_rows=1))
    passing = int((applicants.scores <= 0.5).sum())
    assert few.passing_rows >= np.ceil(0.01 * passing)
    twice = Applicants(pd.concat([applicants.features] * 2, ignore_index=True), np.tile(applicants.scores, 2))
    assert find(booster, twice, rules=ReasonRules(passing_share=0.01, passing_rows=1)).passing_rows >= 2 * few.passing_rows - 2
    assert find(booster, applicants, rules=ReasonRules(passing_rows=10_000)).passing_rows == passing


def test_where_nobody_passes_or_nobody_is_declined_it_is_said(case):
    booster, applicants, *_ = case
    with pytest.raises(ReasonError, match="No applicant passes at the threshold -1"):
        find(booster, applicants, threshold=-1.0)
    nobody = find(booster, applicants, threshold=1.0)
    assert (nobody.rows, nobody.same_share) == ((), None)
    assert list(tabulate_reasons(nobody).columns)[:4] == ["row", "score", "reason 1", "points 1"]


def test_models_trained_again_differ_by_their_rows_and_are_the_same_with_the_same_seed(case):
    *_, train, labels = case
    first, second = (retrain_models(train, labels, PARAMETERS, ROUNDS, count=3, seed=9) for _ in range(2))
    scores = [predict_probabilities(model, train) for model in first]
    assert all((predict_probabilities(model, train) == score).all() for model, score in zip(second, scores, strict=True))
    assert all(np.abs(scores[0] - other).max() > 0.01 for other in scores[1:])
    weights = np.where(labels == 1, 5.0, 1.0)
    (heavy,) = retrain_models(train, labels, PARAMETERS, ROUNDS, weights=weights, count=1, seed=9)
    assert predict_probabilities(heavy, train).mean() > scores[0].mean()


def test_the_table_has_a_line_for_each_declined_row(case):
    booster, applicants, *_ = case
    found = find(booster, applicants)
    table = tabulate_reasons(found)
    assert table["row"].tolist() == [row.row for row in found.rows]
    assert table["score"].to_numpy() == pytest.approx(applicants.scores[table["row"]])
    assert table.filter(like="reason").notna().sum(axis=1).tolist() == [len(row.reasons) for row in found.rows]
    assert set(table["holds"]) == {"no"}


@pytest.mark.parametrize("form", NOTICE_FORMS.values())
def test_a_notice_lists_the_reasons_in_words_and_neither_score_nor_points(case, form):
    booster, applicants, *_ = case
    row = max(find(booster, applicants).rows, key=lambda one: len(one.reasons))
    text = write_notice(row, form)
    listed = [line.partition(". ")[2].lower() for line in text.splitlines() if line[:1].isdigit()]
    assert listed == [reason.words for reason in row.reasons]
    assert text.startswith(form.opening)
    assert text.lower().endswith((form.closing or listed[-1]).lower())
    assert bool(form.source) == bool(form.date) == (form is not PLAIN_NOTICE)
