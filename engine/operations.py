"""The table of the operations that the engine serves, and how a handler gets into it."""

from __future__ import annotations

from collections.abc import Callable

from engine.context import Context, Request, Response

Handler = Callable[[Context, Request], Response]
OPERATIONS: dict[tuple[str, str], Handler] = {}
"""(service, operation) -> handler; filled by ``@operation`` when a module is imported."""


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Register a handler for an operation as botocore's service model names it.

    The handler gets the request already parsed and validated against the model, and returns a
    dict in the model's output shape; times are float epoch seconds. Errors are ``AWSError``.
    """

    def register(handler: Handler) -> Handler:
        OPERATIONS[(service, name)] = handler
        return handler

    return register
