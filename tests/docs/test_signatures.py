"""Public signatures of core say what they take and return: none has Any."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from paths import ROOT

Signature = ast.FunctionDef | ast.AsyncFunctionDef


def annotations(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """(name, annotation) of each parameter, result and field that isn't private, also of methods."""
    for scope in [module, *(node for node in module.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))]:
        for node in scope.body:
            if isinstance(node, Signature) and not node.name.startswith("_"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
                given = [one.annotation for one in arguments if one is not None]
                yield from ((node.name, one) for one in (*given, node.returns) if one is not None)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
                yield node.target.id, node.annotation


def with_any(file: Path) -> list[str]:
    """The names in a file whose annotations contain Any, as text too."""
    found = annotations(ast.parse(file.read_text(encoding="utf-8")))
    return [f"{file.relative_to(ROOT)}: {name}" for name, one in found if "Any" in {getattr(n, "id", "") for n in ast.walk(one)}]


def test_no_public_signature_of_core_has_any() -> None:
    assert [one for file in sorted((ROOT / "core").rglob("*.py")) for one in with_any(file)] == []


def test_any_is_found_in_parameters_results_methods_and_fields() -> None:
    code = "def f(x: dict[str, Any]): ...\ndef g() -> Any: ...\ndef _private(x: Any): ...\n"
    code += "class C:\n    field: list[Any]\n    def m(self, *, y: Any): ..."
    assert [name for name, one in annotations(ast.parse(code)) if "Any" in ast.unparse(one)] == ["f", "g", "field", "m"]
