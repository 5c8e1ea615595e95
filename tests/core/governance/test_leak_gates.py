"""The gates about leaks, on what the search finds in planted tables."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.analysis import find_leaks
from core.governance.gates import GateInputs, evaluate_profile
from core.governance.policy import BUNDLED, InvalidPolicy, load_file, parse_toml

GATES = ("label_leaks", "id_features", "twins")
HEAD = """
version = "1"
title = "t"
approvals = {low = 1, medium = 1, high = 1}
expiry = {low = 1, medium = 1, high = 1}
[profiles.p]
title = "P"
"""
RANDOM = np.random.default_rng(2)
TABLE = pd.DataFrame({"late": RANDOM.integers(0, 2, 400), "age": RANDOM.integers(18, 80, 400), "debt": RANDOM.random(400)})


def judge(kind, frame, more=""):
    rows = np.arange(len(frame))
    parts = {"training": rows[: int(0.8 * len(rows))], "held_out": {"test": rows[int(0.8 * len(rows)) :]}}
    data = None if frame is None else SimpleNamespace(manifest={"leaks": find_leaks(frame, "late", **parts).to_json()})
    return evaluate(kind, data, more)


def evaluate(kind, data, more=""):
    policy = parse_toml(f'{HEAD}[[profiles.p.gates]]\nkind = "{kind}"\n{more}'.encode())
    (result,) = evaluate_profile(policy.profiles["p"], GateInputs(SimpleNamespace(), None, "", "", data, (), ()))
    return result


@pytest.mark.parametrize("kind", GATES)
def test_an_honest_table_passes(kind):
    assert judge(kind, TABLE).status == "pass"


PLANTED = {
    "label_leaks": (TABLE.assign(paid=1 - TABLE["late"]), "paid: AUC 1.000, right in 400 of 400 rows", 'allowed = ["paid"]'),
    "id_features": (TABLE.assign(number=range(400)), "number: 400 values in 400 rows", 'allowed = ["number"]'),
    "twins": (pd.concat([TABLE] * 2), "160 of 160 test rows (100.0 %), 1 of them expected; every row", "max = 1.0"),
}


@pytest.mark.parametrize("kind", GATES)
def test_a_planted_leak_fails_with_its_size_unless_the_policy_allows_it(kind):
    frame, found, allow = PLANTED[kind]
    result = judge(kind, frame)
    assert (result.status, result.is_blocking) == ("fail", True)
    assert result.found.startswith(found)
    assert result.reason
    assert judge(kind, frame, allow).status == "pass"
    assert [judge(other, frame).status for other in GATES if other != kind] == ["pass", "pass"]


@pytest.mark.parametrize("kind", GATES)
def test_a_job_that_did_not_look_for_leaks_is_not_computable(kind):
    for data, words in ((None, "no rebalancing job"), (SimpleNamespace(manifest={}), "earlier version")):
        result = evaluate(kind, data)
        assert (result.status, words in result.reason) == ("not computable", True)


def test_the_products_own_policy_leaves_them_off():
    assert not {gate.kind for profile in load_file(BUNDLED).profiles.values() for gate in profile.gates} & set(GATES)


def test_an_auc_below_what_is_searched_for_is_refused():
    with pytest.raises(InvalidPolicy):
        evaluate("label_leaks", None, "max = 0.8")
