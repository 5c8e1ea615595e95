"""The only place that builds AWS sessions and knows endpoints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import ClientError, NoCredentialsError

from core.aws import complete_responses, request_defaults
from core.errors import TargetUnavailable, translate_aws_errors
from core.identity import Identity
from core.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

EXECUTION_ROLE = "governance-execution"
CONFLICT_RETRY_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds until a conditional write that met another one is tried again."""


@dataclass(frozen=True)
class Target:
    """The clients of one target, and the bucket and role that jobs use. ``partition``: what its ARNs begin with after ``arn:``: aws, in
    China aws-cn."""

    settings: Settings
    session: boto3.Session
    sagemaker: SageMakerClient
    s3: S3Client
    bucket: str
    region: str
    account: str
    partition: str
    client: Callable[[str], Any]
    """The target's client of another service, by its name."""

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        found: CloudWatchLogsClient = self.client("logs")
        return found

    @cached_property
    def role(self) -> str:
        """The ARN of the role that jobs run in; asked for when it is first needed. Raises Forbidden, NotFound."""
        if self.settings.role:
            return self.settings.role
        with translate_aws_errors("the execution role"):
            return str(self.client("iam").get_role(RoleName=EXECUTION_ROLE)["Role"]["Arn"])

    @property
    def dns_suffix(self) -> str:
        """What the names of its hosts end with: amazonaws.com, in China amazonaws.com.cn."""
        return _dns_suffix(self.partition)

    # files -----------------------------------------------------------------------------------------

    def uri(self, *parts: str) -> str:
        return "s3://" + "/".join([self.bucket, *parts])

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with translate_aws_errors(uri):
            return complete_responses.read_body(lambda: self.s3.get_object(Bucket=bucket, Key=key))[0]

    def read_json(self, uri: str) -> Any:
        return json.loads(self.read(uri))

    def exists(self, uri: str) -> bool:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return False
            with translate_aws_errors(uri):
                raise
        return True

    def write(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with translate_aws_errors(uri):
            self.s3.put_object(
                Bucket=bucket, Key=key, Body=content, ContentType=content_type, **request_defaults.put_encryption(self.settings)
            )
        return uri

    def read_with_etag(self, uri: str) -> tuple[bytes, str]:
        """An object's content and its ETag."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with translate_aws_errors(uri):
            content, found = complete_responses.read_body(lambda: self.s3.get_object(Bucket=bucket, Key=key))
            return content, found["ETag"]

    def write_conditionally(
        self, uri: str, content: bytes, content_type: str = "application/octet-stream", *, expected_etag: str | None = None
    ) -> bool:
        """Write an object that isn't there yet, or instead of the one with that ETag. False, and nothing is written, where another was
        first."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        condition: Any = {"IfNoneMatch": "*"} if expected_etag is None else {"IfMatch": expected_etag}
        condition |= request_defaults.put_encryption(self.settings)
        pauses = list(CONFLICT_RETRY_PAUSES)
        while True:
            try:
                self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, **condition)
                return True
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "PreconditionFailed" or (code == "NoSuchKey" and expected_etag is not None):
                    return False
                if code != "ConditionalRequestConflict" or not pauses:
                    with translate_aws_errors(uri):
                        raise
            time.sleep(pauses.pop(0))  # another write is under way: S3 asks to try again

    def list_uris(self, prefix: str, *, after: str | None = None) -> list[str]:
        """URIs of all objects under an s3:// prefix, in order; those after the URI ``after`` only, if given."""
        bucket, _, key = prefix.removeprefix("s3://").partition("/")
        start: Any = {"StartAfter": after.removeprefix(f"s3://{bucket}/")} if after else {}
        with translate_aws_errors(prefix):
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, **start)
            return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", [])]


def connect(settings: Settings | None = None, identity: Identity | None = None) -> Target:
    """Clients of the configured target; a local engine is started when none runs. ``identity``: who it is for, in whose IAM role the
    clients
    act where the settings name one (``assume``). Raises TargetUnavailable, Forbidden."""
    settings = settings or Settings.current()
    where: dict[str, Any]
    if settings.target == "local":
        engine = _ensure_local_engine(settings.workspace)
        where = {"region_name": engine["region"], "endpoint_url": engine["endpoint"]}
        session = boto3.Session(engine["access_key_id"], engine["secret_access_key"], region_name=engine["region"])
    else:
        with translate_aws_errors("sign-in"):
            where = {"region_name": _resolve_region(settings)}
            session = boto3.Session(**where)
    retries = {"mode": "standard", "total_max_attempts": 5}  # throttled for ever: an error after some 10 s; silent: after 150 s
    config = Config(retries=retries, connect_timeout=5, read_timeout=30, signature_version="v4", max_pool_connections=20)  # type: ignore[arg-type]
    s3_config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": "path"} if "endpoint_url" in where else None))

    with translate_aws_errors((settings.assume.get(identity.role.value) if identity else None) or "sign-in"):
        if identity is not None and identity.role.value in settings.assume:
            session = _assume_role_session(session, settings.assume[identity.role.value], identity, where)
        complete_responses.retry_incomplete_responses(session)

        def client(service: Any) -> Any:
            return session.client(service, config=s3_config if service == "s3" else config, **where)

        caller, region = client("sts").get_caller_identity(), where["region_name"]
        account, partition = caller["Account"], caller["Arn"].split(":")[1]
        bucket = settings.bucket or f"sagemaker-{region}-{account}"
        return Target(settings, session, client("sagemaker"), client("s3"), bucket, region, account, partition, client)


def _assume_role_session(session: boto3.Session, role: str, identity: Identity, where: dict[str, Any]) -> boto3.Session:
    """A session in an IAM role that renews itself; CloudTrail shows who acts by its name, and policies by its tag ``governance-id``."""
    own = session.get_credentials()
    if own is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        partial(session.client, **where),
        own,
        role,
        extra_args={
            "RoleSessionName": re.sub(r"[^\w+=,.@-]+", "-", identity.name, flags=re.ASCII)[:64].ljust(2, "-"),
            "Tags": [{"Key": "governance-id", "Value": identity.tag}],
        },
    )
    inner = botocore.session.get_session()
    inner._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # type: ignore[attr-defined]
    return boto3.Session(botocore_session=inner, region_name=where["region_name"])


@lru_cache
def _dns_suffix(partition: str) -> str:
    return str(botocore.session.get_session().get_component("endpoint_resolver").get_partition_dns_suffix(partition))


def _resolve_region(settings: Settings) -> str:
    """GOVERNANCE_REGION; without it the region that the user's own AWS tools work in, as the AWS CLI finds it."""
    return settings.region or os.environ.get("AWS_REGION") or boto3.Session().region_name or "us-east-1"


def _ensure_local_engine(workspace: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "engine", "ensure", "--workspace", str(workspace.resolve())]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=90, check=False)
    if done.returncode != 0:
        remedy = "Look at engine.log in the workspace, or choose another one: GOVERNANCE_WORKSPACE, or --workspace."
        raise TargetUnavailable(done.stderr.strip() or "The engine did not start.", resource=str(workspace), hint=remedy)
    found: dict[str, str] = json.loads(done.stdout)
    return found
