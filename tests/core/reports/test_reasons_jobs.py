"""A job that looks for the reasons of declined rows and for proxies, on the demo's workspace: its figures by other computations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shap
from sklearn.metrics import roc_auc_score

from core.errors import Conflict, DataError, Forbidden
from core.identity import WORKFLOW_IDENTITY, Identity, Role
from core.jobs import jobs, models, rebalancing_jobs, training_data, training_jobs
from core.reports import reasons_jobs, shap_jobs

GROUPS = {"money": ["income", "debt"], "purpose of the loan": ["kind"]}


@pytest.fixture(scope="module")
def trained(demo, demo_target):
    """(training job, its rows) of the run's second model."""
    name = shap_jobs.read_request(demo_target, shap_jobs.list_jobs(demo_target)[0].name).training_job
    return name, training_data.find_rebalancing(demo_target, training_jobs.describe_job(demo_target, name))


@pytest.fixture(scope="module")
def job(demo_target, trained) -> str:
    name = reasons_jobs.launch_job(demo_target, WORKFLOW_IDENTITY, *trained, GROUPS)
    jobs.wait_for_jobs(demo_target, [("processing", name)])
    return name


@pytest.fixture(scope="module")
def applicants(demo_target, trained, job):
    """(features, scores, booster): by the stored model and rows."""
    booster = shap_jobs.load_model(demo_target, models.artifact_uri(demo_target, reasons_jobs.read_request(demo_target, job)["model"]))
    frame = reasons_jobs.read_applicants(demo_target, job)
    features = frame[trained[1].manifest["features"]]
    return features, np.array(shap_jobs.predict_rows(booster, features)), booster, frame


def test_every_declined_row_has_its_reasons_and_they_are_the_shapley_values(demo_target, trained, job, applicants):
    features, scores, booster, _ = applicants
    request, found = reasons_jobs.read_request(demo_target, job), reasons_jobs.read_result(demo_target, job)
    table, _ = reasons_jobs.read_declined_rows(demo_target, job)
    declined = np.flatnonzero((scores > 0.5).astype(int) != request["favourable"])
    assert table["row"].tolist() == declined.tolist()
    assert not found["unmeasured"]
    assert found["reasons"]["declined"] == len(declined) > 20
    assert set(request["prohibited"]) == {"region", "age"}
    assert not set(table[[f"reason {place}" for place in range(1, 5)]].to_numpy(dtype=object).ravel()) & {"region", "age"}
    everyone = shap.maskers.Independent(features.to_numpy(dtype=float), max_samples=len(features))
    explainer = shap.TreeExplainer(booster, data=everyone, feature_perturbation="interventional", model_output="raw")
    values = pd.DataFrame(explainer.shap_values(features.iloc[declined[:20]].to_numpy(dtype=float)), columns=list(features))
    against = values if request["favourable"] == 0 else -values
    points = pd.DataFrame({"money": against["income"] + against["debt"], "purpose of the loan": against["kind"]})
    for place in range(20):
        first = table.loc[place, "reason 1"]
        if points.loc[place].max() > 1e-6:
            assert first == points.loc[place].idxmax()
            assert table.loc[place, "points 1"] == pytest.approx(points.loc[place, first], abs=1e-5)
    counts = {one["words"]: one["first"] for one in found["reasons"]["reasons"]}
    assert counts == {words: int((table["reason 1"] == words).sum()) for words in GROUPS}


def test_the_shares_of_the_same_reasons_are_those_of_trees_explained_by_shap(demo_target, job, applicants):
    features, scores, booster, _ = applicants
    request, found = reasons_jobs.read_request(demo_target, job), reasons_jobs.read_result(demo_target, job)["reasons"]
    sign = 1 if request["favourable"] == 0 else -1
    declined = (scores > 0.5).astype(int) != request["favourable"]
    passing = np.flatnonzero(~declined)
    near = passing[np.argsort(np.abs(scores[passing] - 0.5), kind="stable")[: found["passing_rows"]]]

    def points(baseline: pd.DataFrame) -> pd.DataFrame:
        masker = shap.maskers.Independent(baseline.to_numpy(dtype=float), max_samples=len(baseline))
        explainer = shap.TreeExplainer(booster, data=masker, feature_perturbation="interventional", model_output="raw")
        values = sign * explainer.shap_values(features[declined].to_numpy(dtype=float))
        return pd.DataFrame(values, columns=list(features)).drop(columns=request["prohibited"])

    both = [points(baseline) for baseline in (features, features.iloc[near])]
    alone = [set(map(tuple, np.argwhere(one.to_numpy() > 0).tolist())) for one in both]  # of three features at most four are all
    differing = {row for row, _ in alone[0] ^ alone[1]}
    assert found["same_alone"] == pytest.approx(1 - len(differing) / declined.sum(), abs=1.5 / declined.sum())
    assert found["all_rows"] == len(features)
    assert found["passing_rows"] == 100 or found["passing_rows"] >= 0.1 * len(passing)


def test_income_tells_of_the_region_and_the_flow_adds_up_to_the_difference(demo_target, job, applicants):
    features, scores, _, frame = applicants
    found = reasons_jobs.read_result(demo_target, job)
    by_feature = {one["features"][0]: one for one in found["proxies"]["features"] if one["attribute"] == "region" and one["value"] is None}
    auc = roc_auc_score(frame["region"] == frame["region"].min(), features["income"])
    assert by_feature["income"]["p_value"] < 0.05 < by_feature["debt"]["p_value"]
    assert by_feature["income"]["low"] < max(auc, 1 - auc) < by_feature["income"]["high"]
    (flow,) = (one for one in found["flows"] if one["facet"] == "region")
    inside = (frame["region"] == reasons_jobs.read_request(demo_target, job)["facets"][0][1]).to_numpy()
    log_odds = np.log(scores / (1 - scores))
    assert flow["flow"]["total"]["value"] == pytest.approx(log_odds[inside].mean() - log_odds[~inside].mean(), abs=1e-4)
    assert found["weak_spots"]["lists"]
    assert len(found["dependence"]) == 5


def test_a_notice_names_reasons_and_no_prohibited_column(demo_target, job):
    _, notice = reasons_jobs.read_declined_rows(demo_target, job)
    assert "principal reason" in notice
    listed = [line.partition(". ")[2].casefold() for line in notice.splitlines() if line[:2] in {"1.", "2.", "3.", "4."}]
    assert listed
    assert set(listed) <= set(GROUPS)


def test_edited_words_are_proposed_to_the_next_one(demo_target, trained, job):
    assert reasons_jobs.propose_groups(demo_target, trained[1]) == {words: tuple(group) for words, group in GROUPS.items()}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"money": ["income"], "means": ["income"]}, "income is in two groups"),
        ({"where": ["region"]}, "region is prohibited"),
        ({"money": ["wealth"]}, "no feature wealth"),
        ({" ": ["income"]}, "has no words"),
    ],
)
def test_groups_that_do_not_fit_are_refused_before_anything_starts(demo_target, trained, groups, said):
    before = len(reasons_jobs.list_jobs(demo_target))
    with pytest.raises(DataError, match=said):
        reasons_jobs.launch_job(demo_target, WORKFLOW_IDENTITY, *trained, groups)
    assert len(reasons_jobs.list_jobs(demo_target)) == before


def test_other_data_and_other_roles_are_refused(demo_target, trained):
    with pytest.raises(Forbidden):
        reasons_jobs.launch_job(demo_target, Identity("Olga", Role.COMPLIANCE_OFFICER), *trained, {})
    other = next(
        rebalancing_jobs.read_result(demo_target, job.name)
        for job in rebalancing_jobs.list_jobs(demo_target)
        if job.name != trained[1].job and job.status == "Completed"
    )
    with pytest.raises(Conflict, match="wasn't trained on the rows"):
        reasons_jobs.launch_job(demo_target, WORKFLOW_IDENTITY, trained[0], other, {})
