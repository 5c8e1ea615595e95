"""The commands in a page's shell blocks, as the shell would run them."""

from __future__ import annotations

import re
import shlex


def commands(block: str) -> list[list[str]]:
    """The commands of a block, those within ``$(…)`` too; assignments and redirections are left away."""
    found: list[list[str]] = []
    text = block.replace("\\\n", " ")
    inner = re.compile(r"\$\(([^()]*(?:'[^']*'|\"[^\"]*\"|[^()])*)\)")
    for inside in inner.findall(text):
        found += commands(inside)
    text = inner.sub("SUBSTITUTED", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|;&>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    command: list[str] = []
    skip = False
    for token in [*lexer, "\n"]:
        if set(token) <= set("|;&\n"):
            while command and re.match(r"[A-Z_]+=", command[0]):
                command.pop(0)
            if command:
                found.append(command)
            command = []
        elif set(token) == {">"}:
            skip = True
        elif skip:
            skip = False
        else:
            command.append(token)
    return found
