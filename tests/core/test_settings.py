"""Settings of the environment: what can't be used is said in one line, with the variable, its value and how to write it."""

from __future__ import annotations

import pytest

from core.errors import GovernanceError
from core.identity import Role
from core.settings import ROLE_PATTERN, InvalidSetting, Settings, find_unknown_variables, variable_name


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("target", "azure", "Write local or aws"),
        ("clarify", "Own", "Write own or aws"),
        ("subnets", "subnet-1", """GOVERNANCE_SUBNETS='["subnet-1", "subnet-2"]'"""),
        ("subnets", '{"a": "b"}', """'["subnet-1", "subnet-2"]'"""),
        ("tags", "x", """GOVERNANCE_TAGS='{"team": "credit"}'"""),
        ("tags", '["x"]', """'{"team": "credit"}'"""),
        ("assume", "'{}'", "iam::123456789012:role/scientists"),
        ("assume", '{"boss": "arn:aws:iam::123456789012:role/boss"}', "data scientist"),
        ("assume", '{"viewer": "viewers"}', "iam::123456789012:role/"),
        ("bucket", "s3://my-bucket", "GOVERNANCE_BUCKET=my-bucket"),
        ("role", "governance-execution", "iam::123456789012:role/"),
        ("region", "Frankfurt", "eu-central-1"),
        ("instance_type", "m5.large", "ml.m5.xlarge"),
        ("group", "my models", "my-models"),
        ("tags", '{"aws:x": "1"}', """'{"team": "credit"}'"""),
        ("tags", '{"a,b": "1"}', """'{"team": "credit"}'"""),
        ("analysis_image", "docker.io/library/python:3.11", "dkr.ecr"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_value_and_its_form(monkeypatch, name, value, form):
    monkeypatch.setenv(variable_name(name), value)
    for read in (Settings, Settings.current):
        with pytest.raises(InvalidSetting) as caught:
            read()
        assert f"{variable_name(name)}={value} can't be used" in caught.value.message
        assert form in caught.value.hint
        assert "\n" not in str(caught.value)
    assert issubclass(InvalidSetting, GovernanceError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("region", "us-gov-west-1"),
        ("region", "cn-northwest-1"),
        ("region", "eusc-de-east-1"),
        ("tags", '{"größe": "x y:/=+-@.", "empty": ""}'),
        ("analysis_image", "123456789012.dkr-ecr.us-west-2.on.aws/mine@sha256:00"),
        ("role", "arn:aws-us-gov:iam::123456789012:role/path/of/it"),
        ("bucket", "Old.Bucket_1"),
        ("instance_type", "ml.p4de.24xlarge"),
        ("processing_instance_type", "ml.geospatial.interactive"),
        ("assume", '{"compliance officer": "arn:aws-cn:iam::123456789012:role/officers"}'),
    ],
)
def test_what_aws_takes_is_taken(monkeypatch, name, value):
    monkeypatch.setenv(variable_name(name), value)
    assert Settings.model_validate_json(Settings.current().model_dump_json()) == Settings()


def test_an_empty_variable_is_one_that_is_left_out(monkeypatch):
    plain = Settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(variable_name(name), "")
    assert Settings.current() == plain


def test_the_roles_that_settings_name_are_those_that_there_are():
    assert rf"^({'|'.join(Role)})\Z" == ROLE_PATTERN


def test_a_misspelt_variable_is_found_with_the_one_that_is_meant(monkeypatch):
    monkeypatch.setenv("GOVERNANCE_SUBNET", "x")
    monkeypatch.setenv("GOVERNANCE_ZZZ", "x")
    monkeypatch.setenv("governance_bucket", "mine")
    found = find_unknown_variables()
    assert found["GOVERNANCE_SUBNET"] == "GOVERNANCE_SUBNETS"
    assert found["GOVERNANCE_ZZZ"] == ""
    assert "governance_bucket" not in found
