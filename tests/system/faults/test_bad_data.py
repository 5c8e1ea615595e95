"""Bad input gets a message that names the column and the remedy, before anything is uploaded."""

import gzip
from dataclasses import replace

import pandas as pd
import pytest

from core.analysis.tables import csv_writer
from core.cli.main import main
from core.data import bundled_data, csv_reader
from core.data.column_roles import ColumnRoles, detect_roles
from core.data.csv_reader import read_csv
from core.data.table_check import check_table
from core.errors import DataError
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions

ROLES = ColumnRoles("label", 0, "sex", 1, "age")


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
        (table(income=[*range(39), "lots"]), ROLES, "Column income mixes numbers and text: .lots. in row 40"),
        (table(sex=[1.0, 1.5, 2.0, 2.0] * 10), ROLES, "Column sex"),
        (table(), replace(ROLES, ignored=("sex",)), "must be two different columns that are not ignored"),
        (table(), replace(ROLES, ignored=("nothing",)), "Column nothing is not in the table"),
        (table(), replace(ROLES, group="sex"), "The group sex is the label, the facet or an ignored column"),
        (table(income=[0.5] * 39 + [float("inf")]), ROLES, "Column income has 1 infinite or too large numbers \\(the first in row 40\\)"),
        (table(income=[1e300] * 40), ROLES, "Column income has 40 infinite or too large"),
    ],
)
def test_a_table_that_cannot_be_used_names_column_and_remedy(frame, roles, words):
    with pytest.raises(DataError, match=words) as error:
        check_table(frame, roles)
    assert error.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"a,b\n", "no rows"),
        (
            b"39,private,m,1\n50,state,f,0\n38,private,m,0\n20,state,m,1\n",
            "There is no header: the first line is a row .39, private, m, 1.",
        ),
        (b"0,1,2.5\n1,0,7.5\n", "There is no header: the first line is a row .0, 1, 2.5."),
        (b"A11 6 1169 1\nA12 48 5951 2\n", "has one column, 'A11 6 1169 1': its cells aren't separated by commas"),
        (b"a,b\n1,2\n3,4,5,6\n", "not a regular CSV"),
        (b"a,b\n1,2,3\n4,5,6\n", "Expected 2 fields in line 2, saw 3"),
        (b'a,"b\n1,2\n', "not a regular CSV"),
        (b"a,b\n\x00\x01,2\n", "NUL"),
        (b"\x1f\x8bdamaged", "damaged gzip"),
    ],
)
def test_a_file_that_is_no_table_says_why(content, words):
    with pytest.raises(DataError, match=words) as error:
        read_csv(content)
    assert error.value.hint


def test_a_file_of_two_gigabytes_is_refused_by_its_size_unread(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(DataError, match="2,147 MB"):
        read_csv(path)


def test_a_small_file_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(csv_reader, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="more than the limit"):
        read_csv(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000))


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"\n\na,b\n1,2\n", ["a", "b"]),
        (b"a,b\r1,2\r", ["a", "b"]),
        (b'a, "b, c"\n1, 2\n', ["a", "b, c"]),
        ("\ufeffpaid \u00e9,b\r\n1,2\r\n".encode(), ["paid \u00e9", "b"]),
        (b"a" * 200_000 + b",b\n1,2\n", ["a" * 200_000, "b"]),
    ],
)
def test_the_header_is_read_as_the_rows_are(content, columns):
    frame = read_csv(content).frame
    assert list(frame.columns) == columns
    assert frame.to_numpy().tolist() == [[1, 2]]


def test_numbers_beyond_64_bits_stay_what_they_are():
    assert check_table(table(income=[2**64] * 40), ROLES).frame["income"].tolist() == [2.0**64] * 40


def test_a_table_too_small_for_the_sampler_is_refused_before_it_is_uploaded():
    few = table(sex=[1] * 6 + [2] * 34)
    with pytest.raises(DataError, match="Only 3 training rows have sex = 1, and SMOTE-NC needs more than k_neighbors = 5"):
        rebalancing_jobs.check_feasible(check_table(few, ROLES), RebalancingOptions())
    rebalancing_jobs.check_feasible(check_table(few, ROLES), RebalancingOptions(parameters={"k_neighbors": 2}))
    rebalancing_jobs.check_feasible(check_table(few, ROLES), RebalancingOptions(method="random-over"))
    with pytest.raises(DataError, match="Only 1 row has label = 0 and sex = 1"):
        rebalancing_jobs.check_feasible(check_table(table(sex=[1] * 2 + [2] * 38), ROLES), RebalancingOptions())


def test_what_is_named_is_not_guessed():
    frame = table(default=[1, 0, 0, 0] * 10, row=list(range(40)))
    roles = detect_roles(frame, label="label", favourable=0, facet="default")
    assert (roles.label, roles.facet, roles.facet_value) == ("label", "default", 0)
    assert "row" in roles.ignored
    assert detect_roles(frame, facet="label").label == "default"
    assert detect_roles(frame, label="sex", favourable=1).label == "sex"


def test_floats_in_coded_columns_become_integers():
    checked = check_table(table(sex=[1.0, 1.0, 2.0, 2.0] * 10, label=[0.0, 1.0] * 20), ROLES)
    assert checked.frame["sex"].dtype.kind == checked.frame["label"].dtype.kind == "i"
    assert b"." not in csv_writer.to_csv(checked.frame)


def test_words_are_coded_and_the_coding_is_kept():
    frame = table(label=["paid", "late"] * 20, sex=["f", "f", "m", "m"] * 10, region=["north", "south"] * 20)
    checked = check_table(frame, replace(ROLES, favourable="paid", facet_value="f", categorical=("region",)))
    assert checked.coding["sex"] == {"f": 0, "m": 1}
    assert checked.roles.facet_value == 0
    assert set(checked.frame["label"]) == {0, 1}
    assert (checked.frame["label"] == checked.roles.favourable).tolist() == (frame["label"] == "paid").tolist()
    assert checked.coding["region"] == {"north": 0, "south": 1}


def test_labels_of_other_numbers_become_zero_and_one():
    frame = table(label=[1, 2] * 20)
    checked = check_table(frame, replace(ROLES, favourable=1))
    assert checked.roles.favourable == 0
    assert (checked.frame["label"] == 0).tolist() == (frame["label"] == 1).tolist()


def test_roles_of_the_bundled_data_are_found():
    roles = detect_roles(bundled_data.read_bundled(), favourable=0)
    assert (roles.label, roles.favourable, roles.facet, roles.facet_value, roles.group, roles.ignored) == (
        "LABEL",
        0,
        "SEX",
        1,
        "AGE",
        ("ID",),
    )


GOOD = "label,sex,x\n" + "".join(f"{i % 2},{1 + i // 2 % 2},{i % 17}\n" for i in range(60))
FEW = "label,sex,x\n" + "".join(f"{i % 2},{1 if i < 6 else 2},{i % 17}\n" for i in range(60))


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("label,sex,x\n1,1,3\n2,2,4\n3,1,5\n", [], "The label label has 3 different value"),
        (FEW, [], "Only 4 training rows have sex = 1, and SMOTE-NC"),
        (FEW, ["--method", "smote"], "choose random over-sampling"),
        (GOOD, ["--group", "sex"], "The group sex is the label"),
        (GOOD, ["--report", "."], "The report can't be written"),
    ],
)
def test_the_demo_refuses_before_an_engine_is_started(tmp_path, capsys, content, arguments, words):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    command = ["demo", "--data", str(path), "--label", "label", "--favourable", "1", "--facet", "sex", *arguments]
    command += ["--workspace", str(tmp_path / "ws")]
    assert main(command) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "ws").exists()
