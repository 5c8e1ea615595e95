"""Retries responses that break off. botocore reads a JSON response that breaks off as an empty one, without an error, so that a list
would look empty; and it doesn't request a file again whose body broke off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import IncompleteReadError, ResponseStreamingError

from core.aws import retries

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef


def retry_incomplete_responses(session: boto3.Session) -> boto3.Session:
    """The same session. Its clients repeat a request whose response is shorter than its Content-Length, and raise IncompleteReadError
    after the last attempt. Streamed bodies (GetObject) aren't checked here: ``read_body`` reads them."""
    session.events.register_first("needs-retry", _seconds_until_retry)  # type: ignore[arg-type]
    return session


def _seconds_until_retry(response: Any, operation: Any, attempts: int, **_: Any) -> float | None:
    """Seconds until the request is sent again; None if the response is complete."""
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


def read_body(get_object: Callable[[], GetObjectOutputTypeDef]) -> tuple[bytes, GetObjectOutputTypeDef]:
    """(content, response) of a GetObject call, which is repeated if the body breaks off. Raises what botocore raises."""
    for attempt in range(1, retries.INCOMPLETE_RESPONSE_ATTEMPTS + 1):
        answer = get_object()
        try:
            return answer["Body"].read(), answer
        except (IncompleteReadError, ResponseStreamingError):
            if attempt == retries.INCOMPLETE_RESPONSE_ATTEMPTS:
                raise
            time.sleep(retries.incomplete_response_pause(attempt))
    raise AssertionError("unreachable")
