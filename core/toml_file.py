"""Reads TOML files that people write, and checks them against a model; errors name file, line and reason."""

from __future__ import annotations

import re
import tomllib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import GovernanceError

Model = TypeVar("Model", bound=BaseModel)


def parse_validated(model: type[Model], content: bytes, name: str, error_class: type[GovernanceError], hint: str, **own: object) -> Model:
    """The model of the file's content and of ``own``: fields that the file can't set. Raises ``error_class``, with ``hint``."""

    def problem(line: int | str, reason: str) -> GovernanceError:
        return error_class(f"{name}, line {line}: {reason}", resource=name, hint=hint)

    try:
        text = content.decode()
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise problem(content[: error.start].count(b"\n") + 1, "the file is not UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)|\(at end of document\)", str(error))
        line = found.group(1) if found and found.group(1) else text.count("\n") + 1
        raise problem(line, f"{str(error).partition(' (at')[0]}.") from error
    try:
        return model.model_validate({k: v for k, v in raw.items() if k not in own} | own)
    except ValidationError as error:
        first = error.errors()[0]
        path = _path_in_file(first["loc"], raw)
        where = ".".join(str(part) for part in path)
        reason = first["msg"].removeprefix("Value error, ")
        raise problem(_line_of_path(text, path), f"{where + ': ' if where else ''}{reason}.") from error


def _path_in_file(loc: tuple[int | str, ...], raw: object) -> list[int | str]:
    """Pydantic's location without the names that it gives to the members of a union, which aren't in the file."""
    path: list[int | str] = []
    for at, part in enumerate(loc):
        members: object = dict(enumerate(raw)) if isinstance(raw, list) else raw
        if isinstance(members, dict) and part in members:
            raw = members[part]
        elif at < len(loc) - 1:
            continue
        elif isinstance(raw, dict) and raw.get("kind") == part:
            break
        path.append(part)
    return path


def _line_of_path(text: str, path: list[int | str]) -> int:
    """The line of the file that a path of keys and indices leads to; if the key doesn't exist, the line of the nearest table."""
    lines = text.splitlines()
    at, header = 0, ""
    for part in path:
        if isinstance(part, int):
            headers = [n for n, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{re.escape(header)}\s*\]\]", line)]
            at = headers[part] if part < len(headers) else at
            continue
        header = f"{header}.{part}" if header else str(part)
        pattern = rf"\s*\[\[?\s*{re.escape(header)}\s*\]|\s*\"?{re.escape(str(part))}\"?\s*="
        at = next((n for n in range(at, len(lines)) if re.match(pattern, lines[n])), at)
    return at + 1
