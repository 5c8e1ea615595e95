"""Names and tags in the characters and lengths that AWS allows."""

from __future__ import annotations

import hashlib
import re

from core.identity import Identity


def launched_by_tags(identity: Identity) -> dict[str, str]:
    """The tags that say who started a job: an id that never changes, and a name to show."""
    return {"governance:launched-by": identity.tag, "governance:launched-by-name": clean_tag_value(identity.name)}


def clean_tag_value(text: str) -> str:
    """``text`` without characters that AWS refuses in a tag or a package's property; 256 characters at most."""
    return " ".join(re.sub(r"[^\w .:/=+\-@]", " ", text).split())[:256]


def slug(text: str, max_length: int = 40) -> str:
    """``text`` as part of an AWS name: letters, digits and hyphens, ``max_length`` at most; "job" if none are left."""
    return re.sub(r"-+", "-", re.sub(r"[^0-9a-zA-Z]+", "-", text)).strip("-")[:max_length].strip("-") or "job"


def short_hash(name: str) -> str:
    """Ten hexadecimal digits that stand for a longer name within another one, the same for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()[:10]
