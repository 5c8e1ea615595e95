"""Connects to the target, AWS or the embedded engine: the only place that creates AWS sessions and knows endpoints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

from core.aws import complete_responses, retries
from core.aws.s3_files import S3Files
from core.errors import TargetUnavailable, translate_aws_errors
from core.identity import Identity
from core.installation import child_environment
from core.settings import ID_TOKEN_VARIABLE, Settings

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sts import STSClient

T = TypeVar("T")
EXECUTION_ROLE = "governance-execution"


class ClientFactory(Protocol):
    """The client of an AWS service, by the service's name: made at first use."""

    @overload
    def __call__(self, service: Literal["iam"]) -> IAMClient: ...
    @overload
    def __call__(self, service: Literal["logs"]) -> CloudWatchLogsClient: ...
    @overload
    def __call__(self, service: Literal["sts"]) -> STSClient: ...
    @overload
    def __call__(self, service: str) -> Any: ...  # the checks of KMS, EC2, ECR and quotas, for which no stubs are installed


@dataclass(frozen=True)
class Target:
    """A connection to AWS or to the embedded engine: clients, bucket, region and account. ``partition``: the second part of its ARNs, aws
    or (in China) aws-cn."""

    settings: Settings
    session: boto3.Session
    sagemaker: SageMakerClient
    s3: S3Client
    bucket: str
    region: str
    account: str
    partition: str
    client: ClientFactory
    """The client of another service, by the service's name."""

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self.client("logs")

    @cached_property
    def role(self) -> str:
        """The ARN of the IAM role that jobs run in, read at first use. Raises Forbidden, NotFound."""
        if self.settings.role:
            return self.settings.role
        with translate_aws_errors("the execution role"):
            return str(self.client("iam").get_role(RoleName=EXECUTION_ROLE)["Role"]["Arn"])

    @property
    def dns_suffix(self) -> str:
        """The end of its host names: amazonaws.com, or amazonaws.com.cn in China."""
        return _dns_suffix(self.partition)

    @cached_property
    def files(self) -> S3Files:
        """Files in S3, by their URI."""
        return S3Files(self.s3, self.settings)

    def read_once(self, key: str, read: Callable[[], T]) -> T:
        """What ``read`` returns; only a snapshot for reading keeps it under ``key``."""
        return read()

    def recall(self, key: str) -> object:
        """What was kept under ``key``; None where nothing was, as always outside a snapshot."""
        return None

    def keep(self, key: str, found: object) -> None:
        """Keep what was read and doesn't change; only a snapshot does."""

    def uri(self, *parts: str) -> str:
        """The URI of a path in the target's bucket."""
        return "s3://" + "/".join([self.bucket, *parts])


def connect(settings: Settings | None = None, identity: Identity | None = None) -> Target:
    """Connect to the configured target; starts the local engine if none runs. ``identity``: the person that the target acts for, in the
    IAM role that the setting ``assume`` names for theirs, if it does. Raises TargetUnavailable, Forbidden."""
    settings = settings or Settings.current()
    where: dict[str, Any]
    if settings.target == "local":
        engine = _ensure_local_engine(settings.workspace)
        where = {"region_name": engine["region"], "endpoint_url": engine["endpoint"]}
        keys = engine["access_key_id"], engine["secret_access_key"]
        session = boto3.Session(*keys, region_name=engine["region"], botocore_session=_new_botocore_session())
    else:
        with translate_aws_errors("sign-in"):
            where = {"region_name": _resolve_region(settings)}
            session = boto3.Session(**where, botocore_session=_new_botocore_session())
    config = Config(
        retries={"mode": "standard", "total_max_attempts": retries.REQUEST_ATTEMPTS},
        connect_timeout=retries.CONNECT_SECONDS,
        read_timeout=retries.RESPONSE_SECONDS,
        signature_version="v4",
        max_pool_connections=20,
    )
    s3_config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": "path"} if "endpoint_url" in where else None))

    with translate_aws_errors((settings.assume.get(identity.role.value) if identity else None) or "sign-in"):
        if identity is not None and identity.role.value in settings.assume:
            session = _assume_role_session(session, settings.assume[identity.role.value], identity, where)
        complete_responses.retry_incomplete_responses(session)

        @cache  # to make a client reads the service's model, and takes longer than most of its requests
        def client(service: Any) -> Any:
            return session.client(service, config=s3_config if service == "s3" else config, **where)

        caller, region = client("sts").get_caller_identity(), where["region_name"]
        account, partition = caller["Account"], caller["Arn"].split(":")[1]
        bucket = settings.bucket or f"sagemaker-{region}-{account}"
        return Target(settings, session, client("sagemaker"), client("s3"), bucket, region, account, partition, client)


def _assume_role_session(session: boto3.Session, role: str, identity: Identity, where: dict[str, Any]) -> boto3.Session:
    """A session in an IAM role, which renews its credentials. CloudTrail shows the person in the session's name; policies can test its tag
    ``governance-id``."""
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
    inner = _new_botocore_session()
    inner._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # type: ignore[attr-defined]
    return boto3.Session(botocore_session=inner, region_name=where["region_name"])


def _new_botocore_session() -> botocore.session.Session:
    """A session that shares what was read of botocore's models of the services: to read them anew takes most of the time of a sign-in."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _model_loader())
    return session


@lru_cache
def _model_loader() -> botocore.loaders.Loader:
    loader: botocore.loaders.Loader = botocore.session.get_session().get_component("data_loader")
    return loader


@lru_cache
def _dns_suffix(partition: str) -> str:
    return str(botocore.session.get_session().get_component("endpoint_resolver").get_partition_dns_suffix(partition))


def _resolve_region(settings: Settings) -> str:
    """GOVERNANCE_REGION; if it isn't set, the region that the AWS CLI would use."""
    return settings.region or os.environ.get("AWS_REGION") or boto3.Session().region_name or "us-east-1"


def _ensure_local_engine(workspace: Path) -> dict[str, str]:
    command = [sys.executable, "-P", "-m", "engine", "ensure", "--workspace", str(workspace.resolve())]
    remedy = "Read engine.log in the workspace, or choose another workspace: GOVERNANCE_WORKSPACE, or --workspace."
    seconds = retries.ENGINE_START_SECONDS
    environment = {name: value for name, value in child_environment().items() if name != ID_TOKEN_VARIABLE}  # the engine outlives it
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise TargetUnavailable(f"The engine did not start within {seconds} seconds.", resource=str(workspace), hint=remedy) from error
    if done.returncode != 0:
        raise TargetUnavailable(done.stderr.strip() or "The engine did not start.", resource=str(workspace), hint=remedy)
    found: dict[str, str] = json.loads(done.stdout)
    return found
