"""Settings, from the environment (``GOVERNANCE_…``)."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GOVERNANCE_"


def _said(default: Any, text: str) -> Any:
    return Field(default, description=text)


class Settings(BaseSettings):
    """Where the product works, and on what. Lists and tables are written as JSON: ``GOVERNANCE_SUBNETS='["subnet-1"]'``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    target: Literal["local", "aws"] = _said("local", "local: the embedded engine; aws: SageMaker, by your ordinary credentials")
    region: str | None = _said(None, "AWS region of jobs, bucket and registry; that of your AWS tools, or else us-east-1, without")
    bucket: str | None = _said(None, "bucket of data, reports and the log; SageMaker's default bucket without")
    role: str | None = _said(None, "ARN of the jobs' execution role; the role governance-execution without")
    kms_key: str | None = _said(None, "KMS key that encrypts files and the disks of jobs")
    subnets: tuple[str, ...] = _said((), "subnets of the VPC in which jobs run")
    security_groups: tuple[str, ...] = _said((), "security groups of the jobs in that VPC")
    tags: dict[str, str] = _said({}, "tags put on everything that takes tags")
    assume: dict[str, str] = _said({}, "IAM role in which each role of the product acts; the app's own credentials without")
    workspace: Path = _said(Path("workspace"), "folder of the embedded engine")
    group: str = _said("credit-default", "model package group that versions are registered in")
    instance_type: str = _said("ml.m5.xlarge", "instance type of training jobs")
    processing_instance_type: str | None = _said(None, "instance type of processing jobs; that of training jobs without")
    xgboost_version: str = _said("3.0-5", "version of AWS's XGBoost container")
    analysis_image: str | None = _said(None, "the product's own image; governance-analysis:latest in the account's registry without")
    clarify: Literal["own", "aws"] = _said("own", "what runs bias and SHAP jobs: own, the product's image; aws, the Clarify container")
    prices: Path | None = _said(None, "price table for estimates; the product's own without")
    policy: Path | None = _said(None, "policy of approvals; the product's own without")
    profiles: Path | None = _said(None, "regulatory profiles; the product's own without")
    signing_key: str | None = _said(None, "what signs the log: awskms:<key> or file2:<PEM>; a key in the workspace without")
    trusted_keys: tuple[Path, ...] = _said((), "PEM files of public keys whose signatures count too, as after a change of keys")
    role_claim: str = _said("roles", "claim of the ID token that holds a person's roles")
    roles_file: Path | None = _said(None, "TOML file that maps claims and people to roles")

    @staticmethod
    def current() -> Settings:
        """The settings of the environment as it is now; made anew only where one of its variables has changed."""
        return _of(tuple(sorted(item for item in os.environ.items() if item[0].upper().startswith(PREFIX))))


@lru_cache(maxsize=4)
def _of(environment: tuple[tuple[str, str], ...]) -> Settings:
    return Settings()


def described(settings: Settings) -> list[tuple[str, str, str]]:
    """(environment variable, value, what it is for) of every setting."""
    fields = type(settings).model_fields.items()
    return [(f"{PREFIX}{name.upper()}", _plain(getattr(settings, name)), field.description or "") for name, field in fields]


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} = {text}" for key, text in value.items())
    return "" if value is None else str(value)
