"""Every page of Markdown in the repository: what it imports exists, its commands are commands, its links and pictures lead somewhere.

A command in a shell block has to parse as it stands. One within a sentence may have placeholders (``--workspace DIR``): of it the target,
the module, the subcommand and the names of options are looked at.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from code_checks import OWN, check_code, imported
from paths import ROOT
from shell_blocks import commands

FOLDERS = ("docs", "core", "engine", "ui", "pages", "tests", "tools", "bench", "image", "aws", ".github")
PAGES = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md") if ".venv" not in str(path))])
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([\w./-]+):(?!=)", MAKEFILE.replace("$(VENV)", ".venv"), re.MULTILINE))
FENCE = re.compile(r"^( *)(`{3,})([\w+-]*)[^\n]*\n(.*?)^\1\2`*\s*$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PROGRAMS = {"governance": "core", "governance-engine": "engine"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


# reading a page ------------------------------------------------------------------------------------------------------------------------


def present(page: Path) -> str:
    """What a page says of today: what a changelog says of a release may have been removed since."""
    text = page.read_text()
    return text.partition("\n## [0.")[0] if page.name == "CHANGELOG.md" else text


def fences(text: str) -> list[tuple[str, str]]:
    """(language, content) of each fenced block."""
    return [(language, inspect.cleandoc(content)) for _, _, language, content in FENCE.findall(text)]


def spans(text: str) -> list[str]:
    """The code within sentences."""
    return SPAN.findall(FENCE.sub("", text))


def block_commands(text: str) -> list[list[str]]:
    blocks = [content for language, content in fences(text) if language in {"sh", "bash", "shell", "console"}]
    plain = [re.sub(r"(^|\s)#[^\n]*", "", re.sub(r"^\$ ", "", block, flags=re.MULTILINE)) for block in blocks]
    return [command for block in plain for command in commands(block)]


def span_commands(text: str) -> list[list[str]]:
    found = []
    for span in spans(text):
        words = re.sub(r"\[|\]|…|\"|'", " ", span).split()
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        if len(words) > 1:
            found.append([words[0], *(word.partition("|")[0] for word in words[1:])])
    return found


# imports -------------------------------------------------------------------------------------------------------------------------------


@every_page
def test_what_a_page_imports_exists(page):
    text = present(page)
    for language, content in fences(text):
        if language == "pycon":
            content = "\n".join(line[4:] for line in content.splitlines() if line.startswith((">>> ", "... ")))
        if language in {"python", "py", "pycon"} and re.search(r"\bimport ", content):
            check_code(content)
    for code in [*(content for _, content in fences(text)), *spans(text)]:
        for module, names in re.findall(rf"\bfrom ((?:{'|'.join(OWN)})(?:\.\w+)*) import ([\w, ]+)", code):
            for name in names.split(","):
                imported(module, name.split()[0])
        for module in re.findall(rf"(?<!\w )\bimport ((?:{'|'.join(OWN)})(?:\.\w+)*)\b", code):
            importlib.import_module(module)


# commands ------------------------------------------------------------------------------------------------------------------------------


class Captured(Exception):
    """Carries a program's parser away before the program does anything."""


@cache
def parser_of(module: str) -> argparse.ArgumentParser | None:
    """The parser of ``python -m module``; None of one that takes no options."""
    assert importlib.util.find_spec(module), f"there is no module {module}"
    if importlib.util.find_spec(module).submodule_search_locations is not None:
        module = f"{module}.__main__"
    found = importlib.import_module(module)
    main = getattr(found, "main", None)
    if main is None or "parse_args" not in inspect.getsource(inspect.getmodule(main)):
        return None

    def capture(self: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        raise Captured(self)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Captured) as caught:
        patch.setattr(argparse.ArgumentParser, "parse_args", capture)
        main()
    return caught.value.args[0]


def check_options(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """Subcommands and names of options, whatever their values."""
    for place, word in enumerate(words):
        subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if word.startswith("-"):
            assert word.partition("=")[0] in parser._option_string_actions, f"{parser.prog} has no option {word}"
        elif subcommands:
            assert word in subcommands[0].choices, f"{parser.prog} has no command {word}"
            check_options(subcommands[0].choices[word], words[place + 1 :])
            return


def check_module(module: str, words: list[str], *, exact: bool) -> None:
    if module.partition(".")[0] not in OWN:
        assert importlib.util.find_spec(module), f"there is no module {module}"
        return
    parser = parser_of(module)
    if parser is None:
        assert not words or not exact or "sys.argv" in inspect.getsource(importlib.import_module(module)), f"{module} takes no {words}"
    elif exact:
        if not {"-h", "--help"} & set(words):
            parser.parse_args(words)  # exits, and says why, where they can't be parsed
    else:
        check_options(parser, words)


def check_command(command: list[str], *, exact: bool) -> None:
    """A command of the repository's own; others are passed over."""
    program, *words = command
    program = program.removeprefix(".venv/bin/")
    if program == "make":
        for word in words:
            name, equals, _ = word.partition("=")
            known = re.search(rf"\b{re.escape(name)}\b", MAKEFILE) if equals else name in TARGETS or name.startswith("-")
            assert known, f"make {word}: the Makefile has no {name}"
    elif re.fullmatch(r"python[\d.]*", program) and words[:1] == ["-m"]:
        check_module(words[1], words[2:], exact=exact)
    elif re.fullmatch(r"python[\d.]*", program) and words[:1] == ["-c"] and exact:
        check_code(words[1])
    elif program in PROGRAMS:
        check_module(PROGRAMS[program], words, exact=exact)
    elif program in {"python", "pytest", "streamlit", "pip"}:
        for word in words:
            if re.fullmatch(r"[\w./-]+\.(py|txt)|(tests|docs)/[\w./-]*", word):
                assert (ROOT / word).exists(), f"{program} {word}: there is no such file"


@every_page
def test_the_commands_of_a_page_are_commands(page):
    text = present(page)
    for command in block_commands(text):
        check_command(command, exact=True)
    for command in span_commands(text):
        check_command(command, exact=False)


# links ---------------------------------------------------------------------------------------------------------------------------------


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.*?)\s*$", FENCE.sub("", page.read_text()), re.MULTILINE):
        slug = re.sub(r"[^\w -]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        number = found[slug] = found.get(slug, -1) + 1
        if number:
            found[f"{slug}-{number}"] = 0
    return set(found) | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", page.read_text()))


def check_links(page: Path) -> None:
    text = SPAN.sub("", FENCE.sub("", page.read_text()))
    targets = re.findall(r"\]\(([^)\s]+)[^)]*\)", text) + re.findall(r"(?:src|srcset|href)=\"([^\"]+)\"", text)
    targets += re.findall(r"^\[[^\]]+\]: (\S+)", text, re.MULTILINE)
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page.name} links to {target}"
        if anchor and place.suffix == ".md":
            assert anchor in anchors(place), f"{page.name} links to {target}: no such heading"


@every_page
def test_the_links_and_pictures_of_a_page_lead_somewhere(page):
    check_links(page)


# the checks themselves -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "`make tset`",
        "`make test SPEED=9`",
        "`python -m core adit verify`",
        "`governance audit verify --haed FILE`",
        "`.venv/bin/python -m tools.nothing`",
        "```sh\npython -m engine stop\n```",
        "```sh\nmake run && .venv/bin/python -m core demo --max-jobs many\n```",
        '```sh\nREGISTRY=$(.venv/bin/python -c "from core.aws import container_images; print(container_images.nothing(1))")\n```',
        "```sh\n.venv/bin/pytest tests/nowhere\n```",
    ],
)
def test_a_wrong_command_is_seen(text):
    with pytest.raises((AssertionError, SystemExit)):
        for command, exact in [*((c, True) for c in block_commands(text)), *((c, False) for c in span_commands(text))]:
            check_command(command, exact=exact)


@pytest.mark.parametrize("code", ["from core.analysis import nothing", "import core.nothing", "from core import errors\nerrors.Nothing()"])
def test_a_wrong_import_is_seen(code):
    with pytest.raises((AssertionError, ImportError)):
        check_code(code)


@pytest.mark.parametrize("text", ["[a](nowhere.md)", "![a](a.png)", '<img src="a.png">', "[a](#nothing)", "# A b\n\n[a](page.md#a-c)"])
def test_a_wrong_link_is_seen(text, tmp_path):
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(AssertionError):
        check_links(tmp_path / "page.md")


def test_the_pages_have_something_to_check():
    texts = [page.read_text() for page in PAGES]
    assert sum(len(block_commands(text)) for text in texts) > 40
    assert sum(command[0].removeprefix(".venv/bin/") in {"make", "python"} for text in texts for command in span_commands(text)) > 20
