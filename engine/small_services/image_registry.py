"""The registry of images (ECR): it has the product's own image."""

from __future__ import annotations

from engine.containers import OWN_REPOSITORY
from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import matching, operation
from engine.paging import paginate
from engine.principal import ACCOUNT


@operation("ecr", "DescribeImages", on=matching("arn:aws:ecr:{region}:{account}:repository/{repositoryName}", "repositoryName"))
def describe_images(context: Context, request: Request) -> Response:
    """The product's own image, which is built into this engine, under the requested tag."""
    if request["repositoryName"] != OWN_REPOSITORY:
        message = f"The repository with name '{request['repositoryName']}' does not exist in the registry with id '{ACCOUNT}'"
        raise AWSError("RepositoryNotFoundException", message)
    tags = [image.get("imageTag", "latest") for image in request.get("imageIds") or [{}]]
    details = [{"registryId": ACCOUNT, "repositoryName": OWN_REPOSITORY, "imageTags": [tag], "imageSizeInBytes": 0} for tag in tags]
    names = {"nextToken": "NextToken", "maxResults": "MaxResults"}
    page, token = paginate(details, {names.get(name, name): value for name, value in request.items()}, 100)
    return {"imageDetails": list(page), "nextToken": token}
