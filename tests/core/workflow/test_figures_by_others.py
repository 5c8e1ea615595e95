"""A stranger's table through the command line, every figure of it by libraries of others. `make tables` does the same with twenty more."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import plotly
import pytest

from core.aws.target import connect
from core.cli.main import main
from core.settings import Settings
from engine import lifecycle
from tools import judged_figures, tables

pytestmark = pytest.mark.engine
TIPS = Path(plotly.__file__).parent / "package_data/datasets/tips.csv.gz"
"""Bills of a restaurant, 1990; Bryant and Smith, in plotly (MIT)."""


@pytest.fixture(scope="module")
def tips(tmp_path_factory):
    """(target, report of the workflow on the table), in a workspace of its own: others take the newest of what is there."""
    folder = tmp_path_factory.mktemp("tips")
    workspace, written = folder / "ws", folder / "report.json"
    options = ["--data", str(TIPS), "--label", "smoker", "--favourable", "No", "--facet", "day", "--facet-value", "Fri"]
    options += ["--further-facet", "sex=Female", "--method", "random-over", "--max-jobs", "1", "--workspace", str(workspace)]
    try:
        assert main(["demo", *options, "--report", str(written)]) == 0
        yield connect(Settings(workspace=workspace)), json.loads(written.read_text())
    finally:
        lifecycle.stop(workspace)


def test_every_figure_of_a_strangers_table_is_that_of_libraries_of_others(tips):
    target, report = tips
    found = judged_figures.judge_models(target, report)
    assert [wrong for judgement in found.values() for wrong in judgement.wrong] == []
    assert {name: judgement.figures > 20 for name, judgement in found.items()} == dict.fromkeys(found, True) | {"Shapley, sampled": False}
    assert max(found[name].largest for name in ("smclarify", "scikit-learn", "fairlearn")) < judged_figures.TOLERANCE


def test_the_uploaded_cells_are_those_of_the_file(tips):
    judgement = judged_figures.Judgement()
    judged_figures.judge_cells(judgement, tables.read_texts(TIPS), *tips)
    assert (judgement.figures, judgement.largest, judgement.wrong) == (8, 0.0, [])


def test_a_figure_that_is_off_is_noticed(tips):
    target, report = tips
    changed = deepcopy(report)
    changed["models"][0]["metrics"]["auc"]["value"] += 1e-6
    changed["models"][1]["bias"]["post_training"]["DPPL"] = 0.5
    found = judged_figures.judge_models(target, changed)
    assert [len(found[name].wrong) for name in ("scikit-learn", "smclarify")] == [1, 1]


def test_every_figure_of_the_demo_is_that_of_libraries_of_others(demo, demo_target):
    found = judged_figures.judge_models(demo_target, demo[1][0])
    assert [wrong for judgement in found.values() for wrong in judgement.wrong] == []
