"""Settings, from the environment (``GOVERNANCE_…``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the product works, and on what. ``target`` is ``local`` (the embedded engine) or ``aws``.

    Of jobs: ``bucket`` (SageMaker's default bucket without), ``role`` (their execution role's ARN), ``kms_key`` (encrypts files and disks),
    ``subnets`` and ``security_groups`` (their VPC), ``tags`` (put on everything that takes tags), ``instance_type`` (training),
    ``processing_instance_type`` (the same without), ``analysis_image`` (the product's own image), ``clarify`` (bias and SHAP jobs run on
    that image, ``own``, or on AWS's Clarify container, ``aws``). ``assume`` names the IAM role that each role of the product acts in
    (``{"compliance officer": "arn:…"}``); everybody acts with the app's own credentials without. ``prices`` is a price table.

    ``policy`` is a policy file, ``profiles`` one of regulatory profiles; the product's own without. ``signing_key`` is ``awskms:<key>`` or
    ``file2:<PEM>``; a key in the workspace without it. ``trusted_keys`` are PEM files of public keys whose signatures count too, as after a
    change of keys. ``role_claim`` is the claim of an ID token that holds a person's roles, ``roles_file`` a TOML file that maps claims and
    people to roles.
    """

    model_config = SettingsConfigDict(env_prefix="GOVERNANCE_", frozen=True)

    target: Literal["local", "aws"] = "local"
    region: str = "us-east-1"
    bucket: str | None = None
    role: str | None = None
    kms_key: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    assume: dict[str, str] = {}
    workspace: Path = Path("workspace")
    group: str = "credit-default"
    instance_type: str = "ml.m5.xlarge"
    processing_instance_type: str | None = None
    xgboost_version: str = "1.7-1"
    analysis_image: str | None = None
    clarify: Literal["own", "aws"] = "own"
    prices: Path | None = None
    policy: Path | None = None
    profiles: Path | None = None
    signing_key: str | None = None
    trusted_keys: tuple[Path, ...] = ()
    role_claim: str = "roles"
    roles_file: Path | None = None
