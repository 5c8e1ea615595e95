"""The Python packages that the product runs on, as a lock file: a decision records it, and the bill of materials lists them."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.installation import product_file

INSTALLED_HEADER = "# The installed versions. They differ from the product's own lock, which has hashes too.\n"


@cache
def read_package_lock() -> bytes:
    """The packages of this process as requirements, ``name==version`` a line.

    The product's own lock, with its hashes, if exactly these versions are installed; otherwise the installed versions. Read once per
    process.
    """
    lock = product_file("requirements.txt").read_bytes()
    versions = dict(parse_versions(lock.decode()))
    installed = {name: version for name in versions if (version := _installed_version(name))}
    return lock if installed == versions else _format_installed([*installed])


def parse_versions(lock: str) -> list[tuple[str, str]]:
    """(name, version) of each package that a lock file names, in its order."""
    return re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s\\;]+)", lock, re.MULTILINE)


def _format_installed(names: list[str]) -> bytes:
    """The installed versions of the packages, and of all that they require (what belongs to an extra is in the lock itself)."""
    installed: dict[str, str] = {}
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        version = None if name in installed else _installed_version(name)
        if version is None:
            continue
        installed[name] = version
        required = [Requirement(text) for text in metadata.requires(name) or ()]
        waiting += [
            canonicalize_name(requirement.name)
            for requirement in required
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    return (INSTALLED_HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(installed.items()))).encode()


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
