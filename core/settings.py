"""Settings, from the environment (``GOVERNANCE_…``)."""

from __future__ import annotations

import difflib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from core.errors import GovernanceError

PREFIX = "GOVERNANCE_"
INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+\Z"
TAG_KEY, TAG_VALUE = r"^(?!(?i:aws:))[\w\s.:/=+\-@]{1,128}\Z", r"^[\w\s.:/=+\-@]{0,256}\Z"
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html; the product adds a few of its own to at most 50."""
ECR = r"^\d+\.dkr[.-]ecr[a-z0-9.-]*/.+\Z"
ROLES = r"^(viewer|data scientist|validator|compliance officer|administrator)\Z"
"""The values of ``core.identity.Role``, which itself asks for settings."""
ROLE_ARN = r"^arn:[a-z0-9-]+:iam::\d+:role/.+\Z"


class InvalidSetting(GovernanceError):
    """A variable of the environment that can't be used; names it, its value, and how to write it."""


def _said(default: Any, text: str, example: str = "", **more: Any) -> Any:
    """A setting: its value when left out, what it is for, and how a value looks in a shell."""
    return Field(default, description=text, examples=[example] if example else None, **more)


class Settings(BaseSettings):
    """Where the product works, and on what. Lists and tables are written as JSON: ``GOVERNANCE_SUBNETS='["subnet-1"]'``. Raises
    InvalidSetting."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, regex_engine="python-re")

    target: Literal["local", "aws"] = _said("local", "local: the embedded engine; aws: SageMaker, by your ordinary credentials")
    region: str | None = _said(None, "AWS region of jobs, bucket and registry", "eu-central-1", pattern=r"^[a-z]{2,5}(-[a-z]+)+-\d+\Z")
    bucket: str | None = _said(
        None, "name (without s3://) of the bucket of data, reports and the log", "my-bucket", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z"
    )
    role: str | None = _said(None, "ARN of the jobs' execution role", "arn:…:iam::123456789012:role/governance-execution", pattern=ROLE_ARN)
    kms_key: str | None = _said(None, "KMS key that encrypts files and the disks of jobs")
    subnets: tuple[str, ...] = _said((), "subnets of the VPC in which jobs run", """'["subnet-1", "subnet-2"]'""")
    security_groups: tuple[str, ...] = _said((), "security groups of the jobs in that VPC", """'["sg-1"]'""")
    tags: dict[Annotated[str, Field(pattern=TAG_KEY)], Annotated[str, Field(pattern=TAG_VALUE)]] = _said(
        {}, "tags put on everything that takes tags, at most 40, as AWS allows them", """'{"team": "credit"}'""", max_length=40
    )
    assume: dict[Annotated[str, Field(pattern=ROLES)], Annotated[str, Field(pattern=ROLE_ARN)]] = _said(
        {},
        "IAM role in which each role of the product (viewer, data scientist, validator, compliance officer, administrator) acts",
        """'{"data scientist": "arn:…:iam::123456789012:role/scientists"}'""",
    )
    workspace: Path = _said(Path("workspace"), "folder of the embedded engine")
    group: str = _said(
        "credit-default", "model package group that versions are registered in", "my-models", pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}\Z"
    )
    instance_type: str = _said("ml.m5.xlarge", "instance type of training jobs", "ml.m5.xlarge", pattern=INSTANCE_TYPE)
    processing_instance_type: str | None = _said(None, "instance type of processing jobs", "ml.m5.xlarge", pattern=INSTANCE_TYPE)
    xgboost_version: str = _said("3.0-5", "version of AWS's XGBoost container")
    analysis_image: str | None = _said(
        None, "the product's own image, in a registry of ECR", "123456789012.dkr.ecr.eu-central-1.….com/governance-analysis:1", pattern=ECR
    )
    clarify: Literal["own", "aws"] = _said("own", "what runs bias and SHAP jobs: own, the product's image; aws, the Clarify container")
    prices: Path | None = _said(None, "price table for estimates")
    policy: Path | None = _said(None, "policy of approvals")
    profiles: Path | None = _said(None, "regulatory profiles")
    signing_key: str | None = _said(
        None, "what signs the log", "awskms:alias/governance or file2:/path/to/key.pem", pattern="^(awskms|file2):.+"
    )
    trusted_keys: tuple[Path, ...] = _said(
        (), "PEM files of public keys whose signatures count too, as after a change of keys", """'["old.pem"]'"""
    )
    role_claim: str = _said("roles", "claim of the ID token that holds a person's roles")
    roles_file: Path | None = _said(None, "TOML file that maps claims and people to roles")

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except (SettingsError, ValidationError) as error:
            raise _invalid(error) from error

    @staticmethod
    def current() -> Settings:
        """The settings of the environment as it is now; made anew only where one of its variables has changed."""
        return _of(tuple(sorted(item for item in os.environ.items() if item[0].upper().startswith(PREFIX))))


@lru_cache(maxsize=4)
def _of(environment: tuple[tuple[str, str], ...]) -> Settings:
    return Settings()


def _invalid(error: SettingsError | ValidationError) -> InvalidSetting:
    """The first setting that is wrong."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name, value = str(first["loc"][0]), first["input"]
    else:  # a list or a table that isn't JSON: the message alone says which
        name, value = re.findall(r'"(.*?)"', str(error))[0], ""
    value = next((text for given, text in os.environ.items() if given.upper() == variable(name)), value)
    field = Settings.model_fields[name]
    allowed = getattr(field.annotation, "__args__", ()) if getattr(field.annotation, "__origin__", None) is Literal else ()
    form = " or ".join(allowed) if allowed else f"for instance {variable(name)}={(field.examples or ['…'])[0]}"
    what = f"{variable(name)}={value} can't be used: {field.description}."
    return InvalidSetting(what, subject=variable(name), remedy=f"Write {form}, or leave it out.")


def variable(name: str) -> str:
    """A setting's variable of the environment."""
    return f"{PREFIX}{name.upper()}"


def unknown() -> dict[str, str]:
    """Variables of the environment that begin like the settings' and are none of them, each with the one that may be meant, or ""."""
    found = {}
    for given in sorted(os.environ):
        name = given.upper().removeprefix(PREFIX).lower()
        if given.upper().startswith(PREFIX) and name not in Settings.model_fields:
            found[given] = next((variable(close) for close in difflib.get_close_matches(name, Settings.model_fields, 1)), "")
    return found


def plain(value: Any) -> str:
    """A setting's value for people to read; "" where it has none."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} = {text}" for key, text in value.items())
    return "" if value is None else str(value)
