"""Today's engine opens what every released version wrote, with nothing lost; a migration happens wholly or not at all."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3

import pytest
import release
from hosting import Host
from workload import describe

from engine.store import objects, records
from engine.store.database import Database

RELEASES = sorted(path.name for path in release.RELEASED.iterdir())
SCHEMAS = {"engine": records.SCHEMAS, "index": objects.SCHEMAS}


@pytest.fixture(params=RELEASES)
def released(request, tmp_path):
    """A workspace as that version wrote it."""
    source, workspace = release.RELEASED / request.param, tmp_path / "ws"
    shutil.copytree(source / "files", workspace / "objects" / "files")
    for name, file in release.FILES.items():
        with contextlib.closing(sqlite3.connect(workspace / file)) as database:
            database.executescript((source / f"{name}.sql").read_text())
    return workspace


def tables(path):
    """{table: (columns, rows)}."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
        found = {}
        for name in names:
            cursor = database.execute(f"SELECT * FROM {name}")
            found[name] = [column[0] for column in cursor.description], sorted(cursor.fetchall(), key=repr)
        return found


def made(path, scripts):
    """The schema that these scripts make."""
    Database(path, scripts).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        return sorted(database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def test_every_released_schema_is_kept_here():
    newest = tuple(map(len, SCHEMAS.values()))
    kept = {tuple(map(int, name.split("-"))) for name in RELEASES}
    assert newest in kept, "run: python tests/system/faults/release.py"
    assert {engine for engine, _ in kept} == set(range(1, newest[0] + 1))
    assert {index for _, index in kept} == set(range(1, newest[1] + 1))


@pytest.mark.parametrize("release_", RELEASES)
@pytest.mark.parametrize("name", release.FILES)
def test_a_released_schema_is_never_changed(tmp_path, release_, name):
    with contextlib.closing(sqlite3.connect(tmp_path / "then.db")) as database:
        database.executescript((release.RELEASED / release_ / f"{name}.sql").read_text())
        then = sorted(database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        version = database.execute("PRAGMA user_version").fetchone()[0]
    assert made(tmp_path / "now.db", SCHEMAS[name][:version]) == then


def test_every_row_of_a_released_workspace_is_there_after_it_was_opened(released):
    before = {file: tables(released / file) for file in release.FILES.values()}
    records.Store(released / "engine.db").close()
    objects.ObjectStore(released / "objects").close()
    for file, old in before.items():
        new = tables(released / file)
        for name, (columns, rows) in old.items():
            places = [new[name][0].index(column) for column in columns]
            assert sorted((tuple(row[place] for place in places) for row in new[name][1]), key=repr) == rows


def test_a_released_workspace_serves_what_it_holds_and_goes_on(released, survived):
    host = Host(released)
    try:
        host.start()
        kept = host.s3.get_object(Bucket="jobs", Key="kept")
        assert (kept["Body"].read(), kept["ContentType"], kept["Metadata"]) == (release.KEPT, "text/plain", {"who": "Ada"})
        assert host.s3.get_object(Bucket="jobs", Key="kept", VersionId="null")["Body"].read() == release.KEPT
        assert host.s3.get_bucket_versioning(Bucket=host.core().bucket)["Status"] == "Enabled"
        if host.s3.get_bucket_versioning(Bucket="jobs").get("Status"):
            listed = host.s3.list_object_versions(Bucket="jobs", Prefix="versions")
            where = [{"Bucket": "jobs", "Key": "versions", "VersionId": one["VersionId"]} for one in listed["Versions"]]
            assert [host.s3.get_object(**one)["Body"].read() for one in where] == [b"after", b"before versions were kept"]
            assert [one["IsLatest"] for one in listed["DeleteMarkers"]] == [True]
        (upload,) = host.s3.list_multipart_uploads(Bucket="jobs")["Uploads"]
        where = {"Bucket": "jobs", "Key": "under way", "UploadId": upload["UploadId"]}
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in host.s3.list_parts(**where)["Parts"]]
        host.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        assert host.s3.get_object(Bucket="jobs", Key="under way")["Body"].read() == release.PART
        packages = host.sagemaker.list_model_packages(ModelPackageGroupName="g", SortOrder="Ascending")["ModelPackageSummaryList"]
        assert [package["ModelPackageVersion"] for package in packages] == [1, 2]
        arn = host.sagemaker.create_model_package(ModelPackageGroupName="g", SourceUri="s3://jobs/4")["ModelPackageArn"]
        assert arn.endswith("/g/4"), "the number of a deleted version comes back"
        group = host.sagemaker.describe_model_package_group(ModelPackageGroupName="g")["ModelPackageGroupArn"]
        assert host.sagemaker.list_tags(ResourceArn=group)["Tags"] == [{"Key": "owner", "Value": "Ada"}]
        job = describe(host, "training", "trained")[0]
        assert job["TrainingJobStatus"] == "Completed"
        bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
        assert host.s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 100
        component = host.sagemaker.describe_trial_component(TrialComponentName="trained-aws-training-job")["TrialComponentArn"]
        assert len(host.sagemaker.list_associations(SourceArn=component)["AssociationSummaries"]) == 1
        streams = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": "trained/"}
        stream = host.clients["logs"].describe_log_streams(**streams)["logStreams"][0]["logStreamName"]
        events = host.clients["logs"].get_log_events(logGroupName=streams["logGroupName"], logStreamName=stream)["events"]
        assert sum(event["message"].startswith("[") for event in events) == 3
    finally:
        host.end()
    survived("an upgrade from a released schema")


NEXT = "ALTER TABLE records ADD COLUMN owner TEXT; UPDATE records SET owner='nobody';"


def test_the_next_schema_is_applied_once_and_keeps_every_record(released):
    path = released / "engine.db"
    before = tables(path)["records"][1]
    for _ in range(2):
        Database(path, [*records.SCHEMAS, NEXT]).close()
        assert tables(path)["records"][1] == sorted([(*row, "nobody") for row in before], key=repr)


def test_a_migration_that_fails_leaves_the_old_schema(released):
    path = released / "engine.db"
    before = tables(path)
    for broken in (f"{NEXT} UPDATE nothing SET a=1;", f"{NEXT} INSERT INTO tags SELECT arn, key, value FROM tags;"):
        with pytest.raises(sqlite3.Error):
            Database(path, [*records.SCHEMAS, broken])
        assert tables(path) == before
    records.Store(path).close()
