"""The only place that builds AWS sessions and knows endpoints."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from core.errors import TargetUnavailable, translated
from core.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

ROLE = "governance-execution"


@dataclass(frozen=True)
class Clients:
    """The clients of one target, and the bucket and role that jobs use."""

    settings: Settings
    session: boto3.Session
    sagemaker: SageMakerClient
    s3: S3Client
    logs: CloudWatchLogsClient
    bucket: str
    role: str
    region: str
    account: str

    # files -----------------------------------------------------------------------------------------

    def uri(self, *parts: str) -> str:
        return "s3://" + "/".join([self.bucket, *parts])

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with translated(uri):
            return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def read_json(self, uri: str) -> Any:
        return json.loads(self.read(uri))

    def exists(self, uri: str) -> bool:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return False
            with translated(uri):
                raise
        return True

    def write(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with translated(uri):
            self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)
        return uri

    def read_tagged(self, uri: str) -> tuple[bytes, str]:
        """An object's content and its ETag."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with translated(uri):
            found = self.s3.get_object(Bucket=bucket, Key=key)
            return found["Body"].read(), found["ETag"]

    def create(self, uri: str, content: bytes, content_type: str = "application/octet-stream", *, instead_of: str | None = None) -> bool:
        """Write an object that isn't there yet, or instead of the one with that ETag. False, and nothing is written, where another was
        first."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        condition: Any = {"IfNoneMatch": "*"} if instead_of is None else {"IfMatch": instead_of}
        try:
            self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}:
                return False
            with translated(uri):
                raise
        return True

    def keys(self, prefix: str, *, after: str | None = None) -> list[str]:
        """URIs of all objects under an s3:// prefix, in order; those after the URI ``after`` only, if given."""
        bucket, _, key = prefix.removeprefix("s3://").partition("/")
        start: Any = {"StartAfter": after.removeprefix(f"s3://{bucket}/")} if after else {}
        with translated(prefix):
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, **start)
            return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", [])]

    def presigned(self, uri: str) -> str:
        """A link that opens the object for an hour."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)


def connect(settings: Settings | None = None) -> Clients:
    """Clients of the configured target; a local engine is started when none runs. Raises TargetUnavailable."""
    settings = settings or Settings()
    common: dict[str, Any] = {"region_name": settings.region}
    if settings.target == "local":
        engine = _engine(settings.workspace)
        session = boto3.Session(
            aws_access_key_id=engine["access_key_id"], aws_secret_access_key=engine["secret_access_key"], region_name=engine["region"]
        )
        common = {"region_name": engine["region"], "endpoint_url": engine["endpoint"]}
    else:
        session = boto3.Session(region_name=settings.region)
    retries = {"mode": "standard", "total_max_attempts": 5}  # throttled for ever: an error after some 10 s; silent: after 150 s
    config = Config(retries=retries, connect_timeout=5, read_timeout=30, signature_version="v4", max_pool_connections=20)  # type: ignore[arg-type]
    s3_config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": "path"} if "endpoint_url" in common else None))
    with translated("sign-in"):
        account = session.client("sts", config=config, **common).get_caller_identity()["Account"]
        role = settings.role or session.client("iam", config=config, **common).get_role(RoleName=ROLE)["Role"]["Arn"]
    bucket = settings.bucket or f"sagemaker-{common['region_name']}-{account}"
    return Clients(
        settings,
        session,
        session.client("sagemaker", config=config, **common),
        session.client("s3", config=s3_config, **common),
        session.client("logs", config=config, **common),
        bucket,
        role,
        common["region_name"],
        account,
    )


def _engine(workspace: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "engine", "ensure", "--workspace", str(workspace.resolve())]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=90, check=False)
    if done.returncode != 0:
        remedy = "Look at engine.log in the workspace, or choose another workspace."
        raise TargetUnavailable(done.stderr.strip() or "The engine did not start.", subject=str(workspace), remedy=remedy)
    found: dict[str, str] = json.loads(done.stdout)
    return found
