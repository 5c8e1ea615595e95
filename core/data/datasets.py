"""Data sets as they lie in S3: checked tables, each under its hash."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pandas as pd

from core.clients import Clients
from core.errors import DataError, translated
from core.identity import Identity, require
from core.tables import BUNDLED_NAMES, Checked, Roles, check_size, read_csv, to_csv

PREFIX = "governance/datasets"


@dataclass(frozen=True)
class Dataset:
    """A data set as it lies in S3, with its hash."""

    name: str
    uri: str
    sha256: str
    rows: int
    columns: tuple[str, ...]
    roles: Roles
    coding: dict[str, dict[str, int]]
    created: str
    created_by: str


def value_names(dataset: Dataset) -> dict[str, dict[int, str]]:
    """What the codes of a data set mean, by column: ``region = north`` for a text that was coded, ``men`` for the bundled columns."""
    found = {column: {code: f"{column} = {text}" for text, code in codes.items()} for column, codes in dataset.coding.items()}
    bundled_columns = {"LIMIT_BAL", "PAY_0", "BILL_AMT1", *BUNDLED_NAMES} <= set(dataset.columns)
    return {**BUNDLED_NAMES, **found} if bundled_columns else found


def fetch(clients: Clients, identity: Identity, uri: str) -> pd.DataFrame:
    """The table of a CSV in S3, read with the credentials of the target. Raises DataError, NotFound, Forbidden."""
    require(identity, "upload", subject=uri)
    bucket, _, key = uri.strip().removeprefix("s3://").partition("/")
    if not uri.strip().startswith("s3://") or not bucket or not key.endswith((".csv", ".csv.gz")):
        raise DataError(f"{uri!r} names no CSV in S3.", subject=uri, remedy="Write s3://bucket/folder/file.csv (or .csv.gz).")
    with translated(uri):
        check_size(clients.s3.head_object(Bucket=bucket, Key=key)["ContentLength"], uri)
    return read_csv(clients.read(uri.strip()), name=key.rpartition("/")[2])


def upload(clients: Clients, identity: Identity, checked: Checked, name: str) -> Dataset:
    """Put a checked table into S3, named by the hash of rows and roles: the same twice is one data set, and stays its first uploader's."""
    require(identity, "upload", subject=name)
    content = to_csv(checked.frame)
    roles = json.dumps(asdict(checked.roles), sort_keys=True)
    version = hashlib.sha256(content + roles.encode()).hexdigest()
    folder = clients.uri(PREFIX, f"{_slug(name)}-{version[:12]}")
    if clients.exists(f"{folder}/dataset.json"):
        return get(clients, f"{folder}/dataset.json")
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
    )
    clients.write(dataset.uri, content, "text/csv")
    clients.write(f"{folder}/dataset.json", json.dumps(asdict(dataset)).encode(), "application/json")
    return dataset


def count(clients: Clients) -> int:
    """How many there are; none is read."""
    return sum(uri.endswith("/dataset.json") for uri in clients.keys(clients.uri(PREFIX, "")))


def list_datasets(clients: Clients) -> list[Dataset]:
    """The data sets of the workspace, newest first."""
    found = [uri for uri in clients.keys(clients.uri(PREFIX, "")) if uri.endswith("/dataset.json")]
    with ThreadPoolExecutor(8) as pool:
        return sorted(pool.map(lambda uri: get(clients, uri), found), key=lambda dataset: dataset.created, reverse=True)


def head(clients: Clients, uri: str, *, rows: int = 50) -> pd.DataFrame:
    """The first rows of a data set; only the beginning of the file is read."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    with translated(uri):
        content = clients.s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-262143")["Body"].read()
    lines = content.decode(errors="replace").splitlines(keepends=True)
    whole = lines if len(content) < 262_144 or len(lines) < 3 else lines[:-1]
    return pd.read_csv(io.StringIO("".join(whole)), nrows=rows)


def get(clients: Clients, uri: str) -> Dataset:
    """The data set that this ``dataset.json`` (or ``data.csv`` beside it) describes."""
    raw = clients.read_json(uri.rpartition("/")[0] + "/dataset.json")
    roles = raw.pop("roles")
    lists: Iterable[str] = ("categorical", "ignored")
    roles = {**roles, **{k: tuple(roles[k]) for k in lists}, "further_facets": tuple((c, v) for c, v in roles.get("further_facets", ()))}
    return Dataset(**{**raw, "columns": tuple(raw["columns"]), "roles": Roles(**roles)})


def _slug(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")[:40] or "data"
