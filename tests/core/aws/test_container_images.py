"""The names of SageMaker's own images are those that the SDK gives."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sagemaker.core import image_uris

from core.aws import container_images

REGIONS = ("us-east-1", "eu-central-1", "il-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "ap-southeast-4")


def answer(ask):
    try:
        return ask()
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("name", "version"), [("xgboost", "3.0-5"), ("xgboost", "1.7-1"), ("debugger", None), ("clarify", None)])
def test_an_image_is_called_as_the_sdk_calls_it(name, version, region):
    known = answer(lambda: image_uris.retrieve(name, region, version=version))
    assert answer(lambda: container_images.find_uri(name, region, version)) == known


@pytest.mark.parametrize("version", ["0.90-1", "1", "latest", "9.9"])
def test_what_the_tables_do_not_settle_is_asked_of_the_sdk(version):
    known = answer(lambda: image_uris.retrieve("xgboost", "us-east-1", version=version))
    assert answer(lambda: container_images.find_uri("xgboost", "us-east-1", version)) == known


def test_the_sdk_is_not_imported_for_the_images_of_a_run():
    script = "import sys; from core.aws.container_images import find_uri; "
    script += "[find_uri(n, 'us-east-1', v) for n, v in (('xgboost', '3.0-5'), ('debugger', None))]"
    subprocess.run([sys.executable, "-c", f"{script}; assert 'sagemaker.core' not in sys.modules"], check=True)
