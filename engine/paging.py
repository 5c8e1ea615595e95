"""Pages of a list that is already in memory, where no query of the store makes the pages."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from engine.errors import AWSError

T = TypeVar("T")
DEFAULT_PAGE_SIZE = 10
"""Entries of a page when the caller names no MaxResults, as in SageMaker."""


def to_epoch_seconds(time: float | datetime) -> float:
    """A request's time as seconds since the epoch."""
    return time.timestamp() if isinstance(time, datetime) else float(time)


def paginate(items: Sequence[T], request: Mapping[str, Any], default: int = DEFAULT_PAGE_SIZE) -> tuple[Sequence[T], str | None]:
    """The items of the request's page (MaxResults, or ``default``), and the token of those that follow.

    Raises ValidationException for a NextToken that belongs to another request.
    """
    asked = {name: value for name, value in request.items() if name not in {"NextToken", "MaxResults"}}
    question = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    start = 0
    if "NextToken" in request:
        try:
            of, start = json.loads(base64.urlsafe_b64decode(request["NextToken"].encode()))
        except (ValueError, TypeError, RecursionError) as error:
            raise _bad_token_error() from error
        if of != question or not isinstance(start, int) or isinstance(start, bool) or start < 0:
            raise _bad_token_error()
    limit = request.get("MaxResults") or 0
    end = start + (limit if limit > 0 else default)
    following = base64.urlsafe_b64encode(json.dumps([question, end]).encode()).decode() if end < len(items) else None
    return items[start:end], following


def _bad_token_error() -> AWSError:
    return AWSError("ValidationException", "Invalid NextToken: it was not returned by this operation for this request.")
