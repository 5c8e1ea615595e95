"""Facets by a threshold: a column of yes and no that is measured by, and that no model is given."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from core.analysis.tables.table_reading import read_frame
from core.data.column_roles import ColumnRoles, detect_roles, sensitive_columns
from core.data.table_check import check_table
from core.data.threshold_facets import add_threshold_facets, parse_threshold
from core.errors import DataError
from engine.containers import rebalance


def borrowers() -> pd.DataFrame:
    random = np.random.default_rng(2)
    n = 600
    return pd.DataFrame(
        {"paid": random.choice(["yes", "no"], n), "age": random.integers(18, 75, n), "income": random.normal(40, 9, n).round(1)}
    )


def young(frame: pd.DataFrame):
    reading = add_threshold_facets(read_frame(frame), [parse_threshold("age≤25")])
    return reading, detect_roles(reading, label="paid", favourable="yes", facet="age <= 25")


@pytest.mark.parametrize(
    ("text", "name"), [("age<=25", "age <= 25"), ("age ≤ 25.0", "age <= 25"), ("x > -1.5", "x > -1.5"), ("sex=f", None), ("a < b", None)]
)
def test_a_threshold_is_read_from_its_text(text, name):
    found = parse_threshold(text)
    assert (found and found.name) == name


def test_its_people_are_those_at_most_at_the_limit_and_it_isnt_a_feature():
    frame = borrowers()
    reading, roles = young(frame)
    checked = check_table(reading, roles)
    assert roles.group is None  # the age isn't proposed for a facet of the age
    assert checked.coding["age <= 25"] == {"no": 0, "yes": 1}
    assert (checked.roles.facet_value, checked.roles.derived) == (1, (("age <= 25", "age"),))
    assert (checked.frame["age <= 25"] == (frame["age"] <= 25)).all()
    assert sensitive_columns(checked.roles) == ("age",)
    assert any("models aren't given it" in note for note in checked.notes)


def test_a_threshold_that_no_facet_uses_is_left_out():
    reading, _ = young(borrowers().assign(sex=["f", "m"] * 300))
    checked = check_table(reading, ColumnRoles("paid", "yes", "sex", "f"))
    assert "age <= 25" not in checked.frame
    assert checked.roles.derived == ()


def test_all_wrong_thresholds_are_named_at_once():
    frame = borrowers()
    with pytest.raises(DataError) as said:
        add_threshold_facets(read_frame(frame), [parse_threshold(text) for text in ("age <= 99", "paid <= 1", "size > 3")])
    for words in ("age reaches from 18 to 74", "paid has text", "column size"):
        assert words in str(said.value)


def test_the_rebalancing_keeps_it_beside_its_column_and_out_of_the_training_files(tmp_path):
    checked = check_table(*young(borrowers()))
    roles = checked.roles
    folder = tmp_path / "opt/ml/processing"
    for name in ("input/config", "input/data"):
        (folder / name).mkdir(parents=True)
    checked.frame.to_csv(folder / "input/data/data.csv", index=False)
    asked = {"label": "paid", "favourable": roles.favourable, "facet": roles.facet, "facet_value": 1, "derived": dict(roles.derived)}
    (folder / "input/config/rebalance.json").write_text(json.dumps(asked | {"method": "smote"}))
    rebalance.main(tmp_path, {})
    manifest = json.loads((folder / "output/manifest.json").read_text())
    assert manifest["features"] == ["age", "income"]
    assert manifest["files"]["train_res.csv"]["columns"] == ["paid", "age", "income"]
    rows = pd.read_csv(folder / "output/train_res_header.csv")
    assert (rows["age <= 25"] == (rows["age"] <= 25)).all()  # in synthetic rows too
    assert rows["age <= 25"].mean() == pytest.approx(0.5, abs=0.01)
    assert manifest["synthetic"]["count"] > 100
