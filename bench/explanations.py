"""SHAP of the probability on the 30,000 rows, beside shap's KernelExplainer with 100 samples (on 200 rows, scaled)."""

from __future__ import annotations

import sys

import shap
import xgboost

from bench.compare import compare, save
from core.analysis.explanations import explain
from core.tables import bundled


def main(rows: int = 30_000, peer_rows: int = 200, runs: int = 3) -> None:
    frame = bundled().drop(columns="ID").head(rows)
    features, label = frame.drop(columns="LABEL"), frame["LABEL"]
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 5, "eta": 0.2}, xgboost.DMatrix(features, label), num_boost_round=50
    )
    baseline = features.median().to_frame().T

    def predict(data):  # type: ignore[no-untyped-def]
        return booster.predict(xgboost.DMatrix(data, feature_names=list(features.columns)))

    def peer() -> None:
        shap.KernelExplainer(predict, baseline).shap_values(features.head(peer_rows).to_numpy(), nsamples=100, silent=True)

    row = compare(
        f"SHAP of the probability, {len(features):,} rows × {features.shape[1]}",
        lambda: explain(booster, features, baseline),
        peer,
        peer_name="KernelExplainer, 100 samples",
        runs=runs,
        scale=len(features) / peer_rows,
    )
    save("explanations", [row])


if __name__ == "__main__":
    main(**({"rows": 500, "peer_rows": 5, "runs": 1} if "--smallest" in sys.argv else {}))
