"""A request and its body: aws-chunked encoding undone, payload hash, chunk signatures and checksums checked.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, unquote

from engine.errors import AWSError
from engine.iam.sigv4 import ChunkSignatures
from engine.limits import MAX_OBJECT_BYTES, MAX_REQUEST_BYTES

MAX_LINE = 16 * 1024


@dataclass
class S3Request:
    """A request whose signature has been checked; ``payload_hash`` is what it says of the body.

    ``payload_hash`` is a hex SHA-256, ``UNSIGNED-PAYLOAD``, or a ``STREAMING-…`` word, and then ``chunk_signatures`` checks signed chunks.
    ``checksums`` are the x-amz-checksum-… headers and trailers that ``read_content`` found right.
    """

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload_hash: str
    stream_body: Callable[[], AsyncIterator[bytes]]
    chunk_signatures: ChunkSignatures | None = None
    checksums: dict[str, str] = field(default_factory=dict)


def parse_copy_source(headers: Mapping[str, str]) -> tuple[str, str, str | None]:
    """(bucket, key, version) of what a copy copies; the version is None for the object itself."""
    path, _, query = headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    return bucket, key, parse_qs(query, keep_blank_values=True).get("versionId", [None])[0]


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _CRC32:
    def __init__(self) -> None:
        self.value = 0

    def update(self, data: bytes, /) -> None:
        self.value = zlib.crc32(data, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(4, "big")


CHECKSUM_HASHES: dict[str, Callable[[], _Hash]] = {
    "content-md5": lambda: hashlib.md5(usedforsecurity=False),
    "x-amz-checksum-crc32": _CRC32,
    "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}
CHECKSUM_SETTINGS = {"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}


async def read_content(request: S3Request, *, max_bytes: int = MAX_OBJECT_BYTES) -> AsyncIterator[bytes]:
    """The body's content, as it comes; raises AWSError at its end when a hash, a signature or a length is wrong.

    So the reader must not act on the content before the iterator has ended.
    """
    headers = dict(request.headers)
    if request.method == "POST" and "uploadId" in request.query:  # the checksums of this one are the joined object's
        headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-checksum-")}
    announced = {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()}
    sums = {name: CHECKSUM_HASHES[name]() for name in (headers.keys() | announced) & CHECKSUM_HASHES.keys()}
    for name in headers.keys() | announced:
        if name.startswith("x-amz-checksum-") and name not in sums.keys() | CHECKSUM_SETTINGS:
            raise AWSError("NotImplemented", f"This engine does not compute {name}; it checks CRC32, SHA1 and SHA256.", 501)
    declared = headers.get("x-amz-decoded-content-length" if request.payload_hash.startswith("STREAMING-") else "content-length", "")
    if re.fullmatch("[0-9]{1,15}", declared) and int(declared) > max_bytes:
        raise AWSError("EntityTooLarge", f"Your proposed upload exceeds the maximum allowed size of {max_bytes} bytes.", 400)
    payload = hashlib.sha256()
    size = 0
    trailers: dict[str, str] = {}
    chunked = request.payload_hash.startswith("STREAMING-")
    async for chunk in _decode_chunks(request, trailers) if chunked else request.stream_body():
        size += len(chunk)
        if size > max_bytes:
            raise AWSError("EntityTooLarge", f"Your proposed upload exceeds the maximum allowed size of {max_bytes} bytes.", 400)
        if not chunked:
            payload.update(chunk)
        for one in sums.values():
            one.update(chunk)
        yield chunk
    if declared and declared != str(size):
        raise AWSError("IncompleteBody", "The body is not of the length that its headers state.", 400)
    if re.fullmatch("[0-9a-f]{64}", request.payload_hash) and request.payload_hash != payload.hexdigest():
        raise AWSError("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", 400)
    claims = headers | trailers
    for name in announced - claims.keys():
        raise AWSError("MalformedTrailerError", f"The trailer {name} was announced but is missing.", 400)
    for name, one in sums.items():
        check_digest(name, claims[name], one.digest())
        if name != "content-md5":
            request.checksums[name] = claims[name]


def check_digest(name: str, claim: str, digest: bytes) -> None:
    """Raises InvalidDigest or BadDigest unless ``claim`` is ``digest`` in base 64."""
    try:
        claimed = base64.b64decode(claim, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AWSError("InvalidDigest", f"The value of {name} is not valid.", 400) from error
    if claimed != digest:
        raise AWSError("BadDigest", f"The {name} you specified did not match the calculated checksum.", 400)


async def _decode_chunks(request: S3Request, trailers: dict[str, str]) -> AsyncIterator[bytes]:
    """The content of an aws-chunked body; its trailing headers go to ``trailers``."""
    chain = request.chunk_signatures if request.payload_hash.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") else None
    if chain is None and request.payload_hash != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        raise AWSError("NotImplemented", f"This engine does not read a payload of {request.payload_hash}.", 501)
    buffer, left, last, signature = b"", 0, False, ""
    digest = hashlib.sha256()
    async for piece in request.stream_body():
        buffer += piece
        while buffer and not last:
            if left:
                part, buffer = buffer[:left], buffer[left:]
                left -= len(part)
                if chain is not None:
                    digest.update(part)
                    if not left:
                        chain.check("PAYLOAD", digest.hexdigest(), signature)
                yield part
                continue
            buffer = buffer.removeprefix(b"\r\n")
            line, found, rest = buffer.partition(b"\r\n")
            if len(line) > MAX_LINE:
                raise AWSError("IncompleteBody", "The chunked body is malformed.", 400)
            if not found:
                break
            header = re.fullmatch(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?", line)
            if header is None:
                raise AWSError("IncompleteBody", "The chunked body is malformed.", 400)
            left, signature, digest = int(header[1], 16), (header[2] or b"").decode(), hashlib.sha256()
            buffer, last = rest, left == 0
            if chain is not None and last:
                chain.check("PAYLOAD", digest.hexdigest(), signature)
        if last and len(buffer) > MAX_LINE:
            raise AWSError("MalformedTrailerError", "The trailer is too long.", 400)
    if not last:
        raise AWSError("IncompleteBody", "The body ended before its last chunk.", 400)
    for trailer in buffer.decode("latin-1").splitlines():
        name, found_colon, value = trailer.partition(":")
        if found_colon:
            trailers[name.strip().lower()] = value.strip()
    signed = trailers.pop("x-amz-trailer-signature", "")
    if chain is not None and request.payload_hash.endswith("-TRAILER"):
        canonical = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        chain.check("TRAILER", hashlib.sha256(canonical.encode()).hexdigest(), signed)


async def read_whole_body(request: S3Request, max_bytes: int = MAX_REQUEST_BYTES) -> bytes:
    """A short body (XML), checked."""
    return b"".join([chunk async for chunk in read_content(request, max_bytes=max_bytes)])
