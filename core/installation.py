"""Where the product is installed: its files outside the packages, and how a new Python process finds it."""

from __future__ import annotations

import os
import site
import tomllib
from importlib import metadata
from pathlib import Path

PACKAGES_FOLDER = Path(__file__).resolve().parents[1]
"""What ``core``, ``engine`` and ``ui`` lie in: site-packages, or a checkout of the repository."""
BUNDLED_FOLDER = Path(__file__).resolve().parent / "bundled"
"""The product's files outside the packages. Only a wheel has it (``force-include`` in pyproject.toml); a checkout has them at its top."""

DISTRIBUTION = "governance-dashboard"


def product_file(path: str) -> Path:
    """A file or folder that travels with the product outside its packages, by its path in the repository: ``"aws/policies"``."""
    return (BUNDLED_FOLDER if BUNDLED_FOLDER.is_dir() else PACKAGES_FOLDER) / path


def product_version() -> str:
    """The version of the product: that of the checkout, or else of the installed wheel."""
    project = PACKAGES_FOLDER / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return metadata.version(DISTRIBUTION)


def child_environment(**variables: str) -> dict[str, str]:
    """The environment for a process that runs ``python -P -m core`` or ``-m engine``: this process's own, and ``variables``.

    The process finds the same product in whatever folder it runs. Python searches site-packages by itself; a checkout, or a folder that
    was added to ``sys.path``, goes into PYTHONPATH. (``-P`` leaves out the working directory, which may hold a ``core`` of its own.)
    """
    environment = {**os.environ, **variables}
    searched = {os.path.realpath(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())}
    if str(PACKAGES_FOLDER) not in searched:
        paths = [str(PACKAGES_FOLDER), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment
