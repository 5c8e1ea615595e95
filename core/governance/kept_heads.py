"""Heads of the log that are kept elsewhere: with one, a log whose end was removed is told from a shorter one."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.aws.target import Target
from core.errors import DataError, GovernanceError, NotFound
from core.governance import log_chain
from core.identity import Identity, require_permission
from core.ledger import audit_log
from core.ledger.signing import Forged, load_verification_keys, open_envelope, parse_signed_json, sign_envelope
from core.stored_json import parse_stored_json

EXPORTED_KEY = "governance/log/exported-head.json"
"""The head that was exported last. It says when that was; where the head is kept, or whether it is, only whoever took it knows."""
MAX_DAYS = 30
"""After so many days without an exported head, people are told."""


def export_head(target: Target) -> bytes:
    """The signed head of the log, for safekeeping elsewhere. Raises NotFound for an empty log."""
    events = audit_log.read_events(target)
    if not events:
        raise NotFound("The log is empty.", hint="Submit a version first.")
    return sign_envelope(target, audit_log.head_statement(events[-1], exported_at=datetime.now(UTC).isoformat(timespec="seconds")))


def record_export(target: Target, identity: Identity | None, head: bytes) -> None:
    """Record that a head was exported, so that pages can say how long ago that was. ``identity``: None at the command line, where the
    target's permissions decide. Raises Forbidden."""
    if identity is not None:
        require_permission(identity, "export", target_kind=target.settings.target)
    target.files.write(target.uri(EXPORTED_KEY), head, "application/json")


def read_head_file(content: bytes) -> bytes:
    """The content of an exported head, as given by a user. Raises DataError for what can't be one."""
    parse_stored_json(content, DataError("This file is not a log head.", resource="head", hint="Give the file that `audit head` wrote."))
    return content.strip()


def keep_in_folder(target: Target, folder: Path) -> tuple[Path, bytes]:
    """Write the head as a file named by day and event, unless it is there already, and return both. First the log is compared with each
    head in the folder. Raises Forged, with nothing written, if it lacks what one of them names; NotFound if there is no such folder."""
    if not folder.is_dir():
        raise NotFound(f"The folder {folder} doesn't exist.", resource=str(folder), hint="Create it, or mount it.")
    trusted = load_verification_keys(target)
    kept = {str(path): read_head_file(path.read_bytes()) for path in sorted(folder.glob("log-head-*.json"))}
    head = export_head(target)
    events = audit_log.read_events(target)
    for problem in log_chain.check_heads(events, trusted, kept):
        raise Forged(problem.what, resource=problem.subject, hint=f"Compare with {problem.subject}: `audit verify --head` names more.")
    number, _ = audit_log.read_head(head, trusted)
    path = folder / f"log-head-{datetime.now(UTC):%Y-%m-%d}-{number:08d}.json"
    _write_new(path, head + b"\n")
    return path, head


def _write_new(path: Path, content: bytes) -> None:
    """Write a whole file, or nothing if there is one of this name."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".log-head-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)


@dataclass(frozen=True)
class LastExport:
    """When a head was last exported, as a sentence. ``is_overdue``: none was for ``MAX_DAYS``."""

    sentence: str
    is_overdue: bool


def describe_last_export(target: Target, *, now: datetime | None = None) -> LastExport:
    """When a head of the log was last exported; of an empty log, that there is none to export. ``now``: by default the present time."""
    events = audit_log.read_events(target)
    if not events:
        return LastExport("The log is empty; it has no head yet.", False)
    content, trusted = log_chain.read_or_none(target, EXPORTED_KEY), load_verification_keys(target)
    since, sentence = datetime.fromisoformat(events[0].time), "No head of the log was exported yet"
    if content is not None:
        try:
            number, _ = audit_log.read_head(content, trusted)
            predicate = parse_signed_json(open_envelope(content, trusted), "This file is not a log head.", dict)["predicate"]
            since = datetime.fromisoformat(predicate["exported"])
            sentence = f"A head of the log was last exported on {since:%Y-%m-%d}, at event {number:,}"
        except (GovernanceError, KeyError, TypeError, ValueError):
            sentence = "It isn't known when a head of the log was last exported: the record was changed"
    days = ((now or datetime.now(UTC)) - since) // timedelta(days=1)
    if days < MAX_DAYS:
        return LastExport(f"{sentence}.", False)
    why = "Without one that is kept elsewhere, a log whose end was removed looks like a shorter one."
    return LastExport(f"{sentence}; none is recorded for the last {MAX_DAYS} days. {why}", True)
