"""How bias metrics, rebalancing, training and SHAP grow with the rows: seconds, and the most memory beyond the table, each by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pandas as pd

from bench import fresh
from bench.compare import save_points
from bench.tables import repeated

COUNTED, FLIP = "20 bias metrics, all but the flip test", "flip test"
TRAINING, PROBABILITY = "XGBoost, 50 rounds", "SHAP of the probability"
WHATS = (COUNTED, FLIP, "SMOTE", "SMOTE-NC", TRAINING, "SHAP, exact (log-odds)", PROBABILITY)
SIZES = (3_000, 30_000, 300_000, 3_000_000)
MOST = {"SMOTE": 300_000, "SMOTE-NC": 300_000}
"""What would take minutes beyond: left out."""


def points(small: bool) -> list[dict[str, Any]]:
    """(what, size, seconds, peak_mb, table_mb) of each, in this order."""
    chosen = [(COUNTED, 1000)] if small else [(w, n) for w in WHATS for n in SIZES if n <= MOST.get(w, n)]
    found = []
    for what, size in chosen:
        used = fresh.usage("bench.growth_analysis", "--fresh", what, str(size))
        found.append({"what": what, "size": size, "seconds": used.seconds, "peak_mb": used.peak_mb, "table_mb": used.table_mb})
        print(f"{what} | {size:,} rows | {used.seconds:.3g} s | {used.peak_mb:,.0f} MB beyond the table's {used.table_mb:,.0f}", flush=True)
    return found


def work(what: str, frame: pd.DataFrame) -> Callable[[], Any]:
    """What is measured; everything that it needs is made before."""
    if what in (COUNTED, FLIP):
        import numpy as np

        from core.analysis.bias.bias_metrics import flip_outcomes, post_training_bias, pre_training_bias
        from core.analysis.bias.metric_registry import counted_metrics

        accepted = np.random.default_rng(0).random(len(frame)) < 0.8
        flip_outcomes(frame["SEX"].head(1000).eq(1).to_numpy(), accepted[:1000], frame.head(1000).drop(columns=["LABEL", "SEX"]))
        facet, group, label = (frame["SEX"] == 1).to_numpy(), frame["AGE"].to_numpy(), (frame["LABEL"] == 0).to_numpy()
        if what == FLIP:
            return lambda: flip_outcomes(facet, accepted, frame.drop(columns=["LABEL", "SEX"]))
        names = counted_metrics()
        return lambda: (pre_training_bias(facet, label, group), post_training_bias(facet, label, accepted, group, None, metrics=names))
    if what in ("SMOTE", "SMOTE-NC"):
        from core.analysis.resampling.resampling import RebalanceConfig, rebalance

        config = RebalanceConfig("LABEL", "SEX", 1, what.lower(), "label", ("EDUCATION", "MARRIAGE"))
        rebalance(frame.head(1000), config)
        return lambda: rebalance(frame, config)
    import xgboost

    from core.analysis.explanations.shap_values import compute_shap_values

    features = frame.drop(columns="LABEL")
    settings = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.2}
    if what == TRAINING:
        return lambda: xgboost.train(settings, xgboost.DMatrix(features, frame["LABEL"]), num_boost_round=50)
    some = xgboost.DMatrix(features.head(30_000), frame["LABEL"].head(30_000))
    booster = xgboost.train(settings, some, num_boost_round=50)
    baseline = features.median().to_frame().T
    output: Any = "raw" if "exact" in what else "probability"
    compute_shap_values(booster, features.head(100), baseline, output=output)
    return lambda: compute_shap_values(booster, features, baseline, output=output)


def main() -> None:
    if "--fresh" in sys.argv:
        frame = repeated(int(sys.argv[-1]))
        fresh.measured(work(sys.argv[-2], frame), float(frame.memory_usage(index=False).sum()))
        return
    save_points("growth_analysis", points)


if __name__ == "__main__":
    main()
