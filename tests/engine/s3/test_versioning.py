"""Versioning over the wire: headers, codes, lists and permissions as in S3's documentation."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from itertools import chain

import pytest
from botocore.exceptions import ClientError

BUCKET = "versioned-bucket"


@pytest.fixture(scope="module")
def s3(client):
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    assert "Status" not in s3.get_bucket_versioning(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="before", Body=b"old")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    return s3


def refused(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response


def put(s3, key, body, **more):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)["VersionId"]


def read(s3, key, **more):
    found = s3.get_object(Bucket=BUCKET, Key=key, **more)
    return found["Body"].read(), found["VersionId"]


def test_an_overwritten_object_can_be_read_by_its_version(s3):
    first, second = put(s3, "k", b"1"), put(s3, "k", b"2")
    assert first != second
    assert read(s3, "k") == (b"2", second)
    assert read(s3, "k", VersionId=first) == (b"1", first)
    assert s3.head_object(Bucket=BUCKET, Key="k", VersionId=first)["ContentLength"] == 1
    copied = s3.copy_object(Bucket=BUCKET, Key="k", CopySource={"Bucket": BUCKET, "Key": "k", "VersionId": first})
    assert copied["CopySourceVersionId"] == first
    assert read(s3, "k") == (b"1", copied["VersionId"])


def test_what_was_written_before_is_the_null_version(s3):
    assert read(s3, "before") == (b"old", "null")
    after = put(s3, "before", b"new")
    assert read(s3, "before", VersionId="null") == (b"old", "null")
    s3.delete_object(Bucket=BUCKET, Key="before", VersionId=after)
    assert read(s3, "before") == (b"old", "null")


def test_a_delete_marker_hides_an_object_and_is_itself_deleted(s3):
    version = put(s3, "hidden", b"1")
    marker = s3.delete_object(Bucket=BUCKET, Key="hidden")
    assert marker["DeleteMarker"] is True
    for call in (s3.get_object, s3.head_object):
        answer = refused(call, Bucket=BUCKET, Key="hidden")
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
        answer = refused(call, Bucket=BUCKET, Key="hidden", VersionId=marker["VersionId"])
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 405
        assert (headers["x-amz-delete-marker"], headers["allow"]) == ("true", "DELETE")
        assert "last-modified" in headers
    source = {"Bucket": BUCKET, "Key": "hidden"}
    assert refused(s3.copy_object, Bucket=BUCKET, Key="x", CopySource=source)["Error"]["Code"] == "NoSuchKey"
    source["VersionId"] = marker["VersionId"]
    assert refused(s3.copy_object, Bucket=BUCKET, Key="x", CopySource=source)["Error"]["Code"] == "InvalidRequest"
    assert read(s3, "hidden", VersionId=version) == (b"1", version)
    removed = s3.delete_object(Bucket=BUCKET, Key="hidden", VersionId=marker["VersionId"])
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, marker["VersionId"])
    assert read(s3, "hidden") == (b"1", version)


def test_a_condition_takes_a_deleted_object_for_absent(s3):
    put(s3, "event", b"1")
    assert refused(s3.put_object, Bucket=BUCKET, Key="event", Body=b"2", IfNoneMatch="*")["Error"]["Code"] == "PreconditionFailed"
    s3.delete_object(Bucket=BUCKET, Key="event")
    assert refused(s3.put_object, Bucket=BUCKET, Key="event", Body=b"2", IfMatch='"a"')["Error"]["Code"] == "NoSuchKey"
    again = put(s3, "event", b"2", IfNoneMatch="*")
    assert read(s3, "event") == (b"2", again)


def test_unknown_and_impossible_versions_have_s3s_codes(s3):
    known = put(s3, "k", b"1")
    other = known[:-1] + ("A" if known[-1] != "A" else "B")
    assert refused(s3.get_object, Bucket=BUCKET, Key="k", VersionId=other)["Error"]["Code"] == "NoSuchVersion"
    assert refused(s3.get_object, Bucket=BUCKET, Key="k", VersionId="1")["Error"]["Code"] == "InvalidArgument"
    assert refused(s3.delete_object, Bucket=BUCKET, Key="k", VersionId="1")["Error"]["Code"] == "InvalidArgument"
    assert s3.delete_object(Bucket=BUCKET, Key="k", VersionId=other)["VersionId"] == other
    wrong = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "k", "VersionId": "1"}, {"Key": "k", "VersionId": known}]})
    assert [one["VersionId"] for one in wrong["Deleted"]] == [known]
    assert [(one["Key"], one["VersionId"], one["Code"]) for one in wrong["Errors"]] == [("k", "1", "NoSuchVersion")]
    for answer in (
        refused(s3.list_object_versions, Bucket=BUCKET, VersionIdMarker=known),
        refused(s3.list_object_versions, Bucket=BUCKET, KeyMarker="k", VersionIdMarker="1"),
    ):
        assert answer["Error"]["Code"] == "InvalidArgument"


def test_a_multipart_upload_makes_one_version(s3):
    first = put(s3, "parts", b"before")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload}
    source = {"Bucket": BUCKET, "Key": "parts", "VersionId": first}
    copied = s3.upload_part_copy(**where, PartNumber=1, CopySource=source)
    assert copied["CopySourceVersionId"] == first
    part = {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}
    made = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [part]})
    assert read(s3, "parts") == (b"before", made["VersionId"])
    assert made["VersionId"] != first
    assert len(s3.list_object_versions(Bucket=BUCKET, Prefix="parts")["Versions"]) == 2


@pytest.fixture
def own(s3, request):
    """A bucket of its own with versions."""
    name = f"versions-{abs(hash(request.node.name)) % 10**8}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def entries(pages):
    """(key, id, whether newest, whether a marker) in order, and the common prefixes."""
    found, groups = [], []
    for page in pages:
        part = [(one["Key"], one["VersionId"], one["IsLatest"], False) for one in page.get("Versions", [])]
        found.append(part + [(one["Key"], one["VersionId"], one["IsLatest"], True) for one in page.get("DeleteMarkers", [])])
        groups += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
    return found, groups


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_versions_are_listed_by_key_and_age_in_pages(s3, own, size):
    history = {}
    for key in ("a", "b/1", "b/2", "c"):
        versions = [s3.put_object(Bucket=own, Key=key, Body=str(n).encode())["VersionId"] for n in range(3)]
        if key != "c":
            versions.append(s3.delete_object(Bucket=own, Key=key)["VersionId"])
        history[key] = versions[::-1]
    expected = [(key, id_, not n, key != "c" and not n) for key, ids in history.items() for n, id_ in enumerate(ids)]
    paginator = s3.get_paginator("list_object_versions")
    found, _ = entries(paginator.paginate(Bucket=own, PaginationConfig={"PageSize": size}))
    assert sorted(chain(*found)) == sorted(expected)
    assert all(len(page) <= size for page in found)
    if size == 1:
        assert list(chain(*found)) == expected
    found, groups = entries(paginator.paginate(Bucket=own, Delimiter="/", PaginationConfig={"PageSize": size}))
    assert (groups, {key for page in found for key, *_ in page}) == (["b/"], {"a", "c"})
    found, _ = entries(paginator.paginate(Bucket=own, Prefix="b/", PaginationConfig={"PageSize": size}))
    assert [key for page in found for key, *_ in page] == ["b/1"] * 4 + ["b/2"] * 4 or size > 4
    # as clients empty a bucket: each page is deleted before the next is asked for
    for page in paginator.paginate(Bucket=own, PaginationConfig={"PageSize": size}):
        objects = [{"Key": o["Key"], "VersionId": o["VersionId"]} for o in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]
        if objects:
            assert "Errors" not in s3.delete_objects(Bucket=own, Delete={"Objects": objects})
    s3.delete_bucket(Bucket=own)


def test_a_suspended_bucket_replaces_the_null_version_only(s3, own):
    kept = s3.put_object(Bucket=own, Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=own, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"1", b"2"):
        assert "VersionId" not in s3.put_object(Bucket=own, Key="k", Body=body)
    found = s3.get_object(Bucket=own, Key="k")
    assert (found["Body"].read(), found["VersionId"]) == (b"2", "null")
    assert s3.get_object(Bucket=own, Key="k", VersionId=kept)["Body"].read() == b"kept"
    deleted = s3.delete_object(Bucket=own, Key="k")
    assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
    listed = s3.list_object_versions(Bucket=own)
    assert [one["VersionId"] for one in listed["Versions"]] == [kept]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == ["null"]
    s3.delete_object(Bucket=own, Key="k", VersionId="null")
    assert s3.get_object(Bucket=own, Key="k")["Body"].read() == b"kept"


def test_deletions_of_many_say_what_each_did(s3, own):
    first, second = (s3.put_object(Bucket=own, Key="k", Body=b"")["VersionId"] for _ in range(2))
    done = s3.delete_objects(Bucket=own, Delete={"Objects": [{"Key": "k"}, {"Key": "k", "VersionId": first}, {"Key": "never"}]})["Deleted"]
    marker = done[0]["DeleteMarkerVersionId"]
    assert [(one["Key"], one.get("VersionId"), one.get("DeleteMarker")) for one in done] == [
        ("k", None, True),
        ("k", first, None),
        ("never", None, True),
    ]
    (again,) = s3.delete_objects(Bucket=own, Delete={"Objects": [{"Key": "k", "VersionId": marker}]})["Deleted"]
    assert (again["DeleteMarker"], again["DeleteMarkerVersionId"]) == (True, marker)
    assert s3.head_object(Bucket=own, Key="k")["VersionId"] == second


def test_what_versioning_can_be_is_checked(s3):
    for configuration in ({"Status": "On"}, {}):
        answer = refused(s3.put_bucket_versioning, Bucket=BUCKET, VersioningConfiguration=configuration)
        assert answer["Error"]["Code"] == "IllegalVersioningConfigurationException"
    both = {"Status": "Enabled", "MFADelete": "Enabled"}
    assert refused(s3.put_bucket_versioning, Bucket=BUCKET, VersioningConfiguration=both)["Error"]["Code"] == "NotImplemented"
    missing = refused(s3.put_bucket_versioning, Bucket="no-such-bucket", VersioningConfiguration={"Status": "Enabled"})
    assert missing["Error"]["Code"] == "NoSuchBucket"


def test_the_bucket_that_the_engine_makes_keeps_versions(s3, engine):
    assert s3.get_bucket_versioning(Bucket=f"sagemaker-{engine.region}-000000000000")["Status"] == "Enabled"


def test_a_presigned_url_is_for_its_version(s3):
    first = put(s3, "signed", b"1")
    second = put(s3, "signed", b"2")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "signed", "VersionId": first})
    assert urllib.request.urlopen(url).read() == b"1"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url.replace(first, second))
    assert error.value.code == 403


# permissions ---------------------------------------------------------------------------------------


def document(*statements):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [dict(zip(("Effect", "Action", "Resource"), s, strict=True)) for s in statements]}
    )


ARN = f"arn:aws:s3:::{BUCKET}"


def test_versions_have_permissions_of_their_own(s3, acting):
    first, _ = put(s3, "who", b"1"), put(s3, "who", b"2")
    its = {"Bucket": BUCKET, "Key": "who"}
    plain = acting(document(("Allow", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"], [ARN, f"{ARN}/*"])))("s3")
    assert plain.get_object(**its)["Body"].read() == b"2"
    for call, arguments, action in (
        (plain.get_object, its | {"VersionId": first}, "s3:GetObjectVersion"),
        (plain.head_object, its | {"VersionId": first}, None),
        (plain.delete_object, its | {"VersionId": first}, "s3:DeleteObjectVersion"),
        (plain.copy_object, {"Bucket": BUCKET, "Key": "c", "CopySource": its | {"VersionId": first}}, "s3:GetObjectVersion"),
        (plain.list_object_versions, {"Bucket": BUCKET}, "s3:ListBucketVersions"),
        (plain.get_bucket_versioning, {"Bucket": BUCKET}, "s3:GetBucketVersioning"),
        (plain.put_bucket_versioning, {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}, "s3:PutBucketVersioning"),
    ):
        answer = refused(call, **arguments)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert action is None or f"perform: {action} on" in answer["Error"]["Message"]
    many = plain.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "who", "VersionId": first}, {"Key": "nobody"}]})
    assert [(one["Key"], one["Code"]) for one in many["Errors"]] == [("who", "AccessDenied")]
    assert [one["Key"] for one in many["Deleted"]] == ["nobody"]
    versions = acting(document(("Allow", ["s3:GetObjectVersion", "s3:ListBucketVersions", "s3:GetBucketVersioning"], [ARN, f"{ARN}/*"])))(
        "s3"
    )
    assert versions.get_object(**its, VersionId=first)["Body"].read() == b"1"
    assert versions.list_object_versions(Bucket=BUCKET, Prefix="who")["Versions"]
    assert versions.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert refused(versions.get_object, **its)["Error"]["Code"] == "AccessDenied"


def test_a_denied_prefix_is_denied_in_a_list_of_deletions_too(s3, acting):
    put(s3, "log/1", b"")
    put(s3, "other", b"")
    of = acting(document(("Allow", "s3:*", "*"), ("Deny", ["s3:DeleteObject*", "s3:PutObject"], f"{ARN}/log/*")))("s3")
    done = of.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "log/1"}, {"Key": "other"}]})
    assert ([one["Key"] for one in done["Deleted"]], [one["Code"] for one in done["Errors"]]) == (["other"], ["AccessDenied"])
    assert s3.head_object(Bucket=BUCKET, Key="log/1")


def test_a_copy_is_allowed_by_the_key_that_it_reads(s3, acting):
    """A key may contain a question mark: what comes after it is no parameter."""
    put(s3, "open", b"")
    put(s3, "open?secret", b"secret")
    of = acting(document(("Allow", "s3:PutObject", f"{ARN}/*"), ("Allow", "s3:GetObject", f"{ARN}/open")))("s3")
    of.copy_object(Bucket=BUCKET, Key="c", CopySource={"Bucket": BUCKET, "Key": "open"})
    refusal = refused(of.copy_object, Bucket=BUCKET, Key="c", CopySource={"Bucket": BUCKET, "Key": "open?secret"})
    assert refusal["Error"]["Code"] == "AccessDenied"
