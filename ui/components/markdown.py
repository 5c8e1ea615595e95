"""Makes users' text safe to show as Markdown."""

from __future__ import annotations

import re


def escape_markdown(text: str) -> str:
    """Escape a user's text, so that Markdown shows it as written: no markup, links or images."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])", r"\\\1", text)


def escape_message(text: str) -> str:
    """Escape a message, so that emphasis, code, links, formulas and tags in it stay plain text."""
    return re.sub(r"([\\*`\[\]$<~])", r"\\\1", text.strip())


def escape_people(people: tuple[str, str]) -> tuple[str, str]:
    """The names of facet and rest, escaped."""
    return escape_markdown(people[0]), escape_markdown(people[1])
