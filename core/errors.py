"""The error family: each says what happened, to what, and what the user can do. AWS errors are translated here, once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class GovernanceError(Exception):
    """what: what happened, in the user's words; subject: to what; remedy: what the user can do."""

    def __init__(self, message: str, *, resource: str = "", hint: str = "") -> None:
        super().__init__(" ".join(part for part in (message, hint) if part))
        self.message, self.resource, self.hint = message, resource, hint


class DataError(GovernanceError):
    """The data can't be used as it is."""


class NotFound(GovernanceError):
    """The thing isn't there."""


class Forbidden(GovernanceError):
    """The person, or the target's credentials, may not do this."""


class SignedOut(Forbidden):
    """The target doesn't know, or no longer knows, the credentials that the dashboard has."""


class Conflict(GovernanceError):
    """Somebody else was there first: what was seen is no longer so."""


class Refused(GovernanceError):
    """The target refuses the request as it stands."""


class JobFailed(GovernanceError):
    """A job ended without a result."""


class TargetUnavailable(GovernanceError):
    """The target doesn't answer."""


INCONCLUSIVE_ERRORS = (Forbidden, TargetUnavailable)
"""Says nothing of the thing that was asked for: it couldn't be looked at. Never to be taken for its absence."""

SIGN_IN_HINT = "Sign in to AWS again (for instance: aws sso login), then try again."
CREDENTIALS_HINT = "Sign in to AWS (for instance: aws sso login), or set AWS_PROFILE to a profile that is signed in; then try again."
ASK_ADMIN_HINT = "Ask whoever keeps the account's IAM policies for this permission."
CHECK_NAME_HINT = "Check the name, or choose another one from the list."
FILE_GONE_HINT = "The file is gone; run the job that made it again."
UNREACHABLE_HINT = "Look at the network, and at the region if the host isn't known; then try again. A local engine starts again by itself."
KMS_KEY_HINT = "Ask whoever keeps the KMS key whether it is enabled, and whether its policy lets these credentials use it."
WRONG_REGION_HINT = "The bucket is in another region: set GOVERNANCE_REGION to it."

_ERRORS_BY_CODE: dict[str, tuple[type[GovernanceError], str]] = {
    "ResourceNotFound": (NotFound, CHECK_NAME_HINT),
    "ResourceNotFoundException": (NotFound, CHECK_NAME_HINT),
    "NoSuchEntity": (NotFound, "Check GOVERNANCE_ROLE and GOVERNANCE_ASSUME: docs/aws.md says how the roles are made."),
    "NoSuchKey": (NotFound, FILE_GONE_HINT),
    "404": (NotFound, FILE_GONE_HINT),
    "NoSuchBucket": (NotFound, "Check the bucket's name; GOVERNANCE_BUCKET names that of the product."),
    "PermanentRedirect": (Refused, WRONG_REGION_HINT),
    "AuthorizationHeaderMalformed": (Refused, WRONG_REGION_HINT),
    "ResourceInUse": (Conflict, "Choose another name."),
    "ConflictException": (Conflict, "Reload, and look at what has changed."),
    "PreconditionFailed": (Conflict, "Reload, and look at what has changed."),
    "ResourceLimitExceeded": (Refused, "A limit of the account is reached; delete something, or ask for a higher quota."),
    "ValidationException": (Refused, "Change the value that the message names."),
    "NotFoundException": (NotFound, CHECK_NAME_HINT),
    "ConditionalRequestConflict": (Conflict, "Somebody else writes the same. Try again in a minute."),
    "InvalidObjectState": (Refused, "The file is archived: restore it from its storage class first."),
    "OptInRequired": (Forbidden, "Ask whoever keeps the account to enable this service, or this region."),
}
_CODE_FAMILIES: tuple[tuple[tuple[str, ...], type[GovernanceError], str], ...] = (
    (("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "403"), Forbidden, ASK_ADMIN_HINT),
    (("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), SignedOut, SIGN_IN_HINT),
    (
        ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken", "IncompleteSignature"),
        SignedOut,
        "AWS doesn't know these credentials. Check the profile or the access key, sign in to AWS again, then try again.",
    ),
    (
        ("SignatureDoesNotMatch", "InvalidSignatureException"),
        SignedOut,
        "Check the secret access key, and this machine's clock; sign in to AWS again, then try again.",
    ),
    (("RequestTimeTooSkewed",), SignedOut, "This machine's clock is wrong. Set it by network time, then try again."),
    (
        (
            *("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
            *("RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "LimitExceededException"),
            *("ProvisionedThroughputExceededException", "EC2ThrottledException", "TransactionInProgressException"),
        ),
        TargetUnavailable,
        "AWS asks to slow down. Try again in a minute.",
    ),
    (
        (
            *("InternalFailure", "InternalError", "InternalServerError", "InternalServerException", "InternalServiceException"),
            *("ServiceUnavailable", "ServiceUnavailableException", "500", "502", "503", "504"),
            *("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"),
        ),
        TargetUnavailable,
        "The fault is the target's own. Try again in a minute; if it stays so, look at AWS's Health Dashboard, or at the engine's log.",
    ),
    (
        ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException", "KMSInvalidStateException"),
        Forbidden,
        KMS_KEY_HINT,
    ),
    (("KMSAccessDeniedException", "DisabledException", "KMSDisabledException", "KMSNotFoundException"), Forbidden, KMS_KEY_HINT),
)
SIGNING_KEY_HINT = (
    "Check GOVERNANCE_SIGNING_KEY: awskms: and a key of this region that signs, with kms:Sign and kms:GetPublicKey allowed on it."
)
_HINTS_BY_OPERATION: dict[str, str] = {
    "GetPublicKey": SIGNING_KEY_HINT,
    "Sign": SIGNING_KEY_HINT,
    "HeadBucket": "Check GOVERNANCE_BUCKET (the name of a bucket that is there, without s3:// before it), and the sign-in.",
    "DescribeKey": "Check GOVERNANCE_KMS_KEY: a key of this region. The embedded engine has none: leave it out there.",
    "DescribeSubnets": "Check GOVERNANCE_SUBNETS: subnets of this region. The embedded engine has none: leave it out there.",
}
"""What to do where an operation doesn't find what a setting names."""
MESSAGES_WITHOUT_BODY = {("HeadBucket", "400"): "S3 takes the name, or the sign-in, for wrong", ("", "404"): "it isn't there"}
"""What an answer without a body says: by operation, or of any, and code."""
_ERRORS_BY_CODE |= {code: (family, remedy) for codes, family, remedy in _CODE_FAMILIES for code in codes}

_ACCESS_DENIED_PATTERN = re.compile(
    r"(?P<who>arn:[^\s]+) is not authorized to perform: (?P<action>[\w-]+:\w+)(?: on (?:resource|the resource associated with this"
    r" ciphertext)s?:? ?\"?(?P<resource>[^\s\"]+)\"?)?"
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
_S3_PERMISSIONS = {
    "HeadObject": "s3:GetObject, and s3:ListBucket: without the second a file that isn't there looks forbidden too",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
}
_SERVICE_BY_OPERATION = {
    "GetCallerIdentity": "sts",
    "AssumeRole": "sts",
    "GetRole": "iam",
    "DescribeLogStreams": "logs",
    "GetLogEvents": "logs",
    **dict.fromkeys(("Encrypt", "Decrypt", "GenerateDataKey", "Sign", "GetPublicKey", "DescribeKey"), "kms"),
}
"""Of which service an operation is that isn't SageMaker's."""

_BOTOCORE_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[GovernanceError], str], ...] = (
    ((aws.NoCredentialsError,), SignedOut, CREDENTIALS_HINT),
    ((aws.PartialCredentialsError, aws.CredentialRetrievalError, aws.NoAuthTokenError), SignedOut, SIGN_IN_HINT),
    ((aws.SSOError, aws.LoginError, aws.TokenRetrievalError), SignedOut, SIGN_IN_HINT),
    ((aws.ProfileNotFound,), SignedOut, "Set AWS_PROFILE to a profile of ~/.aws/config, or make one with: aws configure sso."),
    (
        (aws.NoRegionError, aws.InvalidRegionError, aws.UnknownRegionError),
        Refused,
        "Set GOVERNANCE_REGION to a region, eu-central-1 for instance.",
    ),
    ((aws.ReadTimeoutError,), TargetUnavailable, "It took the request and said nothing for half a minute. Try again in a minute."),
    ((aws.ResponseStreamingError, aws.IncompleteReadError), TargetUnavailable, "The connection broke within the answer. Reload."),
    ((ResponseParserError,), TargetUnavailable, "The answer makes no sense: a proxy may stand between. Reload; look at HTTPS_PROXY."),
    (
        (aws.ProxyConnectionError, aws.SSLError),
        TargetUnavailable,
        "Look at HTTPS_PROXY, and at the certificates that this machine trusts (AWS_CA_BUNDLE).",
    ),
    ((aws.HTTPClientError, aws.ConnectionError), TargetUnavailable, UNREACHABLE_HINT),
    ((BotoCoreError,), Refused, "Change the value that the message names."),
)
"""What botocore raises itself, the narrower first."""


@contextmanager
def translate_aws_errors(resource: str = "") -> Iterator[None]:
    """Turn what botocore raises into the family."""
    try:
        yield
    except ClientError as error:
        raise _from_client_error(error, resource) from error
    except (BotoCoreError, ResponseParserError) as error:
        family, remedy = next((family, remedy) for kinds, family, remedy in _BOTOCORE_ERRORS if isinstance(error, kinds))
        words = "The target does not answer: " if family is TargetUnavailable else ""
        raise family(f"{words}{_end_as_sentence(str(error))}", resource=resource, hint=remedy) from error


def _from_client_error(error: ClientError, resource: str) -> GovernanceError:
    """An error that the service answered with."""
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    about = f"{error.operation_name}{f' of {resource}' if resource else ''}"
    lower = message.lower()
    if code == "ValidationException" and any(words in lower for words in ("does not exist", "not found", "could not find", "can't find")):
        return NotFound(_end_as_sentence(message), resource=resource, hint=CHECK_NAME_HINT)
    if code == "ValidationException" and "already exist" in lower:
        return Conflict(_end_as_sentence(f"{about}: {message}"), resource=resource, hint="Choose another name.")
    family, remedy = _ERRORS_BY_CODE.get(code) or _classify_unknown_code(code, error)
    if error.operation_name in _HINTS_BY_OPERATION and family in (NotFound, Refused) and remedy is not WRONG_REGION_HINT:
        remedy = _HINTS_BY_OPERATION[error.operation_name]
    if family is Forbidden and remedy is ASK_ADMIN_HINT:
        return _access_denied(about, error.operation_name, message, resource)
    if not message or message == code or code.isdigit():
        message = MESSAGES_WITHOUT_BODY.get((error.operation_name, code)) or MESSAGES_WITHOUT_BODY.get(
            ("", code), f"the target answered {code} without saying why"
        )
    return family(_end_as_sentence(f"{about}: {message}"), resource=resource, hint=remedy)


def _classify_unknown_code(code: str, error: ClientError) -> tuple[type[GovernanceError], str]:
    """What an error is of which only its name and HTTP status are known."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if 400 <= status < 500:
        return (
            (NotFound, CHECK_NAME_HINT)
            if re.search(r"NotFound(Exception)?$", code)
            else (Refused, "Change the value that the message names.")
        )
    return TargetUnavailable, "Try again; if it stays so, look at the target's log."


def _access_denied(about: str, operation: str, message: str, subject: str) -> Forbidden:
    """Which permission is missing, on what, to whom; and who can give it."""
    found = _ACCESS_DENIED_PATTERN.search(message)
    more = " Or set GOVERNANCE_ROLE to the ARN of the role that jobs run in." if operation == "GetRole" else ""
    if found is None:
        needed = _S3_PERMISSIONS.get(operation) or f"{_SERVICE_BY_OPERATION.get(operation, 'sagemaker')}:{operation}"
        return Forbidden(f"{about} is forbidden. It needs the permission {needed}.", resource=subject, hint=ASK_ADMIN_HINT + more)
    who, action = found["who"].rstrip("."), found["action"]
    resource = found["resource"].rstrip(".") if found["resource"] not in {None, "*"} else ""
    what = f"{about} is forbidden: {who} lacks the permission {action}{f' on {resource}' if resource else ''}."
    if "explicit deny" in message:
        return Forbidden(
            what, resource=subject, hint="A policy denies it outright: ask whoever keeps the account's policies to take that out."
        )
    by = "the KMS key's policy" if action.startswith("kms:") else "the account's IAM policies"
    return Forbidden(what, resource=subject, hint=f"Ask whoever keeps {by} to allow {action} to it.{more}")


def _end_as_sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
