"""Whole answers only. botocore reads a JSON answer whose connection broke off as an empty one, without an error: a list would look empty.
And it doesn't ask again for a file whose body broke off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import IncompleteReadError, ResponseStreamingError

from core.aws import retries


def retry_incomplete_responses(session: boto3.Session) -> boto3.Session:
    """The session, whose clients from now on ask again for an answer that is shorter than it says; they raise IncompleteReadError where it
    stays so. Bodies that are streamed (GetObject) are not looked at here."""
    session.events.register_first("needs-retry", _seconds_until_retry)  # type: ignore[arg-type]
    return session


def _seconds_until_retry(response: Any, operation: Any, attempts: int, **_: Any) -> float | None:
    """Seconds until the request is sent again; None where the answer is whole."""
    if response is None or (operation.has_streaming_output and response[0].status_code < 300):
        return None
    http = response[0]
    announced = http.headers.get("content-length")
    if announced is None or operation.http.get("method") == "HEAD" or http.headers.get("content-encoding"):
        return None
    if len(http.content) >= int(announced):
        return None
    if attempts >= retries.INCOMPLETE_RESPONSE_ATTEMPTS:
        raise IncompleteReadError(actual_bytes=len(http.content), expected_bytes=int(announced))
    return retries.incomplete_response_pause(attempts)


def read_body(get_object: Callable[[], Any]) -> tuple[bytes, Any]:
    """(content, answer) of a GetObject call; asked for again where the body breaks off. Raises what botocore raises."""
    for attempt in range(1, retries.INCOMPLETE_RESPONSE_ATTEMPTS + 1):
        answer = get_object()
        try:
            return answer["Body"].read(), answer
        except (IncompleteReadError, ResponseStreamingError):
            if attempt == retries.INCOMPLETE_RESPONSE_ATTEMPTS:
                raise
            time.sleep(retries.incomplete_response_pause(attempt))
    raise AssertionError("unreachable")
