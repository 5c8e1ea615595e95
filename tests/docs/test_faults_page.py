"""docs/faults.md against the cases that the suite runs. ``python -m tools.faults`` renews it."""

from __future__ import annotations

import ast
import json
import re

from paths import ROOT

from tools.faults import OUT, page


def cases() -> tuple[list[str], list[str]]:
    """(pages, faults) of tests/system/faults/matrix.py."""
    found = {}
    for node in ast.parse((ROOT / "tests/system/faults/matrix.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.Dict):
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else node.value.keys
            found[node.targets[0].id] = [ast.literal_eval(part) for part in parts]
    return found["PAGES"], [*found["PASSING"], *found["LASTING"]]


def test_the_page_has_every_page_and_every_fault_and_no_case_without_an_error():
    pages, faults = cases()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", OUT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    assert list(sections) == pages
    for section in sections.values():
        rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]*) \|$", section, re.MULTILINE))
        assert [name for name in rows if name in faults] == faults
        denied = {name: cell for name, cell in rows.items() if ":" in name}
        assert len(denied) > 3
        assert "sts:GetCallerIdentity" in denied
        assert any(name.startswith("s3:") for name in denied)
        assert any(name.startswith("sagemaker:") for name in denied)
        assert "iam:GetRole" not in denied  # asked for by launches only
        for name, cell in denied.items():
            assert name.startswith("s3:") or name in cell
            assert "Ask the administrator of" in cell


def test_what_is_only_so_in_one_run_is_not_on_the_page():
    error = (
        "**ListObjectsV2 of s3://sagemaker-us-east-1-000000000000/governance/data/ is forbidden:"
        " arn:aws:sts::1:assumed-role/app/d lacks the permission s3:ListBucket on arn:aws:s3:::sagemaker-us-east-1-000000000000.**  \nAsk."
    )
    line = {"page": "data", "fault": "denied: s3:REST.GET.BUCKET", "same": False, "errors": [error], "left": 1, "of": 9}
    text = page([json.loads(json.dumps(line))])
    assert "s3://…/data/ is forbidden: *caller* lacks the permission s3:ListBucket on *resource*. Ask. (1 of 9)" in text
    assert "000000000000" not in text
