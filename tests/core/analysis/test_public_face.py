"""core.analysis as a notebook uses it: its names, its examples, and what importing it loads."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from core import analysis

FACE = {name: getattr(analysis, name) for name in analysis.__all__}
SLOW = {"compute_shap_values", "find_reasons"}  # they import shap, or wait for machine code
FUNCTIONS = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name, value in FACE.items() if inspect.isfunction(value)
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_an_example_that_is_true(name):
    """The example may use the public names, and what it imports."""
    (example,) = doctest.DocTestFinder(recurse=False).find(FACE[name], name, globs=dict(FACE))
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    assert doctest.DocTestRunner().run(example, out=said.append).failed == 0, "".join(said)


def test_the_typed_names_are_the_exported_ones():
    tree = ast.parse(Path(analysis.__file__).read_text())
    typed = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("core.")
        for alias in node.names
    }
    assert {name for _, name in typed} == set(analysis.__all__) <= set(dir(analysis))
    assert {(value.__module__, name) for name, value in FACE.items()} == typed


def test_a_name_that_is_not_exported_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        analysis.nothing  # noqa: B018


def test_importing_it_loads_only_what_is_used():
    """Column kinds need pandas; nobody waits for models, samplers or explanations."""
    script = "import sys, core.analysis; a = set(sys.modules); from core.analysis import infer_column_kinds; print(*a, '|', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    package, kinds = (set(part.split()) for part in done.stdout.split("|"))
    assert not package & {"numpy", "pandas"}
    assert "pandas" in kinds
    assert not kinds & {"xgboost", "shap", "imblearn", "sklearn", "scipy", "matplotlib"}
