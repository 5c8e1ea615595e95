"""Makes users' text safe to show as Markdown."""

from __future__ import annotations

import re

WORD_JOINER = "\u2060"
ADDRESS = re.compile(r"(?<=http)(?=s?:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where an address is cut: Markdown makes a link of a bare one, escaped or not."""


def escape_markdown(text: str) -> str:
    """Escape a user's text, so that Markdown shows it as written: no markup, links or images. In addresses, an invisible word joiner
    prevents a link."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])", r"\\\1", ADDRESS.sub(WORD_JOINER, text))


def escape_message(text: str) -> str:
    """Escape a message, so that emphasis, code, links, formulas and tags in it stay plain text."""
    return re.sub(r"([\\*`\[\]$<~])", r"\\\1", ADDRESS.sub(WORD_JOINER, text.strip()))


def escape_people(people: tuple[str, str]) -> tuple[str, str]:
    """The names of facet and rest, escaped."""
    return escape_markdown(people[0]), escape_markdown(people[1])
