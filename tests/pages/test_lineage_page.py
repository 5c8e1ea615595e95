"""The lineage page: links restore it, a node can be chosen without a mouse, filters keep the graph connected."""

from __future__ import annotations

import json

import pytest

from core.lineage import lineage_graph
from core.registry import model_packages


@pytest.fixture(scope="module")
def version(target):
    return lineage_graph.find_artifact_arn(target, model_packages.list_versions(target)[0].arn)


def text(test) -> str:
    return "\n".join(str(part.value) for part in [*test.markdown, *test.caption])


def option(test) -> dict:
    return json.loads(test.get("echarts_chart")[0].proto.spec)


def shown(test) -> set[str]:
    return {item["id"] for item in option(test)["series"][0]["data"]}


def box(test, label):
    return next(found for found in test.selectbox if found.label == label)


def test_a_link_restores_start_hops_direction_and_node(app, full, target, version):
    graph = lineage_graph.read_graph(target, version, hops=3, direction="Ascendants")
    job = next(node.arn for node in graph.nodes if node.kind == "TrainingJob")
    test = app(full, "lineage", arn=version, hops="3", direction="Ascendants", node=job)
    assert not test.exception
    assert shown(test) == {node.arn for node in graph.nodes}
    assert box(test, "Node").value == job
    assert box(test, "Direction").value == "Ascendants"
    assert next(slider.value for slider in test.slider if slider.label == "Hops") == 3
    chosen = [item["id"] for item in option(test)["series"][0]["data"] if item["itemStyle"]["borderWidth"] == 4]
    assert chosen == [job]


def test_two_hops_of_the_whole_are_shown_at_first_and_counted(app, full, target, version):
    test = app(full, "lineage", arn=version)
    graph = lineage_graph.read_graph(target, version, hops=2)
    assert shown(test) == {node.arn for node in graph.nodes}
    assert f"{len(graph.nodes)} of {graph.total} nodes shown" in text(test)


def test_choosing_a_node_dims_what_it_has_nothing_to_do_with_and_says_what_it_came_from(app, full, target, version):
    test = app(full, "lineage", arn=version)
    model = next(node for node in lineage_graph.read_graph(target, version, hops=2).nodes if node.kind == "Model")
    box(test, "Node").set_value(model.arn).run()
    assert test.query_params["node"] in (model.arn, [model.arn])
    opacity = {item["id"]: item["itemStyle"]["opacity"] for item in option(test)["series"][0]["data"]}
    assert opacity[version] == opacity[model.arn] == 1
    assert min(opacity.values()) < 1
    assert "came from 1 job and 1 container image; 1 version" in text(test)
    assert "Its training job" in {link.proto.label.replace("\\", "") for link in test.get("page_link")}


def test_a_filter_hides_families_and_leads_past_what_it_hides(app, full, target, version):
    test = app(full, "lineage", arn=version, hops="6")
    test.multiselect(key="families").set_value(["Models", "Data"]).run()
    assert not test.exception
    kinds = {node.arn: node.kind for node in lineage_graph.read_graph(target, version, hops=6).nodes}
    assert {kinds[arn] for arn in shown(test)} == {"ModelPackage", "Model", "DataSet"}
    links = option(test)["series"][0]["links"]
    assert any(link["value"] == "by way of hidden nodes" for link in links)
    assert {arn for arn in shown(test) if kinds[arn] == "Model"} <= {link["target"] for link in links}


def test_any_entity_is_searched_for_and_begun_at(app, full):
    test = app(full, "lineage")
    test.text_input(key="search").set_value("train_res.csv").run()
    found = box(test, "Start at")
    assert found.options
    found.select_index(0).run()
    assert not test.exception
    assert "train_res.csv" in box(test, "Node").options[0]


def test_a_search_without_a_result_says_so(app, full):
    test = app(full, "lineage")
    test.text_input(key="search").set_value("no such thing").run()
    assert "No node has this in its name." in text(test)


def test_a_link_to_an_arn_that_is_gone_is_an_error_with_a_remedy(app, full):
    test = app(full, "lineage", arn="arn:aws:sagemaker:us-east-1:000000000000:artifact/" + "0" * 32)
    assert not test.exception
    assert test.error


@pytest.mark.parametrize("hops", ["0", "999", "many", "-1"])
def test_hops_that_make_no_sense_are_set_right(app, full, version, hops):
    test = app(full, "lineage", arn=version, hops=hops)
    assert not test.exception
    assert shown(test)
