"""Makes text of users safe to show as Markdown."""

from __future__ import annotations

import re


def escape_markdown(text: str) -> str:
    """Text of a user's for Markdown to show as it was written: nothing of it is markup, a link or an image."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])", r"\\\1", text)


def escape_message(text: str) -> str:
    """A message for Markdown: what would be emphasis, code, a link, a formula or a tag in it stays text."""
    return re.sub(r"([\\*`\[\]$<~])", r"\\\1", text.strip())
