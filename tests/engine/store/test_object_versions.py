"""Versions of objects, on disk: any sequence of writes and deletions leaves what S3's documentation says, also after a crash."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from version_model import VersionModel

from engine.store.objects import ObjectStore
from engine.store.stored_objects import DeleteMarker, IsDeleteMarker, NoSuchKey, NoSuchVersion, PreconditionFailed, WriteCondition

KEYS = st.sampled_from(["a", "a/b", "é"])
BUCKET = "versions"


def write(objects, key, content, condition=WriteCondition()):  # noqa: B008 - it is frozen
    with objects.receive_body() as body:
        body.write(content)
        return objects.put(BUCKET, key, body, {"content-type": "text/plain"}, 1.0, condition=condition)


def content_of(objects, key, version=None):
    found = objects.open(BUCKET, key, version)
    if found is None:
        return None
    with found[1]:
        return found[1].read()


class Versions(RuleBasedStateMachine):
    """The store beside the model."""

    @initialize(status=st.sampled_from([None, "Enabled", "Suspended"]))
    def begin(self, status):
        self.folder = Path(tempfile.mkdtemp())
        self.objects, self.model, self.count = ObjectStore(self.folder / "0"), VersionModel(), 0
        self.objects.create_bucket(BUCKET, 0.0)
        if status:
            self.switch(status)

    def teardown(self):
        if hasattr(self, "folder"):
            self.objects.close()
            shutil.rmtree(self.folder)

    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def switch(self, status):
        self.objects.set_versioning(BUCKET, status)
        self.model.status = status

    @rule(key=KEYS, absent=st.booleans())
    def put(self, key, absent):
        self.count += 1
        content = b"%d" % self.count
        if absent and self.model.current(key) is not None:
            with pytest.raises(PreconditionFailed):
                write(self.objects, key, content, WriteCondition(absent=True))
            return
        self.model.put(key, write(self.objects, key, content, WriteCondition(absent=absent)).version, content)

    @rule(key=KEYS)
    def replace(self, key):
        self.count += 1
        content, current = b"%d" % self.count, self.model.current(key)
        if current is None:
            with pytest.raises(NoSuchKey):
                write(self.objects, key, content, WriteCondition(etag="*"))
            return
        with pytest.raises(PreconditionFailed):
            write(self.objects, key, content, WriteCondition(etag="another"))
        etag = self.objects.get(BUCKET, key).etag
        self.model.put(key, write(self.objects, key, content, WriteCondition(etag=etag)).version, content)

    @rule(key=KEYS)
    def delete(self, key):
        done = self.objects.delete(BUCKET, key, 2.0)
        assert done.is_marker == (done.version is not None)
        self.model.delete(key, done.version)

    @rule(key=KEYS, place=st.integers(0, 4))
    def delete_version(self, key, place):
        versions = [*self.model.keys.get(key, []), ("null", None)]
        version, _ = versions[min(place, len(versions) - 1)]
        is_known = any(version == known for known, _ in self.model.keys.get(key, []))
        done = self.objects.delete_version(BUCKET, key, version)
        assert (done.version, done.is_marker) == (version, is_known and dict(self.model.keys[key])[version] is None)
        self.model.delete_version(key, version)

    @rule()
    def crash(self):
        """What a kill -9 leaves: the files as they are, one of them of a write that was not recorded."""
        after = self.folder / str(len(list(self.folder.iterdir())))
        shutil.copytree(self.objects.root, after)
        (after / "files" / "half").write_bytes(b"half")
        self.objects.close()
        self.objects = ObjectStore(after)

    @invariant()
    def the_same(self):
        if not hasattr(self, "objects"):
            return
        found = self.objects.list_versions(BUCKET, prefix="", limit=1000)
        contents = [None if isinstance(each, DeleteMarker) else content_of(self.objects, each.key, each.version) for each, _ in found]
        listed = [(each.key, each.version, content, newest) for (each, newest), content in zip(found, contents, strict=True)]
        assert listed == self.model.listed()
        current = {key: content for key in self.model.keys if (content := self.model.current(key)) is not None}
        assert {one.key: content_of(self.objects, one.key) for one in self.objects.list_objects(BUCKET, prefix="", limit=1000)} == current
        for key, versions in self.model.keys.items():
            if versions and versions[0][1] is None:
                with pytest.raises(IsDeleteMarker) as raised:
                    self.objects.get(BUCKET, key)
                assert raised.value.marker.version == versions[0][0]
            elif not versions:
                assert self.objects.get(BUCKET, key) is None
        assert len(list(self.objects.files.iterdir())) == sum(content is not None for *_, content, _ in self.model.listed())


class ManyVersions(Versions):
    pass


# What SQLite syncs at each commit takes most of the time: a few examples here, many in depth.
quick = settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
Versions.TestCase.settings = quick
ManyVersions.TestCase.settings = settings(quick, max_examples=400, stateful_step_count=50)
TestVersions = pytest.mark.slow(Versions.TestCase)
TestManyVersions = pytest.mark.deep(ManyVersions.TestCase)


@pytest.fixture
def objects(tmp_path):
    store = ObjectStore(tmp_path)
    store.create_bucket(BUCKET, 0.0)
    store.set_versioning(BUCKET, "Enabled")
    yield store
    store.close()


def test_a_list_goes_on_behind_a_version_that_was_deleted_meanwhile(objects):
    ids = [write(objects, "k", b"%d" % n).version for n in range(5)][::-1]
    objects.delete_version(BUCKET, "k", ids[1])
    after = objects.list_versions(BUCKET, prefix="", after="k", before_number=objects.version_number(BUCKET, "k", ids[1]), limit=9)
    assert [each.version for each, _ in after] == ids[2:]
    for wrong in ("", "nonsense", "x" * 33, "é" * 32):
        with pytest.raises(NoSuchVersion):
            objects.version_number(BUCKET, "k", wrong)


def test_a_bucket_with_versions_is_not_deleted(objects):
    marker = (write(objects, "k", b"1"), objects.delete(BUCKET, "k", 1.0))[1]
    assert not objects.delete_bucket(BUCKET)
    objects.delete_version(BUCKET, "k", marker.version)
    objects.delete_version(BUCKET, "k", objects.get(BUCKET, "k").version)
    assert objects.delete_bucket(BUCKET)


def test_a_page_of_versions_is_read_from_the_index_without_sorting(objects):
    """A key with ten thousand versions, and ten thousand keys: a page costs what it shows."""
    statements = []
    objects._db._db.set_trace_callback(statements.append)
    objects.list_versions(BUCKET, prefix="a", after="a/1", before_number=7, limit=1001)
    (statement,) = statements
    objects._db._db.set_trace_callback(None)
    plan = [row[3] for row in objects._db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert not any("TEMP B-TREE FOR ORDER BY" in step or step.startswith("SCAN") for step in plan), plan
