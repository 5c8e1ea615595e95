"""What a rebalancing job says of itself, computed again from the data set: its split, its counts, its leaks, and which rows are shared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.before_and_after import FacetRoles, compare_before_and_after
from core.analysis.leaks.leak_findings import LeakFindings, find_leaks
from core.analysis.leaks.row_twins import MIN_TWIN_SHARE, MIN_TWINS, RowTwins
from core.analysis.resampling.missing_cells import fill_with_medians
from core.analysis.resampling.rebalancing_manifest import FurtherFacet, RebalancingManifest
from core.analysis.resampling.resampling import RebalanceConfig, asked_counts
from core.analysis.resampling.splitting import Split, SplitError, split_rows
from core.analysis.tables.column_kinds import ColumnError, to_integers
from core.jobs.rebalancing_jobs import RebalancedData

RowDigests = NDArray[np.uint64]


@dataclass(frozen=True)
class WrittenRows:
    """The tables that the rebalancing job wrote, as they lie there now, with their columns' names. ``train``: the training rows before
    rebalancing; ``trained``: after it, as a training job reads them, perhaps with weights; ``rebalanced``, ``test`` and ``validation``
    have the facets by a threshold too."""

    train: pd.DataFrame
    trained: pd.DataFrame
    rebalanced: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True)
class SharedRows:
    """Held-out rows that stand in training too, with every value and the label. ``before``: among the training rows before rebalancing,
    with how many of them are to be expected; ``added``: those that only rebalancing brought there; ``of``: held-out rows; ``growth``:
    training rows that rebalancing made, as a share of those before."""

    before: RowTwins
    added: int
    of: int
    growth: float

    @property
    def problem(self) -> str:
        """Why so many can't be different people who are alike; "" if they can."""
        if self.before.is_finding:
            return f"{self.before.rows:,} of {self.of:,} stand in training too, and about {self.before.expected:,.0f} are to be expected"
        alike = self.before.share * max(1.0, self.growth) * self.of
        if self.added - alike >= max(MIN_TWINS, MIN_TWIN_SHARE * self.of):
            return f"{self.added:,} of {self.of:,} stand among the rows that rebalancing added, and about {alike:,.0f} are to be expected"
        return ""


@dataclass(frozen=True)
class DataCheck:
    """``problems``: where the manifest or the files differ from what the data set and the settings give, in sentences; ``shared``: part
    (test, validation) -> its rows that stand in training too; {} where that can't be counted."""

    problems: tuple[str, ...]
    shared: dict[str, SharedRows]


def check_data(data: RebalancedData, table: pd.DataFrame, written: WrittenRows) -> DataCheck:
    """Compare the manifest and the files of a rebalancing job with the data set. ``table``: the data set's rows.

    The rebalanced rows themselves aren't made again: that they come from the training rows, or are marked as synthetic, is checked. Where
    rebalancing came before the split, only the shared rows are counted again (see ``explain_uncomputable``)."""
    if explain_uncomputable(data):
        leaks = _find_leaks_of_files(data, written)
        found = data.manifest.get("leaks", {}).get("twins_in_training")
        said = {} if found is None else {"twins in training": (found, leaks.to_json()["twins_in_training"])}
        return DataCheck(tuple(_compare_with_manifest(data, said)), _count_shared(written, leaks, data.manifest))
    problems: list[str] = []
    try:
        frame = _prepare_rows(table, data)
        parts = _split(frame, data)
        filled = fill_with_medians(frame, _medians(data.manifest), parts.train, parts.validation, parts.test)
    except (ColumnError, SplitError, KeyError) as error:
        return DataCheck((f"The data set {data.dataset.name} can't be split as {data.job} says: {error}",), {})
    problems += _check_parts(data, parts, filled.frame, written)
    problems += _check_rebalanced(data, written)
    if data.manifest["leaked_rows"] or not data.manifest["split"]["disjoint"]:
        problems.append(
            f"The manifest of {data.job} says {data.manifest['leaked_rows']:,} rows leaked, which a split before rebalancing can't."
        )
    leaks = find_leaks(
        frame.drop(columns=list(dict(data.roles.derived))),
        data.roles.label,
        training=parts.train,
        held_out={"test": parts.test, "validation": parts.validation},
    )
    problems += _check_leaks(data, leaks)
    problems += _check_change(data, filled.frame.iloc[parts.train].reset_index(drop=True), written)
    return DataCheck(tuple(problems), _count_shared(written, leaks, data.manifest))


def _check_parts(data: RebalancedData, parts: Split, frame: pd.DataFrame, written: WrittenRows) -> Iterator[str]:
    """The three parts are the rows that the split gives."""
    tables = {
        "train": ("training rows", written.train),
        "validation": ("validation rows", written.validation),
        "test": ("test rows", written.test),
    }
    for part, (what, found) in tables.items():
        numbers: NDArray[np.int64] = getattr(parts, part)
        expected = frame.iloc[numbers]
        if (difference := _first_difference(found, expected[[c for c in expected if c in found.columns]])) is not None:
            yield f"The {what} of {data.job} aren't those that the split with seed {data.manifest['config']['seed']} gives: {difference}."
        ids = hashlib.sha256(",".join(map(str, numbers)).encode()).hexdigest()
        if data.manifest["split"].get("row_ids_sha256", {}).get(part) != ids:
            yield f"The manifest of {data.job} names other {what} than the split gives."


def explain_uncomputable(data: RebalancedData) -> str:
    """Why the manifest can't be computed again; "" if it can."""
    if data.manifest["config"]["order"] != "split_first":
        return f"{data.job} rebalanced before it split, and what a synthetic row was made from isn't stored: split first."
    return ""


def check_settings(data: RebalancedData, asked: Mapping[str, object]) -> Iterator[str]:
    """Where the manifest's settings differ from the job's own configuration, or from the data set's roles. ``asked``: rebalance.json."""
    config, roles = dict(data.manifest["config"]), data.roles
    for name, value in asked.items():
        if json.loads(json.dumps(config.get(name))) != value and not (name == "missing" and not value):
            yield f"The manifest of {data.job} says {name} = {config.get(name)}, and the job was asked for {value}."
    said = {
        "label": roles.label,
        "favourable": roles.favourable,
        "facet": roles.facet,
        "facet_value": roles.facet_value,
        "group": roles.group,
        "further_facets": [list(one) for one in roles.further_facets],
        "categorical": list(roles.categorical),
        "ignored": list(roles.ignored),
        "derived": dict(roles.derived),
        "value_names": data.value_names.to_json() if data.value_names.values else None,
    }
    empty: dict[str, object] = {"derived": {}}
    for name, value in said.items():
        found = json.loads(json.dumps(config.get(name, empty.get(name))))
        if found != json.loads(json.dumps(value)):
            yield f"The data set {data.dataset.name} says {name} = {value}, and {data.job} worked with {found}."


def _find_leaks_of_files(data: RebalancedData, written: WrittenRows) -> LeakFindings:
    """What the rows that a model was trained with share with the others, of data that were rebalanced before they were split."""
    columns = list(written.train.columns)
    tables = [written.rebalanced[columns], written.test[columns], written.validation[columns]]
    ends = np.cumsum([len(table) for table in tables])
    train, test, validation = (np.arange(end - len(table), end) for table, end in zip(tables, ends, strict=True))
    whole = pd.concat(tables, ignore_index=True)
    return find_leaks(whole, data.roles.label, training=train, held_out={"test": test, "validation": validation})


def _count_shared(written: WrittenRows, leaks: LeakFindings, manifest: RebalancingManifest) -> dict[str, SharedRows]:
    columns = list(written.train.columns)
    added = np.setdiff1d(digest_rows(written.rebalanced[columns]), digest_rows(written.train))
    if manifest["config"]["order"] != "split_first":
        added = added[:0]  # they are among the training rows that were looked at
    growth = len(manifest["synthetic"]["rows"]) / max(1, len(written.train))
    tables = {"test": written.test, "validation": written.validation}
    return {
        part: SharedRows(leaks.twins_in_training[part], int(np.isin(digest_rows(table[columns]), added).sum()), len(table), growth)
        for part, table in tables.items()
    }


def digest_rows(frame: pd.DataFrame) -> RowDigests:
    """A 64-bit digest of each row's numbers, (n,): equal rows have equal ones, whether a number is written as 1 or 1.0."""
    return np.asarray(pd.util.hash_pandas_object(frame.astype(float), index=False), dtype=np.uint64)


def _prepare_rows(table: pd.DataFrame, data: RebalancedData) -> pd.DataFrame:
    """The rows that were split: those with a label and a facet, the label first."""
    roles = data.roles
    frame = table.drop(columns=list(roles.ignored))
    frame = frame[[roles.label, *[c for c in frame.columns if c != roles.label]]].dropna(subset=[roles.label, roles.facet])
    coded = [column for column, _ in roles.further_facets]
    return to_integers(frame.reset_index(drop=True), [roles.label, roles.facet], [*coded, *roles.categorical])


def _split(frame: pd.DataFrame, data: RebalancedData) -> Split:
    config, roles = data.manifest["config"], data.roles
    return split_rows(
        frame,
        roles.label,
        roles.facet,
        roles.facet_value,
        seed=config["seed"],
        validation_size=config["validation_size"],
        test_size=config["test_size"],
    )


def _medians(manifest: RebalancingManifest) -> list[str]:
    return [column for column, treatment in manifest["config"].get("missing", {}).items() if treatment == "median"]


def _first_difference(found: pd.DataFrame, expected: pd.DataFrame) -> str | None:
    """Where two tables differ first; None if they don't."""
    if list(found.columns) != list(expected.columns):
        return f"it has the columns {', '.join(map(str, found.columns))}"
    if len(found) != len(expected):
        return f"{len(found):,} rows instead of {len(expected):,}"
    a, b = found.to_numpy(dtype=float, na_value=np.nan), expected.to_numpy(dtype=float, na_value=np.nan)
    differing = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not differing.any():
        return None
    row, column = (int(place) for place in np.argwhere(differing)[0])
    values = f"{found.columns[column]} is {a[row, column]:g} instead of {b[row, column]:g}"
    return f"{int(differing.any(axis=1).sum()):,} rows differ, and in row {row:,} {values}"


def _check_rebalanced(data: RebalancedData, written: WrittenRows) -> Iterator[str]:
    """Rows after rebalancing are rows of before, unless they are marked as synthetic."""
    marked = np.zeros(len(written.rebalanced), dtype=bool)
    trained = written.trained.drop(columns="__weight", errors="ignore")
    if (difference := _first_difference(trained, written.rebalanced[[c for c in written.rebalanced if c in trained.columns]])) is not None:
        yield f"train_res.csv and train_res_header.csv of {data.job} aren't the same rows: {difference}."
    rows = np.asarray(data.manifest["synthetic"]["rows"], dtype=np.int64)
    if len(rows) and rows.max() >= len(marked):
        yield f"The manifest of {data.job} marks rows as synthetic that its training rows don't have."
        return
    marked[rows] = True
    kept = digest_rows(written.rebalanced[list(written.train.columns)])[~marked]
    strange = int((~np.isin(kept, digest_rows(written.train))).sum())
    if strange:
        yield f"{strange:,} of the rebalanced training rows of {data.job} are neither rows of train.csv nor marked as synthetic."


def _check_leaks(data: RebalancedData, leaks: LeakFindings) -> Iterator[str]:
    if "leaks" not in data.manifest:
        return  # of an earlier version; its gates say so
    said, found = data.manifest["leaks"], leaks.to_json()
    yield from _compare_with_manifest(
        data,
        {
            "features that give the label away": (said["label"], found["label"]),
            "ids among the features": (said["ids"], found["ids"]),
            "twins": (said["twins"], found["twins"]),
            "twins in training": (said["twins_in_training"], found["twins_in_training"]),
        },
    )


def _check_change(data: RebalancedData, train: pd.DataFrame, written: WrittenRows) -> Iterator[str]:
    """The manifest's counts, shares and bias before and after are those of the rows. ``train``: the training rows before rebalancing."""
    config, roles, manifest = data.manifest["config"], data.roles, data.manifest
    ask = RebalanceConfig(
        roles.label,
        roles.facet,
        roles.facet_value,
        config["method"],
        config["target"],
        tuple(config["categorical"]),
        config["parameters"],
        config["seed"],
        (*(column for column, _ in roles.further_facets), *dict(roles.derived).values()),
        data.value_names,
    )
    asked = asked_counts(train, ask)
    weights = written.trained["__weight"].to_numpy(dtype=float) if "__weight" in written.trained else None
    facets: list[tuple[str, int, RebalancingManifest | FurtherFacet]] = [(roles.facet, roles.facet_value, manifest)]
    facets += [(one["facet"], one["facet_value"], one) for one in manifest.get("further_facets", [])]
    if [facet[:2] for facet in facets[1:]] != [tuple(one) for one in roles.further_facets]:
        yield f"The manifest of {data.job} has other further facets than the data set."
    for column, value, said in facets:
        by = FacetRoles(roles.label, roles.favourable, column, value, roles.group, data.value_names)
        found = compare_before_and_after(train, written.rebalanced, weights, asked, by)
        pairs: dict[str, tuple[object, object]] = {
            f"counts by {column}": (said["counts"], found["counts"]),
            f"bias before training by {column}": (said["pre_training_bias"], found["pre_training_bias"]),
        }
        if "label_shares" in said:  # earlier versions didn't measure them; the gate says so
            pairs[f"shares of favourable labels by {column}"] = (said["label_shares"], found["label_shares"])
        yield from _compare_with_manifest(data, pairs)


def _compare_with_manifest(data: RebalancedData, figures: Mapping[str, tuple[object, object]]) -> Iterator[str]:
    """``figures``: what -> (as the manifest has it, as it was found again)."""
    for what, pair in figures.items():
        said, found = (json.loads(json.dumps(one)) for one in pair)
        if not _is_alike(said, found):
            yield f"The manifest of {data.job} has other {what} than its rows: {said} instead of {found}."


def _is_alike(a: object, b: object) -> bool:
    """Whether two trees of JSON are the same, numbers to six digits."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_is_alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_is_alike(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return bool(np.isclose(a, b, rtol=1e-6, atol=1e-9))
    return a == b
