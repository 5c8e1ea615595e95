"""Text for files whose font lacks some characters, such as PDFs: no part of a name is lost, and none is an empty box."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

NOTE = "[U+…]: characters that this file's font lacks or can't put in order, by their Unicode numbers"
RIGHT_TO_LEFT = {"R", "AL", "AN"}
"""Bidirectional classes of Hebrew, Arabic and the like: their letters would stand in reversed order, since the PDF library doesn't order
them."""


def printable_text(text: str, known: Container[int]) -> str:
    """The text with each character that can't be shown rightly as its number, and control characters as spaces.

    ``known``: the code points that the font has a glyph for. Line ends stay.

    >>> printable_text("Größe 收入", {ord(c) for c in "Größe "})
    'Größe [U+6536][U+5165]'
    """
    return "".join(_printable_character(c, known) for c in text)


def _printable_character(c: str, known: Container[int]) -> str:
    if c == "\n" or (c.isprintable() and ord(c) in known and unicodedata.bidirectional(c) not in RIGHT_TO_LEFT):
        return c
    return " " if unicodedata.category(c) in {"Cc", "Zs", "Zl", "Zp"} else f"[U+{ord(c):04X}]"
