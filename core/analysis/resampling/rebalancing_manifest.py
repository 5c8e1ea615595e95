"""The manifest of a rebalancing job: what the container writes, and pages, reports and dossiers read."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from core.analysis.leaks.leak_findings import LeaksEntry
from core.analysis.resampling.resampling_parameters import ParameterValue


class CellCount(TypedDict):
    """Rows with one label and one value of the facet; ``weight``: the sum of their weights, which older manifests lack."""

    label: int
    facet: float
    count: int
    weight: NotRequired[float]


class MetricEntry(TypedDict, total=False):
    """A pre-training metric: ``value`` is None where it is undefined (``error`` says why), and text where it is infinite."""

    value: float | str | None
    error: str | None


class RebalancingSettings(TypedDict):
    """What the job was asked for: the roles of the columns, the method and its parameters, and how the rows are split; ``value_names``:
    what codes stand for (``ValueNames.to_json``), in manifests since they are written."""

    label: str
    favourable: int
    facet: str
    facet_value: int
    group: str | None
    categorical: list[str]
    ignored: list[str]
    further_facets: list[tuple[str, int]]
    method: str
    target: str
    parameters: dict[str, ParameterValue]
    seed: int
    validation_size: float
    test_size: float
    order: str
    missing: NotRequired[dict[str, str]]
    derived: NotRequired[dict[str, str]]
    value_names: NotRequired[dict[str, object]]


class InputFile(TypedDict):
    """The data set that was split."""

    rows: int
    sha256: str
    columns: list[str]


class WrittenFile(TypedDict):
    """A table that jobs train or are measured on."""

    sha256: str
    rows: int
    columns: list[str]


class DetailFile(TypedDict):
    """A file that only the page reads: histograms, or synthetic rows."""

    sha256: str
    rows: int


class RowSplit(TypedDict):
    """How the rows are divided, and whether no row is in two parts. ``row_ids_sha256`` is by part: train, validation, test."""

    seed: int
    stratified_on: list[str]
    train_rows: int
    original_train_rows: int
    validation_rows: int
    test_rows: int
    disjoint: bool
    row_ids_sha256: dict[str, str]


class SyntheticRows(TypedDict):
    """The synthetic rows among the training rows: how many, their share, and their numbers."""

    count: int
    share: float
    first_row: int | None
    rows: list[int]


class GroupLabelShareEntry(TypedDict):
    """One group's share of favourable labels before and after, as ``label_shares.GroupLabelShare`` defines it; None without rows."""

    group: str
    rows_before: int
    favourable_before: int
    rows_after: float
    favourable_after: float
    before: float | None
    after: float | None
    asked: float | None
    moved: float | None
    beyond_target: float | None


class FurtherFacet(TypedDict):
    """Counts and bias by another facet; older manifests lack ``label_shares``. ``without_facet``: the training rows whose value is missing,
    which count in none of it, ``before`` and ``after``."""

    facet: str
    facet_value: int
    label_shares: NotRequired[list[GroupLabelShareEntry]]
    counts: dict[str, list[CellCount]]
    pre_training_bias: dict[str, dict[str, MetricEntry]]
    without_facet: NotRequired[dict[str, int]]


class FilledColumn(TypedDict):
    """A column with empty cells: how many in the rows of each part before rebalancing. ``treatment``: keep, or median, the one of the
    training rows, which is ``filled_with`` (None where the cells stay empty)."""

    column: str
    treatment: str
    filled_with: int | float | None
    train: int
    validation: int
    test: int


class RebalancingManifest(TypedDict):
    """What a rebalancing did. ``counts`` and ``pre_training_bias`` (metric -> value) are of the training rows ``before`` and ``after``."""

    input: InputFile
    config: RebalancingSettings
    files: dict[str, WrittenFile]
    features: list[str]
    weights: bool
    split: RowSplit
    synthetic: SyntheticRows
    leaked_rows: int
    held_out_duplicates: NotRequired[int]
    leaks: NotRequired[LeaksEntry]
    details: NotRequired[dict[str, DetailFile]]
    label_shares: NotRequired[list[GroupLabelShareEntry]]
    counts: dict[str, list[CellCount]]
    pre_training_bias: dict[str, dict[str, MetricEntry]]
    further_facets: NotRequired[list[FurtherFacet]]
    missing: NotRequired[list[FilledColumn]]
