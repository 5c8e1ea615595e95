"""Verifies an ID token of the configured sign-in provider, as the page does when somebody signs in: by the provider's own keys."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from core.errors import DataError, Forbidden, TargetUnavailable

SECRETS = Path(".streamlit/secrets.toml")
"""Where Streamlit reads the provider from: in the working directory, and in the home directory."""
SIGNATURES = frozenset({*(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)), "EdDSA", "Ed25519"})
"""Signatures that only the provider can make. Those by a shared secret, and none at all, are refused whatever the provider offers."""
CLOCK_SKEW_SECONDS = 120
"""How far the provider's clock may be ahead, as at the page's sign-in. No token lasts longer by it: ``account_from_claims`` checks that."""
NEW_TOKEN_HINT = "Get a new ID token from the provider, for the client of this dashboard."  # noqa: S105


@dataclass(frozen=True)
class Provider:
    """A sign-in provider: the URL of its metadata, and the id that the dashboard has there."""

    metadata_url: str
    client_id: str


def read_providers(secrets: Path | None = None) -> tuple[Provider, ...]:
    """The providers in ``[auth]`` or ``[auth.NAME]`` of a secrets file, by default the one that the page reads; empty if that has none.
    Raises DataError for a file that can't be read, or that leaves something out."""
    for path in [secrets] if secrets else [SECRETS, Path.home() / SECRETS]:
        if not secrets and not path.is_file():
            continue
        try:
            auth = tomllib.loads(path.read_text(encoding="utf-8")).get("auth")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            hint = "Correct --secrets, or the file: docs/sign-in.md says what it contains."
            raise DataError(f"{path} can't be read: {reason}.", resource=str(path), hint=hint) from error
        if isinstance(auth, Mapping):
            return tuple(_parse_providers(path, auth))
        if secrets:
            raise DataError(f"{path} has no [auth].", resource=str(path), hint="Write it as docs/sign-in.md says, or leave --secrets out.")
    return ()


def _parse_providers(path: Path, auth: Mapping[str, object]) -> Iterator[Provider]:
    for table in [table for table in auth.values() if isinstance(table, Mapping) and "client_id" in table] or [auth]:
        url, client = table.get("server_metadata_url"), table.get("client_id")
        if not (isinstance(url, str) and url and isinstance(client, str) and client):
            hint = "Write both, as docs/sign-in.md says."
            raise DataError(f"[auth] of {path} lacks server_metadata_url or client_id.", resource=str(path), hint=hint)
        yield Provider(url, client)


def verify_id_token(token: str, providers: tuple[Provider, ...]) -> Mapping[str, object]:
    """The claims of an ID token that one of the providers signed for its client here. Raises Forbidden for one that is forged, expired or
    for somebody else; TargetUnavailable if the provider doesn't answer."""
    refusals: list[Forbidden] = []
    for provider in providers:
        try:
            return _verify(token, provider)
        except Forbidden as error:
            refusals.append(error)
    raise refusals[0] if refusals else Forbidden("No sign-in provider is configured.", hint="Set one up as docs/sign-in.md says.")


def _verify(token: str, provider: Provider) -> Mapping[str, object]:
    metadata = _read_json(provider.metadata_url)
    issuer, keys_url, offered = (metadata.get(key) for key in ("issuer", "jwks_uri", "id_token_signing_alg_values_supported"))
    if not (isinstance(issuer, str) and issuer and isinstance(keys_url, str)):
        raise DataError(f"{provider.metadata_url} names no issuer or no keys.", hint="Correct server_metadata_url in the secrets file.")
    algorithms = sorted(SIGNATURES & set(map(str, offered if isinstance(offered, list) and offered else ["RS256"])))
    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": provider.client_id}}
    try:
        keys = KeySet.import_key_set(_read_json(keys_url))  # type: ignore[arg-type]  # the provider's; it raises for any other form
        found = jwt.decode(token, keys, registry=JWSRegistry(algorithms=algorithms, strict_check_header=False))
        CodeIDToken(found.claims, found.header, expected, {"client_id": provider.client_id}).validate(leeway=CLOCK_SKEW_SECONDS)
    except ExpiredTokenError as error:
        raise Forbidden("The ID token has expired.", hint=NEW_TOKEN_HINT) from error
    except ClaimError as error:
        what = f"The ID token isn't one of {issuer} for the client {provider.client_id}: its claim {error.claim} is missing or another."
        raise Forbidden(what, resource=error.claim, hint=NEW_TOKEN_HINT) from error
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Forbidden(f"The ID token isn't signed by {issuer}.", hint=NEW_TOKEN_HINT) from error
    if str(found.header.get("typ") or "JWT").upper() != "JWT":
        raise Forbidden(f"This is a token of another kind ({found.header['typ']}), not an ID token.", hint=NEW_TOKEN_HINT)
    return found.claims


def _read_json(url: str) -> Mapping[str, object]:
    try:
        content = httpx.get(url, timeout=30).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        hint = "Check the network, and server_metadata_url in the secrets file."
        raise TargetUnavailable(f"The sign-in provider can't be read at {url}: {error}", resource=url, hint=hint) from error
    if not isinstance(content, dict):
        raise DataError(f"{url} isn't the metadata of a sign-in provider.", resource=url, hint="Correct server_metadata_url.")
    return content
