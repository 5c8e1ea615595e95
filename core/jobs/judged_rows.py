"""Which rows a job reads, as the record that decides whether its results may be compared with another's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from core.analysis.resampling.rebalancing_manifest import RebalancingManifest, RebalancingSettings
from core.aws.target import Target
from core.data import datasets
from core.data.comparability import JudgedRows
from core.errors import NotFound, Refused
from core.jobs import jobs, training_data
from core.jobs.job_response import TrialDefinition
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData, read_result
from core.jobs.tuning import tuning_jobs

ROW_FILES = {"train": "train_res.csv", "validation": "validation_res.csv", "test": "test_res.csv"}
"""Part of a data set -> the file of a rebalancing whose hash names its rows."""
REBALANCED_FIRST = "; rebalanced before they were split"


def rows_of_rebalancing(data: RebalancedData, part: str) -> JudgedRows:
    """The rows of a part (test, validation or train) of a rebalanced data set. An unknown ``part`` means the test rows."""
    manifest, dataset, roles = data.manifest, data.dataset, data.roles
    part = part if part in ROW_FILES else "test"
    config = manifest["config"]
    plain = manifest["files"].get("validation.csv") if part == "validation" else None  # a reweighing's: the rows without weights
    file = plain or manifest["files"].get(ROW_FILES[part])
    favourable, words = config.get("favourable", roles.favourable), datasets.value_names(dataset)
    facets = ((roles.facet, roles.facet_value), *roles.further_facets)
    return JudgedRows(
        part=part,
        dataset=dataset.name,
        uploaded=dataset.created,
        table=dataset.sha256,
        count=file["rows"] if file else None,
        split=_split_text(config),
        label=roles.label,
        favourable=str(favourable),
        favourable_name=words.describe(roles.label, favourable),
        facets=tuple(f"{column}={value}" for column, value in facets),
        facet_names=tuple(words.describe_group(column, value) for column, value in facets),
        file=file["sha256"] if file else "",
        row_ids=_row_ids(manifest, part) if part != "train" and config["order"] == "split_first" else "",
    )


def _row_ids(manifest: RebalancingManifest, part: str) -> str:
    """What names the rows that the split put into a part, by their places in the table; "" in manifests that don't have it."""
    config, ids = manifest["config"], manifest["split"].get("row_ids_sha256", {}).get(part)
    return f"{manifest['input']['sha256']} {config['label']} {config['facet']}={config['facet_value']} {ids}" if ids else ""


def _split_text(config: RebalancingSettings) -> str:
    """How rows were split, in words."""
    sizes = f"{100 * config['validation_size']:g} % for validation, {100 * config['test_size']:g} % for testing"
    text = f"split with seed {config['seed']} by {config['label']} and {config['facet']}: {sizes}"
    return text if config["order"] == "split_first" else text + REBALANCED_FIRST


def rows_before_rebalancing(data: RebalancedData) -> JudgedRows:
    """The training rows of a rebalancing before it changed them: two rebalancings are compared by what they make of the same ones."""
    found, file = rows_of_rebalancing(data, "train"), data.manifest["files"].get("train.csv")
    return replace(
        found,
        count=file["rows"] if file else None,
        file=file["sha256"] if file else "",
        split=found.split.removesuffix(REBALANCED_FIRST),
        facets=found.facets[:1],
        facet_names=found.facet_names[:1],
        row_ids=_row_ids(data.manifest, "train"),  # the split comes first here in either order
    )


def find_data_of_file(target: Target, uri: str) -> tuple[RebalancedData, str] | None:
    """(the rebalancing that a file in S3 comes from, the part of the data that is in it); None for any other file."""
    folder, _, name = uri.rpartition("/")
    part = next((one for one in ROW_FILES if name.startswith(one)), None)
    if part and "/governance/rebalanced/" in uri:
        with suppress(NotFound, Refused):  # the folder has such a name, but is in another account's bucket, or was deleted
            data = read_result(target, folder.removesuffix("/output").rpartition("/")[2])
            return (data, part) if data.folder == folder else None
    return None


def rows_of_file(target: Target, uri: str, part: str = "") -> JudgedRows:
    """The rows in a file in S3: those of a rebalancing if it is one of its files, or else only its URI is known."""
    found = find_data_of_file(target, uri)
    return rows_of_rebalancing(*found) if found else JudgedRows(part=part, file=uri)


def rows_of_processing(target: Target, job: Job) -> JudgedRows:
    """The rows that a bias or SHAP job measures: its input ``dataset``. ``job``: read in full."""
    uri = jobs.input_uri(job, "dataset")
    return rows_of_file(target, uri) if uri else JudgedRows()


def rows_of_tuning(target: Target, job: Job, definition: str = "") -> JudgedRows:
    """The validation rows by which the trials of a tuning job are ranked; of its first definition, or the one of this name."""
    found = tuning_jobs.list_definitions(job)
    one = next((each for each in found if definition in {"", each.get("DefinitionName")}), TrialDefinition())
    uri = training_data.channel_uri(one, "validation")
    return rows_of_file(target, uri, "validation") if uri else JudgedRows(part="validation")
