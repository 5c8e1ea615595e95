"""The product's errors: each says what happened, to what, and what the user can do. AWS's errors are translated here, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class GovernanceError(Exception):
    """An expected error. ``message``: what happened, in the user's words; ``resource``: to what; ``hint``: what the user can do."""

    def __init__(self, message: str, *, resource: str = "", hint: str = "") -> None:
        super().__init__(" ".join(part for part in (message, hint) if part))
        self.message, self.resource, self.hint = message, resource, hint


class DataError(GovernanceError):
    """The data can't be used as it is."""


class NotFound(GovernanceError):
    """The resource doesn't exist."""


class Forbidden(GovernanceError):
    """The person, or the target's credentials, may not do this."""


class SignedOut(Forbidden):
    """The target doesn't accept the app's credentials: they are missing, wrong or expired."""


class Conflict(GovernanceError):
    """Somebody else was first, or the resource changed after it was read."""


class Refused(GovernanceError):
    """The target refuses the request because of what it asks for."""


class JobFailed(GovernanceError):
    """A job ended without a result."""


class TargetUnavailable(GovernanceError):
    """The target doesn't respond, or fails."""


INCONCLUSIVE_ERRORS = (Forbidden, TargetUnavailable)
"""Errors that don't tell whether the resource exists, because it couldn't be read. They must never count as its absence."""

SIGN_IN_HINT = "Sign in to AWS again (for instance: aws sso login), then try again."
CREDENTIALS_HINT = "Sign in to AWS (for instance: aws sso login), or set AWS_PROFILE to a profile that is signed in; then try again."
ASK_ADMIN_HINT = "Ask the administrator of the account's IAM policies for this permission."
CHECK_NAME_HINT = "Check the name, or choose another one from the list."
FILE_GONE_HINT = "The file is gone; run the job that made it again."
UNREACHABLE_HINT = "Check the network, and the region if the host is unknown; then try again. A local engine restarts by itself."
KMS_KEY_HINT = "Ask the administrator of the KMS key whether it is enabled, and whether its policy lets these credentials use it."
WRONG_REGION_HINT = "The bucket is in another region: set GOVERNANCE_REGION to it."

_ERRORS_BY_CODE: dict[str, tuple[type[GovernanceError], str]] = {
    "ResourceNotFound": (NotFound, CHECK_NAME_HINT),
    "ResourceNotFoundException": (NotFound, CHECK_NAME_HINT),
    "NoSuchEntity": (NotFound, "Check GOVERNANCE_ROLE and GOVERNANCE_ASSUME: docs/aws.md says how to create the roles."),
    "NoSuchKey": (NotFound, FILE_GONE_HINT),
    "404": (NotFound, FILE_GONE_HINT),
    "NoSuchBucket": (NotFound, "Check the bucket's name; GOVERNANCE_BUCKET names the product's bucket."),
    "PermanentRedirect": (Refused, WRONG_REGION_HINT),
    "AuthorizationHeaderMalformed": (Refused, WRONG_REGION_HINT),
    "ResourceInUse": (Conflict, "Choose another name."),
    "ConflictException": (Conflict, "Reload to see what has changed."),
    "PreconditionFailed": (Conflict, "Reload to see what has changed."),
    "ResourceLimitExceeded": (Refused, "The account has reached a limit: delete something, or ask for a higher quota."),
    "ValidationException": (Refused, "Change the value that the message names."),
    "NotFoundException": (NotFound, CHECK_NAME_HINT),
    "ConditionalRequestConflict": (Conflict, "Somebody else is writing the same resource. Try again in a minute."),
    "InvalidObjectState": (Refused, "The file is archived: restore it from its storage class first."),
    "OptInRequired": (Forbidden, "Ask the account's administrator to enable this service, or this region."),
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
        "The target itself failed. Try again in a minute; if it fails again, check AWS's Health Dashboard, or the engine's log.",
    ),
    (
        ("KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException", "KMSInvalidStateException"),
        Forbidden,
        KMS_KEY_HINT,
    ),
    (("KMSAccessDeniedException", "DisabledException", "KMSDisabledException", "KMSNotFoundException"), Forbidden, KMS_KEY_HINT),
)
SIGNING_KEY_HINT = (
    "Check GOVERNANCE_SIGNING_KEY: awskms: and the id of a signing key in this region, with kms:Sign and kms:GetPublicKey allowed on it."
)
_HINTS_BY_OPERATION: dict[str, str] = {
    "GetPublicKey": SIGNING_KEY_HINT,
    "Sign": SIGNING_KEY_HINT,
    "HeadBucket": "Check GOVERNANCE_BUCKET (the name of an existing bucket, without s3://), and the sign-in.",
    "DescribeKey": "Check GOVERNANCE_KMS_KEY: a key in this region. Don't set it with the embedded engine, which has no keys.",
    "DescribeSubnets": "Check GOVERNANCE_SUBNETS: subnets in this region. Don't set it with the embedded engine, which has no subnets.",
}
"""What to do if an operation doesn't find the resource that a setting names."""
MESSAGES_WITHOUT_BODY = {("HeadBucket", "400"): "S3 rejected the bucket name or the credentials", ("", "404"): "it doesn't exist"}
"""The meaning of a response without a body, by (operation, code); "" is any operation."""
_ERRORS_BY_CODE |= {code: (family, remedy) for codes, family, remedy in _CODE_FAMILIES for code in codes}

_ACCESS_DENIED_PATTERN = re.compile(
    r"(?P<who>arn:[^\s]+) is not authorized to perform: (?P<action>[\w-]+:\w+)(?: on (?:resource|the resource associated with this"
    r" ciphertext)s?:? ?\"?(?P<resource>[^\s\"]+)\"?)?"
)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
_S3_PERMISSIONS = {
    "HeadObject": "s3:GetObject, and s3:ListBucket: without the second, a file that doesn't exist looks forbidden too",
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
"""The service of each operation that isn't SageMaker's."""

_BOTOCORE_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[GovernanceError], str], ...] = (
    ((aws.NoCredentialsError,), SignedOut, CREDENTIALS_HINT),
    ((aws.PartialCredentialsError, aws.CredentialRetrievalError, aws.NoAuthTokenError), SignedOut, SIGN_IN_HINT),
    ((aws.SSOError, aws.LoginError, aws.TokenRetrievalError), SignedOut, SIGN_IN_HINT),
    ((aws.ProfileNotFound,), SignedOut, "Set AWS_PROFILE to a profile of ~/.aws/config, or create one with: aws configure sso."),
    (
        (aws.NoRegionError, aws.InvalidRegionError, aws.UnknownRegionError),
        Refused,
        "Set GOVERNANCE_REGION to a region, eu-central-1 for instance.",
    ),
    ((aws.ReadTimeoutError,), TargetUnavailable, "No response within 30 seconds. Try again in a minute."),
    ((aws.ResponseStreamingError, aws.IncompleteReadError), TargetUnavailable, "The connection broke off during the response. Reload."),
    ((ResponseParserError,), TargetUnavailable, "The response can't be read; a proxy may have changed it. Reload, and check HTTPS_PROXY."),
    (
        (aws.ProxyConnectionError, aws.SSLError),
        TargetUnavailable,
        "Check HTTPS_PROXY, and the certificates that this machine trusts (AWS_CA_BUNDLE).",
    ),
    ((aws.HTTPClientError, aws.ConnectionError), TargetUnavailable, UNREACHABLE_HINT),
    ((BotoCoreError,), Refused, "Change the value that the message names."),
)
"""botocore's own exceptions, the more specific ones first."""


@contextmanager
def translate_aws_errors(resource: str = "") -> Iterator[None]:
    """Raise botocore's exceptions as errors of this module, about ``resource``."""
    try:
        yield
    except ClientError as error:
        raise _from_client_error(error, resource) from error
    except (BotoCoreError, ResponseParserError) as error:
        family, remedy = next((family, remedy) for kinds, family, remedy in _BOTOCORE_ERRORS if isinstance(error, kinds))
        words = "The target doesn't respond: " if family is TargetUnavailable else ""
        raise family(f"{words}{_end_as_sentence(str(error))}", resource=resource, hint=remedy) from error


def _from_client_error(error: ClientError, resource: str) -> GovernanceError:
    """The product's error for an error response of a service."""
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
            ("", code), f"the target responded with {code} and gave no reason"
        )
    return family(_end_as_sentence(f"{about}: {message}"), resource=resource, hint=remedy)


def _classify_unknown_code(code: str, error: ClientError) -> tuple[type[GovernanceError], str]:
    """Class and hint of an error whose code isn't listed here, by its name and HTTP status."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if 400 <= status < 500:
        return (
            (NotFound, CHECK_NAME_HINT)
            if re.search(r"NotFound(Exception)?$", code)
            else (Refused, "Change the value that the message names.")
        )
    return TargetUnavailable, "Try again; if it fails again, check the target's log."


def _access_denied(about: str, operation: str, message: str, subject: str) -> Forbidden:
    """The error that says who lacks which permission on what, and who can grant it."""
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
            what, resource=subject, hint="A policy denies it explicitly: ask the administrator of the account's policies to remove that."
        )
    by = "the KMS key's policy" if action.startswith("kms:") else "the account's IAM policies"
    return Forbidden(what, resource=subject, hint=f"Ask the administrator of {by} to allow {action} to it.{more}")


def _end_as_sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
