"""The error family: each says what happened, to what, and what the user can do. AWS errors are translated here, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


class GovernanceError(Exception):
    """what: what happened, in the user's words; subject: to what; remedy: what the user can do."""

    def __init__(self, what: str, *, subject: str = "", remedy: str = "") -> None:
        super().__init__(" ".join(part for part in (what, remedy) if part))
        self.what, self.subject, self.remedy = what, subject, remedy


class DataError(GovernanceError):
    """The data can't be used as it is."""


class NotFound(GovernanceError):
    """The thing isn't there."""


class Forbidden(GovernanceError):
    """The person, or the target's credentials, may not do this."""


class Conflict(GovernanceError):
    """Somebody else was there first: what was seen is no longer so."""


class Refused(GovernanceError):
    """The target refuses the request as it stands."""


class JobFailed(GovernanceError):
    """A job ended without a result."""


class TargetUnavailable(GovernanceError):
    """The target doesn't answer."""


_CODES: dict[str, tuple[type[GovernanceError], str]] = {
    "ResourceNotFound": (NotFound, "Check the name, or choose another one from the list."),
    "NoSuchKey": (NotFound, "The file is gone; run the job that made it again."),
    "NoSuchBucket": (NotFound, "Set GOVERNANCE_BUCKET to a bucket that exists."),
    "404": (NotFound, "The file is gone; run the job that made it again."),
    "ResourceInUse": (Conflict, "Choose another name."),
    "ConflictException": (Conflict, "Reload, and look at what has changed."),
    "PreconditionFailed": (Conflict, "Reload, and look at what has changed."),
    "AccessDeniedException": (Forbidden, "Ask whoever keeps the account's IAM policies for this permission."),
    "AccessDenied": (Forbidden, "Ask whoever keeps the account's IAM policies for this permission."),
    "ExpiredTokenException": (Forbidden, "Sign in to AWS again; the credentials have expired."),
    "ExpiredToken": (Forbidden, "Sign in to AWS again; the credentials have expired."),
    "InvalidClientTokenId": (Forbidden, "Sign in to AWS again; AWS doesn't know these credentials."),
    "UnrecognizedClientException": (Forbidden, "Sign in to AWS again; AWS doesn't know these credentials."),
    "ThrottlingException": (TargetUnavailable, "AWS asks to slow down; try again in a minute."),
    "ResourceLimitExceeded": (Refused, "A limit of the account is reached; delete something, or ask for a higher quota."),
    "ValidationException": (Refused, "Change the value that the message names."),
}


@contextmanager
def translated(subject: str = "") -> Iterator[None]:
    """Turn what botocore raises into the family."""
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = details.get("Code", ""), details.get("Message", "")
        if code == "ValidationException" and any(words in message.lower() for words in ("does not exist", "not found", "could not find")):
            raise NotFound(message, subject=subject, remedy="Check the name, or choose another one from the list.") from error
        family, remedy = _CODES.get(code, (TargetUnavailable, "Try again; if it stays so, look at the target's log."))
        raise family(
            f"{error.operation_name}{f' of {subject}' if subject else ''}: {message or code}", subject=subject, remedy=remedy
        ) from error
    except NoCredentialsError as error:
        raise Forbidden("There are no AWS credentials.", subject=subject, remedy="Sign in to AWS, then reload.") from error
    except (PartialCredentialsError, CredentialRetrievalError, ProfileNotFound, SSOError, TokenRetrievalError) as error:
        remedy = "Sign in to AWS (aws sso login, aws configure), or name a profile that is there (AWS_PROFILE); then reload."
        raise Forbidden(f"The AWS credentials can't be used: {error}", subject=subject, remedy=remedy) from error
    except (EndpointConnectionError, ConnectionError, HTTPClientError) as error:
        raise TargetUnavailable(
            f"The target does not answer: {error}", subject=subject, remedy="Reload; a local engine starts again."
        ) from error
    except BotoCoreError as error:
        raise Refused(str(error), subject=subject, remedy="Change the value that the message names.") from error
