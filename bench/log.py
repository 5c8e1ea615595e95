"""The audit log of 10,000 events as a page opens it, beside reading each event by itself."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.compare import Goal, Row, compare, run
from core.clients import Clients, connect
from core.governance import log, signing
from core.identity import Identity, Role
from core.settings import Settings
from engine import lifecycle

WRITER = Identity("Ada", Role.ADMINISTRATOR)


def fill(clients: Clients, events: int) -> None:
    """A log of so many events: all but the last written at once, as ``append`` would have written them one by one."""
    made: list[log.Event] = []
    actor = {"name": WRITER.name, "role": WRITER.role.value, "id": WRITER.id}
    for number in range(1, events):
        body = {"reason": "Because the evidence bears it, as far as we have looked.", "n": number}
        about = {"number": number, "id": f"{number:016x}", "time": "2026-01-01T00:00:00.000+00:00", "kind": "note", "subject": "bench"}
        previous = made[-1].hash if made else log.NOTHING
        payload = signing.canonical({**about, "actor": actor, "body": body, "previous": previous})
        made.append(log._event(payload))
    parts = [made[n : n + log.PART] for n in range(0, len(made) // log.PART * log.PART, log.PART)]
    objects = {log.key(event.number): (log.payload(event), log.EVENT_TYPE) for event in made}
    objects |= {log.part_key(number): (log.together(part), log.PART_TYPE) for number, part in enumerate(parts)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: clients.create(clients.uri(item[0]), signing.sign(clients, *item[1])), objects.items()))
    log.append(clients, WRITER, "note", "bench", {"n": events})


def rows(small: bool) -> list[Row]:
    events, runs = (250, 1) if small else (10_000, 3)
    with tempfile.TemporaryDirectory(prefix="bench-log-") as folder:
        clients = connect(Settings(workspace=Path(folder)))
        try:
            fill(clients, events)

            def first() -> None:
                log._read.clear()
                assert len(log.read(clients)) == events

            def again() -> None:
                assert len(log.read(clients)) == events

            def one_by_one() -> None:
                trusted = signing.keys(clients)
                uris = clients.keys(clients.uri(log.EVENTS) + "/")
                with ThreadPoolExecutor(8) as pool:
                    list(pool.map(lambda uri: signing.opened(clients.read(uri), trusted, log.EVENT_TYPE), uris))

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
