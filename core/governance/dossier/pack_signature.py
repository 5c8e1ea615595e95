"""One signature over every file of an evidence pack, and the commands by which a reader without this product checks it."""

from __future__ import annotations

from collections.abc import Mapping

from core.aws.target import Target
from core.ledger.signing import in_toto_statement, openssl_command, sha256, sign_envelope, sign_file

PREDICATE_TYPE = "urn:governance-dashboard:evidence-pack:1"
SUMS, SUMS_SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
SAME_CONTENT_COMMAND = f"sha256sum -c {SUMS}"
NOTHING_ADDED_COMMAND = (
    rf"! find . ! -type d -print0 | tr '\n\0' '?\n' | cut -c3- | grep -vxF -e {SUMS} -e {SUMS_SIGNATURE} -e " + f'"$(cut -c67- {SUMS})"'
)
"""For ``sh``: prints each file that isn't listed, and fails if there is one. A line break in a name, which could make it look like two that
are listed, is replaced."""


def sign_pack(target: Target, files: Mapping[str, bytes], predicate: Mapping[str, object]) -> dict[str, bytes]:
    """The files of a pack by name, and with them: an in-toto Statement with the digest of each (``pack.json``, and signed in an envelope),
    a list of all digests for sha256sum, and that list's signature. ``predicate``: what the statement says of the export. Raises Forbidden
    if the signing key can't be used."""
    statement = in_toto_statement({name: sha256(content) for name, content in sorted(files.items())}, PREDICATE_TYPE, predicate)
    listed = {**files, "pack.json": statement, "pack.dsse.json": sign_envelope(target, statement)}
    sums = "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(listed.items())).encode()
    return listed | {SUMS: sums, SUMS_SIGNATURE: sign_file(target, sums)}


def check_commands(target: Target, keyid: str, key: str) -> tuple[str, str, str]:
    """The commands that a reader runs in the pack's folder: the list is as it was signed, every listed file is as listed, and there is no
    other file. ``key``: the path of the public key."""
    return openssl_command(target, keyid, key, SUMS, SUMS_SIGNATURE), SAME_CONTENT_COMMAND, NOTHING_ADDED_COMMAND
