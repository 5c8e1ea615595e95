"""What the lineage page asks of core: graphs that end, search, facts, OpenLineage events."""

from __future__ import annotations

import json

import jsonschema
import pytest

from core.aws.target import connect
from core.data import datasets
from core.errors import NotFound
from core.jobs import jobs
from core.lineage import lineage_graph, lineage_search, openlineage
from core.registry import model_packages
from core.settings import Settings
from core.views.lineage import node_names
from ui.components import links

URI, FACETS = {"type": "string", "format": "uri"}, {"additionalProperties": {"$ref": "#/$defs/facet"}}
DATASET = {
    "required": ["namespace", "name"],
    "properties": {
        "namespace": {"minLength": 1},
        "name": {"minLength": 1},
        "facets": FACETS,
        "inputFacets": FACETS,
        "outputFacets": FACETS,
    },
}
END_EVENTS = {"Completed": "COMPLETE", "Failed": "FAIL", "Stopped": "ABORT"}
SPEC = {
    "$defs": {"facet": {"type": "object", "required": ["_producer", "_schemaURL"], "properties": {"_producer": URI, "_schemaURL": URI}}},
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "eventType", "run", "job"],
    "additionalProperties": False,
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": URI,
        "schemaURL": URI | {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {"required": ["runId"], "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS}},
        "job": {"required": ["namespace", "name"], "properties": {"facets": FACETS}},
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
    },
}
"""What OpenLineage's specification asks of a run event."""


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def data_set(target):
    return datasets.list_datasets(target)[0]


@pytest.fixture(scope="module")
def version(target):
    return model_packages.list_versions(target, "loans")[-1]


@pytest.fixture(scope="module")
def whole(target, data_set):
    return lineage_graph.read_graph(target, lineage_graph.find_artifact_arn(target, data_set.uri), hops=10)


@pytest.fixture(scope="module")
def events(target, whole):
    lines = openlineage.to_ndjson(openlineage.build_events(target, whole)).splitlines()
    return [json.loads(line) for line in lines]


# graphs ---------------------------------------------------------------------------------------------


def test_a_capped_graph_holds_the_nearest_nodes_and_says_how_many_there_are(target, whole):
    nearly = lineage_graph.read_graph(target, whole.start, hops=10, max_nodes=whole.total - 1)
    assert (len(nearly.nodes), nearly.total, nearly.is_total_exact) == (whole.total - 1, whole.total, True)
    capped = lineage_graph.read_graph(target, whole.start, hops=10, max_nodes=5)
    assert len(capped.nodes) == 5
    assert capped.total == whole.total if capped.is_total_exact else 5 + lineage_graph.PAGE_SIZE <= capped.total < whole.total
    wider = (lineage_graph.read_graph(target, whole.start, hops=hops).nodes for hops in range(1, 11))
    near = next(nodes for nodes in wider if len(nodes) >= 5)
    assert {node.arn for node in capped.nodes} <= {node.arn for node in near}
    assert whole.start in {node.arn for node in capped.nodes}


def test_a_graph_of_few_hops_still_counts_the_whole(target, whole):
    shown = lineage_graph.read_graph(target, whole.start, hops=2, max_nodes=150)
    assert len(shown.nodes) < shown.total == whole.total


def test_edges_between_two_nodes_at_the_rim_are_shown(target, version):
    shown = lineage_graph.read_graph(target, lineage_graph.find_artifact_arn(target, version.arn), hops=2)
    inside = {node.arn for node in shown.nodes}
    image = next(node.arn for node in shown.nodes if node.kind == "Image" and "xgboost" in node.uri)
    job = next(node.arn for node in shown.nodes if node.kind == "TrainingJob")
    assert {image, job} <= inside
    assert (image, job) in {(edge.source, edge.destination) for edge in shown.edges}


def test_counting_stops_where_there_are_very_many(target, whole, monkeypatch):
    monkeypatch.setattr(lineage_graph, "MAX_COUNTED", 5)
    monkeypatch.setattr(lineage_graph, "PAGE_SIZE", 5)
    shown = lineage_graph.read_graph(target, whole.start, hops=1, max_nodes=3)
    assert not shown.is_total_exact
    assert len(shown.nodes) <= 3 < shown.total < whole.total


def test_facts_of_a_job_are_its_parameters_and_metrics_and_of_a_file_its_hash(target, whole):
    job = next(node for node in whole.nodes if node.kind == "TrainingJob")
    known = lineage_graph.read_facts(target, job.arn)
    assert known["status"] == "Completed"
    assert known["max_depth"] > 0
    assert 0 < known["validation:auc"] <= 1
    file = next(node for node in whole.nodes if node.uri.endswith("/test_header.csv"))
    assert len(lineage_graph.read_facts(target, file.arn)["sha256"]) == 64


def test_facts_of_something_else_than_a_node_are_an_error_with_a_remedy(target):
    with pytest.raises(NotFound) as error:
        lineage_graph.read_facts(target, "arn:aws:sagemaker:us-east-1:000000000000:model/any")
    assert error.value.hint


# search ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [("TRAIN_RES", "DataSet"), ("xgboost", "Image"), ("rebalance", "ProcessingJob"), ("model.tar", "Model"), ("pending", "Approval")],
)
def test_any_entity_is_found_by_a_part_of_its_name_in_any_case(target, text, kind):
    found = lineage_search.find_nodes(target, text)
    assert kind in {node.kind for node in found.nodes}
    assert len({node.arn for node in found.nodes}) == len(found.nodes)


def test_what_is_found_can_be_drawn(target):
    for node in lineage_search.find_nodes(target, "governance").nodes:
        assert node in lineage_graph.read_graph(target, node.arn, hops=1, max_nodes=5).nodes


def test_a_search_for_nothing_or_for_what_is_not_there_finds_nothing(target):
    assert lineage_search.find_nodes(target, "  ").nodes == ()
    assert lineage_search.find_nodes(target, "no such thing") == lineage_search.SearchResult((), True)


def test_a_search_stops_and_says_so(target, version, monkeypatch):
    monkeypatch.setattr(lineage_search, "MAX_LOOKED_AT", 1)
    found = lineage_search.find_nodes(target, "no such thing")
    assert not found.is_complete
    exact = lineage_search.find_nodes(target, version.arn)
    assert [node.uri for node in exact.nodes if node.type == "Artifact"] == [version.arn]


# OpenLineage ----------------------------------------------------------------------------------------


def test_every_event_is_one_as_openlineage_specifies_it(events):
    validator = jsonschema.Draft202012Validator(SPEC, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert events
    for event in events:
        validator.validate(event)


def test_every_run_starts_once_and_ends_once(target, events):
    states: dict[str, list[str]] = {}
    for event in events:
        states.setdefault(event["run"]["runId"], []).append(event["eventType"])
    statuses = {job.name: job.status for kind in ("processing", "training") for job in jobs.list_jobs(target, kind)}
    ends = {event["run"]["runId"]: END_EVENTS[statuses.get(event["job"]["name"], "Completed")] for event in events}
    assert states
    assert states == {run: ["START", end] for run, end in ends.items()}


def test_every_job_of_the_graph_is_a_run_and_both_registrations_are(events, whole):
    jobs = {
        node.name.removesuffix("-aws-training-job").removesuffix("-aws-processing-job")
        for node in whole.nodes
        if node.type == "TrialComponent"
    }
    named = {event["job"]["name"]: event["job"]["facets"]["jobType"]["jobType"] for event in events}
    assert jobs == {name for name, kind in named.items() if kind.endswith("JOB")}
    assert sum(kind == "REGISTRATION" for kind in named.values()) == sum(node.kind == "ModelPackage" for node in whole.nodes)


def test_the_events_lead_from_the_data_set_to_the_version(events, data_set, version):
    reached, before = {data_set.uri.partition("/governance/")[2]}, -1
    while len(reached) > before:
        before = len(reached)
        for event in events:
            if {part["name"].removeprefix("governance/") for part in event["inputs"]} & reached:
                reached |= {part["name"].removeprefix("governance/") for part in event["outputs"]}
    assert version.arn.rpartition(":")[2] in reached


def test_a_file_carries_its_hash_its_columns_and_its_rows(events, target, data_set):
    made = [part for event in events for part in event["outputs"] if part["name"].endswith("/train_res.csv")]
    read = [part for event in events for part in event["inputs"] if part["name"].endswith("/data.csv")]
    assert made[0]["facets"]["version"]["datasetVersion"].startswith("sha256:")
    assert made[0]["outputFacets"]["outputStatistics"]["rowCount"] > 0
    assert read[0]["facets"]["version"]["datasetVersion"] == f"sha256:{data_set.sha256}"
    assert [item["name"] for item in read[0]["facets"]["schema"]["fields"]] == list(data_set.columns)
    model = next(
        part for event in events for part in event["inputs"] if part["name"].endswith("model.tar.gz") and "version" in part["facets"]
    )
    assert len(model["facets"]["version"]["datasetVersion"]) == len("sha256:") + 64


def test_a_trial_names_its_tuning_job_as_its_parent_and_its_image_as_its_engine(events):
    trials = [event for event in events if "parent" in event["run"]["facets"]]
    assert trials
    for event in trials:
        assert event["job"]["name"].startswith(event["run"]["facets"]["parent"]["job"]["name"])
        assert "xgboost" in event["run"]["facets"]["processing_engine"]["name"]


def test_a_decision_is_a_run_that_leads_to_its_version(target, version):
    shown = lineage_graph.read_graph(target, lineage_graph.find_artifact_arn(target, version.arn), hops=1)
    found = [json.loads(line) for line in openlineage.to_ndjson(openlineage.build_events(target, shown)).splitlines()]
    decided = [event for event in found if event["job"]["facets"]["jobType"]["jobType"] == "DECISION" and event["eventType"] == "COMPLETE"]
    assert decided
    assert all([part["name"] for part in event["outputs"]] == [version.arn.split(":", 5)[5]] for event in decided)


def test_two_exports_are_the_same(target, whole, events):
    again = openlineage.to_ndjson(openlineage.build_events(target, whole)).splitlines()
    assert [json.loads(line) for line in again] == events


def test_a_version_deleted_since_keeps_its_place_in_the_events(target, arn):
    node = lineage_graph.find_artifact_arn(target, arn)
    target.sagemaker.delete_model_package(ModelPackageName=arn)
    left = openlineage.to_ndjson(openlineage.build_events(target, lineage_graph.read_graph(target, node, hops=2)))
    assert arn.split(":", 5)[5] in left.decode()


# links ----------------------------------------------------------------------------------------------


def test_every_job_version_model_and_rebalanced_file_links_to_its_page(whole):
    pages = {}
    for node in whole.nodes:
        references = [reference for reference, _ in node_names.node_references(node.kind, node.name, node.uri)]
        pages.setdefault(node.kind, set()).update(links.find_page(reference)[0] for reference in references)
    assert pages["ModelPackage"] == {"registry", "decisions"}
    assert pages["TrainingJob"] == pages["Model"] == {"tuning"}
    assert pages["ProcessingJob"] >= {"data", "bias", "explainability"}
    assert pages["DataSet"] >= {"data", "bias", "explainability"}
