"""The table of operations has no gaps: an operation that says too little about its permission fails here, not in a user's policy."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import engine
from engine.context import Context
from engine.iam.authorize import required_permissions
from engine.operations import ANY_RESOURCE, OPERATIONS, operation
from engine.service_models import operation_model
from engine.wire import served_operations  # noqa: F401 - registers all of them

SAGEMAKER_ROLES = {"RoleArn", "ExecutionRoleArn"}
NOT_LIMITED_BY_IAM = {
    "BatchDescribeModelPackage",
    "ListActions",
    "ListArtifacts",
    "ListAssociations",
    "ListContexts",
    "ListExperiments",
    "ListHyperParameterTuningJobs",
    "ListLineageGroups",
    "ListModelCardExportJobs",
    "ListModelCards",
    "ListModelPackageGroups",
    "ListModels",
    "ListProcessingJobs",
    "ListServiceQuotas",
    "ListTrainingJobs",
    "ListTrialComponents",
    "ListTrials",
    "QueryLineage",
    "Search",
}
"""The operations whose permission is on ``*``. Before one is added here: IAM's Service Authorization Reference names no resource for it."""
NAMED_BY_OPTIONAL_MEMBERS = {
    "CreateModelPackage",
    "DeleteArtifact",
    "DescribeLogStreams",
    "FilterLogEvents",
    "GetLogEvents",
    "ListModelPackages",
}
"""The operations that can be called without the member that names their resource; the permission is then on ``*`` in its place."""


@pytest.fixture(scope="module")
def context():
    return Context(Path(), "us-east-1", SimpleNamespace(find_by_arn=lambda arn: None), None)


def input_members(served):
    shape = operation_model(served.service, served.name).input_shape
    return (shape.members, set(shape.required_members)) if shape is not None else ({}, set())


@pytest.mark.parametrize("served", OPERATIONS.values(), ids=lambda served: served.action)
def test_each_permission_reads_members_that_its_operation_has(served):
    parameters = set(served.resource.parameters) if served.resource else set()
    members, required = input_members(served)
    assert parameters <= members.keys()
    assert parameters <= required or served.name in NAMED_BY_OPTIONAL_MEMBERS


def test_a_permission_on_any_resource_is_a_choice():
    assert {served.name for served in OPERATIONS.values() if served.resource is ANY_RESOURCE} == NOT_LIMITED_BY_IAM
    assert [served.name for served in OPERATIONS.values() if served.resource is None] == ["GetCallerIdentity"]


def test_every_operation_in_the_source_is_served():
    """A module that no ``__init__`` imports would register nothing."""
    sources = [path.read_text(encoding="utf-8") for path in Path(engine.__file__).parent.rglob("*.py")]
    written = {found for text in sources for found in re.findall(r'^@operation\(\s*"([\w-]+)",\s*"(\w+)"', text, re.MULTILINE)}
    assert written == OPERATIONS.keys()


def test_an_operation_without_a_resource_or_registered_twice_is_refused():
    with pytest.raises(TypeError):
        operation("sagemaker", "CreateApp")
    with pytest.raises(ValueError, match="registered twice"):
        operation("sagemaker", "CreateModel", on=ANY_RESOURCE)(lambda context, request: {})


@pytest.mark.parametrize(
    "served", [served for served in OPERATIONS.values() if served.service == "sagemaker"], ids=lambda served: served.name
)
def test_each_role_that_a_request_hands_to_sagemaker_must_be_allowed_to_be_passed(context, served):
    """``iam:PassRole`` on every role of the request, in the definitions of a tuning job too."""
    roles = []

    def sample(shape, depth=0):
        if depth > 6:  # a search expression holds others
            return None
        if shape.type_name == "structure":
            return {name: role() if name in SAGEMAKER_ROLES else sample(member, depth + 1) for name, member in shape.members.items()}
        if shape.type_name == "list":
            return [sample(shape.member, depth + 1)]
        return {} if shape.type_name == "map" else "s3://bucket/key"

    def role():
        roles.append(f"arn:aws:iam::000000000000:role/{len(roles)}")
        return roles[-1]

    request = sample(operation_model(served.service, served.name).input_shape)
    request.pop("Tags", None)
    passed = {permission.resource for permission in required_permissions(context, served, request) if permission.action == "iam:PassRole"}
    assert passed == set(roles)
