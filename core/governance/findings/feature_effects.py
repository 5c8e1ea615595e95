"""What a version's stored SHAP values say: how much each feature moves the score and in which direction, how much of that the columns of
protected groups carry, and what counted most against the rows that are declined. Read from the files that the evidence names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analysis.explanations import shap_summary
from core.analysis.explanations.decline_reasons import ReasonCount, count_decline_reasons
from core.analysis.explanations.shap_summary import ShapEstimate
from core.analysis.tables.value_names import ValueNames
from core.governance import evidence
from core.governance.evidence import Evidence
from core.governance.version_under_review import VersionUnderReview
from core.jobs.judged_rows import ROW_FILES
from core.provenance.scored_rows import read_csv

MAX_CODES = 20
"""Of a column with more codes it isn't said for which the score is highest: most have too few rows."""


@dataclass(frozen=True)
class FeatureEffect:
    """A feature. ``importance``: its mean |SHAP|, in the score's units; ``share``: its part of all movement. ``direction``: the rank
    correlation of its values with their SHAP values, above 0 where high values raise the score; None for codes, which are no scale: of them
    ``highest`` and ``lowest`` say for which value the score is raised and lowered most, if that is more than noise."""

    feature: str
    importance: ShapEstimate
    share: float
    direction: ShapEstimate | None
    highest: str = ""
    lowest: str = ""


@dataclass(frozen=True)
class FeatureEffects:
    """The explanation of ``rows`` test rows. ``effects``: the most important first; ``sensitive``: the columns of protected groups that the
    model is given, and ``sensitive_share`` their part of all movement, None without such columns. ``declined``: how many rows the model
    declines at ``threshold``; ``reasons``: what counted against them."""

    rows: int
    effects: tuple[FeatureEffect, ...]
    sensitive: tuple[str, ...]
    sensitive_share: ShapEstimate | None
    threshold: float
    declined: int
    reasons: tuple[ReasonCount, ...]


def read_effects(version: VersionUnderReview, pinned: Evidence, sensitive: Sequence[str]) -> FeatureEffects | str:
    """The effects of a version's features; or why they can't be told. ``sensitive``: the columns of protected groups. Raises Conflict for a
    file that has changed since the evidence was recorded."""
    package, data = version.package, version.data
    files = ("explanation/out.csv", f"data/{ROW_FILES['test']}", "scores")
    lacking = [name for name in files if name not in pinned.files]
    if data is None or lacking or package.threshold is None:
        what = ", ".join(lacking) or ("threshold" if data else "rebalancing job")
        return f"The evidence doesn't name single SHAP values with their rows and scores (no {what})."
    headers = (None, data.manifest["files"][ROW_FILES["test"]]["columns"], None)
    values, rows, scored = (
        read_csv(evidence.read_pinned(version.target, pinned, name), columns) for name, columns in zip(files, headers, strict=True)
    )
    values.columns = pd.Index([str(name).removesuffix("_label0") for name in values.columns])
    if not set(values.columns) <= set(rows.columns) or not len(values) == len(rows) == len(scored):
        return f"The SHAP values are of {len(values):,} rows, and the test rows and scores of {len(rows):,} and {len(scored):,}."
    favourable = data.roles.favourable
    declined = (scored["score"].to_numpy(dtype=float) > package.threshold).astype(int) != favourable
    return measure_effects(
        values,
        rows[list(values.columns)],
        declined,
        threshold=package.threshold,
        is_higher_unfavourable=favourable != 1,
        names=data.value_names,
        sensitive=sensitive,
    )


def measure_effects(
    values: pd.DataFrame,
    rows: pd.DataFrame,
    declined: np.ndarray,
    *,
    threshold: float,
    is_higher_unfavourable: bool,
    names: ValueNames,
    sensitive: Sequence[str],
) -> FeatureEffects:
    """The effects in a table of SHAP values. ``values`` and ``rows``: rows × features; ``declined``: bool (rows,)."""
    features, shap = list(map(str, values.columns)), values.to_numpy(dtype=float)
    importance = shap_summary.feature_importance(shap, features)
    total = sum(one.value for one in importance.values())
    found = []
    for name, estimate in importance.items():
        column, share = shap[:, features.index(name)], estimate.value / total if total else 0.0
        if names.is_coded(name):
            found.append(FeatureEffect(name, estimate, share, None, *_extreme_values(column, rows[name], names)))
        else:
            data = pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=float)
            found.append(FeatureEffect(name, estimate, share, shap_summary.rank_correlation(column, data)))
    given = tuple(column for column in sensitive if column in features)
    return FeatureEffects(
        len(values),
        tuple(found),
        given,
        shap_summary.importance_share(shap, [features.index(column) for column in given]) if given else None,
        threshold,
        int(declined.sum()),
        tuple(count_decline_reasons(shap[declined], features, increasing=is_higher_unfavourable)),
    )


def _extreme_values(shap: np.ndarray, column: pd.Series, names: ValueNames) -> tuple[str, str]:
    """The values of a coded column for which the mean SHAP value is highest and lowest; "" where they don't differ by more than noise, or
    are too many."""
    bands = shap_summary.mean_by_band(shap, column, coded=True).dropna(subset=["from"]).sort_values("mean", kind="stable")
    if not 2 <= len(bands) <= MAX_CODES:
        return "", ""
    if not bands["low"].iloc[-1] > bands["high"].iloc[0]:
        return "", ""
    lowest, highest = (names.value(str(column.name), bands["from"].iloc[at]) for at in (0, -1))
    return highest, lowest
