"""Rebalancing a training part: SMOTE and its variants, random sampling, reweighing.

Label and facets are never interpolated, nor voted on by neighbours: a synthetic row has those of its seed, the real row from which it was
made. So the share of a label in a group moves only as the target demands. Integers stay integers. A missing cell stays missing: distances
are those of filled copies, and a synthetic row lacks what its seed lacks. The original rows come first, unchanged and in order, unless the
method removes some.
Sources: Chawla et al. 2002 (SMOTE, SMOTE-NC), Han et al. 2005 (Borderline), He et al. 2008 (ADASYN), Batista et al. 2004 (SMOTE-Tomek,
SMOTE-ENN), Kamiran and Calders 2012 (reweighing).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.resampling import resampling_parameters
from core.analysis.resampling.missing_cells import fill_for_distances
from core.analysis.resampling.resampling_parameters import ParameterValue
from core.analysis.tables.value_names import ValueNames

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


NOTHING_TO_ADD = "No samples will be generated"
"""How imbalanced-learn's error begins where ADASYN's share of rows to make is rounded to none."""


@dataclass(frozen=True)
class RebalanceConfig:
    """How to rebalance. ``method``: none, smote, smote-nc, borderline-smote, adasyn, random-over, random-under, smote-tomek, smote-enn or
    reweighing; ``target``, what becomes equally frequent: facet, label or label_facet. ``parameters``: those of the method in
    ``resampling_parameters.PARAMETERS``, each with its default there; ``categorical``: columns of codes, in which synthetic rows
    have only codes that occur; ``further_facets``: columns that synthetic rows take from their seed, as they do label and facet;
    ``names``: the words for the codes, in which messages speak."""

    label: str
    facet: str
    facet_value: int
    method: str = "smote-nc"
    target: str = "facet"
    categorical: tuple[str, ...] = ()
    parameters: dict[str, ParameterValue] = field(default_factory=dict)
    seed: int = 42
    further_facets: tuple[str, ...] = ()
    names: ValueNames = field(default_factory=ValueNames)


@dataclass(frozen=True)
class Resampled:
    """frame: the rebalanced rows; weights: one per row (reweighing) or None; synthetic: which rows are synthetic;
    origin: the row number of the input that a row is, or -1 for an interpolated one; seeds: the row number of the input that a row is, or
    from which it was copied or made; all of length n."""

    frame: pd.DataFrame
    weights: NDArray[np.float64] | None
    synthetic: NDArray[np.bool_]
    origin: NDArray[np.int64]
    seeds: NDArray[np.int64]


def rebalance(train: pd.DataFrame, config: RebalanceConfig) -> Resampled:
    """Rebalance ``train`` (numeric columns only, with NaN or NA where a feature is missing). The same input and seed give the same rows.
    Raises ResamplingError.

    >>> import pandas as pd
    >>> train = pd.DataFrame({"late": [0, 0, 1, 0], "sex": [1, 1, 1, 2], "age": [30, 41, 52, 63]})
    >>> resampled = rebalance(train, RebalanceConfig("late", "sex", 2, method="random-over"))
    >>> resampled.frame["sex"].tolist(), resampled.synthetic.tolist()
    ([1, 1, 1, 2, 2, 2], [False, False, False, False, True, True])
    """
    check_rebalancing(train, config)
    rows = len(train)
    if config.method == "none":
        return Resampled(train.reset_index(drop=True), None, np.zeros(rows, bool), np.arange(rows), np.arange(rows))
    if config.method == "reweighing":
        weights = reweighing_weights(train, config)
        return Resampled(train.reset_index(drop=True), weights, np.zeros(rows, bool), np.arange(rows), np.arange(rows))
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
        _check_groups(train, config)
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
                missing = f"{config.names.describe(config.label, y)} and {_describe_side(train, config, of_facet=f)}"
                raise ResamplingError(f"No training row has {missing}: the weight of such rows is not defined.")
            weights[cell] = (facet == f).mean() * (label == y).mean() / cell.mean()
    return weights


def asked_counts(train: pd.DataFrame, config: RebalanceConfig) -> NDArray[np.float64]:
    """How many rows the target asks for in place of each row of ``train``, shape (rows,): 1 where its group isn't to grow or shrink.

    >>> import pandas as pd
    >>> train = pd.DataFrame({"late": [0, 0, 1, 0], "sex": [1, 1, 1, 2]})
    >>> asked_counts(train, RebalanceConfig("late", "sex", 2, method="random-over")).tolist()
    [1.0, 1.0, 1.0, 3.0]
    """
    if config.method == "none":
        return np.ones(len(train))
    if config.method == "reweighing":
        return reweighing_weights(train, config)
    groups = _group_codes(train, config)
    present = np.bincount(groups)
    return np.array([_target_counts(groups, config).get(group, 0) / max(count, 1) for group, count in enumerate(present)])[groups]


def _group_codes(train: pd.DataFrame, config: RebalanceConfig) -> NDArray[np.int64]:
    facet = (train[config.facet] == config.facet_value).to_numpy().astype(np.int64)
    label = train[config.label].to_numpy().astype(np.int64)
    return {"facet": facet, "label": label, "label_facet": label * 2 + facet}[config.target]


def _describe_side(train: pd.DataFrame, config: RebalanceConfig, *, of_facet: bool) -> str:
    """The facet's group, or all others, as a condition in the user's values."""
    if of_facet:
        return config.names.describe(config.facet, config.facet_value)
    return config.names.describe_others(config.facet, config.facet_value, train[config.facet].dropna().unique())


def _describe_group(train: pd.DataFrame, config: RebalanceConfig, group: int) -> str:
    """A group of ``_group_codes`` as a condition in the user's values."""
    if config.target == "facet":
        return _describe_side(train, config, of_facet=group == 1)
    if config.target == "label":
        return config.names.describe(config.label, group)
    return f"{config.names.describe(config.label, group // 2)} and {_describe_side(train, config, of_facet=group % 2 == 1)}"


def _check_groups(train: pd.DataFrame, config: RebalanceConfig) -> None:
    groups, counts = np.unique(_group_codes(train, config), return_counts=True)
    if len(counts) < 2:
        column = config.label if config.target == "label" else config.facet
        raise ResamplingError(f"Column {column} has only one value in the training part, so it can't be balanced.")
    k, least = int(config.parameters.get("k_neighbors", 5)), int(counts.min())
    if config.method in NEIGHBOUR_METHODS and least <= k:
        where = _describe_group(train, config, int(groups[counts.argmin()]))
        fewer = f"set k_neighbors to {least - 1} or less, or " if least > 1 else ""
        rows_have = "1 training row has" if least == 1 else f"{least} training rows have"
        raise ResamplingError(
            f"Only {rows_have} {where}, and {METHODS[config.method]} needs more than k_neighbors = {k} in each group. Add such rows, "
            f"{fewer}choose random over-sampling or reweighing."
        )


def _target_counts(classes: NDArray[np.int64], config: RebalanceConfig) -> dict[int, int]:
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
    return Resampled(train.iloc[chosen].reset_index(drop=True), None, repeated, chosen, chosen)


def _add_synthetic_rows(train: pd.DataFrame, classes: NDArray[np.int64], config: RebalanceConfig) -> Resampled:
    """SMOTE and its variants: features between a seed row and its neighbours; label and facets are the seed row's."""
    from core.analysis.resampling.seeded_samplers import run_sampler

    columns, fixed = list(train.columns), {config.label, config.facet}
    if config.method == "smote-nc":  # label and facet are categories here, so that a row's neighbours tend to share them
        used, nominal = columns, [i for i, name in enumerate(columns) if name in fixed | set(config.categorical)]
    else:
        used, nominal = [name for name in columns if name not in fixed], []
    made = [name for name in used if name not in fixed | set(config.further_facets)]
    if not made:
        raise ResamplingError("There is no column besides label and facet to interpolate; choose random over-sampling instead.")
    told = resampling_parameters.with_defaults(config.method, config.parameters)
    counts = _target_counts(classes, config)
    try:
        values = fill_for_distances(train[used], config.categorical)
        sampled = run_sampler(config.method, values, classes, counts, told, nominal, config.seed)
    except (ValueError, RuntimeError) as error:
        reason = "it finds no row to add, since the groups are almost equal already" if str(error).startswith(NOTHING_TO_ADD) else error
        raise ResamplingError(f"{METHODS[config.method]} could not rebalance the {BALANCE_TARGETS[config.target]}: {reason}") from error
    frame = train.iloc[sampled.seeds].reset_index(drop=True)
    for name in made:
        made_up = sampled.synthetic & frame[name].notna().to_numpy()  # what the seed lacks, the synthetic row lacks too
        values = sampled.rows[made_up, used.index(name)]
        frame.loc[made_up, name] = _round_to_codes(values, train[name], coded=name in config.categorical)
    return Resampled(frame, None, sampled.synthetic, np.where(sampled.synthetic, -1, sampled.seeds), sampled.seeds)


def _round_to_codes(values: NDArray[np.float64], column: pd.Series, *, coded: bool) -> NDArray[np.generic]:
    """Values for a column: rounded where it has whole numbers; where it is coded, the nearest code that occurs."""
    if len(values) and coded:
        codes = np.unique(column.dropna().to_numpy(dtype=float))
        right = np.clip(np.searchsorted(codes, values), 1, max(1, len(codes) - 1))
        low, high = codes[np.minimum(right - 1, len(codes) - 1)], codes[np.minimum(right, len(codes) - 1)]
        values = np.where(values - low <= high - values, low, high)
    elif column.dtype.kind in "iub":
        values = np.rint(values)
    return values.astype(column.dtype.type if isinstance(column.dtype, np.dtype) else np.int64)
