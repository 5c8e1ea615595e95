"""What an examiner looks for, in the dossier and as data: each figure is the reports' own, or follows from the stored rows."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deciding import EASY, VIC, WHY, adopt, register_again, seen, submitted
from replacing import replaced

from core.analysis.explanations import shap_summary
from core.analysis.tables.value_names import ValueNames
from core.data.column_roles import ColumnRoles
from core.governance import decisions
from core.governance.dossier import dossier, dossier_sections, examiner_files
from core.governance.findings import earlier_conditions, feature_effects, prohibited_bases
from core.ledger.audit_log import Event

pytestmark = pytest.mark.engine
GROUP = "arn:aws:sagemaker:us-east-1:000000000000:model-package/loans"


@pytest.fixture(scope="module")
def loaded(demo, demo_target):
    """The dossier of a version that was submitted and validated."""
    adopt(demo_target, EASY)
    arn = register_again(demo_target, demo[1][0]["models"][1]["model_package_arn"])
    submitted(demo_target, arn)
    decisions.validate(demo_target, VIC, arn, seen_event=seen(demo_target, arn), reason=WHY, code="evidence reviewed")
    return dossier.load_dossier(demo_target, arn)


@pytest.fixture(scope="module")
def files(loaded):
    return examiner_files.build_examiner_files(loaded)


@pytest.fixture(scope="module")
def stored(loaded, demo_target):
    """(SHAP values, test rows, scores) as the jobs wrote them."""
    pinned = loaded.evidence.files
    names = ("explanation/out.csv", "data/test_res.csv", "scores")
    headers = ({}, {"header": None, "names": loaded.data.manifest["files"]["test_res.csv"]["columns"]}, {})
    contents = (io.BytesIO(demo_target.files.read(pinned[name]["uri"])) for name in names)
    shap, rows, scores = (pd.read_csv(content, **header) for content, header in zip(contents, headers, strict=True))
    return shap.rename(columns=lambda name: name.removesuffix("_label0")), rows, scores["score"]


def rows_of(content):
    return list(csv.reader(io.StringIO(content.decode())))[1:]


def number(text):
    return None if text == "" else float(text)


def test_bias_has_the_value_interval_and_rows_of_the_report(loaded, files):
    measures = [
        (facet.facet, stage, measure)
        for facet in loaded.package.bias.facets
        for stage in ("pre_training", "post_training")
        for measure in getattr(facet, stage).values()
    ]
    found = rows_of(files["bias.csv"])
    assert len(found) == len(measures) > 10
    for row, (facet, stage, measure) in zip(found, measures, strict=True):
        assert (row[0], row[2], row[3]) == (facet, stage, measure.name)
        expected = (measure.value, measure.interval.low, measure.interval.high, measure.interval.n)
        assert tuple(map(number, row[4:8])) == expected


def test_every_group_and_intersection_has_the_counts_that_the_stored_rows_give(loaded, files, stored):
    _, rows, scores = stored
    selected = (scores > loaded.package.threshold).astype(int) == loaded.data.roles.favourable
    paid, codes = rows["outcome"] == loaded.data.roles.favourable, {v: k for k, v in loaded.data.value_names.values["region"].items()}
    found = {row[0]: row for row in rows_of(files["groups.csv"])}
    for name in ("north", "south"):
        of_group = rows["region"] == int(codes[name])
        row = found[f"region = {name}"]
        assert list(map(int, (row[3], row[4]))) == [of_group.sum(), (~of_group).sum()]
        assert (int(row[5]), int(row[9])) == ((paid & of_group).sum(), (selected & of_group).sum())
        assert float(row[10]) == pytest.approx(selected[of_group].mean())
    assert any("; " in row[1] for row in found.values())  # intersections too
    assert len(found) == len(loaded.package.bias.group_table.groups)


def test_shap_has_the_reports_values_their_direction_and_the_share_of_protected_columns(loaded, files, stored):
    shap, rows, _ = stored
    found = {row[0]: row[1:] for row in rows_of(files["shap.csv"])}
    assert {name: float(row[0]) for name, row in found.items()} == pytest.approx(loaded.package.shap)
    direction = shap_summary.rank_correlation(shap["income"].to_numpy(float), rows["income"].to_numpy(float))
    assert tuple(map(float, found["income"][5:8])) == pytest.approx((direction.value, direction.low, direction.high))
    values = shap.to_numpy(float)
    assert found["region"][5:] == [""] * 5  # codes are no scale
    share = json.loads(files["examiner.json"])["explanation"]["sensitive_share"]["value"]
    sensitive = [list(shap).index(name) for name in ("region", "age")]
    assert share == pytest.approx(np.abs(values[:, sensitive]).sum() / np.abs(values).sum())


def test_codes_have_the_values_with_the_highest_and_the_lowest_effect_if_they_differ_beyond_noise():
    random, sex = np.random.default_rng(3), np.repeat([0, 1], 200)
    values = pd.DataFrame({"sex": 0.1 * sex + random.normal(0, 0.05, 400), "kind": random.normal(0, 0.05, 400)})
    rows, names = pd.DataFrame({"sex": sex, "kind": sex}), ValueNames.from_coding({"sex": {"f": 0, "m": 1}, "kind": {"a": 0, "b": 1}})
    about = {"threshold": 0.5, "is_higher_unfavourable": True, "names": names, "sensitive": ()}
    found = {one.feature: one for one in feature_effects.measure_effects(values, rows, sex == 1, **about).effects}
    assert (found["sex"].direction, found["sex"].highest, found["sex"].lowest) == (None, "m", "f")
    assert (found["kind"].highest, found["kind"].lowest) == ("", "")


def test_reasons_are_counted_over_every_declined_row(loaded, files, stored):
    shap, _, scores = stored
    declined = ((scores > loaded.package.threshold).astype(int) != loaded.data.roles.favourable).to_numpy()
    first, named = Counter(), Counter()
    for row in shap.to_numpy(float)[declined]:
        reasons = [
            name for name, _ in shap_summary.top_contributions(row, list(shap.columns), increasing=loaded.data.roles.favourable != 1)
        ]
        first.update(reasons[:1])
        named.update(reasons)
    found = {row[0]: (int(row[1]), int(row[2])) for row in rows_of(files["reasons.csv"])}
    assert found == {name: (first[name], named[name]) for name in named}
    assert json.loads(files["examiner.json"])["explanation"]["declined"] == declined.sum() > 0


def test_threshold_confusion_codes_search_and_checklists_are_there_and_what_is_missing_is_named(loaded, files):
    found = json.loads(files["examiner.json"])
    performance = loaded.package.performance
    assert found["confusion"] == {**performance["confusion"], "threshold": performance["threshold"], "n": performance["n"]}
    assert sum(performance["confusion"].values()) == performance["n"]
    assert found["threshold"]["value"] == loaded.package.threshold
    assert set(found["codes"]["region"].values()) == {"north", "south"}
    search = found["alternatives"]
    assert (search["trials"], search["this_version"]["training_job"]) == (2, loaded.package.training_job)
    assert [row[1] for row in rows_of(files["trials.csv"])] == [trial.name for trial in loaded.findings.search.trials]
    assert {one["id"] for one in found["checklists"]} >= {"sr-26-2", "eu-ai-act-annex-iv", "ecoa-reg-b"}
    assert [one["validator"] for one in found["validations"]] == ["Vic"]
    missing = found["missing"]
    assert "Monitoring (model card)." in missing["Monitoring and oversight"]
    assert "wasn't asked for" in missing["Search for alternatives"][0]
    contents = dossier_sections.build_sections(loaded)[1].blocks[0].rows
    assert {title: state for title, state, _ in contents}["Monitoring and oversight"] == "missing"
    assert {title for title, state, _ in contents if state != "on record"} == set(missing)


def test_values_that_changed_after_the_submission_are_not_shown(loaded, demo_target, stored):
    uri = loaded.evidence.files["explanation/out.csv"]["uri"]
    with replaced(demo_target, {uri: (-stored[0]).to_csv(index=False).encode()}):
        changed = dossier.load_dossier(demo_target, loaded.package.arn)
    assert "explanation/out.csv has changed" in changed.findings.effects


def test_inputs_named_like_a_protected_basis_are_listed_though_nobody_measured_them():
    roles = ColumnRoles("paid", 1, "SEX", 2, "AGE", ignored=("religion",))
    data = SimpleNamespace(
        roles=roles,
        dataset=SimpleNamespace(columns=("SEX", "MARRIAGE", "AGE", "PAY", "paid")),
        manifest={"features": ["SEX", "MARRIAGE", "AGE", "PAY"]},
        value_names=SimpleNamespace(describe=lambda column, value: f"{column} = {value}"),
    )
    facet = SimpleNamespace(facet="SEX", value="2")
    group = SimpleNamespace(columns=("AGE",), name="AGE > 40", why="")
    bias = SimpleNamespace(facets=(facet,), group_table=SimpleNamespace(groups=(group,)))
    found = prohibited_bases.find_basis_columns(SimpleNamespace(bias=bias, shap={}), data)
    assert [(one.column, one.role, one.is_input, one.measured) for one in found] == [
        ("SEX", "facet", True, ("SEX = 2",)),
        ("MARRIAGE", "", True, ()),
        ("AGE", "group", True, ("AGE > 40",)),
        ("religion", "", False, ()),
    ]
    assert prohibited_bases.list_unmeasured(found) == ("MARRIAGE",)


def test_conditions_of_earlier_decisions_keep_their_outcome():
    def event(number, kind, version, **body):
        full = {"reason": "Because.", "code": "x", "format": 3, **body}
        who = {"name": "Chris", "role": "compliance officer", "id": "chris"}
        return Event(number, f"{number}", f"2026-11-{number:02d}T10:00:00+00:00", kind, who, f"{GROUP}/{version}", full, "", "")

    submission = {"tier": "low", "profile": "easy", "approvals_needed": 1, "evidence": "ab", "policy": "cd", "tier_rationale": "x"}
    approval = {"expires": "2027-01-01", "policy": "cd"}
    conditions = [{"text": text, "owner": "Dana", "due": "2027-01-01"} for text in ("Measure age.", "Review the threshold.")]
    events = [
        event(1, "submit", 1, **submission),
        event(2, "validate", 1),
        event(3, "approve", 1, conditions=conditions, **approval),
        event(4, "meet condition", 1, condition=2, reason="Reviewed."),
        event(5, "retire", 1),
        event(6, "submit", 2, **submission),
        event(7, "validate", 2),
        event(8, "approve", 2, conditions=conditions[:1], **approval),
        event(9, "submit", 2, **submission),
        event(10, "validate", 2),
        event(11, "approve", 2, conditions=conditions[1:], **approval),
    ]
    found = earlier_conditions.list_earlier_conditions(events, SimpleNamespace(arn=f"{GROUP}/2"))
    assert [(one.version, one.text, one.outcome) for one in found] == [
        ("loans v1", "Measure age.", "open when it was retired"),
        ("loans v1", "Review the threshold.", "met by Chris on 2026-11-04: Reviewed."),
        ("loans v2", "Measure age.", "open when it was submitted again"),
    ]
