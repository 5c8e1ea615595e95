"""Whether a version is the first of its kind, by the log: there is nothing that it could be compared with."""

from __future__ import annotations

from collections.abc import Sequence

from core.ledger.audit_log import Event
from core.registry.registry_types import DATASET_PROPERTY, NO_GROUP, REGISTER_EVENT, TEST_ROWS_PROPERTY, group_from_arn


def find_predecessor(events: Sequence[Event], arn: str) -> str | None:
    """The ARN of a version that was approved once, or registered as a baseline, in the group of ``arn`` or on its data set or test rows in
    any other group; None if there is none. A version that the log doesn't know, or that is in no group, is its own predecessor: nothing
    shows that it is the first."""
    registered: dict[str, dict[str, str]] = {}
    for event in events:
        if event.kind == REGISTER_EVENT:
            registered.setdefault(event.subject, dict(event.body.get("properties", {})))
    own, group = registered.get(arn), group_from_arn(arn)
    if own is None or group in {None, NO_GROUP}:
        return arn
    approved = {event.subject for event in events if event.kind == "approve"}
    baselines = {subject for subject, properties in registered.items() if properties.get("governance:role") == "baseline"}
    for other in sorted((approved | baselines) - {arn}):
        properties = registered.get(other, {})
        of_same_data = any(properties.get(name) and properties[name] == own.get(name) for name in (DATASET_PROPERTY, TEST_ROWS_PROPERTY))
        if of_same_data or group_from_arn(other) == group:
            return other
    return None
