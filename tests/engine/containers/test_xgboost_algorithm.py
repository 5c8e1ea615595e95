"""The XGBoost container against XGBoost's own text reader, scikit-learn, and AWS's published way of combining the two."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn import metrics as sk

from engine.containers import ContainerError, xgboost_algorithm

HYPERPARAMETERS = {"objective": "binary:logistic", "num_round": "5", "max_depth": "3", "seed": "1"}
CLASSES = ["accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "precision_macro", "recall", "recall_micro"]


def table(seed, rows, weighted):
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 3)).round(4)
    label = (features[:, 0] + random.normal(size=rows) > 0.4).astype(int)
    frame = pd.DataFrame({"label": label, **{f"f{i}": features[:, i] for i in range(3)}})
    if weighted is not None:
        frame.insert(1, "weight", weighted if np.isscalar(weighted) else random.choice(weighted, rows))
    return frame


@pytest.fixture
def train(tmp_path):
    def run(train, validation=None, **changes):
        opt = tmp_path / "opt/ml"
        (opt / "input/config").mkdir(parents=True, exist_ok=True)
        (opt / "input/config/hyperparameters.json").write_text(json.dumps({**HYPERPARAMETERS, **changes}))
        tables = {"train": train} | ({} if validation is None else {"validation": validation})
        (opt / "input/config/inputdataconfig.json").write_text(json.dumps({name: {"ContentType": "text/csv"} for name in tables}))
        for name, frame in tables.items():
            (opt / "input/data" / name).mkdir(parents=True, exist_ok=True)
            frame.to_csv(opt / "input/data" / name / "data.csv", header=False, index=False)
        xgboost_algorithm.main(tmp_path, {})
        booster = xgboost.Booster()
        booster.load_model(bytearray((opt / "model/xgboost-model").read_bytes()))
        return booster, json.loads((opt / "output/evals_result.json").read_text()), opt / "input/data"

    return run


@pytest.mark.filterwarnings("ignore:.*Text file input")
def test_a_weight_is_read_in_both_channels_as_xgboosts_own_reader_reads_it(train):
    booster, history, data = train(table(1, 200, [0.5, 2.0, 3.0]), table(2, 100, 1), csv_weights="1", eval_metric="auc,logloss")
    theirs = {
        name: xgboost.DMatrix(f"{data / name}/data.csv?format=csv&label_column=0&delimiter=,&weight_column=1")
        for name in ("train", "validation")
    }
    found = {}
    parameters = {"objective": "binary:logistic", "max_depth": 3, "seed": 1, "eval_metric": ["auc", "logloss"]}
    again = xgboost.train(parameters, theirs["train"], 5, evals=[(m, n) for n, m in theirs.items()], evals_result=found, verbose_eval=False)
    np.testing.assert_allclose(booster.predict(theirs["validation"]), again.predict(theirs["validation"]), rtol=1e-6)
    for part, name in (("train", "auc"), ("validation", "auc"), ("validation", "logloss")):
        assert history[part][name] == pytest.approx(found[part][name])


@pytest.mark.parametrize(
    ("weights", "changes", "words"),
    [
        ((2.0, None), {"csv_weights": "1"}, "train has 5 columns, validation has 4 columns; with csv_weights=1 both need a weight"),
        ((None, 1.0), {"csv_weights": "1"}, "train has 4 columns, validation has 5 columns"),
        ((None, 1.0), {}, "train has 4 columns, validation has 5 columns"),
    ],
)
def test_channels_of_different_widths_are_refused_naming_both(train, weights, changes, words):
    with pytest.raises(ContainerError, match=words):
        train(table(1, 50, weights[0]), table(2, 50, weights[1]), **changes)


def test_a_negative_weight_of_a_validation_row_is_named(train):
    with pytest.raises(ContainerError, match=r"channel validation: row 1 has the weight -1.0 \(second column\)"):
        train(table(1, 50, 1.0), table(2, 50, -1.0), csv_weights="1")


def test_metrics_of_classes_are_constants_as_in_awss_container(train):
    validation = table(2, 100, None)
    everyone = np.ones(100)
    results = [train(table(1, 200, None), validation, eval_metric=",".join(CLASSES), max_depth=depth)[1]["validation"] for depth in "16"]
    assert results[0]["logloss"] != results[1]["logloss"]  # the objective's own metric is logged beside the container's
    expected = {
        "accuracy": sk.accuracy_score(validation["label"], everyone),
        "balanced_accuracy": 0.5,
        "f1": sk.f1_score(validation["label"], everyone, average="macro"),
        "f1_binary": sk.f1_score(validation["label"], everyone),
        "f1_macro": sk.f1_score(validation["label"], everyone, average="macro"),
        "precision": validation["label"].mean(),
        "precision_macro": validation["label"].mean() / 2,
        "recall": 1.0,
        "recall_micro": sk.recall_score(validation["label"], everyone, average="micro"),
    }
    for name in CLASSES:
        for result in results:
            assert result[name] == pytest.approx([expected[name]] * 5, abs=1e-6), name  # XGBoost keeps six digits


def test_with_log_odds_the_metrics_of_classes_are_what_their_names_say(train):
    validation = table(2, 100, None)
    booster, history, _ = train(
        table(1, 200, None), validation, objective="binary:logitraw", _tuning_objective_metric="validation:f1", eval_metric="accuracy,mse"
    )
    margin = booster.predict(xgboost.DMatrix(validation.iloc[:, 1:].to_numpy()))
    assert history["validation"]["f1"][-1] == pytest.approx(sk.f1_score(validation["label"], margin > 0, average="macro"), abs=1e-6)
    assert history["validation"]["accuracy"][-1] == pytest.approx(sk.accuracy_score(validation["label"], margin > 0), abs=1e-6)
    assert 0.5 < history["validation"]["accuracy"][-1] != validation["label"].mean()


def test_errors_of_probabilities_take_no_account_of_weights(train):
    validation = table(2, 100, [0.5, 4.0])
    booster, history, _ = train(table(1, 200, [1.0, 2.0]), validation, csv_weights="1", eval_metric="mse,rmse,mae,r2,error@0.3")
    scores = booster.predict(xgboost.DMatrix(validation.iloc[:, 2:].to_numpy()))
    last = {name: values[-1] for name, values in history["validation"].items()}
    assert last["mse"] == pytest.approx(sk.mean_squared_error(validation["label"], scores), abs=1e-6)
    assert last["rmse"] == pytest.approx(sk.root_mean_squared_error(validation["label"], scores), abs=1e-6)
    assert last["mae"] == pytest.approx(sk.mean_absolute_error(validation["label"], scores), abs=1e-6)
    assert last["r2"] == pytest.approx(sk.r2_score(validation["label"], scores), abs=1e-6)
    wrong = (scores > 0.3) != validation["label"]
    assert last["error@0.3"] == pytest.approx(np.average(wrong, weights=validation["weight"]))


def test_early_stopping_watches_the_tuning_jobs_objective_on_the_validation_rows(train):
    changes = {"num_round": "200", "eta": "1", "early_stopping_rounds": "3"}
    booster, history, _ = train(
        table(1, 200, None), table(2, 100, None), **changes, _tuning_objective_metric="validation:auc", eval_metric="logloss"
    )
    rounds = history["validation"]["auc"]
    assert len(rounds) < 200
    assert booster.num_boosted_rounds() == int(np.argmax(rounds)) + 1
    booster, history, _ = train(table(1, 200, None), table(2, 100, None), **{**changes, "num_round": "20"})
    assert len(history["validation"]["logloss"]) == 20  # without a metric that was asked for, nothing is watched
