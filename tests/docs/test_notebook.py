"""docs/notebook.ipynb runs on the workspace that a demo filled, and is kept without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from code_checks import check_code
from paths import ROOT

NOTEBOOK = ROOT / "docs/notebook.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]
RUN = """
import ast, json, sys
cells = json.load(open(sys.argv[1]))["cells"]
names = {"__name__": "__main__"}
for cell in cells:
    if cell["cell_type"] == "code":
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), cell["id"], "eval"), names)
        print(cell["id"], type(value).__name__, len(value.data) if hasattr(value, "to_plotly_json") else "")
"""
"""The cells one after another, as a kernel runs them; of a cell's last expression its type is printed, and of a figure its traces."""


def test_every_cell_runs_on_a_workspace_in_which_the_workflow_has_run(full):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"GOVERNANCE_WORKSPACE": str(full)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUN, NOTEBOOK.name],
        cwd=NOTEBOOK.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = [line.split() for line in done.stdout.splitlines() if " Figure " in line]
    assert len(figures) == 3
    assert all(int(traces) > 0 for _, _, traces in figures)
    assert "DPPL = " in done.stdout


def test_the_file_holds_no_outputs():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CELLS if cell["cell_type"] == "code")


def test_what_it_imports_exists():
    check_code("\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"))
