"""Whether an explanation is of the version's model and test rows: its rows, predictions, sums and global values, from the stored files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.analysis.explanations.explanation_checks import ExplanationError, check_explanation
from core.analysis.explanations.shap_values import compute_shap_values, predict_probabilities
from core.analysis.reproduction.compared_evidence import SCORE_TOLERANCE
from core.analysis.tables.feature_names import FeatureError
from core.provenance.recomputed_data import digest_rows

if TYPE_CHECKING:
    from xgboost import Booster

GLOBAL_TOLERANCE = 1e-6
SAMPLE_ROWS, SAMPLE_WALKS = 100, 128
"""The values of so many rows, drawn at random, are computed again, each from so many walks where they have to be sampled."""
MAX_APART, MAX_TIMES_APART = 0.6, 5.0
"""A feature's values are another feature's, or made up, if on average they are further from those computed again than this share of their
size, and so many times further than the median feature's. Kernel SHAP with 100 samples is off by a quarter of the mean size."""


@dataclass(frozen=True)
class StoredExplanation:
    """What a SHAP job stored of n rows: ``values`` (features, without their label's name), ``baseline`` rows, ``global_values`` and
    ``expected`` of its report. ``rows``: the explained rows with their ``prediction``; None for AWS's container, which stores none."""

    values: pd.DataFrame
    baseline: pd.DataFrame
    rows: pd.DataFrame | None
    global_values: dict[str, float]
    expected: float


def check_explained_rows(stored: StoredExplanation, test_rows: pd.DataFrame, model: Booster) -> Iterator[str]:
    """Where an explanation isn't one of this model on these rows, in sentences. ``test_rows``: the features of the test file, shape (n,
    features)."""
    values = stored.values
    if set(values.columns) != set(test_rows.columns):
        theirs = ", ".join(map(str, test_rows.columns))
        yield f"The explanation is of the features {', '.join(values.columns)}, and the test rows have {theirs}."
        return
    if len(values) != len(test_rows):
        yield f"The explanation is of {len(values):,} rows, and the test file has {len(test_rows):,}."
        return
    features = test_rows[list(values.columns)]
    try:
        predicted, of_baseline = (predict_probabilities(model, rows[list(test_rows.columns)]) for rows in (test_rows, stored.baseline))
    except (FeatureError, KeyError) as error:
        yield f"The model can't predict the explained rows: {error}."
        return
    if stored.rows is not None:
        yield from _check_rows(stored.rows, features, predicted)
        if not np.isin(digest_rows(stored.baseline[list(values.columns)]), digest_rows(features)).all():
            yield "The baseline of the explanation isn't one of the test rows."
    check = check_explanation(values.to_numpy(dtype=float), stored.expected, predicted, of_baseline)
    if check.problem:
        yield f"The explanation isn't one of the version's model: {check.problem}."
    else:
        yield from _check_sample(stored, features, model)
    means = dict(zip(values.columns, np.abs(values.to_numpy(dtype=float)).mean(axis=0).tolist(), strict=True))
    wrong = [
        name
        for name, mean in means.items()
        if not np.isclose(stored.global_values.get(name, np.nan), mean, rtol=GLOBAL_TOLERANCE, atol=1e-9)
    ]
    for name in wrong[:1]:
        said, more = stored.global_values.get(name, float("nan")), f", and {len(wrong) - 1} more differ" if len(wrong) > 1 else ""
        yield f"The global SHAP value of {name} is {said:.6g} in the report, and {means[name]:.6g} by its rows{more}."
    if strange := sorted(stored.global_values.keys() - means.keys()):
        yield f"The report has global SHAP values of {', '.join(strange[:3])}, which its rows don't have."


def _check_sample(stored: StoredExplanation, features: pd.DataFrame, model: Booster) -> Iterator[str]:
    """Sums don't tell which feature has which value: the values of some rows are computed again."""
    chosen = np.sort(np.random.default_rng(len(features)).permutation(len(features))[:SAMPLE_ROWS])
    try:
        own = compute_shap_values(model, features.iloc[chosen], stored.baseline[list(features.columns)], walks=SAMPLE_WALKS)
    except ExplanationError as error:
        yield f"The explanation can't be computed again: {error}."
        return
    said, found = stored.values.iloc[chosen].to_numpy(dtype=float), pd.DataFrame(own.values, columns=list(own.features))
    again = found[list(features.columns)].to_numpy(dtype=float)
    apart, size = np.abs(said - again).mean(axis=0), np.maximum(np.abs(said), np.abs(again)).mean(axis=0)
    strange = (apart > MAX_APART * size) & (apart > MAX_TIMES_APART * np.median(apart)) & (apart > GLOBAL_TOLERANCE)
    if apart.sum() > MAX_APART * size.sum():
        strange = apart > MAX_APART * size
    if strange.any():
        named = ", ".join(str(name) for name, wrong in zip(features.columns, strange, strict=True) if wrong)
        yield f"The SHAP values of {named} aren't those of the model: computed again on {len(chosen):,} rows they are others."


def _check_rows(rows: pd.DataFrame, features: pd.DataFrame, predicted: np.ndarray) -> Iterator[str]:
    found, expected = (table[list(features.columns)].to_numpy(dtype=float) for table in (rows, features))
    differing = ~((found == expected) | (np.isnan(found) & np.isnan(expected))).all(axis=1)
    if differing.any():
        yield f"The explained rows aren't the test rows: {int(differing.sum()):,} differ, the first is row {int(differing.argmax()):,}."
    apart = np.abs(rows["prediction"].to_numpy(dtype=float) - predicted)
    if (far := ~(apart <= SCORE_TOLERANCE)).any():
        worst = int(np.argmax(apart))
        yield (
            f"The explanation says that the model predicts {rows['prediction'].iloc[worst]:.6g} for row {worst:,}, and it predicts "
            f"{predicted[worst]:.6g}; {int(far.sum()):,} rows differ."
        )
