"""A table with empty cells goes through the whole workflow on the command line, and each column's gaps are treated as asked."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
import xgboost
from paths import ROOT

from core.analysis.explanations.xgboost_model import load_booster
from core.aws.target import connect
from core.cli.main import main
from core.jobs import rebalancing_jobs
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle

CASE = ROOT / "tests/data/cases/57_nan_feature.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(target, report) of the demo on the case, with further gaps in age (median), region (a category) and debt (rows left out)."""
    folder = tmp_path_factory.mktemp("gaps")
    table = pd.read_csv(CASE, dtype=str)
    for name, step in (("age", 7), ("region", 9), ("debt", 40)):
        table.loc[::step, name] = None
    table.to_csv(folder / "gaps.csv", index=False)
    command = ["demo", "--data", folder / "gaps.csv", "--label", "paid", "--favourable", "1", "--facet", "sex", "--facet-value", "f"]
    command += ["--missing", "age=median", "--missing", "region=category", "--missing", "debt=drop"]
    command += ["--max-jobs", "1", "--workspace", folder / "ws", "--report", folder / "report.json"]
    try:
        assert main(list(map(str, command))) == 0
        yield connect(Settings(workspace=folder / "ws")), json.loads((folder / "report.json").read_text()), table
    finally:
        lifecycle.stop(folder / "ws")


@pytest.mark.slow
def test_gaps_stay_or_are_treated_as_asked_and_the_manifest_says_so(run):
    target, report, table = run
    data = rebalancing_jobs.read_result(target, report["data"]["rebalancing_job"])
    told = {one["column"]: one for one in data.manifest["missing"]}
    kept = table[table["debt"].notna()]
    assert data.dataset.rows == len(kept)
    assert {name: one["treatment"] for name, one in told.items()} == {"income": "keep", "age": "median"}
    for name, one in told.items():
        assert one["train"] + one["validation"] + one["test"] == kept[name].isna().sum()
    notes = " ".join(data.dataset.notes)
    assert f"Column debt: {table['debt'].isna().sum()} rows without a value were left out." in notes
    assert "became the category missing" in notes
    assert "missing" in data.dataset.coding["region"]
    training = pd.read_csv(io.BytesIO(target.files.read(data.uri("train.csv"))), header=None, dtype=str)
    ages, incomes = (training[data.manifest["files"]["train.csv"]["columns"].index(name)] for name in ("age", "income"))
    assert ages.str.fullmatch(r"\d+").all()
    assert (ages == str(told["age"]["filled_with"])).sum() >= told["age"]["train"] > 0
    assert incomes.isna().sum() == told["income"]["train"] > 0


@pytest.mark.slow
def test_predictions_are_xgboosts_own_for_missing_values_and_both_versions_are_registered(run):
    target, report, _ = run
    for model in report["models"]:
        package = model_packages.read_package(target, model["model_package_arn"])
        data = model_packages.find_rebalancing(target, package)
        rows = pd.read_csv(io.BytesIO(target.files.read(data.uri("test_header.csv"))))
        assert rows["income"].isna().any()
        booster = load_booster(target.files.read(package.model_uri))
        expected = booster.predict(xgboost.DMatrix(rows.drop(columns=data.roles.label).to_numpy(dtype=float)))
        scores = pd.read_csv(io.BytesIO(target.files.read(package.scores_uri)))["score"]
        np.testing.assert_allclose(scores, expected, atol=1e-6)
        assert set(model["shap"]) == set(data.manifest["features"])
        assert "income" in model["undefined"]["post_training"]["FT"]
