"""Signatures: DSSE envelopes (https://github.com/secure-systems-lab/dsse), by an Ed25519 key of the workspace or a key in KMS."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypedDict, TypeVar, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import AWSSigner, CryptoSigner, Key, Signer, SSlibKey

from core.aws.target import Target
from core.errors import SIGNING_KEY_HINT, Forbidden, GovernanceError, translate_aws_errors
from core.settings import Settings
from core.stored_json import parse_stored_json

IN_TOTO_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
KEY_FILE = "signing-key.pem"
Document = TypeVar("Document")


class SignatureRecord(TypedDict):
    """A signature of an envelope; ``sig``: in base64."""

    keyid: str
    sig: str


class EnvelopeRecord(TypedDict):
    """An envelope, as it is stored."""

    payload: str
    payloadType: str
    signatures: list[SignatureRecord]


class Forged(GovernanceError):
    """Something signed is not what was signed, or was signed with a key that isn't trusted."""


def canonical_json(value: object) -> bytes:
    """``value`` as JSON that is the same for the same value: sorted keys, no spaces, UTF-8. Raises ValueError for NaN and infinities."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(content: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def in_toto_statement(subject: dict[str, str], kind: str, predicate: Mapping[str, object]) -> bytes:
    """An in-toto Statement; ``subject``: name -> SHA-256 of what the predicate is about."""
    subjects = [{"name": name, "digest": {"sha256": digest}} for name, digest in subject.items()]
    return canonical_json({"_type": STATEMENT_TYPE, "subject": subjects, "predicateType": kind, "predicate": predicate})


def sign_envelope(target: Target, payload: bytes, payload_type: str = IN_TOTO_TYPE) -> bytes:
    """The payload in a signed envelope, as JSON. Raises Forbidden if the key can't be used."""
    envelope = Envelope(payload, payload_type, {})
    with translate_aws_errors("the signing key"):
        envelope.sign(_current_signer(target))
    return canonical_json(envelope.to_dict())


def sign_file(target: Target, content: bytes) -> bytes:
    """The signature of a file's bytes as they are, for readers who have openssl and no DSSE verifier. Raises Forbidden if the key can't be
    used, and ValueError for the bytes of an envelope, which ``sign_envelope`` alone signs."""
    if content.startswith(b"DSSEv1 "):
        raise ValueError("The bytes of an envelope are signed by sign_envelope.")
    with translate_aws_errors("the signing key"):
        return bytes.fromhex(_current_signer(target).sign(content).signature)


def check_signing_key(target: Target) -> Key:
    """Sign something for a trial; returns the public key. Raises Forbidden if the signing key can't be used."""
    sign_envelope(target, b"", "application/vnd.governance.trial")
    return _current_signer(target).public_key


def open_envelope(content: bytes, keys: Iterable[Key], payload_type: str = IN_TOTO_TYPE) -> bytes:
    """The payload of a signed envelope. Raises Forged if any byte differs from what was signed."""
    return open_signed(content, keys, payload_type).payload


@dataclass(frozen=True)
class Signed:
    """What an envelope contains; ``keyids``: the keys whose signatures are valid."""

    payload: bytes
    keyids: tuple[str, ...]


def open_signed(content: bytes, keys: Iterable[Key], payload_type: str = IN_TOTO_TYPE) -> Signed:
    """The payload of a signed envelope, and who signed it. Raises Forged if any byte differs from what was signed."""
    no_envelope = Forged("This file is not a signed envelope.", hint="Compare with a copy kept elsewhere.")
    raw = parse_stored_json(content, no_envelope)
    if not isinstance(raw, dict):
        raise no_envelope
    try:
        envelope = Envelope.from_dict(raw)
        signers = envelope.verify(list(keys), 1)
        written = canonical_json(envelope.to_dict())
    except VerificationError as error:
        raise Forged("The signature is invalid.", hint="Compare with a copy kept elsewhere.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise no_envelope from error
    if envelope.payload_type != payload_type or written != content:
        raise Forged("The envelope differs from what was written.", hint="Compare with a copy kept elsewhere.")
    return Signed(bytes(envelope.payload), tuple(sorted(signers)))


def parse_signed_json(payload: bytes, message: str, shape: type[Document]) -> Document:
    """The JSON object that was signed. ``shape``: its TypedDict; the content isn't checked against it. Raises Forged with the message if it
    isn't a JSON object."""
    error = Forged(message, hint="Compare with a copy kept elsewhere.")
    found = parse_stored_json(payload, error)
    if not isinstance(found, dict):
        raise error
    return cast(Document, found)


def load_verification_keys(target: Target) -> list[Key]:
    """The public keys whose signatures count: this target's, and those that GOVERNANCE_TRUSTED_KEYS names (PEM files)."""
    return [_current_signer(target).public_key, *load_trusted_keys(target.settings)]


def load_trusted_keys(settings: Settings) -> list[Key]:
    """The public keys that GOVERNANCE_TRUSTED_KEYS names. Raises Forbidden if one is not a public key."""
    return [_load_public_key(str(path)) for path in settings.trusted_keys]


def public_pem(target: Target) -> str:
    """The public key that verifies what is signed now, in PEM."""
    return key_to_pem(_current_signer(target).public_key)


def key_to_pem(key: Key) -> str:
    """A public key in PEM."""
    public = str(key.keyval["public"])
    if public.startswith("-----BEGIN"):
        return public
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def find_key(target: Target, keyid: str) -> Key:
    """The public key with this id. Raises Forged if no trusted key has it."""
    trusted = next((key for key in load_verification_keys(target) if key.keyid == keyid), None)
    if trusted is None:
        raise Forged(f"No trusted public key has the id {keyid}.", resource=keyid, hint="Name its PEM file in GOVERNANCE_TRUSTED_KEYS.")
    return trusted


def openssl_command(target: Target, keyid: str, key: str, signed: str, signature: str) -> str:
    """The openssl command that verifies a file's signature by this key, without this product."""
    scheme = find_key(target, keyid).scheme
    if scheme == "ed25519":
        return f"openssl pkeyutl -verify -pubin -inkey {key} -rawin -in {signed} -sigfile {signature}"
    digest = next(
        f"sha{bits}" for bits in (256, 384, 512) if scheme.endswith(str(bits)) or (scheme.startswith("ecdsa") and str(bits) in scheme)
    )
    padding = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:auto" if "pss" in scheme else ""
    return f"openssl dgst -{digest} -verify {key}{padding} -signature {signature} {signed}"


def _current_signer(target: Target) -> Signer:
    with translate_aws_errors("the signing key"):
        return _signer_from_settings(target)


def _signer_from_settings(target: Target) -> Signer:
    if target.settings.target == "aws" and not target.settings.signing_key:
        remedy = "Name a key in KMS: GOVERNANCE_SIGNING_KEY=awskms:<key>. See docs/governance.md."
        raise Forbidden("No key to sign the log is set for AWS.", hint=remedy)
    return _load_signer(target.settings.signing_key or "", str(target.settings.workspace.resolve()), target.region)


@lru_cache(maxsize=16)
def _load_public_key(path: str) -> Key:
    try:
        return SSlibKey.from_crypto(load_pem_public_key(Path(path).read_bytes()))
    except OSError as error:
        raise Forbidden(f"{path} can't be read: {error.strerror}.", resource=path, hint="Check GOVERNANCE_TRUSTED_KEYS.") from error
    except ValueError as error:
        raise Forbidden(f"{path} is not a public key.", resource=path, hint="Name PEM files in GOVERNANCE_TRUSTED_KEYS.") from error


@lru_cache(maxsize=16)
def _load_signer(uri: str, workspace: str, region: str) -> Signer:
    if uri.startswith("awskms:"):
        try:
            of_key = re.match(r"awskms:arn:[^:]+:kms:([^:]+):", uri)
            boto3.setup_default_session(region_name=of_key[1] if of_key else region)  # the one that AWSSigner works with
            _, public = AWSSigner.import_(uri.removeprefix("awskms:"))
            return AWSSigner.from_priv_key_uri(uri, public)
        except (BotoCoreError, ClientError):
            raise
        except Exception as error:
            raise Forbidden(f"The key {uri} can't be used: {str(error).rstrip('.')}.", resource=uri, hint=SIGNING_KEY_HINT) from error
    path = Path(uri.removeprefix("file2:")) if uri else Path(workspace) / KEY_FILE
    if not uri and not path.exists():
        _create_key_file(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
        return CryptoSigner(key)
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a private key in PEM, or it has a password"
        remedy = "Check GOVERNANCE_SIGNING_KEY, or restore the key from a copy."
        raise Forbidden(f"The signing key {path} can't be read: {why}.", resource=str(path), hint=remedy) from error


def _create_key_file(path: Path) -> None:
    """A new key, readable by its owner only; of two processes that make one at the same time, the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(CryptoSigner(Ed25519PrivateKey.generate()).private_bytes)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
