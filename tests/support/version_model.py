"""S3's versioning as its documentation tells it, in lists: what the engine's and moto's answers are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class VersionModel:
    """One bucket. ``keys``: key -> its versions (id, content, or None for a delete marker), the newest first."""

    status: str | None = None
    keys: dict[str, list[tuple[str, bytes | None]]] = field(default_factory=dict)

    def _replace_null(self, key, content):
        self.keys[key] = [("null", content), *(version for version in self.keys.get(key, []) if version[0] != "null")]

    def put(self, key, version, content):
        """A write that the bucket gave the id ``version``."""
        assert (version == "null") == (self.status != "Enabled")
        if version == "null":
            self._replace_null(key, content)
        else:
            assert version not in {known for known, _ in self.keys.get(key, [])}
            self.keys[key] = [(version, content), *self.keys.get(key, [])]

    def delete(self, key, version):
        """A deletion that was answered with a delete marker of this id; None: with none."""
        assert (version is None) == (self.status is None)
        if version is None:
            self.keys[key] = []
        else:
            self.put(key, version, None)

    def delete_version(self, key, version):
        self.keys[key] = [known for known in self.keys.get(key, []) if known[0] != version]

    def current(self, key):
        """The content of the object; None where there is none."""
        return next((content for _, content in self.keys.get(key, [])), None)

    def listed(self):
        """(key, id, content, whether it is the newest), in the order of lists."""
        return [(key, *version, not place) for key in sorted(self.keys) for place, version in enumerate(self.keys[key])]
