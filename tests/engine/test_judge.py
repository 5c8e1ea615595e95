"""The judge of the engine's answers finds what it is there to find."""

from xml.etree import ElementTree

import judge
import pytest

from engine.service_models import operation_model

GOOD = {
    "ModelName": "m",
    "ModelArn": "arn:aws:sagemaker:us-east-1:000000000000:model/m",
    "CreationTime": 1.5,
    "PrimaryContainer": {"Image": "i:1", "Mode": "SingleModel", "Environment": {"a": "b"}},
    "EnableNetworkIsolation": False,
    "NotSaid": None,
    "_Own": 1,
}


def of(answer, operation="DescribeModel"):
    return list(judge.faults(operation_model("sagemaker", operation).output_shape, answer))


def test_an_answer_of_the_model_has_no_faults():
    assert of(GOOD) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Colour": "red"}, ".Colour is not in the model"),
        ({"ModelArn": None}, ".ModelArn is required and missing"),
        ({"ModelName": 5}, ".ModelName is a int, not a string"),
        ({"EnableNetworkIsolation": 1}, ".EnableNetworkIsolation is a int, not a boolean"),
        ({"CreationTime": "today"}, ".CreationTime is a str, not a timestamp"),
        ({"CreationTime": float("nan")}, ".CreationTime is nan, no timestamp"),
        ({"PrimaryContainer": {"Image": "i:1", "Mode": "Best"}}, ".PrimaryContainer.Mode is 'Best', none of"),
        ({"PrimaryContainer": {"Colour": "red"}}, ".PrimaryContainer.Colour is not in the model"),
        ({"ModelName": "no spaces"}, ".ModelName is 'no spaces', not of the pattern"),
        ({"PrimaryContainer": {"Environment": {"a": 1}}}, ".PrimaryContainer.Environment[a] is a int, not a string"),
    ],
)
def test_what_the_model_does_not_have_is_named(change, words):
    (fault,) = of(GOOD | change)
    assert fault.startswith(words)


@pytest.mark.parametrize(
    ("operation", "text", "faults"),
    [
        ("ListObjectsV2", "<Name>b</Name><Contents><Key>k</Key><Size>1</Size></Contents>", []),
        ("ListObjectsV2", "<Contents><Key>k</Key><Colour>red</Colour></Contents>", [".Contents.Colour is not in the model"]),
        ("ListObjectsV2", "<KeyCount>many</KeyCount>", [".KeyCount is 'many', no integer"]),
        ("ListObjectsV2", "<IsTruncated>yes</IsTruncated>", [".IsTruncated is 'yes', no boolean"]),
        ("ListBuckets", "<Buckets><Bucket><Nom>b</Nom></Bucket></Buckets>", [".Buckets[].Nom is not in the model"]),
    ],
)
def test_s3s_xml_is_judged_by_its_elements(operation, text, faults):
    root = ElementTree.fromstring(f"<Answer>{text}</Answer>")
    assert list(judge.xml_faults(operation_model("s3", operation).output_shape, root, "")) == faults
