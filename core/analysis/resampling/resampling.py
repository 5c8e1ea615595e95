"""Rebalancing a training part: SMOTE and its variants, random sampling, reweighing.

The label is never interpolated: it takes part as a category, so a synthetic row has the label of the rows that it was made from.
Integers stay integers. The original rows come first, unchanged and in order, unless the method removes some.
Sources: Chawla et al. 2002 (SMOTE, SMOTE-NC), Han et al. 2005 (Borderline), He et al. 2008 (ADASYN), Batista et al. 2004 (SMOTE-Tomek,
SMOTE-ENN), Kamiran and Calders 2012 (reweighing).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.resampling import resampling_parameters

if TYPE_CHECKING:
    from sklearn.neighbors import NearestNeighbors

METHODS = {
    "none": "No rebalancing",
    "smote": "SMOTE",
    "smote-nc": "SMOTE-NC",
    "borderline-smote": "Borderline-SMOTE",
    "adasyn": "ADASYN",
    "random-over": "Random over-sampling",
    "random-under": "Random under-sampling",
    "smote-tomek": "SMOTE-Tomek",
    "smote-enn": "SMOTE-ENN",
    "reweighing": "Reweighing",
}
BALANCE_TARGETS = {"facet": "facet", "label": "label", "label_facet": "label × facet"}
NEIGHBOUR_METHODS = {"smote", "smote-nc", "borderline-smote", "adasyn", "smote-tomek", "smote-enn"}


class ResamplingError(ValueError):
    """The training part can't be rebalanced as asked, with the column and the remedy."""


@dataclass(frozen=True)
class RebalanceConfig:
    """How to rebalance. ``method``: none, smote, smote-nc, borderline-smote, adasyn, random-over, random-under, smote-tomek, smote-enn or
    reweighing; ``target``, what becomes equally frequent: facet, label or label_facet. ``parameters``: those of the method in
    ``resampling_parameters.PARAMETERS``, each with its default there; ``categorical``: columns of codes, in which synthetic rows
    have only codes that occur."""

    label: str
    facet: str
    facet_value: int
    method: str = "smote-nc"
    target: str = "facet"
    categorical: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 42


@dataclass(frozen=True)
class Resampled:
    """frame: the rebalanced rows; weights: one per row (reweighing) or None; synthetic: which rows are synthetic;
    origin: the row number of the input that a row is, or -1 for a synthetic one; all of length n."""

    frame: pd.DataFrame
    weights: NDArray[np.float64] | None
    synthetic: NDArray[np.bool_]
    origin: NDArray[np.int64]


def rebalance(train: pd.DataFrame, config: RebalanceConfig) -> Resampled:
    """Rebalance ``train`` (numeric columns only). The same input and seed give the same rows. Raises ResamplingError.

    >>> import pandas as pd
    >>> train = pd.DataFrame({"late": [0, 0, 1, 0], "sex": [1, 1, 1, 2], "age": [30, 41, 52, 63]})
    >>> resampled = rebalance(train, RebalanceConfig("late", "sex", 2, method="random-over"))
    >>> resampled.frame["sex"].tolist(), resampled.synthetic.tolist()
    ([1, 1, 1, 2, 2, 2], [False, False, False, False, True, True])
    """
    check_rebalancing(train, config)
    rows = len(train)
    if config.method == "none":
        return Resampled(train.reset_index(drop=True), None, np.zeros(rows, bool), np.arange(rows))
    if config.method == "reweighing":
        return Resampled(train.reset_index(drop=True), reweighing_weights(train, config), np.zeros(rows, bool), np.arange(rows))
    classes = _group_codes(train, config)
    if config.method in {"random-over", "random-under"}:
        return _resample_randomly(train, classes, config)
    return _add_synthetic_rows(train, classes, config)


def check_rebalancing(train: pd.DataFrame, config: RebalanceConfig) -> None:
    """Raises ResamplingError for what can be checked beforehand: unknown methods, wrong parameters, groups too small for the neighbours.

    >>> import pandas as pd
    >>> women_only = pd.DataFrame({"late": [0, 1, 0], "sex": [2, 2, 2]})
    >>> check_rebalancing(women_only, RebalanceConfig("late", "sex", 2, method="random-over"))
    Traceback (most recent call last):
        ...
    core.analysis.resampling.resampling.ResamplingError: Column sex has only one value in the training part, so it can't be balanced.
    """
    if config.method not in METHODS:
        raise ResamplingError(f"The method {config.method!r} is not known; choose one of {', '.join(METHODS)}.")
    if config.target not in BALANCE_TARGETS:
        raise ResamplingError(f"The target {config.target!r} is not known; choose one of {', '.join(BALANCE_TARGETS)}.")
    wrong = resampling_parameters.find_problem(config.method, config.parameters)
    if wrong:
        raise ResamplingError(wrong)
    if config.method == "reweighing":
        reweighing_weights(train, config)
    elif config.method != "none":
        _check_groups(_group_codes(train, config), config)
        if config.method == "smote-nc" and set(train.columns) <= {config.label, config.facet, *config.categorical}:
            raise ResamplingError(
                f"SMOTE-NC needs at least one column that is not categorical, besides {config.label} and {config.facet}. "
                "Choose random over-sampling or reweighing."
            )


def reweighing_weights(train: pd.DataFrame, config: RebalanceConfig) -> NDArray[np.float64]:
    """Kamiran and Calders' weights: P(facet) · P(label) / P(facet, label) of each row's cell. Their mean is 1.

    >>> import pandas as pd
    >>> train = pd.DataFrame({"late": [0, 0, 1, 0, 1, 1], "sex": [1, 1, 1, 2, 2, 2]})
    >>> reweighing_weights(train, RebalanceConfig("late", "sex", 2, method="reweighing")).round(2).tolist()
    [0.75, 0.75, 1.5, 1.5, 0.75, 0.75]
    """
    facet = (train[config.facet] == config.facet_value).to_numpy()
    label = train[config.label].to_numpy()
    weights = np.ones(len(train))
    for f in (False, True):
        for y in np.unique(label):
            cell = (facet == f) & (label == y)
            if not cell.any():
                raise ResamplingError(f"No row has {config.label} = {y} on one side of {config.facet}: its weight is not defined.")
            weights[cell] = (facet == f).mean() * (label == y).mean() / cell.mean()
    return weights


def _group_codes(train: pd.DataFrame, config: RebalanceConfig) -> NDArray[np.int64]:
    facet = (train[config.facet] == config.facet_value).to_numpy().astype(np.int64)
    label = train[config.label].to_numpy().astype(np.int64)
    return {"facet": facet, "label": label, "label_facet": label * 2 + facet}[config.target]


def _check_groups(classes: NDArray[np.int64], config: RebalanceConfig) -> None:
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    if len(counts) < 2:
        column = config.label if config.target == "label" else config.facet
        raise ResamplingError(f"Column {column} has only one value in the training part, so it can't be balanced.")
    k = int(config.parameters.get("k_neighbors", 5))
    if config.method in NEIGHBOUR_METHODS and counts.min() <= k:
        columns = {"facet": config.facet, "label": config.label, "label_facet": f"{config.label} × {config.facet}"}[config.target]
        fewer = f"set k_neighbors to {counts.min() - 1} or less, or " if counts.min() > 1 else ""
        raise ResamplingError(
            f"The smallest group of {columns} has {counts.min()} row(s) in the training part, and {METHODS[config.method]} needs more than "
            f"k_neighbors = {k}. Add rows to it, {fewer}choose random over-sampling or reweighing."
        )


def _target_counts(classes: NDArray[np.int64], config: RebalanceConfig) -> dict[int, int] | str:
    """Counts to reach: each group at least ``sampling_strategy`` times the largest."""
    share = float(config.parameters.get("sampling_strategy", 1.0))
    values, counts = np.unique(classes, return_counts=True)
    if config.method == "random-under":
        return {int(v): min(int(n), max(1, int(counts.min() / share))) for v, n in zip(values, counts, strict=True)}
    return {int(v): max(int(n), int(counts.max() * share)) for v, n in zip(values, counts, strict=True)}


def _resample_randomly(train: pd.DataFrame, classes: NDArray[np.int64], config: RebalanceConfig) -> Resampled:
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    common = {"sampling_strategy": _target_counts(classes, config), "random_state": config.seed}
    if config.method == "random-over":
        sampler = RandomOverSampler(**common)
    else:
        sampler = RandomUnderSampler(replacement=bool(config.parameters.get("replacement", False)), **common)
    sampler.fit_resample(np.arange(len(train)).reshape(-1, 1), classes)
    chosen = np.asarray(sampler.sample_indices_, dtype=np.int64)
    if config.method == "random-under":
        chosen = np.sort(chosen)
    repeated = np.arange(len(chosen)) >= len(train) if config.method == "random-over" else np.zeros(len(chosen), bool)
    return Resampled(train.iloc[chosen].reset_index(drop=True), None, repeated, chosen)


def _add_synthetic_rows(train: pd.DataFrame, classes: NDArray[np.int64], config: RebalanceConfig) -> Resampled:
    """SMOTE and its variants. Columns that must not be interpolated (label, facet, categories) are set by the group or by neighbours."""
    columns = list(train.columns)
    fixed = [config.label, config.facet]
    values = train.to_numpy(dtype=float)
    if config.method == "smote-nc":
        nominal = [c for c in columns if c in set(config.categorical) | set(fixed)]
        made = _run_sampler(config, values, classes, [columns.index(c) for c in nominal])
    else:
        used = [i for i, c in enumerate(columns) if c not in fixed]
        if not used:
            raise ResamplingError("There is no column besides label and facet to interpolate; choose random over-sampling instead.")
        made_used = _run_sampler(config, values[:, used], classes, [])
        rows = np.full((len(made_used[0]), len(columns)), np.nan)
        rows[:, used] = made_used[0]
        made = (rows, made_used[1])
    rows, groups = made
    origin = _find_origins(values, rows, columns, fixed, config)
    synthetic = origin < 0
    frame = pd.DataFrame(rows, columns=columns)
    kept = origin[~synthetic]
    frame.loc[~synthetic, :] = values[kept]
    if config.method != "smote-nc":
        _copy_label_and_facet(frame, train, synthetic, groups, classes, fixed, config)
    for name in columns:
        _round_to_codes(frame, train, name, synthetic, coded=name in config.categorical or name in fixed)
    return Resampled(frame.astype(train.dtypes.to_dict()), None, synthetic, origin)


def _run_sampler(
    config: RebalanceConfig, x: NDArray[np.float64], y: NDArray[np.int64], nominal: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from imblearn.combine import SMOTEENN, SMOTETomek
    from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, BorderlineSMOTE
    from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
    from sklearn.neighbors import NearestNeighbors

    from core.analysis.resampling.nearest_neighbours import FastOneHotEncoder, KDTreeNeighbors

    told = resampling_parameters.with_defaults(config.method, config.parameters)
    k = int(told["k_neighbors"])
    strategy = _target_counts(y, config)

    def near(n: int) -> NearestNeighbors:
        return NearestNeighbors(n_neighbors=n, algorithm="kd_tree", n_jobs=-1)

    common = {"sampling_strategy": strategy, "random_state": config.seed}
    smote = SMOTE(k_neighbors=near(k + 1), **common)
    samplers = {
        "smote": lambda: SMOTE(k_neighbors=KDTreeNeighbors(k + 1), **common),
        "smote-nc": lambda: SMOTENC(
            categorical_features=nominal, categorical_encoder=FastOneHotEncoder(), k_neighbors=KDTreeNeighbors(k + 1), **common
        ),
        "borderline-smote": lambda: BorderlineSMOTE(
            k_neighbors=near(k + 1), m_neighbors=near(int(told["m_neighbors"]) + 1), kind=told["kind"], **common
        ),
        "adasyn": lambda: ADASYN(n_neighbors=near(k + 1), **common),
        "smote-tomek": lambda: SMOTETomek(smote=smote, tomek=TomekLinks(sampling_strategy="all", n_jobs=-1), random_state=config.seed),
        "smote-enn": lambda: SMOTEENN(
            smote=smote,
            enn=EditedNearestNeighbours(
                sampling_strategy="all", n_neighbors=near(int(told["enn_neighbors"]) + 1), kind_sel=told["enn_rule"]
            ),
            random_state=config.seed,
        ),
    }
    try:
        rows, groups = samplers[config.method]().fit_resample(x, y)
    except (ValueError, RuntimeError) as error:
        raise ResamplingError(f"{METHODS[config.method]} could not rebalance the {BALANCE_TARGETS[config.target]}: {error}") from error
    return np.asarray(rows, dtype=float), np.asarray(groups, dtype=np.int64)


def _find_origins(
    values: NDArray[np.float64], rows: NDArray[np.float64], columns: list[str], fixed: list[str], config: RebalanceConfig
) -> NDArray[np.int64]:
    """Which input row each output row is: over-samplers put the input first; cleaners then drop some, in order."""
    if config.method not in {"smote-tomek", "smote-enn"}:
        origin = np.full(len(rows), -1, dtype=np.int64)
        origin[: len(values)] = np.arange(len(values))
        return origin
    used = [i for i, c in enumerate(columns) if c not in fixed]
    origin = np.full(len(rows), -1, dtype=np.int64)
    by_row: dict[bytes, list[int]] = {}
    for i, row in enumerate(values[:, used]):
        by_row.setdefault(row.tobytes(), []).append(i)
    last = -1
    for j, row in enumerate(rows[:, used]):
        candidates = [i for i in by_row.get(row.tobytes(), []) if i > last]
        if candidates:
            last = candidates[0]
            origin[j] = last
    return origin


def _copy_label_and_facet(
    frame: pd.DataFrame,
    train: pd.DataFrame,
    synthetic: NDArray[np.bool_],
    groups: NDArray[np.int64],
    classes: NDArray[np.int64],
    fixed: list[str],
    config: RebalanceConfig,
) -> None:
    """Label and facet of a synthetic row: those of the nearest real row of its group."""
    from core.analysis.resampling.nearest_neighbours import KDTreeNeighbors

    used = [c for c in train.columns if c not in fixed]
    for group in np.unique(groups[synthetic]):
        mine = synthetic & (groups == group)
        pool = np.flatnonzero(classes == group)
        near = KDTreeNeighbors(1).fit(train.iloc[pool][used].to_numpy(dtype=float))
        nearest = pool[near.kneighbors(frame.loc[mine, used].to_numpy(dtype=float), return_distance=False)[:, 0]]
        for name in fixed:
            frame.loc[mine, name] = train[name].to_numpy(dtype=float)[nearest]


def _round_to_codes(frame: pd.DataFrame, train: pd.DataFrame, name: str, synthetic: NDArray[np.bool_], *, coded: bool) -> None:
    """Round a column of whole numbers; a coded one to the nearest code that occurs."""
    if train[name].dtype.kind not in "iub":
        return
    made = frame.loc[synthetic, name].to_numpy(dtype=float)
    if coded:
        codes = np.sort(train[name].unique()).astype(float)
        right = np.clip(np.searchsorted(codes, made), 1, max(1, len(codes) - 1))
        low, high = codes[np.minimum(right - 1, len(codes) - 1)], codes[np.minimum(right, len(codes) - 1)]
        made = np.where(made - low <= high - made, low, high)
    else:
        made = np.rint(made)
    frame.loc[synthetic, name] = made
