"""Parses JSON that was stored or signed: anything may have been put in its place."""

from __future__ import annotations

import json


def parse_stored_json(content: bytes | str, error: Exception) -> object:
    """The value that JSON text stands for. Raises ``error`` for text that isn't JSON, or whose parts lie too deep in each other."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as cause:
        raise error from cause
