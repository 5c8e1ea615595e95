"""Pages of a list that is already at hand, where no query of the store makes them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from engine.context import AWSError

T = TypeVar("T")
DEFAULT_PAGE = 10
"""Entries of a page when the caller names no MaxResults, as in SageMaker."""


def seconds(time: float | datetime) -> float:
    """A request's time as seconds since the epoch."""
    return time.timestamp() if isinstance(time, datetime) else float(time)


def part(items: Sequence[T], limit: int, token: str | None) -> tuple[Sequence[T], str | None]:
    """The ``limit`` items after ``token``, and the token of those that follow."""
    start = 0
    if token is not None:
        try:
            start = json.loads(base64.urlsafe_b64decode(token.encode()))
        except (ValueError, binascii.Error) as error:
            raise _bad_token() from error
        if not isinstance(start, int) or isinstance(start, bool) or start < 0:
            raise _bad_token()
    end = start + limit
    following = base64.urlsafe_b64encode(json.dumps(end).encode()).decode() if end < len(items) else None
    return items[start:end], following


def _bad_token() -> AWSError:
    return AWSError("ValidationException", "Invalid NextToken: it was not returned by this operation.")
