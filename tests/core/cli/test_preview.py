"""``demo --preview`` says everything before anything starts."""

from __future__ import annotations

import pytest
from paths import ROOT

from core.cli.main import main

CASES = ROOT / "tests/data/cases"


def preview(tmp_path, capsys, file, *options):
    code = main(["demo", "--data", str(file), "--preview", "--workspace", str(tmp_path / "ws"), *options])
    assert not (tmp_path / "ws").exists()
    return code, capsys.readouterr()


def table(tmp_path, **columns):
    names = ["paid", "sex", "age", *columns]
    rows = [["yes" if i % 3 else "no", "f" if i % 2 else "m", 20 + i % 40, *(values(i) for values in columns.values())] for i in range(300)]
    path = tmp_path / "loans.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("08_semicolon", "separated by semicolons"),
        ("50_pandas_index", "Column Unnamed: 0 has no name of its own: it counts the rows"),
        ("58_sparse_float", "Column amount is whole in 380 of 400 rows"),
        ("trailing_space_facet", "sex = f: 187 rows"),
        ("thousands", "'34,000' is 34000"),
    ],
)
def test_the_cases_go_through_and_say_so(tmp_path, capsys, case, words):
    code, said = preview(tmp_path, capsys, CASES / f"{case}.csv", "--label", "paid", "--facet", "sex")
    assert (code, words in said.out) == (0, True)


def test_where_no_word_decides_both_values_are_asked_for_with_everything_else(tmp_path, capsys):
    code, said = preview(tmp_path, capsys, CASES / "rare_facet_label12.csv", "--label", "paid", "--facet", "sex")
    assert code == 1
    for words in ("1 (197 rows) or 2 (203 rows)", "--favourable 1 or --favourable 2", "Only 1 row has paid = 2 and sex = f"):
        assert words in said.err


def test_all_refusals_come_at_once(tmp_path, capsys):
    path = table(tmp_path, rate=lambda i: "unknown" if i == 7 else f"{i}.5", fee=lambda i: "$1" if i % 2 else "€2")
    code, said = preview(tmp_path, capsys, path, "--label", "paid", "--facet", "sex", "--facet-value", "x", "--further-facet", "age=999")
    assert code == 1
    for words in ("Column rate mixes", "column fee are written", "facet value x does not occur", "999 does not occur"):
        assert words in said.err


def test_a_person_changes_what_is_proposed(tmp_path, capsys):
    path = table(tmp_path, id=lambda i: i, land=lambda i: "DE", since=lambda i: f"2024-01-{1 + i % 28:02}", code=lambda i: i % 5)
    code, said = preview(tmp_path, capsys, path, "--name", "mine")
    assert (code, "left out     id, land, since" in said.out, "categories   code" in said.out) == (0, True, True)
    changes = ("--keep", "id", "--categorical", "since", "--continuous", "code", "--method", "smote", "--parameter", "k_neighbors=3")
    code, said = preview(tmp_path, capsys, path, *changes, "--target", "label")
    assert (code, "left out     land" in said.out, "categories   since" in said.out) == (0, True, True)
    assert "by label: SMOTE, k_neighbors = 3" in said.out
    code, said = preview(tmp_path, capsys, path, "--method", "smote", "--parameter", "k=3")
    assert (code, "has no parameter 'k'. Its parameters are k_neighbors" in said.err) == (1, True)


def test_rows_without_a_label_or_a_facet_are_left_out_and_counted(tmp_path, capsys):
    path = table(tmp_path)
    text = path.read_text().replace("\nyes,f,25", "\n,f,25").replace("\nno,m,24", "\nno,,24")
    path.write_text(text)
    code, said = preview(tmp_path, capsys, path)
    assert code == 0
    assert f"{text.count(chr(10) + ',f,')} rows have no paid (label) and are left out" in said.out
    assert f"{text.count('no,,')} rows have no sex (facet)" in said.out


def test_the_bundled_rows_keep_their_roles(tmp_path, capsys):
    code = main(["demo", "--preview", "--workspace", str(tmp_path / "ws")])
    said = capsys.readouterr().out
    assert (code, "left out     ID" in said, "categories   EDUCATION, MARRIAGE\n" in said) == (0, True, True)
    assert list(tmp_path.iterdir()) == []


def test_a_further_facet_is_listed_as_one_and_not_as_numbers(tmp_path, capsys):
    path = table(tmp_path, black=lambda i: int(i % 5 == 0), debt=lambda i: i * 1.5)
    code, said = preview(tmp_path, capsys, path, "--facet", "sex", "--further-facet", "black=1")
    (numbers,) = [line for line in said.out.splitlines() if line.startswith("  numbers")]
    assert (code, numbers.split()[1:]) == (0, ["age,", "debt"])
