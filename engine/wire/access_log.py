"""The access log: one line of JSON for each request that the engine answered, in the workspace's ``access.log``."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import parse_qs

log = logging.getLogger("engine.access")
MAX_BYTES = 5_000_000
ROTATED_FILES = 4
"""How many full log files are kept besides the current one."""


def start_recording(workspace: Path) -> None:
    """Start writing the access log of a workspace."""
    handler = RotatingFileHandler(workspace / "access.log", maxBytes=MAX_BYTES, backupCount=ROTATED_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def record_request(
    *, at: float, service: str, operation: str, status: int, code: str, seconds: float, client: str, caller: str, request_id: str
) -> None:
    """Write one line. ``code``: the answer's error, if any; ``client``: the User-Agent; ``caller``: the user or role that signed."""
    if log.isEnabledFor(logging.INFO):
        line = {
            "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "service": service,
            "operation": operation[:100],
            "status": status,
            "code": code,
            "milliseconds": round(seconds * 1000, 1),
            "client": client[:300],
            "caller": caller,
            "id": request_id,
        }
        log.info("%s", json.dumps(line))


def operation_name(service: str, method: str, raw_path: str, raw_query: str, target: str, body: bytes | None) -> str:
    """The operation as the service names it; for S3 as its own access logs do (``REST.GET.OBJECT``)."""
    if service == "s3":
        return f"REST.{method}.{_s3_resource(raw_path, raw_query)}"
    if target:
        return target.rpartition(".")[2]
    if b"Action=" in (body or b""):
        return parse_qs((body or b"")[:2000].decode("latin-1")).get("Action", [""])[0]
    return raw_path.strip("/")


def _s3_resource(raw_path: str, raw_query: str) -> str:
    query = parse_qs(raw_query, keep_blank_values=True)
    if "uploadId" in query:
        return "PART" if "partNumber" in query else "UPLOAD"
    names = [part for part in raw_query.split("&") if part.isalpha()]  # without a value: uploads, versions, delete
    bucket, _, key = raw_path.strip("/").partition("/")
    return names[0].upper() if names else "OBJECT" if key else "BUCKET" if bucket else "SERVICE"
