"""Every page on a workspace with a thousand versions and two hundred tuning jobs."""

from __future__ import annotations

import pytest
from copied import copy_workspace

from engine import lifecycle
from tools.crowd import crowd

PAGES = ("overview", "data", "tuning", "lineage", "registry", "bias", "explainability", "decisions", "settings")
VERSIONS = 1000


@pytest.fixture(scope="module")
def crowded(full, tmp_path_factory):
    """A copy of the full workspace, with many more versions and tuning jobs."""
    workspace = tmp_path_factory.mktemp("crowded") / "ws"
    copy_workspace(full, workspace)
    crowd(workspace, versions=VERSIONS)
    yield workspace
    lifecycle.stop(workspace)


@pytest.mark.parametrize("page", PAGES)
def test_a_crowded_workspace_is_shown_and_no_list_holds_all_of_it(app, crowded, page):
    test = app(crowded, page, "Chris")
    assert not test.exception
    assert not test.error
    shown = test.metric or test.dataframe or test.table or test.get("echarts_chart") or test.get("plotly_chart")
    assert shown or (page == "settings" and test.subheader)
    assert max((len(frame.value) for frame in test.dataframe), default=0) < VERSIONS / 2
    assert max((len(box.options) for box in test.selectbox), default=0) < VERSIONS / 2
