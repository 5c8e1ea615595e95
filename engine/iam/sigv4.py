"""AWS Signature Version 4, checked on the server's side: in the Authorization header, or in a presigned URL.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, unquote_to_bytes

from engine.errors import AWSError
from engine.principal import AccessKeys

MAX_CLOCK_SKEW_SECONDS = 15 * 60
"""How far the client's clock may be off, in seconds."""
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass
class ChunkSignatures:
    """The signatures of an aws-chunked body: each is over its chunk and the signature before."""

    key: bytes
    timestamp: str
    scope: str
    previous_signature: str

    def check(self, signed_part: str, digest: str, signature: str) -> None:
        """``signed_part``: ``PAYLOAD`` (a chunk) or ``TRAILER``; ``digest``: hex SHA-256 of it. Raises SignatureDoesNotMatch."""
        parts = [f"{ALGORITHM}-{signed_part}", self.timestamp, self.scope, self.previous_signature]
        if signed_part == "PAYLOAD":
            parts.append(hashlib.sha256(b"").hexdigest())
        expected = hmac.new(self.key, "\n".join([*parts, digest]).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise AWSError("SignatureDoesNotMatch", "The signature of a chunk does not match its content.", 403)
        self.previous_signature = expected


@dataclass(frozen=True)
class SignedRequest:
    """What a valid signature says: the service it is for, what it covers of the body, and what checks signed chunks."""

    service: str
    region: str
    payload_hash: str
    chunk_signatures: ChunkSignatures


def verify_signature(
    keys: AccessKeys, *, method: str, raw_path: str, raw_query: str, headers: Mapping[str, str], payload_hash: str | None, now: float
) -> SignedRequest:
    """Check the signature of a request. ``headers`` have lower-case names.

    ``payload_hash``: hex SHA-256 of the body, or None when the body is yet to be read (S3): then the
    header ``x-amz-content-sha256`` is what the signature covers, and the caller compares it with the body.
    Raises AWSError (403) with AWS's code.
    """
    pairs = _pairs(raw_query)
    query = dict(pairs)
    authorization = headers.get("authorization", "")
    if authorization.startswith("AWS ") or "AWSAccessKeyId" in query:  # version 2, which S3 no longer takes for its buckets either
        raise AWSError("InvalidRequest", f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.", 400)
    if authorization:
        algorithm, _, rest = authorization.partition(" ")
        fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        if algorithm != ALGORITHM or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
            raise AWSError("IncompleteSignature", "The Authorization header is not a complete AWS4-HMAC-SHA256 signature.", 400)
        credential, signed_headers, signature = fields["Credential"], fields["SignedHeaders"], fields["Signature"]
        stamp = headers.get("x-amz-date", "")
    elif "X-Amz-Signature" in query:
        credential, signed_headers = query.get("X-Amz-Credential", ""), query.get("X-Amz-SignedHeaders", "")
        signature, stamp = query["X-Amz-Signature"], query.get("X-Amz-Date", "")
        pairs = [(k, v) for k, v in pairs if k != "X-Amz-Signature"]
    else:
        query_protocol = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        code = "MissingAuthenticationToken" if query_protocol else "AccessDenied"
        raise AWSError(
            "MissingAuthenticationTokenException" if "x-amz-target" in headers else code, "The request carries no signature.", 403
        )

    access_key, *scope = credential.split("/")
    if len(scope) != 4 or scope[3] != "aws4_request":
        raise AWSError("IncompleteSignature", "The credential scope is not <date>/<region>/<service>/aws4_request.", 400)
    date, region, service, _ = scope
    if not hmac.compare_digest(access_key.encode(), keys.access_key_id.encode()):
        codes = {"s3": "InvalidAccessKeyId", "sts": "InvalidClientTokenId", "iam": "InvalidClientTokenId"}
        code = codes.get(service, "UnrecognizedClientException")
        raise AWSError(code, "The access key is not one of this engine's.", 403)
    _check_time(stamp, date, query, presigned=not authorization, now=now)

    names = signed_headers.split(";")
    unsigned = ["host", *(name for name in headers if name.startswith("x-amz-"))]
    if service == "s3" and authorization and "x-amz-content-sha256" not in headers:
        raise AWSError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)
    for name in unsigned:
        if name not in names:
            code = "AccessDenied" if service == "s3" else _mismatch_code(service)
            raise AWSError(code, f"There were headers present in the request which were not signed: {name}", 403)
    covered = payload_hash
    if service == "s3":
        covered = headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD) if authorization else UNSIGNED_PAYLOAD
    if covered is None:
        raise AWSError("InvalidRequest", "The payload has no hash.", 400)
    path = quote(unquote_to_bytes(raw_path) if service == "s3" else raw_path, safe="/-_.~")
    canonical = "\n".join(
        [
            method,
            path or "/",
            "&".join(f"{k}={v}" for k, v in sorted((_encode(k), _encode(v)) for k, v in pairs)),
            "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names),
            signed_headers,
            covered,
        ]
    )
    to_sign = "\n".join([ALGORITHM, stamp, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise AWSError(_mismatch_code(service), "The request signature we calculated does not match the signature you provided.", 403)
    return SignedRequest(service, region, covered, ChunkSignatures(key, stamp, "/".join(scope), signature))


def _mismatch_code(service: str) -> str:
    return "SignatureDoesNotMatch" if service in {"s3", "sts", "iam"} else "InvalidSignatureException"


def _check_time(stamp: str, date: str, query: Mapping[str, str], *, presigned: bool, now: float) -> None:
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise AWSError("IncompleteSignature", "X-Amz-Date is missing or not of the form YYYYMMDDTHHMMSSZ.", 400) from error
    if not stamp.startswith(date):
        raise AWSError("SignatureDoesNotMatch", "The date of the credential scope is not that of the request.", 403)
    if presigned:
        expires = query.get("X-Amz-Expires", "")
        if not re.fullmatch("[0-9]{1,6}", expires) or not 1 <= int(expires) <= 604_800:
            raise AWSError("AuthorizationQueryParametersError", "X-Amz-Expires must be between 1 and 604800 seconds.", 400)
        if now > at + int(expires):
            raise AWSError("AccessDenied", "Request has expired", 403)
        if at > now + MAX_CLOCK_SKEW_SECONDS:
            raise AWSError("AccessDenied", "Request is not valid yet", 403)
    elif abs(now - at) > MAX_CLOCK_SKEW_SECONDS:
        raise AWSError("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403)


def _pairs(raw_query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in raw_query.split("&") if part)
    return [(unquote(k), unquote(v)) for k, _, v in parts]


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
