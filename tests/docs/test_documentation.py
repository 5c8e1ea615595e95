"""The documentation: the files and names that a page mentions exist, and the index leads to every page.

Imports, commands and links are in test_markdown.py.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md"), ROOT / "image/README.md"])
WRITTEN = [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "decisions"]
"""The pages that tell how things are now."""
NOT_FILES = {"aws/s3", ".streamlit/secrets.toml"}
"""AWS's name of a key, and a file that each administrator writes."""
CODE_FOLDERS = "core|engine|ui|pages|tests|tools|bench|image|aws|docs|\\.streamlit"


def by_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def outside_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", WRITTEN, ids=by_name)
def test_every_file_that_a_page_names_exists(page):
    named = re.findall(rf"`((?:{CODE_FOLDERS})/[\w./-]*)`", outside_code(page.read_text()))
    for path in set(named) - NOT_FILES:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", WRITTEN, ids=by_name)
def test_every_python_name_that_a_page_mentions_exists(page):
    for name in set(re.findall(r"`((?:core|engine|ui|tools|bench)(?:\.\w+)+)(?:\([^`]*\))?`", page.read_text())):
        parts = name.split(".")
        if parts[-1] in {"lock", "json", "db", "log", "toml"}:  # a file
            continue
        for end in range(len(parts), 0, -1):
            try:
                found: Any = importlib.import_module(".".join(parts[:end]))
                break
            except ModuleNotFoundError:
                continue
        for part in parts[end:]:
            assert hasattr(found, part), name
            found = getattr(found, part)


def test_the_index_and_the_readme_lead_to_every_page():
    index = (ROOT / "docs/index.md").read_text()
    for page in [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md")]:
        assert page.name == "index.md" or f"({page.relative_to(ROOT / 'docs').as_posix()}" in index, page.name
    readme = (ROOT / "README.md").read_text()
    assert all(
        f"({name})" in readme for name in ("docs/index.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/dependencies.md")
    )


def test_where_to_change_has_a_path_in_each_of_its_rows():
    rows = re.findall(r"^\| (?!I want|---)(.+?) \| (.+) \|$", (ROOT / "docs/where-to-change.md").read_text(), re.MULTILINE)
    assert len(rows) >= 25
    assert all(re.search(rf"`(?:{CODE_FOLDERS})/|`pyproject.toml`", where) for _, where in rows)


def test_every_dependency_has_its_reason():
    text = (ROOT / "docs/dependencies.md").read_text()
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert all(re.match(r"[\w-]+", line)[0] in text for line in listed)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_its_blocks_of_shell_and_json_can_be_read(page):
    for kind, block in re.findall(r"```(sh|json)\n(.*?)```", page.read_text(), re.DOTALL):
        if kind == "sh":
            done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=20, check=False)
            assert (done.returncode, done.stderr) == (0, "")
        else:
            json.loads(block)
