"""imbalanced-learn's samplers, which also say from which row each synthetic row was made: its seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, BorderlineSMOTE
from imblearn.over_sampling._smote.base import BaseSMOTE
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from core.analysis.resampling.nearest_neighbours import FastOneHotEncoder, NeighboursOnDemand, SeedNeighbors
from core.analysis.resampling.resampling_parameters import ParameterValue

Floats = NDArray[np.float64]
RowNumbers = NDArray[np.int64]


@dataclass(frozen=True)
class SampledRows:
    """What a sampler returned. rows: shape (n, columns), the values; seeds: (n,), the number of the input row that each row is, or from
    which it was made by going towards a neighbour; synthetic: (n,), which rows were made."""

    rows: Floats
    seeds: RowNumbers
    synthetic: NDArray[np.bool_]


class _SeedRecorder:
    """Mixed into a SMOTE: ``seed_rows_`` is the seed of each row that it returns, as the number of an input row."""

    sampling_strategy_: dict[int, int]

    def _fit_resample(self, X: Any, y: Any) -> Any:
        self.seed_rows_ = np.arange(len(y))
        self._rows_by_class = {group: np.flatnonzero(y == group) for group in self.sampling_strategy_}
        return super()._fit_resample(X, y)  # type: ignore[misc]

    def _generate_samples(self, X: Any, nn_data: Any, nn_num: Any, rows: Any, cols: Any, steps: Any, y_type: Any, y: Any = None) -> Any:
        # Borderline-SMOTE draws from the rows at the border only, the others from all rows of the group.
        drawn_from = getattr(self, "in_danger_indices", self._rows_by_class)[y_type]
        self.seed_rows_ = np.concatenate([self.seed_rows_, drawn_from[rows]])
        nn_num = nn_num.of(rows) if isinstance(nn_num, NeighboursOnDemand) else nn_num
        return super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y)  # type: ignore[misc]


class SeededSMOTE(_SeedRecorder, SMOTE):  # type: ignore[misc]
    """SMOTE with ``seed_rows_``."""


class _DenseRows(BaseSMOTE):  # type: ignore[misc]
    """Gives SMOTE-NC its new rows as an array: it sets their categories cell by cell, for which a sparse matrix takes minutes."""

    def _generate_samples(
        self, X: Any, nn_data: Any, nn_num: Any, rows: Any, cols: Any, steps: Any, y_type: Any = None, y: Any = None
    ) -> Any:
        return super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y).toarray()


class SeededSMOTENC(_SeedRecorder, SMOTENC, _DenseRows):  # type: ignore[misc]
    """SMOTE-NC with ``seed_rows_``."""

    def _generate_samples(self, *given: Any, **named: Any) -> sparse.csr_matrix:
        return sparse.csr_matrix(super()._generate_samples(*given, **named))


class SeededBorderlineSMOTE(_SeedRecorder, BorderlineSMOTE):  # type: ignore[misc]
    """Borderline-SMOTE with ``seed_rows_``."""


class _RememberingNeighbors(NearestNeighbors):  # type: ignore[misc]
    """Keeps its answers in ``answers_``."""

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        found = super().kneighbors(X, n_neighbors, return_distance)
        self.answers_ = [*getattr(self, "answers_", []), found]
        return found


class SeededADASYN(ADASYN):  # type: ignore[misc]
    """ADASYN with ``seed_rows_``: as it draws no seeds, but makes a number of rows from each, the numbers are computed from the same
    neighbours by its formula (He et al. 2008)."""

    def _fit_resample(self, X: Any, y: Any) -> Any:
        made = super()._fit_resample(X, y)
        seeds = [np.arange(len(y))]
        wanted = [(group, count) for group, count in self.sampling_strategy_.items() if count]
        # For each group it asks twice: for the neighbours among all rows, and for those of the group.
        for (group, count), neighbours in zip(wanted, self.nn_.answers_[::2], strict=True):
            share_of_others = np.sum(y[neighbours[:, 1:]] != group, axis=1) / (self.nn_.n_neighbors - 1)
            share_of_others /= np.sum(share_of_others)
            seeds.append(np.repeat(np.flatnonzero(y == group), np.rint(share_of_others * count).astype(int)))
        self.seed_rows_ = np.concatenate(seeds)
        return made


def run_sampler(
    method: str,
    values: Floats,
    groups: RowNumbers,
    counts: Mapping[int, int],
    parameters: Mapping[str, ParameterValue],
    nominal: list[int],
    seed: int,
) -> SampledRows:
    """Make rows until each group has as many as ``counts`` says; then the cleaning methods remove some.

    method: one of smote, smote-nc, borderline-smote, adasyn, smote-tomek, smote-enn; values: (rows, columns); groups: (rows,), the group of
    each row; parameters: all parameters of the method; nominal: the numbers of the columns of categories (SMOTE-NC only). The input rows
    that remain come first, in order. Raises ValueError or RuntimeError, as imbalanced-learn does, where the method can't do it.
    """
    k = int(parameters["k_neighbors"])
    common = {"sampling_strategy": dict(counts), "random_state": seed}

    def near(n: int) -> NearestNeighbors:
        return NearestNeighbors(n_neighbors=n, algorithm="kd_tree", n_jobs=-1)

    def remembering(n: int) -> NearestNeighbors:
        return _RememberingNeighbors(n_neighbors=n, algorithm="kd_tree", n_jobs=-1)

    smote = SeededSMOTE(k_neighbors=near(k + 1), **common)
    samplers: dict[str, Callable[[], Any]] = {
        "smote": lambda: SeededSMOTE(k_neighbors=SeedNeighbors(k + 1), **common),
        "smote-nc": lambda: SeededSMOTENC(
            categorical_features=nominal, categorical_encoder=FastOneHotEncoder(), k_neighbors=SeedNeighbors(k + 1), **common
        ),
        "borderline-smote": lambda: SeededBorderlineSMOTE(
            k_neighbors=near(k + 1), m_neighbors=near(int(parameters["m_neighbors"]) + 1), kind=parameters["kind"], **common
        ),
        "adasyn": lambda: SeededADASYN(n_neighbors=remembering(k + 1), **common),
        "smote-tomek": lambda: SMOTETomek(smote=smote, tomek=TomekLinks(sampling_strategy="all", n_jobs=-1), random_state=seed),
        "smote-enn": lambda: SMOTEENN(
            smote=smote,
            enn=EditedNearestNeighbours(
                sampling_strategy="all", n_neighbors=near(int(parameters["enn_neighbors"]) + 1), kind_sel=parameters["enn_rule"]
            ),
            random_state=seed,
        ),
    }
    sampler = samplers[method]()
    rows, _ = sampler.fit_resample(values, groups)
    seeds = getattr(sampler, "smote_", sampler).seed_rows_
    cleaner = getattr(sampler, "tomek_", None) or getattr(sampler, "enn_", None)
    left = np.arange(len(seeds)) if cleaner is None else cleaner.sample_indices_
    if len(left) != len(rows):
        raise RuntimeError(f"{len(rows)} rows, but the seeds of {len(left)}: this release of imbalanced-learn draws its seeds differently.")
    return SampledRows(np.asarray(rows, dtype=np.float64), np.asarray(seeds[left], dtype=np.int64), left >= len(values))
