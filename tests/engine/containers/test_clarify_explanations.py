"""The Clarify container's explanations of every kind of model, and what it does where an explanation would be wrong."""

from __future__ import annotations

import html
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import shap
from paths import ROOT

from core.errors import DataError
from core.reports import shap_jobs
from core.reports.bias_report import parse_report
from engine.containers import ContainerError, entry
from engine.containers.clarify import main

CASES = ROOT / "tests/data/cases"


def run_case(root, name, **methods):
    """The output folder of the container on a case, and its analysis.json; ``methods`` in place of the case's own."""
    for file, part in {"analysis_config.json": "config", "data.csv": "data", "model.tar.gz": "model"}.items():
        folder = root / "opt/ml/processing/input" / part
        folder.mkdir(parents=True)
        shutil.copyfile(CASES / name / file, folder / file)
    if methods:
        path = root / "opt/ml/processing/input/config/analysis_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"methods": methods}))
    main(root, {})
    output = root / "opt/ml/processing/output"
    return output, json.loads((output / "analysis.json").read_text())


@pytest.mark.parametrize("case", ["shap-dart", "shap-forest"])
def test_shap_values_of_every_kind_of_trees_are_those_of_all_coalitions(tmp_path, case):
    output, analysis = run_case(tmp_path, case)
    right = pd.read_csv(CASES / case / "right_shap_logodds.csv")
    expected, margin = right.pop("expected"), right.pop("margin")
    values = pd.read_csv(output / "explanations_shap/out.csv")
    assert np.abs(values.to_numpy() - right.to_numpy()).max() < 1e-4
    assert analysis["explanations"]["kernel_shap"]["label0"]["expected_value"] == pytest.approx(expected[0], abs=1e-4)
    measured = analysis["governance"]["shap"]
    assert np.abs(expected[0] + values.sum(axis=1) - margin).max() <= measured["error_bound"] <= 1e-3
    assert max(measured["additivity"], measured["expected_value_error"]) < measured["error_bound"]
    assert analysis["post_training_bias_metrics"]["facets"]["sex"]


def test_a_wrong_explanation_is_an_error_by_name_and_bias_is_measured_all_the_same(tmp_path, monkeypatch):
    right = shap.TreeExplainer.shap_values
    monkeypatch.setattr(shap.TreeExplainer, "shap_values", lambda self, rows, **more: right(self, rows, **more) + 1)
    output, analysis = run_case(tmp_path, "shap-dart")
    error = analysis["explanations"]["kernel_shap"]["label0"]["error"]
    assert analysis["explanations"] == {"kernel_shap": {"label0": {"error": error}}}
    assert re.search(
        r"Model m: the explanation of this model \(dart\) is wrong .*: in row \d+ .* miss the model's prediction by 4; allowed", error
    )
    assert len(analysis["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]) > 10
    assert "shap" not in analysis["governance"]
    assert not (output / "explanations_shap").exists()
    assert "There is no explanation. Model m: the explanation of this model (dart) is wrong" in html.unescape(
        (output / "report.html").read_text()
    )
    assert entry.read_message(tmp_path).startswith("Bias is measured; there is no explanation. Model m: ")
    with pytest.raises(DataError, match=r"has no explanation: Model m: the explanation of this model .dart. is wrong"):
        shap_jobs.summarize_report(analysis, "s3://bucket/analysis.json")
    assert parse_report(analysis, "folder").facets


def test_a_job_of_a_wrong_explanation_alone_fails_with_the_reason_and_writes_no_report(tmp_path, monkeypatch):
    monkeypatch.setattr(shap.TreeExplainer, "shap_values", lambda self, rows, **_: np.zeros(rows.shape))
    with pytest.raises(ContainerError, match=r"this model .gbtree with 3 trees in each round. is wrong"):
        run_case(tmp_path, "shap-forest", shap={"baseline": [[50, 40, 2, 1], [20, 30, 1, 0]], "use_logit": True})
    assert not list((tmp_path / "opt/ml/processing/output").iterdir())


def test_baselines_that_take_longer_than_the_job_may_are_refused_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("core.analysis.explanations.margin_shap.PAIRS_WITHOUT_PILOT", 10)
    monkeypatch.setattr(entry, "DEFAULT_MAX_SECONDS", 1e-6)
    _, analysis = run_case(tmp_path, "shap-dart")
    assert "25 rows against 2 baseline rows would take about" in analysis["explanations"]["kernel_shap"]["label0"]["error"]
    assert analysis["pre_training_bias_metrics"]
