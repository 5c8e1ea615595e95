"""The product's settings, read from environment variables (``GOVERNANCE_…``)."""

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

VARIABLE_PREFIX = "GOVERNANCE_"
ID_TOKEN_VARIABLE = f"{VARIABLE_PREFIX}ID_TOKEN"
"""The variable with a script's ID token. It is no setting: settings are shown."""
GROUP_PATTERN = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}\Z"
INSTANCE_TYPE_PATTERN = r"^ml\.[a-z0-9-]+\.[a-z0-9]+\Z"
TAG_KEY_PATTERN, TAG_VALUE_PATTERN = r"^(?!(?i:aws:))[\w\s.:/=+\-@]{1,128}\Z", r"^[\w\s.:/=+\-@]{0,256}\Z"
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html; the product adds a few of its own to at most 50."""
ECR_IMAGE_PATTERN = r"^\d+\.dkr[.-]ecr[a-z0-9.-]*/.+\Z"
ROLE_PATTERN = r"^(viewer|data scientist|validator|compliance officer|administrator)\Z"
"""The values of ``core.identity.Role``, which can't be imported here, since it imports settings."""
ROLE_ARN_PATTERN = r"^arn:[a-z0-9-]+:iam::\d+:role/.+\Z"


class InvalidSetting(GovernanceError):
    """An environment variable has an unusable value. The message names variable and value, the hint a correct one."""


def _setting(default: Any, text: str, example: str = "", **more: Any) -> Any:
    """A setting: its default, what it is for, and an example as a shell takes it."""
    return Field(default, description=text, examples=[example] if example else None, **more)


class Settings(BaseSettings):
    """The settings in force; unset variables use their defaults. Lists and tables are JSON: ``GOVERNANCE_SUBNETS='["subnet-1"]'``. Raises
    InvalidSetting."""

    model_config = SettingsConfigDict(env_prefix=VARIABLE_PREFIX, env_ignore_empty=True, frozen=True, regex_engine="python-re")

    target: Literal["local", "aws"] = _setting("local", "local: the embedded engine; aws: SageMaker, with your usual AWS credentials")
    region: str | None = _setting(None, "AWS region of jobs, bucket and registry", "eu-central-1", pattern=r"^[a-z]{2,5}(-[a-z]+)+-\d+\Z")
    bucket: str | None = _setting(
        None,
        "name (without s3://) of the bucket for data, reports and the log",
        "my-bucket",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z",
    )
    role: str | None = _setting(
        None, "ARN of the jobs' execution role", "arn:…:iam::123456789012:role/governance-execution", pattern=ROLE_ARN_PATTERN
    )
    kms_key: str | None = _setting(None, "KMS key that encrypts files and the disks of jobs")
    subnets: tuple[str, ...] = _setting((), "subnets of the VPC in which jobs run", """'["subnet-1", "subnet-2"]'""")
    security_groups: tuple[str, ...] = _setting((), "security groups of the jobs in that VPC", """'["sg-1"]'""")
    tags: dict[Annotated[str, Field(pattern=TAG_KEY_PATTERN)], Annotated[str, Field(pattern=TAG_VALUE_PATTERN)]] = _setting(
        {}, "tags for every AWS resource that the product creates, at most 40", """'{"team": "credit"}'""", max_length=40
    )
    assume: dict[Annotated[str, Field(pattern=ROLE_PATTERN)], Annotated[str, Field(pattern=ROLE_ARN_PATTERN)]] = _setting(
        {},
        "IAM role in which each role of the product (viewer, data scientist, validator, compliance officer, administrator) acts",
        """'{"data scientist": "arn:…:iam::123456789012:role/scientists"}'""",
    )
    workspace: Path = _setting(Path("workspace"), "folder of the embedded engine")
    group: str = _setting(
        "credit-default",
        "model package group that all versions are registered in; unset: a group for each data set, with its name",
        "my-models",
        pattern=GROUP_PATTERN,
    )
    instance_type: str = _setting("ml.m5.xlarge", "instance type of training jobs", "ml.m5.xlarge", pattern=INSTANCE_TYPE_PATTERN)
    processing_instance_type: str | None = _setting(None, "instance type of processing jobs", "ml.m5.xlarge", pattern=INSTANCE_TYPE_PATTERN)
    xgboost_version: str = _setting("3.0-5", "version of AWS's XGBoost container")
    analysis_image: str | None = _setting(
        None,
        "the product's own image, in a registry of ECR",
        "123456789012.dkr.ecr.eu-central-1.….com/governance-analysis:1",
        pattern=ECR_IMAGE_PATTERN,
    )
    clarify: Literal["own", "aws"] = _setting("own", "what runs bias and SHAP jobs: own, the product's image; aws, the Clarify container")
    prices: Path | None = _setting(None, "price table for estimates")
    policy: Path | None = _setting(None, "policy that can be adopted; it changes nothing by itself")
    profiles: Path | None = _setting(None, "regulatory profiles")
    signing_key: str | None = _setting(
        None, "key that signs the log", "awskms:alias/governance or file2:/path/to/key.pem", pattern="^(awskms|file2):.+"
    )
    trusted_keys: tuple[Path, ...] = _setting(
        (), "PEM files of further public keys whose signatures are valid, such as an earlier key's", """'["old.pem"]'"""
    )
    role_claim: str = _setting("roles", "claim of the ID token that names a person's roles")
    roles_file: Path | None = _setting(None, "TOML file that maps claims and people to roles")

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except (SettingsError, ValidationError) as error:
            raise _to_invalid_setting(error) from error

    @property
    def has_own_group(self) -> bool:
        """Whether the group was set: then the versions of all data sets are registered in it."""
        return "group" in self.model_fields_set

    @staticmethod
    def current() -> Settings:
        """The settings of the current environment; they are read again only if one of its variables has changed."""
        return _settings_for(tuple(sorted(item for item in os.environ.items() if item[0].upper().startswith(VARIABLE_PREFIX))))


@lru_cache(maxsize=4)
def _settings_for(environment: tuple[tuple[str, str], ...]) -> Settings:
    return Settings()


def _to_invalid_setting(error: SettingsError | ValidationError) -> InvalidSetting:
    """The error for the first invalid setting."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name, value = str(first["loc"][0]), first["input"]
    else:  # a list or table that isn't JSON: only the message says which
        name, value = re.findall(r'"(.*?)"', str(error))[0], ""
    value = next((text for given, text in os.environ.items() if given.upper() == variable_name(name)), value)
    field = Settings.model_fields[name]
    allowed = getattr(field.annotation, "__args__", ()) if getattr(field.annotation, "__origin__", None) is Literal else ()
    form = " or ".join(allowed) if allowed else f"for instance {variable_name(name)}={(field.examples or ['…'])[0]}"
    what = f"{variable_name(name)}={value} can't be used: {field.description}."
    return InvalidSetting(what, resource=variable_name(name), hint=f"Write {form}, or don't set it.")


def variable_name(name: str) -> str:
    """The environment variable of a setting."""
    return f"{VARIABLE_PREFIX}{name.upper()}"


def find_unknown_variables() -> dict[str, str]:
    """Environment variables that start with GOVERNANCE_ and aren't settings, each with the setting that may be meant, or ""."""
    found = {}
    for given in sorted(os.environ):
        name = given.upper().removeprefix(VARIABLE_PREFIX).lower()
        if given.upper().startswith(VARIABLE_PREFIX) and name not in Settings.model_fields and given.upper() != ID_TOKEN_VARIABLE:
            found[given] = next((variable_name(close) for close in difflib.get_close_matches(name, Settings.model_fields, 1)), "")
    return found


def format_value(value: object) -> str:
    """A setting's value as text for people; "" if it has none."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} = {text}" for key, text in value.items())
    return "" if value is None else str(value)
