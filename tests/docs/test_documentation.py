"""Every page of the documentation: its links lead somewhere, the files, commands and names that it mentions exist."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT

import core.cli.main as product
from engine import __main__ as engine_program

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


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)", outside_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page):
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", outside_code(page.read_text())):
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor.removeprefix("#") in anchors(target), (path, anchor)


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


# commands ------------------------------------------------------------------------------------------------


def in_blocks(program: str) -> list[Any]:
    """What follows a program in the blocks of shell, each once."""
    found: dict[str, Path] = {}
    for page in WRITTEN:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            for rest in re.findall(rf"(?:^|[ /(;]){program} ([^#&|)>\n]*)", re.sub(r"\s#.*", "", block.replace("\\\n", " ")), re.MULTILINE):
                found.setdefault(rest.strip(), page)
    return [pytest.param(rest, id=f"{by_name(page)}: {rest}"[:90]) for rest, page in found.items()]


def in_sentences(program: str) -> dict[str, str]:
    """The word that follows a program in inline code, and the page."""
    found = {}
    for page in WRITTEN:
        for code in re.findall(r"`([^`\n]+)`", outside_code(page.read_text())):
            for word in re.findall(rf"(?:^|[ /]){program} ([a-z][\w-]*)", code):
                found[word] = by_name(page)
    return found


class Parsed(Exception):
    pass


@pytest.fixture
def only_parse(monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def stop(*arguments: Any) -> None:
        parse(*arguments)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)


@pytest.mark.parametrize("rest", in_blocks("(?:python -m core|governance)(?= (?:run|demo|audit|doctor)\\b)"))
def test_a_command_of_the_product_is_one(rest, only_parse):
    with pytest.raises(Parsed):
        product.main(shlex.split(rest))


@pytest.mark.parametrize("rest", in_blocks("(?:python -m engine|governance-engine)"))
def test_a_command_of_the_engine_is_one(rest, only_parse, monkeypatch):
    monkeypatch.setattr("sys.argv", ["engine", *shlex.split(rest.rstrip('"'))])
    with pytest.raises(Parsed):
        engine_program.main()


@pytest.mark.parametrize("rest", in_blocks("make"))
def test_make_knows_what_it_is_asked_for(rest):
    done = subprocess.run(["make", "-n", *shlex.split(rest)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_commands_in_sentences_exist():
    makefile = (ROOT / "Makefile").read_text()
    assert {word for word in in_sentences("make") if not re.search(rf"^{word}:", makefile, re.MULTILINE)} == set()
    assert in_sentences("python -m core").keys() <= {"run", "demo", "audit", "doctor"}
    assert in_sentences("python -m engine").keys() <= {"serve", "ensure", "env", "stop"}


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_its_blocks_of_shell_and_json_can_be_read(page):
    for kind, block in re.findall(r"```(sh|json)\n(.*?)```", page.read_text(), re.DOTALL):
        if kind == "sh":
            done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=20, check=False)
            assert (done.returncode, done.stderr) == (0, "")
        else:
            json.loads(block)
