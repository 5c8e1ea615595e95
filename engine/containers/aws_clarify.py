"""AWS's own Clarify container: what it takes and what it writes, without anything that the product's image adds."""

from __future__ import annotations

from pathlib import Path

from engine.containers.clarify import run_analysis


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the analysis on ``root``. Raises ContainerError, also for a key that isn't in AWS's schema."""
    run_analysis(root, extras=False)
