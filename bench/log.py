"""The audit log of 10,000 events as a page opens it, beside reading each event by itself."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.compare import Goal, Row, compare, run
from core.aws.target import Target, connect
from core.identity import Identity, Role
from core.ledger import audit_log, signing
from core.settings import Settings
from engine import lifecycle

WRITER = Identity("Ada", Role.ADMINISTRATOR)


def fill(target: Target, events: int) -> None:
    """A log of so many events: all but the last written at once, as ``append`` would have written them one by one."""
    made: list[audit_log.Event] = []
    actor = {"name": WRITER.name, "role": WRITER.role.value, "id": WRITER.id}
    for number in range(1, events):
        body = {"properties": {"governance:registered-by": WRITER.tag, "n": f"{number}"}}
        about = {
            "number": number,
            "id": f"{number:016x}",
            "time": "2026-01-01T00:00:00.000+00:00",
            "kind": "register",
            "subject": f"bench/{number}",
        }
        previous = made[-1].hash if made else audit_log.NO_PREVIOUS_HASH
        payload = signing.canonical_json({**about, "actor": actor, "body": body, "previous": previous})
        made.append(audit_log.parse_event(payload))
    objects = {audit_log.event_key(event.number): (audit_log.event_payload(event), audit_log.EVENT_TYPE) for event in made}
    for size, key_of in ((audit_log.EVENTS_PER_PART, audit_log.part_key), (audit_log.EVENTS_PER_TEN, audit_log.ten_key)):
        for number in range(len(made) // size):
            payload = audit_log.part_payload(made[number * size : (number + 1) * size])
            objects[key_of(number)] = (payload, audit_log.PART_TYPE)
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda item: target.files.write_conditionally(target.uri(item[0]), signing.sign_envelope(target, *item[1])), objects.items()
            )
        )
    audit_log.append_event(target, WRITER, "register", f"bench/{events}", {"properties": {"governance:registered-by": WRITER.tag}})


def rows(small: bool) -> list[Row]:
    events, runs = (250, 1) if small else (10_000, 3)
    with tempfile.TemporaryDirectory(prefix="bench-log-") as folder:
        target = connect(Settings(workspace=Path(folder)))
        try:
            fill(target, events)

            def first() -> None:
                audit_log.forget_read_events()
                assert len(audit_log.read_events(target)) == events

            def again() -> None:
                assert len(audit_log.read_events(target)) == events

            def one_by_one() -> None:
                trusted = signing.load_verification_keys(target)
                uris = target.files.list_uris(target.uri(audit_log.EVENTS_FOLDER) + "/")
                with ThreadPoolExecutor(8) as pool:
                    list(pool.map(lambda uri: signing.open_envelope(target.files.read(uri), trusted, audit_log.EVENT_TYPE), uris))

            return [
                compare(
                    f"{what}, {events:,} events", ours, one_by_one, peer_name="each event by itself", runs=runs, goal=Goal(faster=times)
                )
                for what, ours, times in (("log opened in a new process", first, 10), ("log opened again", again, 100))
            ]
        finally:
            lifecycle.stop(Path(folder))


if __name__ == "__main__":
    run("log", rows)
