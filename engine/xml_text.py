"""Text in XML documents."""

from __future__ import annotations

import re


def escape_xml(text: str) -> str:
    """Text as XML content: characters that XML 1.0 cannot carry are dropped."""
    text = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
