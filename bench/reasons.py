"""Reasons of declined applicants: how often the two baselines of 12 CFR 1002, comment 9(b)(2)-5, give different ones, and their time.

The baselines differ in what they ask (below the average applicant, or below those who only just passed), so no definition makes them agree
everywhere. A definition that names fewer reasons agrees more easily: each figure has their number beside it, and Cohen's kappa, which is
the agreement beyond chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import shap
import xgboost
from sklearn.datasets import make_classification
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import train_test_split

from bench.compare import Goal, Row, run, said, seconds
from core.analysis.explanations.principal_reasons import DEFAULT_RULES, ReasonRules
from core.analysis.explanations.reasons import Applicants, DeclineReasons, find_reasons
from core.analysis.explanations.retrained_models import retrain_models
from core.analysis.explanations.shap_values import predict_probabilities
from core.data.bundled_data import BUNDLED_REASONS, read_bundled

FOUR_STRONGEST = ReasonRules(share=1.0)
"""Every group that moved the score towards the decline, so the four strongest."""
PARAMETERS = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.2}
ROUNDS, PAIRS, RESAMPLES = 50, 60_000, 10


@dataclass(frozen=True)
class Case:
    """A table whose label is 1 for the bad outcome; a fifth of it, ``test``, are the applicants. ``groups``: words -> features."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    labels: np.ndarray
    booster: xgboost.Booster
    groups: Mapping[str, Sequence[str]]
    prohibited: Sequence[str]

    def find(
        self,
        *,
        rules: ReasonRules = DEFAULT_RULES,
        threshold: float = 0.5,
        grouped: bool = True,
        alternatives: Sequence[xgboost.Booster] = (),
        rows: pd.DataFrame | None = None,
    ) -> DeclineReasons:
        applicants = score(self.booster, self.test)
        return find_reasons(
            self.booster,
            applicants if rows is None else score(self.booster, rows),
            population=applicants,
            threshold=threshold,
            favourable=0,
            groups=self.groups if grouped else {},
            prohibited=self.prohibited,
            alternatives=alternatives,
            rules=rules,
        )


def score(booster: xgboost.Booster, rows: pd.DataFrame) -> Applicants:
    return Applicants(rows, predict_probabilities(booster, rows))


def make_case(
    name: str, features: pd.DataFrame, label: np.ndarray, groups: Mapping[str, Sequence[str]] = {}, prohibited: Sequence[str] = ()
) -> Case:
    train, test, labels, _ = train_test_split(features, label, test_size=0.2, random_state=0, stratify=label)
    booster = xgboost.train(PARAMETERS, xgboost.DMatrix(train, labels), ROUNDS)
    return Case(name, train, test, labels, booster, groups, prohibited)


def credit_default(size: int) -> Case:
    frame = read_bundled().drop(columns="ID").head(size)
    return make_case("credit-default", frame.drop(columns="LABEL"), frame["LABEL"].to_numpy(), BUNDLED_REASONS, ("SEX", "AGE", "MARRIAGE"))


def synthetic(size: int) -> Case:
    """scikit-learn's table of 20 features, 14 of which count, in no groups: reasons are many and weak."""
    values, label = make_classification(size, 20, n_informative=10, n_redundant=4, weights=[0.7], flip_y=0.1, class_sep=0.6, random_state=0)
    return make_case("synthetic", pd.DataFrame(values, columns=[f"x{number}" for number in range(20)]), label)


def rows(small: bool) -> list[Row]:
    return figures(800, 2, 1) if small else figures(30_000, RESAMPLES, 3)


def figures(size: int, resamples: int, runs: int) -> list[Row]:
    credit, other = credit_default(size), synthetic(size)
    found = [
        disagreement(credit, 0.5, "four single features", grouped=False, limit=10),
        disagreement(credit, 0.5, "the four strongest groups", limit=10),
        disagreement(credit, 0.3, "the four strongest groups"),
        disagreement(other, 0.5, "the four strongest groups"),
    ]
    reasons = credit.find()
    named = sum(reason.words in credit.prohibited for row in reasons.rows for reason in row.reasons)
    flagged = sum(bool(row.prohibited) for row in reasons.rows)
    note = f"in {flagged} of {len(reasons.rows)} declined rows prohibited features counted as much as a reason, which is said"
    found.append(said(Row("prohibited features among the reasons, credit-default", (named,), unit="", goal=Goal(limit=0), note=note)))
    for case in (credit, other):
        models = retrain_models(case.train, case.labels, PARAMETERS, ROUNDS, count=resamples)
        held = case.find(alternatives=models)
        what = f"declined rows whose reasons don't hold, {case.name}, {resamples} models trained again"
        found.append(said(Row(what, (percent(1 - (held.holding_share or 0)),), unit="%", note=f"of {len(held.rows)} rows")))
    found.append(time_all(credit, size, runs))
    return found


def disagreement(case: Case, threshold: float, peer: str, *, grouped: bool = True, limit: float | None = None) -> Row:
    """How often the two baselines give other reasons: the product's definition of principal ones beside the peer's four."""
    ours, theirs = case.find(threshold=threshold), case.find(threshold=threshold, rules=FOUR_STRONGEST, grouped=grouped)
    note = f"{describe(ours)}; {peer}: {describe(theirs)}; {len(ours.rows)} rows"
    shares = [percent(1 - (one.same_share or 0)) for one in (ours, theirs)]
    what = f"declined rows with other reasons against the other baseline, {case.name} at {threshold:g}"
    return said(Row(what, (shares[0],), peer, (shares[1],), unit="%", goal=Goal(limit=limit), note=note))


def time_all(case: Case, size: int, runs: int) -> Row:
    """Reasons of all rows against both baselines, beside the pairs of shap's TreeExplainer, of which it is given a part."""
    every = pd.concat([case.train, case.test])
    judge = shap.TreeExplainer(
        case.booster, shap.maskers.Independent(case.test.to_numpy(float), max_samples=len(case.test)), feature_perturbation="interventional"
    )
    declined = every[predict_probabilities(case.booster, every) > 0.5]
    some = declined.to_numpy(float)[: max(1, PAIRS // len(case.test))]
    scale = len(declined) / len(some)
    ours, peer = [], []
    for _ in range(runs):
        ours.append(seconds(partial(case.find, rows=every)))
        peer.append(seconds(partial(judge.shap_values, some, check_additivity=False)) * scale)
    what = f"reasons of {size:,} rows against {len(case.test):,} applicants and those just above the threshold"
    note = f"{len(declined):,} rows are declined; the peer explains {len(some)} of them, against all applicants only, scaled by {scale:g}"
    return said(Row(what, tuple(ours), "TreeExplainer, every pair", tuple(peer), goal=Goal(faster=20, limit=5), scale=scale, note=note))


def percent(share: float) -> float:
    return 100 * share


def describe(found: DeclineReasons) -> str:
    """How many reasons a row has, and how far both baselines agree beyond chance."""
    named, others = (
        [", ".join(sorted(one.words for one in reasons)) for reasons in side]
        for side in ([row.reasons for row in found.rows], [row.other_reasons for row in found.rows])
    )
    number = float(np.mean([len(row.reasons) for row in found.rows]))
    return f"{number:.2f} reasons a row, kappa {cohen_kappa_score(named, others):.2f}"


if __name__ == "__main__":
    run("reasons", rows)
