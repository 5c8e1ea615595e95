import base64
import hashlib
import hmac
import io
import os
import threading
import urllib.error
import urllib.request
import zlib
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, FlexibleChecksumError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.iam.sigv4 import ChunkSignatures
from engine.s3.buckets import list_objects
from engine.store.objects import ObjectStore
from engine.store.stored_objects import first_after_prefix

BUCKET = "contract-bucket"


@pytest.fixture(scope="module")
def s3(client):
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


def code(error):
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize("key", ["a/b c+d.txt", "ü/€ %20&?x=1", "../../etc/passwd", "a//b", "/lead", "..", "~`|\\\"'<>", "x" * 1000])
def test_a_hostile_key_is_a_key_like_any_other(s3, key):
    s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), Metadata={"who": "me"}, ContentType="text/plain")
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == key.encode()
    assert found["Metadata"] == {"who": "me"}
    assert found["ContentType"] == "text/plain"
    assert key in [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["Contents"]]
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": key})
    assert s3.get_object(Bucket=BUCKET, Key="copy")["Body"].read() == key.encode()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.text(alphabet="ab/é", min_size=1, max_size=5), max_size=8),
    page=st.integers(1, 4),
    delimiter=st.sampled_from(["", "/"]),
    operation=st.sampled_from(["list_objects_v2", "list_objects"]),
)
def test_lists_page_as_s3s_do(s3, keys, page, delimiter, operation):
    bucket = "listing-bucket"
    s3.create_bucket(Bucket=bucket)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    objects, groups = [], []
    for answer in s3.get_paginator(operation).paginate(Bucket=bucket, Delimiter=delimiter, PaginationConfig={"PageSize": page}):
        objects += [o["Key"] for o in answer.get("Contents", [])]
        groups += [p["Prefix"] for p in answer.get("CommonPrefixes", [])]
    grouped = {k.partition("/")[0] + "/" for k in keys if "/" in k} if delimiter else set()
    assert groups == sorted(grouped, key=str.encode)
    assert objects == sorted((k for k in keys if not (delimiter and "/" in k)), key=str.encode)
    if keys:
        assert sorted(
            d["Key"] for d in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in keys]})["Deleted"]
        ) == sorted(keys)
    s3.delete_bucket(Bucket=bucket)


def test_a_url_signed_the_old_way_is_told_the_new(client):
    url = client("s3", config=Config(signature_version="s3")).generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "x"})
    assert "AWSAccessKeyId=" in url
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url)
    assert b"Please use AWS4-HMAC-SHA256" in error.value.read()


def test_a_large_file_comes_back_whole_from_its_parts(s3):
    data = os.urandom(20 << 20)
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "large")
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "large", back)
    assert back.getvalue() == data
    assert s3.head_object(Bucket=BUCKET, Key="large")["ETag"].endswith('-3"')


def test_ranges_are_those_of_the_content(s3):
    s3.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    for asked, answer in {"bytes=2-4": b"234", "bytes=7-": b"789", "bytes=-2": b"89", "bytes=0-99": b"0123456789"}.items():
        assert s3.get_object(Bucket=BUCKET, Key="digits", Range=asked)["Body"].read() == answer
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=BUCKET, Key="digits", Range="bytes=10-")
    assert code(error) == "InvalidRange"


def test_of_twenty_writers_one_wins(s3):
    outcomes, refusals = [], []

    def write(i):
        try:
            s3.put_object(Bucket=BUCKET, Key="event-1", Body=str(i).encode(), IfNoneMatch="*")
            outcomes.append(i)
        except ClientError as error:
            refusals.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=write, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert refusals == ["PreconditionFailed"] * 19
    assert s3.get_object(Bucket=BUCKET, Key="event-1")["Body"].read() == str(outcomes[0]).encode()


def test_if_match_writes_only_over_what_was_seen(s3):
    first = s3.put_object(Bucket=BUCKET, Key="seen", Body=b"1")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="seen", Body=b"2", IfMatch=first)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="seen", Body=b"3", IfMatch=first)
    assert code(error) == "PreconditionFailed"
    assert s3.get_object(Bucket=BUCKET, Key="seen")["Body"].read() == b"2"


def test_a_wrong_checksum_leaves_nothing(s3):
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")
    assert code(error) == "BadDigest"
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=BUCKET, Key="bad")
    assert code(error) == "404"


def test_a_presigned_url_opens_and_a_changed_one_does_not(s3):
    s3.put_object(Bucket=BUCKET, Key="report.html", Body=b"<p>")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "report.html"})
    assert urllib.request.urlopen(url).read() == b"<p>"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url.replace("report.html", "large"))
    assert error.value.code == 403


def test_what_is_not_served_says_so(s3):
    with pytest.raises(ClientError) as error:
        s3.get_object_tagging(Bucket=BUCKET, Key="digits")
    assert code(error) == "NotImplemented"


def test_missing_things_have_s3s_own_codes(s3):
    for call, expected in (
        (lambda: s3.get_object(Bucket=BUCKET, Key="nothing-here"), "NoSuchKey"),
        (lambda: s3.list_objects_v2(Bucket="no-such-bucket"), "NoSuchBucket"),
        (lambda: s3.delete_bucket(Bucket=BUCKET), "BucketNotEmpty"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == expected


def test_keys_that_xml_cannot_carry_are_listed(s3):
    key = "bell\x07\x1f\uffff&<"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix="bell")["Contents"]] == [key]


@pytest.mark.slow
@given(prefix=st.text(max_size=4), key=st.text(max_size=6))
def test_the_end_of_a_prefix_is_exact(prefix, key):
    end = first_after_prefix(prefix)
    inside = key.encode() >= prefix.encode() and (end is None or key.encode() < end.encode())
    assert inside == key.startswith(prefix)


def test_a_page_of_ten_thousand_objects_reads_little_more_than_it_shows(tmp_path, monkeypatch):
    objects = ObjectStore(tmp_path)
    objects.create_bucket("many", 0.0)
    rows = [("many", f"run-{i % 5000:04d}/part-{i // 5000}", f"f{i}", 1, "e", 0.0, "{}") for i in range(10_000)]
    with objects._db.transaction() as db:
        db.executemany("INSERT INTO objects (bucket, key, file, size, etag, modified, headers) VALUES (?,?,?,?,?,?,?)", rows)
    read, list_rows = [], objects.list_objects

    def counted(*arguments, **limits):
        found = list_rows(*arguments, **limits)
        read.append(len(found))
        return found

    monkeypatch.setattr(objects, "list_objects", counted)
    context = SimpleNamespace(objects=objects)
    grouped = list_objects(context, SimpleNamespace(bucket="many", query={"list-type": "2", "delimiter": "/"})).body.decode()
    assert sum(read) <= 2 * 1000 + 2 * 1001  # two objects in each of the thousand folders shown, and the batches' ends
    read.clear()
    deep = list_objects(context, SimpleNamespace(bucket="many", query={"list-type": "2", "prefix": "run-4999/"})).body.decode()
    assert read == [2]
    assert grouped.count("<CommonPrefixes>") == 1000
    assert "<IsTruncated>true" in grouped
    assert deep.count("<Contents>") == 2
    objects.close()


def test_a_changed_list_of_deletions_deletes_nothing(s3, client):
    for key in ("keep", "drop"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    changed = client("s3")
    changed.meta.events.register(
        "before-send.s3.DeleteObjects", lambda request, **_: setattr(request, "body", request.body.replace(b"drop", b"keep"))
    )
    with pytest.raises(ClientError) as error:
        changed.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "drop"}]})
    assert code(error) == "XAmzContentSHA256Mismatch"
    assert s3.head_object(Bucket=BUCKET, Key="keep")
    assert s3.head_object(Bucket=BUCKET, Key="drop")


def test_a_changed_object_is_refused_and_leaves_what_was_there(s3, client):
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"before")
    changed = client("s3")
    changed.meta.events.register("before-send.s3.PutObject", lambda request, **_: setattr(request, "body", b"forged"))
    with pytest.raises(ClientError) as error:
        changed.put_object(Bucket=BUCKET, Key="kept", Body=b"honest")
    assert code(error) == "XAmzContentSHA256Mismatch"
    assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"before"


def test_a_file_that_rotted_on_disk_is_not_read_as_good(s3, engine_workspace):
    s3.put_object(Bucket=BUCKET, Key="rot", Body=b"evidence of the fourth quarter")
    (path,) = [p for p in (engine_workspace / "objects" / "files").iterdir() if p.read_bytes() == b"evidence of the fourth quarter"]
    path.write_bytes(b"Evidence of the fourth quarter")
    with pytest.raises(FlexibleChecksumError):
        s3.get_object(Bucket=BUCKET, Key="rot")["Body"].read()


def test_conditions_hold_for_copies_and_deletions_too(s3):
    etag = s3.put_object(Bucket=BUCKET, Key="source", Body=b"1")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="taken", Body=b"2")
    source = {"Bucket": BUCKET, "Key": "source"}
    for call in (
        lambda: s3.copy_object(Bucket=BUCKET, Key="taken", CopySource=source, IfNoneMatch="*"),
        lambda: s3.copy_object(Bucket=BUCKET, Key="new", CopySource=source, CopySourceIfMatch='"other"'),
        lambda: s3.delete_object(Bucket=BUCKET, Key="taken", IfMatch=etag),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "PreconditionFailed"
    assert s3.get_object(Bucket=BUCKET, Key="taken")["Body"].read() == b"2"
    s3.copy_object(Bucket=BUCKET, Key="new", CopySource=source, CopySourceIfMatch=etag, MetadataDirective="REPLACE", Metadata={"a": "b"})
    assert s3.head_object(Bucket=BUCKET, Key="new")["Metadata"] == {"a": "b"}


def test_a_multipart_upload_ends_as_s3s_do(s3):
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ContentType="text/csv")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload}
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)]
    assert [p["Size"] for p in s3.list_parts(**where)["Parts"]] == [5, 5]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["parts"]
    for given_parts, expected in (
        (parts, "EntityTooSmall"),
        (parts[::-1], "InvalidPartOrder"),
        ([{"PartNumber": 3, "ETag": "x"}], "InvalidPart"),
    ):
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(**where, MultipartUpload={"Parts": given_parts})
        assert code(error) == expected
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts[:1]})
    found = s3.get_object(Bucket=BUCKET, Key="parts")
    assert (found["Body"].read(), found["ContentType"]) == (b"small", "text/csv")
    with pytest.raises(ClientError) as error:
        s3.upload_part(**where, PartNumber=1, Body=b"late")
    assert code(error) == "NoSuchUpload"
    again = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    s3.abort_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=again)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
def test_a_document_type_is_refused_in_any_encoding(s3, client, encoding):
    """Entities expand: ten of ten of ten fill the memory."""
    s3.put_object(Bucket=BUCKET, Key="xxxxxxxxxx", Body=b"")
    text = '<!DOCTYPE d [<!ENTITY a "xxxxxxxxxx">]><Delete><Object><Key>&a;</Key></Object></Delete>'
    changed = client("s3")
    changed.meta.events.register("before-sign.s3.DeleteObjects", lambda request, **_: _replace(request, text.encode(encoding)))
    with pytest.raises(ClientError) as error:
        changed.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "k"}]})
    assert code(error) == "MalformedXML"
    assert s3.head_object(Bucket=BUCKET, Key="xxxxxxxxxx")


def _replace(request, body):
    request.data = body
    for name in [name for name in request.headers if name.lower().startswith("x-amz-checksum-") or name.lower() == "content-md5"]:
        del request.headers[name]


@pytest.mark.parametrize("seconds", ["0", "-1", "²", "999999", "604801", "9" * 5000])
def test_a_presigned_url_is_open_for_a_week_at_most(s3, seconds):
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "digits"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url.replace("X-Amz-Expires=3600", f"X-Amz-Expires={quote(seconds)}"))
    assert error.value.code == 400
    assert b"AuthorizationQueryParametersError" in error.value.read()


def test_a_header_that_the_answer_could_not_carry_is_refused(s3):
    s3.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=BUCKET, Key="digits", ResponseContentType="text/\U0001f916")
    assert code(error) == "InvalidArgument"


def test_a_presigned_url_expires(s3, monkeypatch):
    def presigned():
        what = {"Bucket": BUCKET, "Key": "digits", "ResponseContentType": "text/plain"}
        return s3.generate_presigned_url("get_object", Params=what, ExpiresIn=120)

    with urllib.request.urlopen(presigned()) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
    earlier = botocore.auth.get_current_datetime() - timedelta(seconds=121)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: earlier)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(presigned())
    assert b"Request has expired" in error.value.read()


def test_a_refusal_leaves_the_connection_usable(s3, client):
    """One connection, so that an unread body would be taken for the next request."""
    one = client("s3", config=Config(max_pool_connections=1, retries={"total_max_attempts": 1}))
    for size in (10, 3 << 20):
        for _ in range(2):
            with pytest.raises(ClientError) as error:
                one.put_object(Bucket="no-such-bucket", Key="k", Body=b"G" * size)
            assert code(error) == "NoSuchBucket"
            assert one.head_bucket(Bucket=BUCKET)


# bodies in signed chunks ---------------------------------------------------------------------------

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SCOPE = "20130524/us-east-1/s3/aws4_request"


def documented(seed):
    """The chain of the worked example in AWS's documentation of streaming signatures."""
    key = SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET), "s3", "us-east-1")
    signing = f"AWS4{SECRET}".encode()
    for part in SCOPE.split("/"):
        signing = key._sign(signing, part)
    return ChunkSignatures(signing, "20130524T000000Z", SCOPE, seed)


def test_chunk_signatures_are_those_of_awss_worked_example():
    chain = documented("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
    for chunk, signature in (
        (b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ):
        chain.check("PAYLOAD", hashlib.sha256(chunk).hexdigest(), signature)


def chunked(engine, key, payload, body, length, trailer="x-amz-checksum-crc32"):
    """PUT an aws-chunked ``body`` (bytes, or a function of the request's chain) and return (status, answer)."""
    request = AWSRequest("PUT", f"{engine.endpoint}/{BUCKET}/{key}")
    headers = {"x-amz-content-sha256": payload, "x-amz-decoded-content-length": str(length), "content-encoding": "aws-chunked"}
    if payload.endswith("TRAILER"):
        headers["x-amz-trailer"] = trailer
    for name, value in headers.items():
        request.headers[name] = value
    auth = SigV4Auth(Credentials(engine.access_key_id, engine.secret_access_key), "s3", engine.region)
    auth.add_auth(request)
    stamp = request.context["timestamp"]
    scope = auth.credential_scope(request)
    signing = f"AWS4{engine.secret_access_key}".encode()
    for part in scope.split("/"):
        signing = auth._sign(signing, part)
    seed = request.headers["Authorization"].rpartition("Signature=")[2]
    data = body(signing, stamp, scope, seed) if callable(body) else body
    sent = urllib.request.Request(request.url, data=data, headers=dict(request.headers.items()), method="PUT")
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def signed_chunks(*chunks, forge=False, trailer=None):
    def build(key, stamp, scope, previous):
        body = b""
        for chunk in [*chunks, b""]:
            lines = ["AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, previous, hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest()]
            previous = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
            sent = chunk.replace(b"honest", b"forged") if forge else chunk
            body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + sent + (b"\r\n" if chunk else b"")
        if trailer:
            lines = ["AWS4-HMAC-SHA256-TRAILER", stamp, scope, previous, hashlib.sha256(f"{trailer}\n".encode()).hexdigest()]
            signature = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
            body += f"{trailer}\r\nx-amz-trailer-signature:{signature}\r\n".encode()
        return body + b"\r\n"

    return build


def crc(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_signed_chunks_are_taken_and_forged_ones_refused(s3, engine):
    plain, trailing = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    chunks = [b"a" * 70_000, b"honest"]
    whole = b"".join(chunks)
    assert chunked(engine, "chunks", plain, signed_chunks(*chunks), len(whole))[0] == 200
    assert s3.get_object(Bucket=BUCKET, Key="chunks")["Body"].read() == whole
    trailer = f"x-amz-checksum-crc32:{crc(whole)}"
    assert chunked(engine, "trailing", trailing, signed_chunks(*chunks, trailer=trailer), len(whole))[0] == 200
    assert s3.get_object(Bucket=BUCKET, Key="trailing")["Body"].read() == whole
    status, answer = chunked(engine, "forged", plain, signed_chunks(*chunks, forge=True), len(whole))
    assert (status, b"SignatureDoesNotMatch" in answer) == (403, True)
    with pytest.raises(ClientError):
        s3.head_object(Bucket=BUCKET, Key="forged")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc(b"hello").encode() + b"\r\n\r\n", b""),
        (b"5\r\nhellO\r\n0\r\nx-amz-checksum-crc32:" + crc(b"hello").encode() + b"\r\n\r\n", b"BadDigest"),
        (b"5\r\nhello\r\n0\r\n\r\n", b"MalformedTrailerError"),
        (b"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:" + crc(b"hell").encode() + b"\r\n\r\n", b"IncompleteBody"),
        (b"5\r\nhello\r\n", b"IncompleteBody"),
        (b"-5\r\nhello\r\n0\r\n\r\n", b"IncompleteBody"),
    ],
)
def test_an_unsigned_chunked_body_is_held_to_its_trailer(engine, s3, body, expected):
    status, answer = chunked(engine, "trailer", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", body, 5)
    assert (status == 200) == (expected == b"")
    assert expected in answer
