"""Heads of the log that are kept elsewhere: exported on a schedule, compared with the log, and missed when none was exported for long."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from deciding import CHRIS, VERA
from replacing import replaced

from core.cli.main import main
from core.errors import Forbidden, GovernanceError
from core.governance import kept_heads
from core.ledger import audit_log, signing

pytestmark = pytest.mark.engine


def head_of(target, **changes):
    event = dataclasses.replace(audit_log.read_events(target)[-1], **changes)
    return signing.sign_envelope(target, audit_log.head_statement(event))


def test_a_schedule_adds_a_dated_head_and_never_overwrites_one(demo, demo_target, tmp_path, capsys):
    command = ["audit", "head", "--workspace", str(demo[0]), "--out", f"{tmp_path}/"]
    assert main(command) == 0
    (path,) = tmp_path.iterdir()
    assert capsys.readouterr().out == f"{path}\n"
    number = audit_log.count_events(demo_target)
    assert path.name == f"log-head-{datetime.now(UTC):%Y-%m-%d}-{number:08d}.json"
    content = path.read_bytes()
    path.write_bytes(head_of(demo_target))
    assert main(command) == 0
    assert path.read_bytes() == head_of(demo_target) != content
    assert list(tmp_path.iterdir()) == [path]
    assert f"at event {number:,}." in kept_heads.describe_last_export(demo_target).sentence


@pytest.mark.parametrize("wrong", ["cut short", "rewritten", "damaged", "no folder"])
def test_a_schedule_fails_and_writes_nothing_if_the_log_is_not_the_one_that_was_kept(demo_target, tmp_path, wrong):
    folder, kept = tmp_path / "heads", tmp_path / "heads" / "log-head-2026-01-01-00000001.json"
    if wrong != "no folder":
        folder.mkdir()
        head = {
            "cut short": lambda: head_of(demo_target, number=audit_log.count_events(demo_target) + 1),
            "rewritten": lambda: head_of(demo_target, hash="0" * 64),
            "damaged": lambda: head_of(demo_target).replace(b'"payload":"', b'"payload":"AA', 1),
        }[wrong]()
        kept.write_bytes(head)
    with pytest.raises(GovernanceError, match=str(folder)):
        kept_heads.keep_in_folder(demo_target, folder)
    assert not folder.exists() or list(folder.iterdir()) == [kept]


def test_people_are_told_when_no_head_was_exported_for_long(demo_target):
    kept_heads.record_export(demo_target, CHRIS, kept_heads.export_head(demo_target))
    now, days = datetime.now(UTC), timedelta(days=kept_heads.MAX_DAYS)
    assert not kept_heads.describe_last_export(demo_target, now=now).is_overdue
    late = kept_heads.describe_last_export(demo_target, now=now + days)
    assert (late.is_overdue, f"last exported on {now:%Y-%m-%d}" in late.sentence) == (True, True)
    record = demo_target.uri(kept_heads.EXPORTED_KEY)
    for content in (head_of(demo_target), b"{}"):  # a head that wasn't exported, and what nobody signed
        with replaced(demo_target, {record: content}):
            assert "It isn't known" in kept_heads.describe_last_export(demo_target).sentence
    bucket, _, key = record.removeprefix("s3://").partition("/")
    demo_target.s3.delete_object(Bucket=bucket, Key=key)
    never = kept_heads.describe_last_export(demo_target, now=now + 2 * days)
    assert (never.is_overdue, "was exported yet" in never.sentence) == (True, True)


def test_who_may_only_look_records_no_export(demo_target):
    with pytest.raises(Forbidden):
        kept_heads.record_export(demo_target, VERA, b"{}")
