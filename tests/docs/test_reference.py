"""docs/reference says what the docstrings say now."""

from __future__ import annotations

import re

import pytest

from core import analysis
from tools import reference


@pytest.fixture(scope="module")
def pages():
    return reference.render_pages()


@pytest.mark.parametrize("name", ["README.md", *(page.file for page in reference.PAGES)])
def test_a_page_is_what_make_reference_would_write(name, pages):
    path = reference.REFERENCE / name
    assert path.is_file(), f"docs/reference/{name} is missing: `make reference` writes it."
    assert path.read_text() == pages[name], f"docs/reference/{name} is stale: `make reference` writes it again."


def test_there_are_no_other_pages(pages):
    assert {path.name for path in reference.REFERENCE.iterdir()} == set(pages)


def test_the_page_of_analysis_has_every_public_name_and_no_other(pages):
    headings = [line.removeprefix("### ") for line in pages["analysis.md"].splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(analysis.__all__)


def test_everything_in_it_has_a_docstring(pages):
    bare = re.findall(r"^### (.+)\n\n```python\n(?:(?!```)[^\n]*\n)*```\n+(?=#|- |\Z)", "\n".join(pages.values()), re.MULTILINE)
    assert bare == []
