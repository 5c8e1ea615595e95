"""SHAP on the 30,000 rows, beside shap's KernelExplainer with 100 samples (on 200 rows, scaled) and its bare TreeExplainer.

Of log-odds the values are exact. Of the probability a part is sampled: each figure has its error. ``python -m bench.explanations curve``
measures error and time of ours, TreeExplainer and KernelExplainer by their samples, for the plot that ``bench.report`` draws.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import shap
import xgboost

from bench.compare import Goal, Row, compare, run, said, save_points
from core.analysis.explanations.shap_values import DEFAULT_WALKS, compute_shap_values
from core.data.bundled_data import read_bundled

KERNEL, TREE = "KernelExplainer, 100 samples", "bare TreeExplainer"
SAMPLES, FEW_WALKS = 100, 4
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

    def ours(self, output: Output, walks: int = DEFAULT_WALKS) -> Any:
        return compute_shap_values(self.booster, self.features, self.baseline, output=output, walks=walks)

    def values(self, output: Output, walks: int) -> Any:
        return self.ours(output, walks).values

    def tree(self, output: Output) -> Any:
        explainer = shap.TreeExplainer(self.booster, self.baseline, feature_perturbation="interventional", model_output=output)
        return explainer.shap_values(self.features.to_numpy(dtype=float), check_additivity=False)

    def kernel(self, output: Output, rows: int, samples: int = SAMPLES) -> Any:
        names = list(self.features.columns)

        def predict(data: Any) -> Any:
            return self.booster.predict(xgboost.DMatrix(data, feature_names=names), output_margin=output == "raw")

        data = self.features.head(rows).to_numpy(dtype=float)
        return shap.KernelExplainer(predict, self.baseline).shap_values(data, nsamples=samples, l1_reg=False, silent=True)

    def walked(self, rows: int, many: int) -> pd.DataFrame:
        """Values of the probability on so many walks that they are nearly exact."""
        head = self.features.head(rows)
        return pd.DataFrame(compute_shap_values(self.booster, head, self.baseline, walks=many, seed=1).values)


def rows(small: bool) -> list[Row]:
    return figures(60, 2, 1, 32) if small else figures(30_000, 200, 5, 8192)


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
    size_of = float(near.abs().to_numpy().mean())

    def off(values: Any) -> float:
        """The mean error of a value, in percent of the mean value."""
        return float(100 * np.abs(np.asarray(values)[:peer_rows] - near.to_numpy()).mean() / size_of)

    for walks, goal in ((FEW_WALKS, Goal(at_most=5)), (DEFAULT_WALKS, Goal(at_most=10))):
        missed, theirs = off(case.ours("probability", walks).values), off(case.tree("probability"))
        ours, peer = [], []
        for _ in range(runs):
            ours.append(spent(partial(case.ours, "probability", walks)))
            peer.append(spent(partial(case.tree, "probability")))
        note = f"mean error of a value {missed:.2g} % of the mean value, {TREE}'s {theirs:.0f} % (against {many:,} walks)"
        figure = f"SHAP of the probability ({walks} walks a row), {what}, processor time"
        found.append(said(Row(figure, tuple(ours), TREE, tuple(peer), goal=goal, note=note)))
    found.append(
        compare(
            f"SHAP of the probability ({DEFAULT_WALKS} walks a row), {what}",
            lambda: case.ours("probability"),
            lambda: case.kernel("probability", peer_rows),
            peer_name=KERNEL,
            runs=1,
            scale=scale,
            note=f"{KERNEL}: mean error {off(case.kernel('probability', peer_rows)):.0f} % of the mean value; runs=1",
        )
    )
    return found


def spent(work: Callable[[], Any]) -> float:
    """Seconds of processors."""
    start = time.process_time()
    work()
    return time.process_time() - start


def curve(small: bool) -> list[dict[str, Any]]:
    """(what, size, seconds, error) by the number of samples ``size``, of ours the walks at most: processor time for each 1,000 rows, and
    the mean error of a value in percent of the mean value."""
    rows, kernel_rows, many = (60, 2, 32) if small else (3_000, 20, 8192)
    case = Case(rows)
    near = case.walked(rows, many).to_numpy()
    size_of, found = np.abs(near).mean(), []

    def add(what: str, samples: int, of_rows: int, work: Callable[[], Any]) -> None:
        start = time.process_time()
        values = np.asarray(work())
        seconds = (time.process_time() - start) * 1000 / of_rows
        error = float(100 * np.abs(values - near[:of_rows]).mean() / size_of)
        found.append({"what": what, "size": samples, "seconds": seconds, "error": error})
        print(f"{what} | {samples:,} samples | {seconds:.3g} s for each 1,000 rows | error {error:.2g} %", flush=True)

    case.ours("probability", FEW_WALKS)  # the machine code is made
    for walks in (8,) if small else (8, 16, 32, 64, 128, 256, 512, 1024):
        add("ours", walks, rows, partial(case.values, "probability", walks))
    add(TREE, 1, rows, partial(case.tree, "probability"))
    for samples in (50,) if small else (50, 100, 500, 2500, 10_000):
        add("KernelExplainer", samples, kernel_rows, partial(case.kernel, "probability", kernel_rows, samples))
    return found


def errors(case: Case, rows: int) -> str:
    """How far off KernelExplainer's values of log-odds are."""
    exact = case.tree("raw")[:rows]
    return f"off by {100 * np.abs(case.kernel('raw', rows) - exact).mean() / np.abs(exact).mean():.0f} % of the mean value"


if __name__ == "__main__":
    if "curve" in sys.argv:
        save_points("explanations_curve", curve)
    else:
        run("explanations", rows)
