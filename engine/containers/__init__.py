"""What jobs run: each module is a container with ``main(root, environment)``, where ``root`` stands for the container's ``/``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

OWN_REPOSITORY = "governance-analysis"
"""The repository of the product's own image."""
ENTRY_POINTS = {
    "clarify": "clarify",
    "reasons": "reasons",
    "rebalance": "rebalance",
    "reproduce": "reproduce",
    "trials": "trials",
    "xgboost-report": "xgboost_report",
}
"""What the product's own image runs: the entry point's name, and its module here."""


class ContainerError(Exception):
    """An error that the user can fix. Its message is worded for the user and becomes the job's FailureReason."""


def path_inside(folder: Path, path: str) -> Path:
    """The file or folder that a configuration names, below ``folder``. Raises ContainerError when it would lie elsewhere."""
    parts = PurePosixPath(path.lstrip("/")).parts
    if not parts or ".." in parts or "\x00" in path:
        raise ContainerError(f"the path {path!r} does not name a file of this job")
    return folder.joinpath(*parts)
