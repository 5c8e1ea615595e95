"""The workspaces that pages are measured on: as the workflow leaves one, and full of versions, tuning jobs, lineage and decisions.

``BENCH_WORKSPACE`` in the environment names a folder that the workflow has filled already (its engine stopped, or not writing); without
it the workflow is run.
"""

from __future__ import annotations

import atexit
import io
import os
import shutil
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

from core.analysis.tables import csv_writer
from core.aws.target import Target, connect
from core.data import bundled_data
from core.governance import decisions, policy_adoption
from core.governance.version_state import read_state
from core.identity import DEMO_IDENTITIES, WORKFLOW_IDENTITY, Identity, Role
from core.ledger import audit_log, signing
from core.ledger.event_body import EventBody
from core.registry import model_packages, registry_types
from core.settings import Settings
from core.workflow import workflow
from engine import lifecycle
from engine.store.objects import ObjectStore
from tools.crowd import crowd

REASON = "Because the evidence bears it, as far as we have looked."
ROUND = (("submit", Role.DATA_SCIENTIST, "first version"), ("validate", Role.VALIDATOR, "evidence reviewed"))
LAST = (ROUND[:1], ROUND, (*ROUND, ("approve", Role.COMPLIANCE_OFFICER, "meets the policy")), ())
"""How the last round of a version ends, by turns: submitted, validated, approved, rejected."""


@dataclass(frozen=True)
class Size:
    """What a workspace holds; ``rows`` and ``trials`` of the workflow's own run."""

    rows: int = 4000
    trials: int = 4
    versions: int = 1000
    tuning_jobs: int = 200
    entities: int = 5000
    events: int = 10_000


FULL, SMALLEST = Size(), Size(rows=1000, trials=1, versions=20, tuning_jobs=3, entities=60, events=100)


@cache
def folder() -> Path:
    """A folder for workspaces, gone at the end of the process with the engines that run in it."""
    made = Path(tempfile.mkdtemp(prefix="bench-pages-"))

    def remove() -> None:
        for workspace in made.iterdir():
            lifecycle.stop(workspace)
        shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made


@cache
def empty() -> Path:
    """A workspace in which nothing has happened."""
    made = folder() / "empty"
    made.mkdir()
    return made


@cache
def filled(small: bool) -> Path:
    """A workspace that the workflow has filled, with one version handed in for a decision."""
    size, made = SMALLEST if small else FULL, folder() / f"filled-{small}"
    source = os.environ.get("BENCH_WORKSPACE")
    if source:
        copied(Path(source), made)
    else:
        made.mkdir()
        frame = pd.read_csv(io.BytesIO(csv_writer.to_csv(bundled_data.read_bundled().sample(size.rows, random_state=1))))
        workflow.run_all_steps(
            connect(Settings(workspace=made)),
            WORKFLOW_IDENTITY,
            frame,
            bundled_data.BUNDLED_ROLES,
            workflow.WorkflowOptions(max_jobs=size.trials),
        )
    return made


@cache
def full(small: bool) -> Path:
    """A copy of it with everything in ``Size``."""
    size, made = SMALLEST if small else FULL, folder() / f"full-{small}"
    copied(filled(small), made)
    crowd(made, versions=size.versions, tuning_jobs=size.tuning_jobs, entities=size.entities)
    decided(connect(Settings(workspace=made)), size.events)
    return made


def copied(source: Path, target: Path) -> None:
    """A workspace's copy, also while its engine runs."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("engine.*", "jobs"))
    with sqlite3.connect(source / "engine.db") as old, sqlite3.connect(target / "engine.db") as new:
        old.backup(new)


# the log -------------------------------------------------------------------------------------------


def decided(target: Target, events: int) -> None:
    """Decisions on every version until the log has so many events: each was handed in, looked at and rejected before, most more than once.

    They are written at once, as ``log.append`` would have written them one by one."""
    versions = [each for group in model_packages.list_groups(target) for each in model_packages.iterate_versions(target, group)][::-1]
    first = versions[0]
    if read_state(target, first.arn).last_event == 0:
        rules = policy_adoption.load_in_force(target)
        about: dict[str, Any] = {"seen_event": 0, "reason": REASON, "code": "first version", "tier": "medium", "tier_rationale": REASON}
        decisions.submit(target, WORKFLOW_IDENTITY, first.arn, profile=next(iter(rules.profiles)), **about)
    made = list(audit_log.read_events(target))
    begun = len(made)
    pinned = next(event.body for event in made if event.kind == "submit")
    properties = next(event.body["properties"] for event in made if event.kind == registry_types.REGISTER_EVENT)
    rounds = max(((events - begun) // len(versions) - 1 - len(LAST[2])) // 3, 1)
    for number, version in enumerate(versions):
        if all(event.subject != version.arn for event in made[:begun]):
            _add(made, WORKFLOW_IDENTITY, registry_types.REGISTER_EVENT, version.arn, {"properties": properties})
        for _ in range(rounds):
            _acts(made, version.arn, (*ROUND, ("reject", Role.COMPLIANCE_OFFICER, "bias")), pinned)
        _acts(made, version.arn, LAST[number % len(LAST)], pinned)
        if len(made) >= events - 1:
            break
    while len(made) < events - 1:
        _add(made, WORKFLOW_IDENTITY, registry_types.REGISTER_EVENT, f"another/{len(made)}", {"properties": properties})
    _write(target, made[: events - 1], begun)
    last: tuple[str, str, EventBody] = (registry_types.REGISTER_EVENT, f"another/{len(made)}", {"properties": properties})
    audit_log.append_event(connect(target.settings), WORKFLOW_IDENTITY, *last)  # moves the head


def _acts(made: list[audit_log.Event], arn: str, acts: Any, pinned: EventBody) -> None:
    for kind, role, code in acts:
        who = next(person for person in DEMO_IDENTITIES if person.role == role)
        approval: EventBody = {"conditions": [], "expires": "2099-01-01", "policy": pinned["policy"]}
        more = {"submit": pinned, "approve": approval}.get(kind, EventBody())
        _add(made, who, kind, arn, {**more, "gates": [], "reason": REASON, "code": code})


def _add(made: list[audit_log.Event], who: Identity, kind: str, subject: str, body: dict[str, Any]) -> None:
    last = made[-1]
    event = {
        "number": last.number + 1,
        "id": f"{last.number + 1:016x}",
        "time": last.time,
        "kind": kind,
        "actor": {"name": who.name, "role": who.role.value, "id": who.id},
        "subject": subject,
        "body": body,
        "previous": last.hash,
    }
    made.append(audit_log.parse_event(signing.canonical_json(event)))


def _write(target: Target, made: list[audit_log.Event], begun: int) -> None:
    """Into the stopped engine's objects, without waiting for the disk after each: through the engine it takes minutes."""
    signed = {
        audit_log.event_key(event.number): signing.sign_envelope(target, audit_log.event_payload(event), audit_log.EVENT_TYPE)
        for event in made[begun:]
    }
    for number in range(begun // audit_log.EVENTS_PER_PART, len(made) // audit_log.EVENTS_PER_PART):
        part = made[number * audit_log.EVENTS_PER_PART : (number + 1) * audit_log.EVENTS_PER_PART]
        signed[audit_log.part_key(number)] = signing.sign_envelope(target, audit_log.part_payload(part), audit_log.PART_TYPE)
    workspace = target.settings.workspace
    lifecycle.stop(workspace)
    objects = ObjectStore(workspace / "objects")
    try:
        with patch("os.fsync"), objects._db.transaction():
            for key, content in signed.items():
                with objects.receive_body() as body:
                    body.write(content)
                    objects.put(target.bucket, key, body, {"content-type": "application/json"}, time.time())
    finally:
        objects.close()


# lineage -------------------------------------------------------------------------------------------

LINEAGE_START = "s3://crowd/crowd-00000-0/model.tar.gz"
"""A model in the middle of the first family."""


@cache
def lineage(entities: int) -> Path:
    """A workspace with so many entities of lineage, and nothing else."""
    made = folder() / f"lineage-{entities}"
    made.mkdir()
    crowd(made, versions=0, tuning_jobs=0, entities=entities)
    return made
