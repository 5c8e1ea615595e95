"""Copies of a workspace: what tests write into a copy doesn't reach the others, and its log is as long as their own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import judge

from core.aws.target import Target, connect
from core.settings import Settings
from engine import lifecycle


def copy_workspace(workspace: Path, copy: Path) -> Path:
    """The folder of a copy, without what its engine had in hand: the engine may run meanwhile."""
    shutil.copytree(workspace, copy, ignore=shutil.ignore_patterns("engine.*", "access.log", judge.FINDINGS, "jobs"))
    with sqlite3.connect(workspace / "engine.db") as source, sqlite3.connect(copy / "engine.db") as database:
        source.backup(database)
    return copy


@contextmanager
def copied_target(workspace: Path, copy: Path) -> Iterator[Target]:
    """Clients of a copy, whose engine's answers are judged."""
    copy_workspace(workspace, copy)
    judge.start(copy)
    yield connect(Settings(workspace=copy))
    lifecycle.stop(copy)
