"""All 21 bias metrics, beside smclarify 0.5; with and without the flip test, which is a search for nearest neighbours."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report

from bench.compare import Goal, Row, compare, run
from core.analysis.bias import post_training_bias, pre_training_bias
from core.tables import bundled


def rows(small: bool) -> list[Row]:
    return [metrics(1000 if small else 30_000, 1 if small else 3)]


def metrics(size: int, runs: int) -> Row:
    frame = bundled().drop(columns="ID").head(size)
    predicted = pd.Series((np.random.default_rng(0).random(len(frame)) > 0.8).astype(int))
    facet, group = (frame["SEX"] == 1).to_numpy(), frame["AGE"].to_numpy()
    features = frame.drop(columns=["LABEL", "SEX"])

    def ours() -> None:
        label = (frame["LABEL"] == 0).to_numpy()
        pre_training_bias(facet, label, group)
        post_training_bias(facet, label, (predicted == 0).to_numpy(), group, features)

    def peer() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for stage in (StageType.PRE_TRAINING, StageType.POST_TRAINING):
                bias_report(
                    frame,
                    FacetColumn("SEX", sensitive_values=[1]),
                    LabelColumn("LABEL", frame["LABEL"], positive_label_values=[0]),
                    stage,
                    predicted_label_column=LabelColumn("predicted", predicted, positive_label_values=[0]),
                    group_variable=frame["AGE"],
                )

    return compare(f"21 bias metrics, {len(frame):,} rows", ours, peer, peer_name="smclarify 0.5", runs=runs, goal=Goal(faster=15))


if __name__ == "__main__":
    run("bias", rows)
