"""The lineage graph under the mouse: a click on a node, the back button, a reload, the picture saved."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from core.aws.target import connect
from core.lineage import lineage_graph
from core.registry import model_packages
from core.settings import Settings
from core.views.lineage import graph_layout
from core.views.lineage import lineage_picture as views
from tools.browser import settle
from ui.lineage import graph_panel


@pytest.fixture(scope="module")
def shown(full, url) -> lineage_graph.Graph:
    """Two hops around the newest version."""
    target = connect(Settings(workspace=full))
    start = lineage_graph.find_artifact_arn(target, model_packages.list_versions(target)[0].arn)
    return lineage_graph.read_graph(target, start, hops=2)


def click(page: Page, shown: lineage_graph.Graph, arn: str) -> None:
    """Click where ECharts draws the node: the graph fills its series' rectangle, its aspect kept."""
    chart = page.get_by_test_id("stEChartsChart").locator("canvas").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    nodes, edges = graph_panel.node_and_edge_tables(shown)
    height = graph_layout.graph_height(list(nodes["arn"]), list(zip(edges["source"], edges["destination"], strict=True)))
    series = views.graph_option(nodes, edges, selected=shown.start, size=(640, height))["series"][0]
    points = {item["id"]: (item["x"], item["y"]) for item in series["data"]}
    left, top = min(x for x, _ in points.values()), min(y for _, y in points.values())
    wide, tall = max(x for x, _ in points.values()) - left, max(y for _, y in points.values()) - top
    room = (box["width"] - series["left"] - series["right"], box["height"] - series["top"] - series["bottom"])
    scale = min(room[0] / wide, room[1] / tall)
    x = box["x"] + series["left"] + (room[0] - wide * scale) / 2 + (points[arn][0] - left) * scale
    y = box["y"] + series["top"] + (room[1] - tall * scale) / 2 + (points[arn][1] - top) * scale
    page.mouse.click(x, y)


def node(page: Page) -> str | None:
    return parse_qs(urlsplit(page.url).query).get("node", [None])[0]


def test_a_click_on_a_node_is_kept_in_the_link_and_the_back_button_and_a_reload_restore_it(page: Page, url, shown) -> None:
    model = next(item for item in shown.nodes if item.kind == "Model")
    job = next(item for item in shown.nodes if item.kind == "TrainingJob")
    page.goto(f"{url}/lineage?arn={shown.start}")
    settle(page)
    page.wait_for_timeout(800)
    for wanted, words in ((model, "came from 1 job and 1 container image"), (job, "came from 1 container image")):
        click(page, shown, wanted.arn)
        page.wait_for_url(re.compile("node="))
        expect(page.get_by_text(words)).to_be_visible()
        settle(page)
        assert node(page) == wanted.arn
        page.wait_for_timeout(800)
    page.go_back()
    expect(page.get_by_text("came from 1 job and 1 container image")).to_be_visible()
    assert node(page) == model.arn
    settle(page)
    page.wait_for_timeout(800)
    click(page, shown, job.arn)
    expect(page.get_by_text("came from 1 container image")).to_be_visible()
    page.reload()
    settle(page)
    expect(page.get_by_text("came from 1 container image")).to_be_visible()
    expect(page.get_by_role("link", name="Training job")).to_be_visible()


def test_the_picture_the_nodes_and_the_events_are_saved(page: Page, url, shown) -> None:
    page.goto(f"{url}/lineage?arn={shown.start}")
    settle(page)
    page.wait_for_timeout(800)
    chart = page.get_by_test_id("stEChartsChart").locator("canvas").first
    box = chart.bounding_box()
    with page.expect_download() as saved:
        page.mouse.click(box["x"] + box["width"] - 62, box["y"] + 26)
    assert saved.value.suggested_filename == "lineage.png"
    for name, start in (("JSON", b'{\n "start"'), ("OpenLineage", b'{"eventTime"'), ("CSV", b"from,association,to")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=name, exact=True).click()
        assert saved.value.path().read_bytes().startswith(start)
