"""SHAP on the 30,000 rows, beside shap's KernelExplainer with 100 samples (on 200 rows, scaled) and its bare TreeExplainer.

Of log-odds the values are exact. Of the probability they are TreeExplainer's plus a sampled remainder: its own figures, with its error.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import shap
import xgboost

from bench.compare import Goal, Row, compare, run, said
from core.analysis.explanations.shap_values import DEFAULT_WALKS, compute_shap_values
from core.data.bundled_data import read_bundled

KERNEL, TREE = "KernelExplainer, 100 samples", "bare TreeExplainer"
SAMPLES = 100
Output = Literal["probability", "raw"]


class Case:
    """The model, its rows, and the same question put to each side."""

    def __init__(self, size: int) -> None:
        frame = read_bundled().drop(columns="ID").head(size)
        self.features, label = frame.drop(columns="LABEL"), frame["LABEL"]
        self.booster = xgboost.train(
            {"objective": "binary:logistic", "max_depth": 5, "eta": 0.2}, xgboost.DMatrix(self.features, label), num_boost_round=50
        )
        self.baseline = self.features.median().to_frame().T

    def ours(self, output: Output) -> Any:
        return compute_shap_values(self.booster, self.features, self.baseline, output=output)

    def tree(self, output: Output) -> Any:
        explainer = shap.TreeExplainer(self.booster, self.baseline, feature_perturbation="interventional", model_output=output)
        return explainer.shap_values(self.features.to_numpy(dtype=float), check_additivity=False)

    def kernel(self, output: Output, rows: int) -> Any:
        names = list(self.features.columns)

        def predict(data: Any) -> Any:
            return self.booster.predict(xgboost.DMatrix(data, feature_names=names), output_margin=output == "raw")

        data = self.features.head(rows).to_numpy(dtype=float)
        return shap.KernelExplainer(predict, self.baseline).shap_values(data, nsamples=SAMPLES, silent=True)

    def walked(self, rows: int, many: int) -> pd.DataFrame:
        """Values of the probability on so many walks that they are nearly exact."""
        head = self.features.head(rows)
        return pd.DataFrame(compute_shap_values(self.booster, head, self.baseline, walks=many, seed=1).values)


def rows(small: bool) -> list[Row]:
    return figures(60, 2, 1, 32) if small else figures(30_000, 200, 3, 2048)


def figures(size: int, peer_rows: int, runs: int, many: int) -> list[Row]:
    case = Case(size)
    what, scale = f"{size:,} rows × {case.features.shape[1]}", size / peer_rows
    exact = case.ours("raw")
    same = float(np.abs(exact.values - case.tree("raw")).max())
    found = [
        compare(
            f"SHAP, exact (log-odds), {what}",
            lambda: case.ours("raw"),
            lambda: case.kernel("raw", peer_rows),
            peer_name=KERNEL,
            runs=runs,
            goal=Goal(faster=1000),
            scale=scale,
            note=f"KernelExplainer on {peer_rows} rows, scaled by {scale:g}; its values are {errors(case, peer_rows)}",
        ),
        compare(
            f"SHAP, exact (log-odds), {what}: above what shap alone takes",
            lambda: case.ours("raw"),
            lambda: case.tree("raw"),
            peer_name=TREE,
            runs=max(runs, 5) if runs > 1 else 1,
            goal=Goal(at_most=1.5),
            note=f"values at most {same:.0e} apart",
        ),
    ]
    walked = case.ours("probability")
    for name, one in (("log-odds", exact), ("probability", walked)):
        goal = Goal(limit=1e-5)
        found.append(said(Row(f"SHAP ({name}), {what}: greatest additivity error", (one.additivity_error,), unit="", goal=goal)))
    near = case.walked(peer_rows, many)
    ours, kernel = walked.values[:peer_rows] - near, case.kernel("probability", peer_rows) - near
    size_of = float(near.abs().to_numpy().mean())
    note = (
        f"mean error of a value {100 * float(np.abs(ours).to_numpy().mean()) / size_of:.1f} % of the mean value, KernelExplainer's "
        f"{100 * float(np.abs(kernel).to_numpy().mean()) / size_of:.0f} % (against {many:,} walks)"
    )
    found.append(
        compare(
            f"SHAP of the probability ({DEFAULT_WALKS} walks a row), {what}",
            lambda: case.ours("probability"),
            lambda: case.kernel("probability", peer_rows),
            peer_name=KERNEL,
            runs=1,
            goal=Goal(faster=1000),
            scale=scale,
            note=f"{note}; runs=1",
        )
    )
    found.append(
        compare(
            f"SHAP of the probability, {what}: above what shap alone takes",
            lambda: case.ours("probability"),
            lambda: case.tree("probability"),
            peer_name=TREE,
            runs=1,
            goal=Goal(at_most=1.5),
            note=f"{TREE}'s values are off by {off(case, peer_rows, near):.0f} % of the mean value: it isn't the same work; runs=1",
        )
    )
    return found


def errors(case: Case, rows: int) -> str:
    """How far off KernelExplainer's values of log-odds are."""
    exact = case.tree("raw")[:rows]
    return f"off by {100 * np.abs(case.kernel('raw', rows) - exact).mean() / np.abs(exact).mean():.0f} % of the mean value"


def off(case: Case, rows: int, near: pd.DataFrame) -> float:
    """How far off TreeExplainer's values of the probability are, in percent of the mean value."""
    return float(100 * np.abs(case.tree("probability")[:rows] - near).to_numpy().mean() / near.abs().to_numpy().mean())


if __name__ == "__main__":
    run("explanations", rows)
