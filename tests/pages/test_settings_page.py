"""The settings page: what is set, the doctor's findings, prices."""

from __future__ import annotations

from core.settings import Settings


def test_every_setting_is_listed_with_its_value_and_purpose(app, full, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_TAGS", '{"team": "credit risk"}')
    (table,) = [frame.value for frame in app(full, "settings", tab="set").dataframe]
    assert len(table) == len(Settings.model_fields)
    values = dict(zip(table["variable"], table["value"], strict=True))
    assert values["GOVERNANCE_TAGS"] == "team = credit risk"
    assert values["GOVERNANCE_WORKSPACE"] == str(full)
    assert table["for"].str.len().min() > 10


def test_the_check_passes_on_the_engine_and_lists_each_permission(app, full):
    test = app(full, "settings", "Vera", tab="check")
    assert not test.dataframe
    test.button(key="check").click().run()
    assert not test.exception
    assert not test.error
    assert "The workflow has what it needs here." in [found.value for found in test.success]
    table = test.dataframe[0].value
    assert set(table["state"]) <= {"all right", "advised"}
    assert (table["area"] == "permissions").sum() > 60


def test_what_is_missing_stands_above_the_table_with_its_remedy(app, full, monkeypatch):
    monkeypatch.setenv("GOVERNANCE_ANALYSIS_IMAGE", "000000000000.dkr.ecr.us-east-1.amazonaws.com/somebody-elses:1")
    test = app(full, "settings", tab="check")
    test.button(key="check").click().run()
    (error,) = test.error
    assert "somebody\\-elses" in error.value
    assert "docs/aws" in error.value
    assert not test.success
    assert test.dataframe[0].value["state"].iloc[0] == "missing"
