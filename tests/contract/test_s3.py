import io
import os
import threading
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.text(alphabet="ab/é", min_size=1, max_size=5), max_size=12),
    page=st.integers(1, 4),
    delimiter=st.sampled_from(["", "/"]),
)
def test_lists_page_as_s3s_do(s3, keys, page, delimiter):
    bucket = "listing-bucket"
    s3.create_bucket(Bucket=bucket)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    objects, groups = [], []
    for answer in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter=delimiter, PaginationConfig={"PageSize": page}):
        objects += [o["Key"] for o in answer.get("Contents", [])]
        groups += [p["Prefix"] for p in answer.get("CommonPrefixes", [])]
    grouped = {k.partition("/")[0] + "/" for k in keys if "/" in k} if delimiter else set()
    assert groups == sorted(grouped, key=str.encode)
    assert objects == sorted((k for k in keys if not (delimiter and "/" in k)), key=str.encode)
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_bucket(Bucket=bucket)


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
