"""The test rows of a version with their scores, and whether the scores, groups and flips that the bias job stored are those of the rows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.flip_test import SEED, flip_outcomes
from core.analysis.bias.outcome_counts import BoolArray, Undefined
from core.analysis.explanations.shap_values import predict_probabilities
from core.analysis.reproduction.compared_evidence import SCORE_TOLERANCE
from core.analysis.tables.column_kinds import bin_group
from core.analysis.tables.feature_names import FeatureError
from core.analysis.tables.value_names import ValueNames
from core.data.column_roles import ColumnRoles
from core.reports.bias_jobs import GROUP_BINS

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
MAX_STORED_FACETS = 50
"""Facet values whose rows and flips the container stores, and which it measures at other thresholds."""
FLIPS_LOOKED_FOR = 2_000
"""Of more rows of a facet, the flip test is repeated on so many, drawn at random."""


def read_csv(content: bytes, columns: list[str] | None = None) -> pd.DataFrame:
    """A table that a job of this product wrote. ``columns``: the names, for a file without a header."""
    return pd.read_csv(io.BytesIO(content), header=None, names=columns) if columns else pd.read_csv(io.BytesIO(content))


def hash_rows(frame: pd.DataFrame) -> str:
    """The SHA-256 of the rows' values in their order, by which a report names the rows that it measured."""
    return hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class FacetRows:
    """A facet's rows among those that have a value of it: ``kept``, bool (n,); ``of_facet``, bool (kept rows,)."""

    column: str
    value: int
    kept: BoolArray
    of_facet: BoolArray

    @property
    def key(self) -> str:
        return f"{self.column}={self.value}"


@dataclass(frozen=True)
class ScoredRows:
    """n test rows: ``frame`` as the split wrote them (label, features, derived facets), ``scored`` as the bias job wrote them (row, label,
    score, group, and for each facet its people and flips), the roles of their columns, and the threshold above which label 1 is
    predicted. ``features``: the model's, in the order of its training."""

    frame: pd.DataFrame
    scored: pd.DataFrame
    roles: ColumnRoles
    names: ValueNames
    features: list[str]
    threshold: float

    @cached_property
    def scores(self) -> Floats:
        return self.scored["score"].to_numpy(dtype=float)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        return self.frame[self.roles.label].to_numpy(dtype=np.int64)

    @cached_property
    def favourable(self) -> BoolArray:
        return np.asarray(self.labels == self.roles.favourable)

    @cached_property
    def accepted(self) -> BoolArray:
        """Which rows get the favourable prediction."""
        return np.asarray((self.scores > self.threshold).astype(np.int64) == self.roles.favourable)

    @cached_property
    def facets(self) -> list[FacetRows]:
        """The data set's facets, the main one first, each once."""
        found = []
        for column, value in dict.fromkeys(((self.roles.facet, self.roles.facet_value), *self.roles.further_facets)):
            kept = self.frame[column].notna().to_numpy()
            found.append(FacetRows(column, value, kept, (self.frame[column][kept] == value).to_numpy(dtype=bool)))
        return found

    @cached_property
    def group(self) -> pd.Series | None:
        """The group variable as bias is measured by it: codes by their values, numbers in bins."""
        if not self.roles.group:
            return None
        column = self.frame[self.roles.group]
        return self.names.to_categories(column) if self.names.is_coded(self.roles.group) else bin_group(column, GROUP_BINS)

    def group_codes(self, facet: FacetRows, *, binned: bool = True) -> Floats | None:
        """Each kept row's group as a number, NaN where it has none; ``binned``: False for each value as a group of its own."""
        if self.roles.group is None or self.group is None:
            return None
        codes = pd.factorize((self.group if binned else self.frame[self.roles.group])[facet.kept])[0]
        return np.where(codes < 0, np.nan, codes)

    def flips(self, facet: FacetRows) -> Floats | None:
        """What the flip test found for each kept row, as it is stored, NaN where it didn't ask; None where it found nothing. Facets beyond
        those stored are looked for again."""
        name = f"flip {facet.key}"
        if name in self.scored:
            return self.scored[name][facet.kept].to_numpy(dtype=float)
        return self.find_flips(facet) if facet in self.facets[MAX_STORED_FACETS:] else None

    def find_flips(self, facet: FacetRows, *, max_asked: int | None = None, seed: int = SEED) -> Floats | None:
        """What the flip test finds; None where it can't be computed."""
        if facet.of_facet.all() or not facet.of_facet.any():
            return None
        try:
            accepted, features = self.accepted[facet.kept], self.compared_features(facet)
            return flip_outcomes(facet.of_facet, accepted, features, max_asked=max_asked, seed=seed)
        except Undefined:
            return None

    def compared_features(self, facet: FacetRows) -> pd.DataFrame:
        """The features by which the flip test finds like rows."""
        return self.frame.loc[facet.kept, self.features].drop(columns=facet.column, errors="ignore")


def check_scores(rows: ScoredRows, model: Booster, *, seed: int = 0) -> Iterator[str]:
    """Where the stored rows aren't those of the file, or the stored scores not the model's, in sentences. ``seed``: which rows the flip
    test is repeated on, if there are many."""
    if len(rows.scored) != len(rows.frame):
        yield f"scores.csv has {len(rows.scored):,} rows, and the test file {len(rows.frame):,}."
        return
    if not np.array_equal(rows.scored["label"].to_numpy(dtype=float), rows.labels):
        differing = np.flatnonzero(rows.scored["label"].to_numpy(dtype=float) != rows.labels)
        yield f"scores.csv has other labels than the test file in {len(differing):,} rows, first in row {differing[0]:,}."
    try:
        predicted = predict_probabilities(model, rows.frame[rows.features])
    except FeatureError as error:
        yield f"The model can't score the test rows: {error}."
        return
    apart = ~(np.abs(predicted - rows.scores) <= SCORE_TOLERANCE)
    if apart.any():
        worst = int(np.argmax(np.abs(predicted - rows.scores)))
        yield (
            f"scores.csv has other scores than the model gives in {int(apart.sum()):,} of {len(predicted):,} rows; in row {worst:,} it "
            f"says {rows.scores[worst]:.6g}, and the model {predicted[worst]:.6g}."
        )
    yield from _check_groups(rows)
    yield from _check_flips(rows, seed)


def _check_groups(rows: ScoredRows) -> Iterator[str]:
    for facet in rows.facets:
        stored = rows.scored.get(facet.key)
        if stored is not None and not (
            np.array_equal(stored.notna().to_numpy(), facet.kept)
            and np.array_equal(stored[facet.kept].to_numpy(dtype=bool), facet.of_facet)
        ):
            yield f"scores.csv has other people in {facet.key} than the test file."
    if rows.group is not None and "group" in rows.scored:
        said, known = rows.scored["group"], rows.group.notna()
        if not (np.array_equal(said.notna(), known) and (said[known].astype(str) == rows.group[known].astype(str)).all()):
            yield f"scores.csv has other groups of {rows.roles.group} than the test file."


def _check_flips(rows: ScoredRows, seed: int) -> Iterator[str]:
    for facet in rows.facets[:MAX_STORED_FACETS]:
        stored = rows.flips(facet)
        found = rows.find_flips(facet, max_asked=FLIPS_LOOKED_FOR, seed=seed)
        if (stored is None) is not (found is None):
            what = "lacks the flips" if stored is None else "has flips"
            yield f"scores.csv {what} of {facet.key}, and the flip test finds {'some' if stored is None else 'none'}."
        elif stored is not None and found is not None:
            asked = ~np.isnan(stored) & ~np.isnan(found)
            if (wrong := int((stored[asked] != found[asked]).sum())) > 0:
                yield f"scores.csv has other flips of {facet.key} than the flip test finds, in {wrong:,} of {int(asked.sum()):,} rows."
