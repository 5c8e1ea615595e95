"""Clients that write until the engine dies under them; each knows what was acknowledged and what was under way."""

from __future__ import annotations

import hashlib
import random
import threading

from botocore.exceptions import BotoCoreError
from version_model import VersionModel

from core.errors import TargetUnavailable
from core.governance import verification
from core.identity import Identity, Role
from core.ledger import audit_log

BUCKET, VERSIONED = "survivors", "surviving-versions"
GROUP = "survivors"
PART = 5 * 1024 * 1024
ADA = Identity("Ada", Role.ADMINISTRATOR)


class CutOff(Exception):
    """The engine died between the head of an answer and its body, which boto3 takes for an empty one."""


def answered(response, member):
    if member not in response:
        raise CutOff(member)
    return response[member]


class Writer:
    """One client. ``write`` runs until the engine is gone; ``check`` compares what is there with what was acknowledged."""

    def __init__(self, host, seed: int) -> None:
        self.host, self.random = host, random.Random(f"{seed} {type(self).__name__}")
        self.acknowledged = 0
        self.error: BaseException | None = None

    def begin(self) -> None:
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self) -> None:
        try:
            while True:
                self.step()
                self.acknowledged += 1
        except (BotoCoreError, TargetUnavailable, CutOff):  # no answer: the engine is gone
            pass
        except BaseException as error:
            self.error = error

    def join(self) -> None:
        """Wait for the end; raises what else than the engine's death ended it."""
        self.thread.join(timeout=120)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error

    def step(self) -> None:
        raise NotImplementedError

    def check(self) -> None:
        raise NotImplementedError


class Objects(Writer):
    """Puts, overwrites, conditional puts, multipart uploads and deletions of a dozen keys."""

    def __init__(self, host, seed: int) -> None:
        super().__init__(host, seed)
        self.there: dict[str, str | None] = {}  # key -> SHA-256 of its content, or None where there is no object
        self.doubt: tuple[str, str | None] | None = None
        host.s3.create_bucket(Bucket=BUCKET)

    def step(self) -> None:
        key = f"folder {self.random.randrange(3)}/{self.random.randrange(4)}"
        content = self.random.randbytes(self.random.choice([0, 10, 1000, 200_000]))
        how, s3 = self.random.random(), self.host.s3
        where = {"Bucket": BUCKET, "Key": key}
        if how < 0.15:
            self.doubt = (key, None)
            s3.delete_object(**where)
        elif how < 0.25:
            content = self.random.randbytes(1024) * (PART // 1024) + content + b"-"
            self.doubt = (key, sha(content))
            upload = answered(s3.create_multipart_upload(**where), "UploadId")
            parts = [
                {"PartNumber": n, "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=body)["ETag"]}
                for n, body in enumerate((content[:PART], content[PART:]), 1)
            ]
            s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
        else:
            self.doubt = (key, sha(content))
            condition = {"IfNoneMatch": "*"} if how < 0.5 and self.there.get(key) is None else {}
            s3.put_object(**where, Body=content, **condition)
        self.there[key] = self.doubt[1]
        self.doubt = None

    def check(self) -> None:
        s3 = self.host.s3
        found = {o["Key"]: o["Size"] for o in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
        contents = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in found}
        assert {key: len(content) for key, content in contents.items()} == found
        if self.doubt is not None:
            key, after = self.doubt
            now = sha(contents[key]) if key in contents else None
            assert now in {self.there.get(key), after}, f"{key} is neither as before nor as the unanswered request would have it"
            self.there[key], self.doubt = now, None
        assert {key: sha(content) for key, content in contents.items()} == {k: v for k, v in self.there.items() if v is not None}
        uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        assert len(uploads) <= 1, "an upload that was completed is still under way"
        for upload in uploads:
            s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
        pages = [
            page
            for bucket in s3.list_buckets()["Buckets"]
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"])
        ]
        named = sum(len(page.get("Versions", [])) for page in pages)
        assert len(list((self.host.workspace / "objects" / "files").iterdir())) == named, "a file is left that no object names"


class Versions(Writer):
    """Writes and deletions of three keys whose earlier versions are kept, some of which are then removed for good."""

    def __init__(self, host, seed: int) -> None:
        super().__init__(host, seed)
        self.model = VersionModel("Enabled")
        self.doubt: tuple[str, str, bytes | None] | None = None  # what is done, to which key, with which content or version
        host.s3.create_bucket(Bucket=VERSIONED)
        host.s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})

    def step(self) -> None:
        key, how, s3 = f"key {self.random.randrange(3)}", self.random.random(), self.host.s3
        where = {"Bucket": VERSIONED, "Key": key}
        known = self.model.keys.get(key, [])
        if how < 0.4 or not known:
            content = self.random.randbytes(self.random.choice([10, 50_000]))
            self.doubt = ("put", key, content)
            self.model.put(key, answered(s3.put_object(**where, Body=content), "VersionId"), content)
        elif how < 0.55:
            self.doubt = ("put", key, None)
            self.model.delete(key, answered(s3.delete_object(**where), "VersionId"))
        else:
            version = self.random.choice(known)[0]
            self.doubt = ("remove", key, version.encode())
            s3.delete_object(**where, VersionId=version)
            self.model.delete_version(key, version)
        self.doubt = None

    def check(self) -> None:
        found = VersionModel("Enabled")
        pages = self.host.s3.get_paginator("list_object_versions").paginate(Bucket=VERSIONED, PaginationConfig={"PageSize": 1})
        for page in pages:
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                where = {"Bucket": VERSIONED, "Key": one["Key"], "VersionId": one["VersionId"]}
                content = self.host.s3.get_object(**where)["Body"].read() if "ETag" in one else None
                assert one["IsLatest"] == (one["Key"] not in found.keys)
                found.keys.setdefault(one["Key"], []).append((one["VersionId"], content))
        if self.doubt is not None and found.listed() != self.model.listed():
            what, key, about = self.doubt
            if what == "put":
                self.model.put(key, found.keys[key][0][0], about)
            else:
                self.model.delete_version(key, (about or b"").decode())
        assert found.listed() == self.model.listed(), "neither as before nor as the unanswered request would have it"
        for key in self.model.keys:
            listed = self.host.s3.list_objects_v2(Bucket=VERSIONED, Prefix=key).get("Contents", [])
            assert [one["Size"] for one in listed] == [len(c) for c in [self.model.current(key)] if c is not None]
        self.doubt = None


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Registry(Writer):
    """Versions of one group: created, changed, deleted; and the group's tags."""

    def __init__(self, host, seed: int) -> None:
        super().__init__(host, seed)
        self.group = host.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)["ModelPackageGroupArn"]
        self.versions: dict[int, tuple[str, str]] = {}  # number -> the mark that it was made with, and its last one
        self.tags: dict[str, str] = {}
        self.highest, self.count = 0, 0
        self.doubt: tuple | None = None

    def step(self) -> None:
        how, sagemaker = self.random.random(), self.host.sagemaker
        self.count += 1
        mark = str(self.count)
        if how < 0.3 or not self.versions:
            self.doubt = ("create", mark)
            made = sagemaker.create_model_package(
                ModelPackageGroupName=GROUP, SourceUri=f"s3://survivors/{mark}", CustomerMetadataProperties={"mark": mark}
            )
            number = int(answered(made, "ModelPackageArn").rpartition("/")[2])
            assert number > self.highest, f"version {number} after version {self.highest}"
            self.highest = number
            self.versions[number] = (mark, mark)
        elif how < 0.5 or (how < 0.6 and len(self.versions) < 10):
            number = self.random.choice(list(self.versions))
            self.doubt = ("change", number, mark)
            sagemaker.update_model_package(ModelPackageArn=self._arn(number), CustomerMetadataProperties={"mark": mark})
            self.versions[number] = (self.versions[number][0], mark)
        elif how < 0.6 or len(self.versions) > 15:
            number = self.random.choice(list(self.versions))
            self.doubt = ("delete", number)
            sagemaker.delete_model_package(ModelPackageName=self._arn(number))
            del self.versions[number]
        elif how < 0.85 or not self.tags:
            key = f"key-{self.random.randrange(8)}"
            self.doubt = ("tag", key, mark)
            sagemaker.add_tags(ResourceArn=self.group, Tags=[{"Key": key, "Value": mark}])
            self.tags[key] = mark
        else:
            key = self.random.choice(list(self.tags))
            self.doubt = ("tag", key, None)
            sagemaker.delete_tags(ResourceArn=self.group, TagKeys=[key])
            del self.tags[key]
        self.doubt = None

    def _arn(self, number: int) -> str:
        return f"{self.group.replace(':model-package-group/', ':model-package/')}/{number}"

    def check(self) -> None:
        sagemaker = self.host.sagemaker
        ours = {"Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": GROUP}]}
        packages = [r["ModelPackage"] for r in sagemaker.search(Resource="ModelPackage", SearchExpression=ours, MaxResults=100)["Results"]]
        found = {p["ModelPackageVersion"]: (p["SourceUri"].rpartition("/")[2], p["CustomerMetadataProperties"]["mark"]) for p in packages}
        listed = sagemaker.list_model_packages(ModelPackageGroupName=GROUP, MaxResults=100)["ModelPackageSummaryList"]
        assert sorted(found) == sorted(p["ModelPackageVersion"] for p in listed) == sorted(p["ModelPackageVersion"] for p in packages)
        tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=self.group)["Tags"]}
        what, *about = self.doubt or ("nothing",)
        expected, expected_tags = [self.versions], [self.tags]
        if what == "create":
            new = [number for number in found if number not in self.versions]
            assert all(number > self.highest for number in new), f"versions {new} after version {self.highest}"
            expected.append(self.versions | dict.fromkeys(new[:1], (about[0], about[0])))
            self.highest = max([self.highest, *new])
        elif what == "change":
            expected.append(self.versions | {about[0]: (self.versions[about[0]][0], about[1])})
        elif what == "delete":
            expected.append({number: version for number, version in self.versions.items() if number != about[0]})
        elif what == "tag":
            changed = self.tags | {about[0]: about[1]}
            expected_tags.append({key: value for key, value in changed.items() if value is not None})
        assert found in expected
        assert tags in expected_tags
        self.versions, self.tags, self.doubt = found, tags, None


class Lineage(Writer):
    """Entities and the associations between them, each made once and some taken away again."""

    def __init__(self, host, seed: int) -> None:
        super().__init__(host, seed)
        self.entities: list[str] = []
        self.edges: set[tuple[str, str]] = set()
        self.count = 0
        self.doubt: tuple | None = None

    def step(self) -> None:
        sagemaker = self.host.sagemaker
        how = self.random.random()
        pairs = [pair for pair in self._pairs() if pair not in self.edges]
        if how < 0.5 or not pairs:
            self.count += 1
            name = f"context-{self.count}"
            self.doubt = ("create", name)
            made = sagemaker.create_context(
                ContextName=name, ContextType="Test", Source={"SourceUri": f"s3://survivors/{name}"}, Properties={"n": str(self.count)}
            )
            self.entities.append(answered(made, "ContextArn"))
        elif how < 0.9 or not self.edges:
            pair = self.random.choice(pairs)
            self.doubt = ("join", pair)
            sagemaker.add_association(SourceArn=pair[0], DestinationArn=pair[1], AssociationType="DerivedFrom")
            self.edges.add(pair)
        else:
            pair = self.random.choice(sorted(self.edges))
            self.doubt = ("part", pair)
            sagemaker.delete_association(SourceArn=pair[0], DestinationArn=pair[1])
            self.edges.discard(pair)
        self.doubt = None

    def _pairs(self) -> list[tuple[str, str]]:
        recent = self.entities[-8:]
        return [(a, b) for a in recent for b in recent if a < b]

    def check(self) -> None:
        sagemaker = self.host.sagemaker
        pages = sagemaker.get_paginator("list_contexts").paginate(ContextType="Test", SortOrder="Ascending")
        found = [entity["ContextArn"] for page in pages for entity in page["ContextSummaries"]]
        if found[-1:] != self.entities[-1:] and self.doubt and self.doubt[0] == "create":
            assert found[-1].endswith(f"/{self.doubt[1]}")
            self.entities.append(found[-1])
        assert found == self.entities
        if found:
            last = sagemaker.describe_context(ContextName=found[-1].rpartition("/")[2])
            assert last["Source"]["SourceUri"].endswith(f"context-{last['Properties']['n']}")
        pages = sagemaker.get_paginator("list_associations").paginate(AssociationType="DerivedFrom", SourceType="Test")
        edges = {(edge["SourceArn"], edge["DestinationArn"]) for page in pages for edge in page["AssociationSummaries"]}
        unsure = {self.doubt[1]} if self.doubt and self.doubt[0] != "create" else set()
        assert edges - unsure == self.edges - unsure
        self.edges, self.doubt = edges, None


class Log(Writer):
    """Events of the signed audit log, by the product's own code."""

    def __init__(self, host, seed: int) -> None:
        super().__init__(host, seed)
        self.events: dict[int, str] = {}
        self.count = 0

    def step(self) -> None:
        self.count += 1
        properties = {"governance:registered-by": ADA.tag}
        event = audit_log.append_event(self.host.core(), ADA, "register", f"survivor/{self.count}", {"properties": properties})
        self.events[event.number] = event.hash

    def check(self) -> None:
        audit_log.forget_read_events()
        found = {event.number: event.hash for event in audit_log.read_events(self.host.core())}
        assert len(found) - len(self.events) in {0, 1}
        assert self.events.items() <= found.items()
        self.events = found

    def verify(self) -> None:
        """The whole of it, as an auditor does; the next event has the head follow one whose writer had no answer."""
        self.step()
        report = verification.verify_log(self.host.core())
        assert report.problems == ()
