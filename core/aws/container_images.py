"""URIs of the container images that jobs run: the product's own, and SageMaker's of each region.

SageMaker's are read from the SDK's JSON tables, which takes milliseconds; importing the SDK takes seconds. Only where the tables give no
single answer (a version in several kinds, an unknown region or version) is the SDK imported, and its error raised.
"""

from __future__ import annotations

import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.session

from core.aws.target import Target
from core.errors import DataError

SDK_TABLES_FOLDER = "core/image_uri_config"
"""The tables' folder in the package ``sagemaker``."""


@lru_cache(maxsize=64)
def find_uri(name: str, region: str, version: str | None = None) -> str:
    """The URI of one of SageMaker's images in a region. Raises ValueError for a region or a version that the SDK doesn't know."""
    return _uri_from_table(name, region, version) or _uri_from_sdk(name, region, version)


def _uri_from_table(name: str, region: str, version: str | None) -> str | None:
    table = _read_sdk_table(name)
    config = table.get("training", table)
    versions: dict[str, Any] = config.get("versions", {})
    if version is None and len(versions) == 1:
        version = next(iter(versions))
    found = versions.get(version or "", {})
    registry = found.get("registries", {}).get(region)
    host = _resolver().construct_endpoint("ecr", region) if registry else None
    if not host or found.keys() != {"registries", "repository"} or config.get("processors"):
        return None
    return f"{registry}.dkr.{host['hostname']}/{found['repository']}:{version}"


def _uri_from_sdk(name: str, region: str, version: str | None) -> str:
    from sagemaker.core import image_uris

    return str(image_uris.retrieve(name, region, version=version))


def _read_sdk_table(name: str) -> dict[str, Any]:
    """The SDK's table of an image; {} if it has none."""
    package = importlib.util.find_spec("sagemaker")
    for place in (package.submodule_search_locations or ()) if package else ():
        path = Path(place) / SDK_TABLES_FOLDER / f"{name}.json"
        if path.is_file():
            return dict(json.loads(path.read_text()))
    return {}


@lru_cache
def _resolver() -> Any:
    return botocore.session.get_session().get_component("endpoint_resolver")


def analysis_image(target: Target) -> str:
    """The product's own image, with the entry points ``clarify``, ``rebalance``, ``trials`` and ``xgboost-report``."""
    return target.settings.analysis_image or f"{own_registry(target)}/governance-analysis:latest"


def own_registries(target: Target) -> frozenset[str]:
    """The registries in which only this account's own images lie: its own, and that of the product's image."""
    return frozenset({own_registry(target), registry_of(analysis_image(target))})


def registry_of(image: str) -> str:
    """The registry of an image's URI."""
    return image.partition("/")[0]


def repository_of(image: str) -> str:
    """The repository of an image's URI, without registry, tag and digest."""
    return image.partition("/")[2].partition("@")[0].partition(":")[0]


def own_registry(target: Target) -> str:
    """The host of the account's own image registry (ECR) in the target's region."""
    return f"{target.account}.dkr.ecr.{target.region}.{target.dns_suffix}"


def xgboost_image(target: Target) -> str:
    """The built-in XGBoost image of the region."""
    return built_in_image(target, "xgboost", target.settings.xgboost_version)


def built_in_image(target: Target, name: str, version: str | None = None) -> str:
    """One of SageMaker's own images, which each region has in another account. Raises DataError if the region has none."""
    try:
        return find_uri(name, target.region, version)
    except ValueError as error:  # the SDK doesn't know the region or the version
        raise DataError(
            f"SageMaker's {name} image: {str(error).partition(' You may need')[0]}",
            resource=target.region,
            hint="Set GOVERNANCE_REGION (or the version) to one that has it, or install a newer sagemaker package.",
        ) from error
