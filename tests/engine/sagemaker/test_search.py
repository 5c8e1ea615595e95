"""Search, through boto3."""

import uuid

import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture(scope="module")
def steps(sagemaker):
    """A mark, and three trial components that bear it with depth 2, 5 and 10; the last is in a trial."""
    mark = f"search{uuid.uuid4().hex[:8]}"
    for depth in (2, 5, 10):
        sagemaker.create_trial_component(
            TrialComponentName=f"{mark}-{depth}",
            Parameters={"max_depth": {"NumberValue": depth}, "SageMaker.ImageUri": {"StringValue": IMAGE}},
            InputArtifacts={"train": {"MediaType": "text/csv", "Value": f"s3://somewhere/{depth}.csv"}},
            Tags=[{"Key": "mark", "Value": mark}, {"Key": "depth", "Value": str(depth)}],
        )
    sagemaker.create_experiment(ExperimentName=mark)
    sagemaker.create_trial(TrialName=mark, ExperimentName=mark)
    sagemaker.associate_trial_component(TrialComponentName=f"{mark}-10", TrialName=mark)
    return mark


@pytest.fixture
def find(sagemaker, steps):
    def ask(*filters, operator="And", **more):
        conditions = [{"Name": n, "Operator": o, **({"Value": v} if v is not None else {})} for n, o, v in filters]
        marked = {"Filters": [{"Name": "Tags.mark", "Operator": "Equals", "Value": steps}]}
        inner = [{"Filters": conditions, "Operator": operator}] if conditions else []
        answer = sagemaker.search(
            Resource="ExperimentTrialComponent", SearchExpression={"SubExpressions": [marked, *inner], "Operator": "And"}, **more
        )
        return [int(result["TrialComponent"]["TrialComponentName"].rsplit("-", 1)[1]) for result in answer["Results"]]

    return ask


@pytest.mark.parametrize(
    ("filters", "depths"),
    [
        ([("Parameters.max_depth", "GreaterThan", "4")], {5, 10}),
        ([("Parameters.max_depth", "LessThanOrEqualTo", "5")], {2, 5}),
        ([("Parameters.max_depth", "Equals", "5")], {5}),
        ([("Parameters.max_depth", "NotEquals", "5")], {2, 10}),
        ([("Tags.depth", "In", "2,10")], {2, 10}),
        ([("Parameters.SageMaker.ImageUri", "Contains", "XGBoost")], {2, 5, 10}),
        ([("InputArtifacts.train.Value", "Contains", "/5.csv")], {5}),
        ([("Parents.TrialName", "Exists", None)], {10}),
        ([("Parents.TrialName", "NotExists", None)], {2, 5}),
        ([("CreationTime", "GreaterThan", "2020-01-01T00:00:00Z")], {2, 5, 10}),
        ([("CreationTime", "LessThan", "2020-01-01T00:00:00Z")], set()),
        ([("NoSuchThing", "Equals", "1")], set()),
    ],
)
def test_a_filter_finds_what_it_says(find, filters, depths):
    assert set(find(*filters)) == depths


def test_conditions_are_joined_by_and_or_or(find):
    both = [("Parameters.max_depth", "GreaterThan", "4"), ("Parameters.max_depth", "LessThan", "4")]
    assert find(*both) == []
    assert set(find(*both, operator="Or")) == {2, 5, 10}


def test_results_are_sorted_as_numbers(find):
    assert find(SortBy="Parameters.max_depth", SortOrder="Ascending") == [2, 5, 10]
    assert find(SortBy="Parameters.max_depth", SortOrder="Descending") == [10, 5, 2]


def test_pages_hold_every_hit_once(sagemaker, steps):
    expression = {"Filters": [{"Name": "TrialComponentName", "Operator": "Contains", "Value": steps}]}
    request = {"Resource": "ExperimentTrialComponent", "SearchExpression": expression}
    pages = list(sagemaker.get_paginator("search").paginate(**request, PaginationConfig={"PageSize": 2}))
    assert [len(page["Results"]) for page in pages] == [2, 1]
    assert len({result["TrialComponent"]["TrialComponentArn"] for page in pages for result in page["Results"]}) == 3
    assert sagemaker.search(**request)["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}


def test_nested_filters_meet_in_one_entry_of_a_list(sagemaker):
    group = f"search{uuid.uuid4().hex[:8]}"
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://somewhere/a"}, {"Image": "other/image:1", "ModelDataUrl": "s3://somewhere/b"}]
    sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification={"Containers": containers})

    def hits(image, data):
        path = "InferenceSpecification.Containers"
        filters = [{"Name": f"{path}.Image", "Operator": "Equals", "Value": image}, {"Name": f"{path}.ModelDataUrl", "Value": data}]
        expression = {
            "Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": group}],
            "NestedFilters": [{"NestedPropertyName": path, "Filters": filters}],
        }
        return len(sagemaker.search(Resource="ModelPackage", SearchExpression=expression)["Results"])

    assert hits(IMAGE, "s3://somewhere/a") == 1
    assert hits(IMAGE, "s3://somewhere/b") == 0


def test_a_resource_that_the_engine_does_not_have_is_refused(sagemaker):
    with pytest.raises(ClientError, match="has no FeatureGroup"):
        sagemaker.search(Resource="FeatureGroup")
