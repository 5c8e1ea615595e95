"""docs/governance.md: the tests that it names are there, its commands parse, its policies are JSON."""

from __future__ import annotations

import argparse
import json
import re

import pytest
from paths import ROOT

from core.cli import audit_command

GUIDE = (ROOT / "docs/governance.md").read_text()
TESTS = [path for path in (ROOT / "tests").rglob("test_*.py") if ".venv" not in str(path.relative_to(ROOT))]
DEFINED = {name for path in TESTS for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
FILES = {path.name for path in TESTS}


def test_every_test_that_the_table_names_is_there():
    table = "".join(line for line in GUIDE.splitlines(keepends=True) if line.startswith("|"))
    cited = re.findall(r"(?<!\w)(test_\w+(?:\.py)?)(…?)", table)
    assert len(cited) > 30
    for name, cut in cited:
        there = name in FILES if name.endswith(".py") else any(d.startswith(name) if cut else d == name for d in DEFINED)
        assert there, name


@pytest.mark.parametrize("line", re.findall(r"python -m core (audit [^#&\n]*)", GUIDE))
def test_its_commands_are_commands(line):
    parser = argparse.ArgumentParser()
    audit_command.add_audit_parser(parser.add_subparsers())
    assert parser.parse_args(line.split()).what in {"verify", "head", "repair", "key", "reproduce"}


def test_its_bucket_policy_is_json_about_the_logs_own_folder():
    (policy,) = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}
    assert policy["Statement"][0]["Resource"].endswith("/governance/log/events/*")
