"""The log tab: what an officer is told of heads that are kept elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.governance import kept_heads
from core.ledger import audit_log, signing


def test_an_officer_is_told_when_no_head_was_exported_for_long(app, demo, demo_target):
    at = datetime.now(UTC) - timedelta(days=kept_heads.MAX_DAYS + 1)
    statement = audit_log.head_statement(audit_log.read_events(demo_target)[-1], exported_at=at.isoformat())
    kept_heads.record_export(demo_target, None, signing.sign_envelope(demo_target, statement))
    test = app(demo[0], "decisions", "Chris", tab="log")
    assert not test.exception
    assert [f"last exported on {at:%Y-%m-%d}" in one.value for one in test.warning] == [True]
