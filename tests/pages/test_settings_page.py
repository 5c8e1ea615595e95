"""The settings page: what is set, the doctor's findings, prices."""

from __future__ import annotations

import re

import pytest

from core.settings import Settings, variable_name


def listed(test) -> dict[str, str]:
    """Variable → value, as the page lists them."""
    lines = "\n".join(part.value for part in test.markdown).splitlines()
    return {name: value.replace("\\", "") for line in lines for name, value in re.findall(r"^- `(GOVERNANCE_\w+)`: \*\*(.*?)\*\*", line)}


def test_every_setting_is_listed_with_the_value_in_force(app, full, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_TAGS", '{"team": "credit risk"}')
    test = app(full, "settings", tab="set")
    values = listed(test)
    assert set(values) == {variable_name(name) for name in Settings.model_fields}
    assert all(values.values())
    purposes = re.findall(r"^- `GOVERNANCE_\w+`.*\n  (.*)$", "\n".join(part.value for part in test.markdown), re.MULTILINE)
    assert len(purposes) == len(values)
    assert min(map(len, purposes)) > 10
    assert values["GOVERNANCE_TAGS"] == "team = credit risk"
    assert values["GOVERNANCE_WORKSPACE"] == str(full)
    assert values["GOVERNANCE_REGION"] == "us-east-1"
    assert values["GOVERNANCE_PROCESSING_INSTANCE_TYPE"] == "ml.m5.xlarge"
    given, left = (part.value for part in test.markdown if part.value.startswith("- `"))
    assert "GOVERNANCE_TAGS" in given
    assert "GOVERNANCE_REGION" in left


@pytest.mark.parametrize("page", ["overview", "settings"])
def test_a_setting_that_cannot_be_used_is_said_instead_of_the_page(app, full, monkeypatch, page):
    test = app(full, page)
    monkeypatch.setenv("GOVERNANCE_SUBNETS", "subnet-1")
    test.run()
    assert not test.exception
    (error,) = test.error
    assert "GOVERNANCE_SUBNETS=subnet-1 can't be used" in error.value
    assert "subnet-2" in error.value


def test_the_check_passes_on_the_engine_and_lists_each_permission(app, full):
    test = app(full, "settings", "Vera", tab="check")
    assert not test.dataframe
    test.button(key="check").click().run()
    assert not test.exception
    assert not test.error
    assert not test.warning
    assert "The target has everything that the workflow needs." in [found.value for found in test.success]
    assert (test.dataframe[0].value["area"] == "permissions").sum() > 60


def test_what_is_missing_or_advised_stands_above_the_rest_with_its_remedy(app, full, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_ANALYSIS_IMAGE", "000000000000.dkr.ecr.us-east-1.amazonaws.com/somebody-elses:1")
    test = app(full, "settings", tab="check")
    test.button(key="check").click().run()
    (error,) = test.error
    assert "somebody\\-elses" in error.value
    assert "docs/aws" in error.value
    assert not test.success
    kinds = [node.type for node in test.main]
    assert kinds.index("error") < kinds.index("info") < kinds.index("expander")
    (advice,) = test.info
    assert "Use a bucket with Object Lock" in advice.value
