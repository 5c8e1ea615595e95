"""Temporary credentials. The session token says whose they are and until when, signed by the engine, so nothing has to be stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from engine.errors import AWSError
from engine.principal import ENGINE_USER, AccessKeys, Principal


@dataclass(frozen=True)
class Session:
    """Temporary keys; ``expires``: epoch seconds."""

    keys: AccessKeys
    token: str
    expires: float


class SessionExpired(ValueError):
    """The session has ended."""


def principal_id(principal: Principal) -> str:
    """The principal's unique id, as STS gives it."""
    return "AIDAGOVERNANCELOCAL00" if principal == ENGINE_USER else f"AROAGOVERNANCELOCAL00:{principal.arn.rpartition('/')[2]}"


def begin_session(keys: AccessKeys, principal: Principal, expires: float) -> Session:
    """New temporary keys for a principal, signed with the engine's own ``keys``; ``expires``: seconds since the epoch."""
    access_key = "ASIA" + secrets.token_hex(8).upper()
    said = [access_key, principal.arn, principal.kind, principal.name, principal.tags, expires]
    content = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    token = f"{content}.{_mac(keys, 'token', content)}"
    return Session(AccessKeys(access_key, _mac(keys, "secret", content)), token, expires)


def resume_session(keys: AccessKeys, token: str, now: float) -> tuple[AccessKeys, Principal]:
    """The keys and the principal of a session token. Raises ValueError for a token that the engine didn't issue, SessionExpired."""
    content, _, mac = token.rpartition(".")
    if not hmac.compare_digest(mac.encode(), _mac(keys, "token", content).encode()):
        raise ValueError("this engine didn't issue the token")
    access_key, arn, kind, name, tags, expires = json.loads(base64.urlsafe_b64decode(content))
    if now > expires:
        raise SessionExpired
    return AccessKeys(access_key, _mac(keys, "secret", content)), Principal(arn, kind, name, tuple((key, value) for key, value in tags))


def resolve_credentials(keys: AccessKeys, service: str, token: str | None, now: float) -> tuple[AccessKeys, Principal]:
    """The keys that a request must be signed with, and its caller. Raises AWSError for a token that is invalid or has expired."""
    if token is None:
        return keys, ENGINE_USER
    try:
        return resume_session(keys, token, now)
    except SessionExpired as error:
        code = "ExpiredToken" if service in {"s3", "sts", "iam"} else "ExpiredTokenException"
        raise AWSError(code, "The security token included in the request is expired", 400 if service == "s3" else 403) from error
    except (ValueError, TypeError) as error:
        codes = {"s3": "InvalidToken", "sts": "InvalidClientTokenId", "iam": "InvalidClientTokenId"}
        message = "The security token included in the request is invalid."
        raise AWSError(codes.get(service, "UnrecognizedClientException"), message, 400 if service == "s3" else 403) from error


def _mac(keys: AccessKeys, purpose: str, content: str) -> str:
    return hmac.new(keys.secret_access_key.encode(), f"{purpose}:{content}".encode(), hashlib.sha256).hexdigest()
