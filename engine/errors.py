"""The error that an operation answers with."""

from __future__ import annotations

from collections.abc import Mapping


class AWSError(Exception):
    """An error that goes over the wire with AWS's own code.

    ``code`` is the shape name that the service model declares (``ResourceNotFound``,
    ``ResourceInUse``, ``ResourceLimitExceeded``, ``ConflictException``) or one of the common
    errors (``ValidationException``, ``AccessDeniedException``, ``ThrottlingException``).
    ``headers`` go with it.
    """

    def __init__(self, code: str, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.headers = code, message, status, dict(headers or {})
