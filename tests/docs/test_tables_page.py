"""docs/tables.md has every table of tools/tables.py, and no figure in it is beyond the tolerance of its judge."""

from __future__ import annotations

import re

from tools.judged_figures import SINGLE_PRECISION, TOLERANCE
from tools.tables import LOCK, OUT, TABLES


def rows(title):
    section = OUT.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    return {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")}


def test_every_table_went_through_and_no_figure_deviates():
    """`make tables` renews it."""
    found = rows("Each table")
    assert set(found) == {"table", *(table.name for table in TABLES)}
    for table in TABLES:
        exact, _, shap = found[table.name][-1].partition("; ")
        assert float(exact) <= TOLERANCE, table.name
        assert float(shap.split(", ")[0]) <= SINGLE_PRECISION, table.name


def test_what_is_proposed_without_a_word_is_said_of_each():
    assert set(rows("What is proposed without a word")) == {"table", *(table.name for table in TABLES)}


def test_every_package_is_locked_and_has_a_table():
    locked = set(re.findall(r"^([\w.-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert {table.package.lower() for table in TABLES} == locked
    assert len(TABLES) >= 15
