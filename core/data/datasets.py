"""Data sets in S3: checked tables, each in a folder named after its hash."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import pandas as pd

from core.analysis.tables.csv_writer import to_csv
from core.analysis.tables.number_formats import DecimalMark
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.value_names import ValueNames
from core.aws.target import Target
from core.data.bundled_data import BUNDLED_VALUE_NAMES
from core.data.column_roles import ColumnRoles
from core.data.csv_reader import check_size, read_csv
from core.data.table_check import CheckedTable
from core.errors import DataError, translate_aws_errors
from core.identity import Identity, require_permission

S3_FOLDER = "governance/datasets"
TABLE_ENDINGS = tuple(f"{ending}{packed}" for ending in (".csv", ".tsv", ".txt", ".parquet") for packed in ("", ".gz"))


@dataclass(frozen=True)
class Dataset:
    """A data set in S3. ``sha256``: of its CSV file; ``coding``: column -> text -> code; ``created``: ISO 8601, UTC; ``notes``: what was
    found about it, and done, when it was read; ``treatments``: column -> what was done with it, for those with a finding or left out."""

    name: str
    uri: str
    sha256: str
    rows: int
    columns: tuple[str, ...]
    roles: ColumnRoles
    coding: dict[str, dict[str, int]]
    created: str
    created_by: str
    notes: tuple[str, ...] = ()
    treatments: dict[str, str] = field(default_factory=dict)


def value_names(dataset: Dataset) -> ValueNames:
    """What the data set's codes stand for: the values that were coded when it was uploaded, and those of the bundled columns."""
    return coded_value_names(dataset.coding, dataset.columns)


def coded_value_names(coding: Mapping[str, Mapping[str, int]], columns: Iterable[str]) -> ValueNames:
    """The same for a checked table before its upload: its coding and columns."""
    bundled = {"LIMIT_BAL", "PAY_0", "BILL_AMT1", *BUNDLED_VALUE_NAMES} <= set(columns)
    return ValueNames.from_coding(coding, BUNDLED_VALUE_NAMES if bundled else None)


def fetch_csv(
    target: Target, identity: Identity, uri: str, *, decimal: DecimalMark | None = None, encoding: str | None = None
) -> TableReading:
    """The table of a CSV or parquet file in S3, read with the target's credentials. Raises DataError, NotFound, Forbidden."""
    require_permission(identity, "upload", resource=uri)
    bucket, _, key = uri.strip().removeprefix("s3://").partition("/")
    if not uri.strip().startswith("s3://") or not bucket or not key.lower().endswith(TABLE_ENDINGS):
        raise DataError(
            f"{uri!r} is not the URI of a CSV file in S3.", resource=uri, hint="Write s3://bucket/folder/file.csv (or .csv.gz, .parquet)."
        )
    with translate_aws_errors(uri):
        check_size(target.s3.head_object(Bucket=bucket, Key=key)["ContentLength"], uri)
    return read_csv(target.files.read(uri.strip()), name=key.rpartition("/")[2], decimal=decimal, encoding=encoding)


def upload_dataset(target: Target, identity: Identity, checked: CheckedTable, name: str) -> Dataset:
    """Store a checked table in S3, under the hash of its rows and roles: the same table twice is one data set, with its first uploader."""
    require_permission(identity, "upload", resource=name)
    content = to_csv(checked.frame)
    about = asdict(checked.roles)
    for key in ("ordered", "missing", "derived"):  # the hash of a table without them stays that of earlier versions
        if not about[key]:
            del about[key]
    roles = json.dumps(about, sort_keys=True)
    version = hashlib.sha256(content + roles.encode()).hexdigest()
    folder = target.uri(S3_FOLDER, f"{_slug(name)}-{version[:12]}")
    if target.files.exists(f"{folder}/dataset.json"):
        return read_dataset(target, f"{folder}/dataset.json")
    dataset = Dataset(
        name,
        f"{folder}/data.csv",
        hashlib.sha256(content).hexdigest(),
        len(checked.frame),
        tuple(checked.frame.columns),
        checked.roles,
        checked.coding,
        datetime.now(UTC).isoformat(timespec="seconds"),
        identity.name,
        checked.notes,
        checked.treatments,
    )
    target.files.write(dataset.uri, content, "text/csv")
    target.files.write(f"{folder}/dataset.json", json.dumps(asdict(dataset)).encode(), "application/json")
    return dataset


def describe_difference(newer: Dataset, older: Dataset) -> str:
    """Where a data set differs from an earlier one with its name, in a sentence without the full stop; "" if both have the same content.

    Says which columns and how many rows differ, and which roles; of tables that agree in all that, that cells differ."""
    if newer.uri == older.uri:
        return ""
    said = [] if newer.rows == older.rows else [f"{newer.rows:,} rows instead of {older.rows:,}"]
    added, gone = ([c for c in a.columns if c not in b.columns] for a, b in ((newer, older), (older, newer)))
    said += [f"{_columns_text(names)} {verb}" for names, verb in ((added, "added"), (gone, "left out")) if names]
    (a, b), names = (newer.roles, older.roles), (value_names(newer), value_names(older))
    for role, now, before in (
        ("favourable outcome", names[0].describe(a.label, a.favourable), names[1].describe(b.label, b.favourable)),
        ("facet", names[0].describe(a.facet, a.facet_value), names[1].describe(b.facet, b.facet_value)),
        ("group", a.group or "none", b.group or "none"),
    ):
        said += [f"{role} {now} instead of {before}"] if now != before else []
    if not said:
        said = ["other values in some cells" if newer.sha256 != older.sha256 else "other roles of columns"]
    return ", ".join(said)


def _columns_text(names: list[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names[:10])}{f' and {len(names) - 10} more' if len(names) > 10 else ''}"


def count_datasets(target: Target) -> int:
    """The number of data sets; none of them is read."""
    return sum(uri.endswith("/dataset.json") for uri in target.files.list_uris(target.uri(S3_FOLDER, "")))


def list_datasets(target: Target) -> list[Dataset]:
    """The data sets of the workspace, newest first."""
    found = [uri for uri in target.files.list_uris(target.uri(S3_FOLDER, "")) if uri.endswith("/dataset.json")]
    with ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(lambda uri: read_dataset(target, uri), found), key=lambda dataset: dataset.created, reverse=True)


def read_first_rows(target: Target, uri: str, *, rows: int = 50) -> pd.DataFrame:
    """The first rows of a data set; only the beginning of its file is read."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    with translate_aws_errors(uri):
        content = target.s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-262143")["Body"].read()
    lines = content.decode(errors="replace").splitlines(keepends=True)
    whole = lines if len(content) < 262_144 or len(lines) < 3 else lines[:-1]
    return pd.read_csv(io.StringIO("".join(whole)), nrows=rows)


def description_uri(uri: str) -> str:
    """Where the description of a data set lies, beside its ``data.csv``."""
    return uri.rpartition("/")[0] + "/dataset.json"


def read_dataset(target: Target, uri: str) -> Dataset:
    """The data set of a ``dataset.json``, or of the ``data.csv`` in the same folder."""
    raw = target.files.read_json(description_uri(uri), dict)
    roles = raw.pop("roles")
    lists: Iterable[str] = ("categorical", "ignored")
    roles = {**roles, **{k: tuple(roles[k]) for k in lists}, "further_facets": tuple((c, v) for c, v in roles.get("further_facets", ()))}
    roles["ordered"] = tuple((column, tuple(values)) for column, values in roles.get("ordered", ()))
    roles["derived"] = tuple((column, source) for column, source in roles.get("derived", ()))
    roles["missing"] = tuple((column, treatment) for column, treatment in roles.get("missing", ()))
    raw |= {"columns": tuple(raw["columns"]), "notes": tuple(raw.get("notes", ()))}
    return Dataset(**{**raw, "roles": ColumnRoles(**roles)})


def _slug(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")[:40] or "data"
