"""The error that an operation answers with."""

from __future__ import annotations


class AWSError(Exception):
    """An error that goes over the wire with AWS's own code.

    ``code`` is the shape name that the service model declares (``ResourceNotFound``,
    ``ResourceInUse``, ``ResourceLimitExceeded``, ``ConflictException``) or one of the common
    errors (``ValidationException``, ``AccessDeniedException``, ``ThrottlingException``).
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
