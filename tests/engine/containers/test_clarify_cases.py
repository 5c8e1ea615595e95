"""The Clarify container on small tables of strangers, each with the value that is right for it."""

from __future__ import annotations

import json
import shutil

import pytest
from paths import ROOT

from engine.containers.clarify import main

CASES = ROOT / "tests/data/cases"
PARTS = {"analysis_config.json": "config", "data.csv": "data", "model.tar.gz": "model"}


def run_case(root, name, config="analysis_config.json"):
    """The output folder of the container on a case, and its analysis.json."""
    for file, part in PARTS.items():
        folder = root / "opt/ml/processing/input" / part
        folder.mkdir(parents=True)
        source = CASES / name / (config if part == "config" else file)
        if source.exists():
            shutil.copy(source, folder / file)
    main(root, {})
    output = root / "opt/ml/processing/output"
    return output, json.loads((output / "analysis.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("config", ["analysis_config.json", "analysis_config_named.json"])
def test_every_value_of_a_facet_keeps_its_words_and_interval(tmp_path, config):
    _, analysis = run_case(tmp_path, "facet-three-values", config)
    measured = {one["value_or_threshold"]: one["metrics"] for one in analysis["pre_training_bias_metrics"]["facets"]["country"]}
    words = analysis["governance"]["metrics"]["pre_training_bias_metrics"]["country"]
    assert set(words) == set(measured) == {"DE", "FR", "NL"}
    for value, metrics in measured.items():
        for metric in metrics:
            about = words[value][metric["name"]]
            assert about["in_words"]
            if metric["value"] is not None:
                assert about["interval"]["low"] <= metric["value"] <= about["interval"]["high"], (value, metric["name"])
