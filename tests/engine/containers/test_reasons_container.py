"""The container of reasons and proxies on a table with a planted proxy: what it finds, what it leaves out and why, what it refuses."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pandas as pd
import pytest
import xgboost

from engine.containers import ContainerError
from engine.containers.reasons import main

pytestmark = pytest.mark.slow

FEATURES = ["income", "height", "debt"]


def people(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    women = random.random(rows) < 0.4
    income, debt = random.normal(50, 10, rows).round(1), random.random(rows).round(3)
    height = (176 - 11 * women + random.normal(0, 7, rows)).round()
    late = (random.random(rows) < 1 / (1 + np.exp(-(4 * debt - (income - 40) / 8 - (height - 170) / 12)))).astype(int)
    return pd.DataFrame({"late": late, "sex": women.astype(int), "income": income, "height": height, "debt": debt})


def lay(root, *, names=tuple(FEATURES), weighted=False, **asked):
    inputs = root / "opt/ml/processing/input"
    train, test = people(1500, 1), people(1200, 2)
    train.insert(1, "weight of the row", 1.5)
    columns = ["late", *(["weight of the row"] if weighted else []), *FEATURES]
    called = dict(zip(FEATURES, names, strict=True))
    for name, frame, header in (("train", train[columns], False), ("data", test[["late", *FEATURES, "sex"]].rename(columns=called), True)):
        (inputs / name).mkdir(parents=True)
        frame.to_csv(inputs / name / "rows.csv", index=False, header=header)
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(train[FEATURES].to_numpy(), train["late"]), num_boost_round=15
    )
    (inputs / "model").mkdir()
    with tarfile.open(inputs / "model/model.tar.gz", "w:gz") as tar:
        content = bytes(booster.save_raw("ubj"))
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    (inputs / "config").mkdir()
    request = {
        "label": "late",
        "favourable": 0,
        "facets": [["sex", 1]],
        "prohibited": [],
        "groups": {"what you earn and owe": [called["income"], called["debt"]]},
        "features": list(names),
        "has_weights": weighted,
        "derived": {"sex": ""},
        "hyperparameters": {"objective": "binary:logistic", "max_depth": "3", "num_round": "15"},
        **asked,
    }
    (inputs / "config/reasons.json").write_text(json.dumps(request))
    return test


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    root = tmp_path_factory.mktemp("reasons")
    lay(root)
    main(root, {})
    output = root / "opt/ml/processing/output"
    return json.loads((output / "reasons.json").read_text()), pd.read_csv(output / "reasons.csv"), (output / "notice.txt").read_text()


def test_the_planted_proxy_is_found_alone_and_tried_without(result):
    found, _, _ = result
    proxies = {one["features"][0] for one in found["proxies"]["features"] if one["is_found"]}
    assert proxies == {"height"}
    assert [one["dropped"] for one in found["dropping"]["models"]] == [["height"]]
    without = found["dropping"]["models"][0]["auc"]
    assert without["low"] < without["value"] < 0
    (flow,) = found["flows"]
    strongest = max(flow["flow"]["flows"], key=lambda one: abs(one["gap"]["value"]))
    assert strongest["features"] == ["height"]
    assert not found["unmeasured"]


def test_reasons_are_of_declined_rows_in_the_words_that_were_asked(result):
    found, table, notice = result
    assert set(table["reason 1"].dropna()) <= {"what you earn and owe", "height"}
    assert len(table) == found["reasons"]["declined"]
    assert 0 <= found["reasons"]["hold"] <= found["reasons"]["same"] <= 1
    assert found["reasons"]["alternatives"] == 20
    assert "1. " in notice


def test_a_part_that_cannot_be_measured_is_left_out_with_its_reason_and_the_others_are_there(tmp_path):
    lay(tmp_path, threshold=0.0)  # everybody is declined, so nobody is just above the threshold
    main(tmp_path, {})
    found = json.loads((tmp_path / "opt/ml/processing/output/reasons.json").read_text())
    assert found["reasons"] is None
    assert "No applicant passes at the threshold 0" in found["unmeasured"]["reasons"]
    assert found["proxies"]["features"]
    assert not (tmp_path / "opt/ml/processing/output/reasons.csv").exists()


@pytest.mark.parametrize("favourable", [0, 1])
def test_hostile_names_weights_and_either_favourable_value_are_measured(tmp_path, favourable):
    test = lay(tmp_path, names=("label", "height [cm] <1>", "=weight"), weighted=True, favourable=favourable)
    main(tmp_path, {})
    output = tmp_path / "opt/ml/processing/output"
    found, table = json.loads((output / "reasons.json").read_text()), pd.read_csv(output / "reasons.csv")
    assert not found["unmeasured"]
    scores = dict(zip(table["row"], table["score"], strict=True))
    assert all((score > 0.5) == (favourable == 0) for score in scores.values())
    worse = test["height"].to_numpy()[table["row"]]  # tall people are less often late
    assert (worse.mean() < test["height"].mean()) == (favourable == 0)
    assert [one["dropped"] for one in found["dropping"]["models"]] == [["height [cm] <1>"]]


def test_a_facet_with_gaps_keeps_its_values_names_and_its_unknown_people_are_on_neither_side(tmp_path):
    test = lay(tmp_path)
    path = tmp_path / "opt/ml/processing/input/data/rows.csv"
    rows = pd.read_csv(path)
    rows["sex"] = rows["sex"].astype("Int64").mask(np.arange(len(rows)) % 10 == 0)
    rows.to_csv(path, index=False)
    main(tmp_path, {})
    found = json.loads((tmp_path / "opt/ml/processing/output/reasons.json").read_text())
    assert not found["unmeasured"]
    assert {one["name"] for one in found["proxies"]["features"]} <= {"sex", "sex = 0", "sex = 1"}
    (flow,) = found["flows"]
    assert flow["flow"]["rows"] == (rows["sex"] == 1).sum() < (test["sex"] == 1).sum()
    assert flow["flow"]["rows"] + flow["flow"]["others"] == rows["sex"].notna().sum()


def test_a_model_that_the_product_does_not_train_has_what_needs_no_training(tmp_path):
    lay(tmp_path, hyperparameters={"objective": "binary:logistic", "monotone_constraints": "(1,0,0)", "num_round": "15"})
    main(tmp_path, {})
    found = json.loads((tmp_path / "opt/ml/processing/output/reasons.json").read_text())
    assert set(found["unmeasured"]) == {"reasons", "cost of dropping"}
    assert "monotone_constraints" in found["unmeasured"]["reasons"]
    assert found["proxies"]["tests"]
    assert found["flows"]


def test_a_request_without_its_parts_and_a_facet_that_is_not_there_are_refused_by_name(tmp_path):
    lay(tmp_path, facets=[["age", 1]])
    with pytest.raises(ContainerError, match="column age isn't among the applicants' columns"):
        main(tmp_path, {})
    (tmp_path / "opt/ml/processing/input/config/reasons.json").write_text("{}")
    with pytest.raises(ContainerError, match=r"reasons.json lacks label, favourable, facets, features, hyperparameters"):
        main(tmp_path, {})
