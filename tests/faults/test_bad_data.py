"""Bad input gets a message that names the column and the remedy, before anything is uploaded."""

import gzip
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from core import datasets
from core.datasets import Roles, check, detect, read_csv
from core.errors import DataError

ROLES = Roles("label", 0, "sex", 1, "age")


def table(**changes):
    columns = {"label": [0, 1] * 20, "sex": [1, 1, 2, 2] * 10, "age": list(range(20, 60)), "income": list(range(40))}
    return pd.DataFrame({**columns, **changes})


@pytest.mark.parametrize(
    ("frame", "roles", "words"),
    [
        (table().drop(columns="label"), ROLES, "Column label \\(label\\) is not in the table"),
        (table(label=[0, 1, 2, 3] * 10), ROLES, "label has 4 different value"),
        (table(label=0), ROLES, "label has 1 different value"),
        (table(sex=1), ROLES, "facet sex has only the value 1"),
        (table(), replace(ROLES, facet_value=7), "facet value 7 does not occur in column sex; its values are 1, 2"),
        (table(), replace(ROLES, favourable=9), "favourable value 9 does not occur in column label"),
        (table(income=[*range(39), "lots"]), ROLES, "Column income: .*row 40"),
        (table(income=[*range(39), None]), ROLES, "Column income has 1 empty cells \\(the first in row 40\\)"),
        (table(sex=[1.0, 1.5, 2.0, 2.0] * 10), ROLES, "Column sex"),
        (table(), replace(ROLES, ignored=("sex",)), "must be two different columns that are not ignored"),
        (table(), replace(ROLES, ignored=("nothing",)), "Column nothing is not in the table"),
    ],
)
def test_a_table_that_cannot_be_used_names_column_and_remedy(frame, roles, words):
    with pytest.raises(DataError, match=words) as error:
        check(frame, roles)
    assert error.value.remedy


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"a,b\n", "no rows"),
        (b"a,b,a\n1,2,3\n", "column name a occurs twice"),
        (b"a,,c\n1,2,3\n", "Column 2 of"),
        ("näme,b\n1,2\n".encode("latin-1"), "not UTF-8: line 1"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"a,b\n1,2\n3,4,5,6\n", "not a regular CSV"),
        (b"a,b\n\x00\x01,2\n", "NUL"),
        (b"\x1f\x8bdamaged", "damaged gzip"),
    ],
)
def test_a_file_that_is_no_table_says_why(content, words):
    with pytest.raises(DataError, match=words) as error:
        read_csv(content)
    assert error.value.remedy


def test_a_file_of_two_gigabytes_is_refused_by_its_size_unread(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(DataError, match="2,147 MB"):
        read_csv(path)


def test_a_small_file_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(datasets, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match="MB is the most"):
        read_csv(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000))


def test_floats_in_coded_columns_become_integers():
    checked = check(table(sex=[1.0, 1.0, 2.0, 2.0] * 10, label=[0.0, 1.0] * 20), ROLES)
    assert checked.frame["sex"].dtype.kind == checked.frame["label"].dtype.kind == "i"
    assert b"." not in datasets.to_csv(checked.frame)


def test_words_are_coded_and_the_coding_is_kept():
    frame = table(label=["paid", "late"] * 20, sex=["f", "f", "m", "m"] * 10, region=["north", "south"] * 20)
    checked = check(frame, replace(ROLES, favourable="paid", facet_value="f", categorical=("region",)))
    assert checked.coding["sex"] == {"f": 0, "m": 1}
    assert checked.roles.facet_value == 0
    assert set(checked.frame["label"]) == {0, 1}
    assert (checked.frame["label"] == checked.roles.favourable).tolist() == (frame["label"] == "paid").tolist()
    assert checked.coding["region"] == {"north": 0, "south": 1}


def test_labels_of_other_numbers_become_zero_and_one():
    frame = table(label=[1, 2] * 20)
    checked = check(frame, replace(ROLES, favourable=1))
    assert checked.roles.favourable == 0
    assert (checked.frame["label"] == 0).tolist() == (frame["label"] == 1).tolist()


def test_roles_of_the_bundled_data_are_found():
    roles = detect(datasets.bundled())
    assert (roles.label, roles.favourable, roles.facet, roles.facet_value, roles.group, roles.ignored) == (
        "LABEL",
        0,
        "SEX",
        1,
        "AGE",
        ("ID",),
    )


def test_the_demo_refuses_bad_data_before_an_engine_is_started(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("label,sex,x\n1,1,3\n2,2,4\n3,1,5\n")
    command = [sys.executable, "-m", "core", "demo", "--data", str(path), "--label", "label", "--facet", "sex"]
    done = subprocess.run([*command, "--workspace", str(tmp_path / "ws")], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "The label label has 3 different value" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ws").exists()
