"""Whether code in a page or a notebook could run: what it imports exists, and what it reads from the repository's own modules."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import types
from typing import Any

OWN = ("core", "engine", "ui", "bench", "tools")
"""The packages of the repository."""


def imported(module: str, name: str) -> Any:
    """What ``from module import name`` gives. Raises AssertionError where there is no such thing."""
    found = importlib.import_module(module)
    if not hasattr(found, name):
        assert importlib.util.find_spec(f"{module}.{name}") if hasattr(found, "__path__") else None, f"{module} has no {name}"
        return importlib.import_module(f"{module}.{name}")
    return getattr(found, name)


def check_code(code: str) -> None:
    """Its imports, and what it reads from the modules of the repository."""
    tree = ast.parse(code)
    own: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found = imported(node.module, alias.name)
                if isinstance(found, types.ModuleType):
                    own[alias.asname or alias.name] = found.__name__
        elif isinstance(node, ast.Import):
            for alias in node.names:
                assert importlib.util.find_spec(alias.name), f"there is no module {alias.name}"
                if alias.asname:
                    own[alias.asname] = alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = own.get(node.value.id, "")
            if module.partition(".")[0] in OWN:
                imported(module, node.attr)
