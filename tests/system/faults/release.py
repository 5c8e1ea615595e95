"""``python tests/system/faults/release.py``: keeps a small workspace as today's version writes it, beside those of the versions before.

To be run when a schema is about to be released: from then on every later version is tested to open it with nothing lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "support"), str(HERE.parents[2])]
RELEASED = HERE / "released"
FILES = {"engine": "engine.db", "index": "objects/index.db"}
KEPT = b"evidence of the fourth quarter"
PART = b"the first part of an upload that is under way"


def write(host) -> None:
    """Something of everything that a workspace keeps."""
    from workload import ended, fill, training

    fill(host.s3)
    host.s3.put_object(Bucket="jobs", Key="kept", Body=KEPT, ContentType="text/plain", Metadata={"who": "Ada"})
    host.s3.put_object(Bucket="jobs", Key="versions", Body=b"before versions were kept")
    host.s3.put_bucket_versioning(Bucket="jobs", VersioningConfiguration={"Status": "Enabled"})
    host.s3.put_object(Bucket="jobs", Key="versions", Body=b"after")
    host.s3.delete_object(Bucket="jobs", Key="versions")
    upload = host.s3.create_multipart_upload(Bucket="jobs", Key="under way")["UploadId"]
    host.s3.upload_part(Bucket="jobs", Key="under way", UploadId=upload, PartNumber=1, Body=PART)
    group = host.sagemaker.create_model_package_group(ModelPackageGroupName="g", Tags=[{"Key": "owner", "Value": "Ada"}])
    for number in (1, 2, 3):
        properties = {"number": str(number)}
        host.sagemaker.create_model_package(
            ModelPackageGroupName="g", SourceUri=f"s3://jobs/{number}", CustomerMetadataProperties=properties
        )
    host.sagemaker.delete_model_package(ModelPackageName=group["ModelPackageGroupArn"].replace("-group/g", "/g/3"))
    host.sagemaker.create_training_job(TrainingJobName="trained", **training(3))
    ended(host, "training", "trained")


def main() -> None:
    from hosting import Host, end_launchers

    from engine.store import objects, records

    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder) / "ws")
        try:
            host.start()
            write(host)
        finally:
            host.end()
            end_launchers()
        target = RELEASED / f"{len(records.SCHEMAS)}-{len(objects.SCHEMAS)}"
        (target / "files").mkdir(parents=True)
        for name, file in FILES.items():
            with contextlib.closing(sqlite3.connect(host.workspace / file)) as database:
                version = database.execute("PRAGMA user_version").fetchone()[0]
                lines = [*database.iterdump(), f"PRAGMA user_version={version};"]
                (target / f"{name}.sql").write_text("\n".join(lines) + "\n")
        for name in os.listdir(host.workspace / "objects" / "files"):
            shutil.copy(host.workspace / "objects" / "files" / name, target / "files" / name)


if __name__ == "__main__":
    main()
