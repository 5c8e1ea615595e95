"""Artifacts, actions, contexts, associations and QueryLineage, through boto3."""

import uuid

import pytest
from botocore.exceptions import ClientError

KINDS = {"action": "Action", "context": "Context"}


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def code(error):
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture
def artifact(sagemaker):
    def make(kind="DataSet", **more):
        return sagemaker.create_artifact(Source={"SourceUri": f"s3://somewhere/{uuid.uuid4()}"}, ArtifactType=kind, **more)["ArtifactArn"]

    return make


# entities ------------------------------------------------------------------------------------------


def test_there_is_one_artifact_per_source(sagemaker):
    uri = f"s3://somewhere/{uuid.uuid4()}"
    first = sagemaker.create_artifact(ArtifactName=name("a"), Source={"SourceUri": uri}, ArtifactType="DataSet")["ArtifactArn"]
    assert sagemaker.create_artifact(ArtifactName=name("b"), Source={"SourceUri": uri}, ArtifactType="DataSet")["ArtifactArn"] == first
    assert [entry["ArtifactArn"] for entry in sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"]] == [first]
    assert len(first.rsplit("/", 1)[1]) == 32


def test_an_artifacts_name_is_its_own(sagemaker, artifact):
    taken = name("taken")
    artifact(ArtifactName=taken)
    with pytest.raises(ClientError, match="must be unique") as error:
        artifact(ArtifactName=taken)
    assert code(error) == "ValidationException"


def test_an_artifact_is_updated_listed_by_type_and_deleted_by_its_source(sagemaker):
    uri, kind = f"s3://somewhere/{uuid.uuid4()}", name("Kind")
    source = {"SourceUri": uri, "SourceTypes": [{"SourceIdType": "MD5Hash", "Value": "0" * 32}]}
    arn = sagemaker.create_artifact(Source=source, ArtifactType=kind, Properties={"rows": "10", "sha256": "x"})["ArtifactArn"]
    sagemaker.update_artifact(ArtifactArn=arn, ArtifactName=name("new"), Properties={"rows": "11", "old": "1"}, PropertiesToRemove=["old"])
    found = sagemaker.describe_artifact(ArtifactArn=arn)
    assert (found["Source"], found["Properties"]) == (source, {"rows": "11"})
    assert found["CreatedBy"]["IamIdentity"]["PrincipalId"]
    assert [entry["ArtifactArn"] for entry in sagemaker.list_artifacts(ArtifactType=kind)["ArtifactSummaries"]] == [arn]
    assert sagemaker.delete_artifact(Source=source)["ArtifactArn"] == arn
    with pytest.raises(ClientError) as error:
        sagemaker.describe_artifact(ArtifactArn=arn)
    assert code(error) == "ResourceNotFound"


@pytest.mark.parametrize("kind", KINDS)
def test_actions_and_contexts_go_by_name(sagemaker, kind):
    prefix, made, uri = KINDS[kind], name(kind), f"arn:somewhere:{uuid.uuid4()}"

    def call(verb, **request):
        return getattr(sagemaker, f"{verb}_{kind}")(**request)

    creation = {
        f"{prefix}Name": made,
        "Source": {"SourceUri": uri, "SourceType": "ARN"},
        f"{prefix}Type": "Test",
        "Properties": {"a": "1"},
        "Description": "first",
    }
    arn = call("create", **creation)[f"{prefix}Arn"]
    with pytest.raises(ClientError, match="must be unique"):
        call("create", **creation)
    call("update", **{f"{prefix}Name": made}, Description="second", Properties={"b": "2"})
    found = call("describe", **{f"{prefix}Name": made})
    assert (found["Description"], found["Properties"], found[f"{prefix}Arn"]) == ("second", {"b": "2"}, arn)
    assert found["LastModifiedTime"] >= found["CreationTime"]
    assert call("describe", **{f"{prefix}Name": arn})[f"{prefix}Name"] == made
    (summary,) = getattr(sagemaker, f"list_{kind}s")(SourceUri=uri)[f"{prefix}Summaries"]
    assert summary[f"{prefix}Name"] == made
    call("delete", **{f"{prefix}Name": made})
    with pytest.raises(ClientError) as error:
        call("describe", **{f"{prefix}Name": made})
    assert code(error) == "ResourceNotFound"


def test_the_account_has_one_lineage_group(sagemaker, artifact):
    (summary,) = sagemaker.list_lineage_groups()["LineageGroupSummaries"]
    found = sagemaker.describe_lineage_group(LineageGroupName=summary["LineageGroupName"])
    assert sagemaker.describe_artifact(ArtifactArn=artifact())["LineageGroupArn"] == found["LineageGroupArn"]
    with pytest.raises(ClientError) as error:
        sagemaker.describe_lineage_group(LineageGroupName="another")
    assert code(error) == "ResourceNotFound"


# associations --------------------------------------------------------------------------------------


def test_an_association_is_listed_from_both_ends_with_names_and_types(sagemaker, artifact):
    data_name, model_name = name("data"), name("model")
    data, model = artifact(ArtifactName=data_name), artifact("Model", ArtifactName=model_name)
    sagemaker.add_association(SourceArn=data, DestinationArn=model, AssociationType="ContributedTo")
    (from_source,) = sagemaker.list_associations(SourceArn=data)["AssociationSummaries"]
    (from_destination,) = sagemaker.list_associations(DestinationArn=model, SourceType="DataSet")["AssociationSummaries"]
    assert from_source == from_destination
    assert (from_source["SourceName"], from_source["DestinationName"]) == (data_name, model_name)
    assert (from_source["SourceType"], from_source["DestinationType"], from_source["AssociationType"]) == (
        "DataSet",
        "Model",
        "ContributedTo",
    )
    assert sagemaker.list_associations(SourceArn=data, AssociationType="Produced")["AssociationSummaries"] == []
    assert sagemaker.list_associations(SourceArn=data, DestinationType="Image")["AssociationSummaries"] == []
    sagemaker.delete_association(SourceArn=data, DestinationArn=model)
    with pytest.raises(ClientError) as error:
        sagemaker.delete_association(SourceArn=data, DestinationArn=model)
    assert code(error) == "ResourceNotFound"


def test_an_association_needs_two_entities_that_exist_and_comes_once(sagemaker, artifact):
    data, model = artifact(), artifact("Model")
    with pytest.raises(ClientError) as error:
        sagemaker.add_association(SourceArn=data, DestinationArn=data[:-4] + "none")
    assert code(error) == "ResourceNotFound"
    with pytest.raises(ClientError) as error:
        sagemaker.add_association(SourceArn=data, DestinationArn=data)
    assert code(error) == "ValidationException"
    sagemaker.add_association(SourceArn=data, DestinationArn=model)
    with pytest.raises(ClientError, match="already exists") as error:
        sagemaker.add_association(SourceArn=data, DestinationArn=model)
    assert code(error) == "ValidationException"


def test_a_job_is_associated_by_its_trial_component_only(sagemaker, artifact):
    with pytest.raises(ClientError, match="regular expression") as error:
        sagemaker.add_association(SourceArn=artifact(), DestinationArn="arn:aws:sagemaker:us-east-1:000000000000:training-job/job")
    assert code(error) == "ValidationException"


def test_an_entity_with_associations_is_not_deleted(sagemaker, artifact):
    data, model = artifact(), artifact("Model")
    sagemaker.add_association(SourceArn=data, DestinationArn=model)
    with pytest.raises(ClientError, match="associations"):
        sagemaker.delete_artifact(ArtifactArn=model)
    sagemaker.delete_association(SourceArn=data, DestinationArn=model)
    sagemaker.delete_artifact(ArtifactArn=model)


def test_associations_page_through_every_one_once(sagemaker, artifact):
    data = artifact()
    models = {artifact("Model") for _ in range(7)}
    for model in models:
        sagemaker.add_association(SourceArn=data, DestinationArn=model)
    pages = list(sagemaker.get_paginator("list_associations").paginate(SourceArn=data, PaginationConfig={"PageSize": 3}))
    seen = [entry["DestinationArn"] for page in pages for entry in page["AssociationSummaries"]]
    assert [len(page["AssociationSummaries"]) for page in pages] == [3, 3, 1]
    assert len(seen) == 7
    assert set(seen) == models


# queries -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain(sagemaker):
    """data -> (trial component) -> model -> package, and data -> other model: {role: ARN}."""

    def artifact(kind):
        source = {"SourceUri": f"s3://somewhere/{uuid.uuid4()}"}
        return sagemaker.create_artifact(Source=source, ArtifactType=kind, Properties={"of": kind})["ArtifactArn"]

    arns = {role: artifact(kind) for role, kind in (("data", "DataSet"), ("model", "Model"), ("package", "Package"), ("other", "Model"))}
    arns["job"] = sagemaker.create_trial_component(TrialComponentName=name("job"))["TrialComponentArn"]
    for source, destination, kind in (
        ("data", "job", "ContributedTo"),
        ("job", "model", "Produced"),
        ("model", "package", "ContributedTo"),
        ("data", "other", "ContributedTo"),
    ):
        sagemaker.add_association(SourceArn=arns[source], DestinationArn=arns[destination], AssociationType=kind)
    return arns


@pytest.fixture
def query(sagemaker, chain):
    roles = {arn: role for role, arn in chain.items()}

    def ask(start, **request):
        answer = sagemaker.query_lineage(StartArns=[chain[start]], **request)
        edges = {(roles[edge["SourceArn"]], roles[edge["DestinationArn"]]) for edge in answer["Edges"]}
        return {roles[vertex["Arn"]] for vertex in answer["Vertices"]}, edges

    return ask


def test_ascendants_are_what_an_entity_came_from(query):
    assert query("package", Direction="Ascendants")[0] == {"package", "model", "job", "data"}


def test_descendants_are_what_came_of_it(query):
    assert query("data", Direction="Descendants")[0] == {"data", "job", "model", "package", "other"}


def test_both_ways_leave_out_siblings(query):
    assert query("model", Direction="Both")[0] == {"data", "job", "model", "package"}


def test_depth_counts_associations(query):
    assert query("package", Direction="Ascendants", MaxDepth=1)[0] == {"package", "model"}
    assert query("package", Direction="Ascendants", MaxDepth=2)[0] == {"package", "model", "job"}


def test_edges_come_when_asked_for(query):
    assert query("package", Direction="Ascendants")[1] == set()
    assert query("package", Direction="Ascendants", IncludeEdges=True)[1] == {("model", "package"), ("job", "model"), ("data", "job")}


def test_a_filter_chooses_vertices_and_edges_bring_the_path_to_them(query):
    wanted = {"Types": ["DataSet"]}
    assert query("package", Direction="Ascendants", Filters=wanted) == ({"data"}, set())
    vertices, edges = query("model", Direction="Both", Filters=wanted, IncludeEdges=True)
    assert vertices == {"data", "job", "model"}
    assert edges == {("data", "job"), ("job", "model")}


@pytest.mark.parametrize(
    ("filters", "roles"),
    [
        ({"LineageTypes": ["TrialComponent"]}, {"job"}),
        ({"LineageTypes": ["Artifact"], "Types": ["Model"]}, {"model", "other"}),
        ({"Properties": {"of": "Package"}}, {"package"}),
        ({"CreatedBefore": 0}, set()),
        ({"ModifiedAfter": 0}, {"data", "job", "model", "package", "other"}),
    ],
)
def test_filters_of_a_query(query, filters, roles):
    assert query("data", Direction="Descendants", Filters=filters)[0] == roles


def test_pages_of_a_query_hold_each_vertex_and_edge_once(sagemaker, chain):
    vertices, edges, token = [], [], {}
    while True:
        page = sagemaker.query_lineage(StartArns=[chain["data"]], Direction="Descendants", IncludeEdges=True, MaxResults=2, **token)
        assert len(page["Vertices"]) <= 2
        vertices += [vertex["Arn"] for vertex in page["Vertices"]]
        edges += [(edge["SourceArn"], edge["DestinationArn"]) for edge in page["Edges"]]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(vertices) == sorted(chain.values())
    assert len(edges) == len(set(edges)) == 4


def test_a_query_from_nowhere_finds_nothing(sagemaker):
    with pytest.raises(ClientError) as error:
        sagemaker.query_lineage(StartArns=["arn:aws:sagemaker:us-east-1:000000000000:artifact/" + "0" * 32])
    assert code(error) == "ResourceNotFound"


def test_a_circle_of_associations_ends(sagemaker, artifact):
    a, b = artifact(), artifact()
    sagemaker.add_association(SourceArn=a, DestinationArn=b)
    sagemaker.add_association(SourceArn=b, DestinationArn=a)
    answer = sagemaker.query_lineage(StartArns=[a], Direction="Both", IncludeEdges=True)
    assert {vertex["Arn"] for vertex in answer["Vertices"]} == {a, b}
    assert len(answer["Edges"]) == 2


def test_a_query_asked_again_sees_what_was_written_meanwhile(sagemaker, artifact):
    """The answer to a question is kept for its further pages, and no longer than until something is written."""
    first, second, third = (artifact() for _ in range(3))
    question = {"StartArns": [first], "Direction": "Descendants", "IncludeEdges": True}

    def asked():
        answer = sagemaker.query_lineage(**question)
        return {vertex["Arn"] for vertex in answer["Vertices"]}, len(answer["Edges"])

    assert asked() == ({first}, 0)
    sagemaker.add_association(SourceArn=first, DestinationArn=second)
    assert asked() == asked() == ({first, second}, 1)
    sagemaker.add_association(SourceArn=second, DestinationArn=third)
    assert asked() == ({first, second, third}, 2)
    sagemaker.delete_association(SourceArn=first, DestinationArn=second)
    assert asked() == ({first}, 0)


def test_a_token_of_another_query_is_refused(sagemaker, chain):
    start = next(iter(chain.values()))
    page = sagemaker.query_lineage(StartArns=[start], Direction="Both", MaxResults=1)
    with pytest.raises(ClientError) as error:
        sagemaker.query_lineage(StartArns=[start], Direction="Ascendants", MaxResults=1, NextToken=page["NextToken"])
    assert code(error) == "ValidationException"
