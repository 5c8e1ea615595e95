"""The large table's peer: a script that one would write without the product. ``python bench/bare_scale.py TABLE.csv``.

It trains one and two models of 50 rounds, measures them with scikit-learn, and explains them in log-odds on the test rows. It neither
rebalances nor searches for like people, and keeps nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import shap
import xgboost
from sklearn import metrics
from sklearn.model_selection import train_test_split

ROUNDS = 50
MODELS: tuple[dict[str, float], ...] = ({}, {"max_depth": 5, "eta": 0.2}, {"max_depth": 7, "eta": 0.1})


def main() -> None:
    frame = pd.read_csv(sys.argv[1])
    for name in frame.columns[[dtype.kind not in "iuf" for dtype in frame.dtypes]]:
        frame[name] = pd.factorize(frame[name], sort=True)[0]
    label, features = frame["paid"], frame.drop(columns="paid")
    rest, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=42, stratify=label)
    train, validation = train_test_split(rest, test_size=0.2, random_state=42, stratify=label.iloc[rest])
    matrices = {n: xgboost.DMatrix(features.iloc[at], label.iloc[at]) for n, at in (("train", train), ("validation", validation))}
    for parameters in MODELS:
        settings: dict[str, Any] = {"objective": "binary:logistic", "eval_metric": "auc", **parameters}
        evals = [(matrices["validation"], "validation")]
        booster = xgboost.train(settings, matrices["train"], ROUNDS, evals=evals, verbose_eval=False)
        scores = booster.predict(xgboost.DMatrix(features.iloc[test]))
        found = [
            metrics.roc_auc_score(label.iloc[test], scores),
            metrics.average_precision_score(label.iloc[test], scores),
            metrics.log_loss(label.iloc[test], scores),
            metrics.brier_score_loss(label.iloc[test], scores),
            *metrics.precision_recall_fscore_support(label.iloc[test], scores > 0.5, average="binary")[:3],
            metrics.accuracy_score(label.iloc[test], scores > 0.5),
        ]
        if parameters is not MODELS[-1]:  # the baseline and one model go on, as in the product
            explainer = shap.TreeExplainer(booster, data=features.iloc[train[:1]], model_output="raw")
            values = explainer.shap_values(features.iloc[test], check_additivity=False)
            found.append(float(np.abs(values).mean()))
        print(found)


if __name__ == "__main__":
    main()
