"""What is made once: settings for the same environment, figures for the same content."""

from __future__ import annotations

import json

import pandas as pd
import plotly.graph_objects as go

from core.identity import Identity, Role
from core.settings import Settings
from ui import session
from ui.components import charts


def test_settings_follow_the_environment_at_once(monkeypatch):
    monkeypatch.setenv("GOVERNANCE_GROUP", "one")
    first = Settings.current()
    assert first == Settings()
    assert Settings.current() is first
    monkeypatch.setenv("GOVERNANCE_GROUP", "two")
    assert Settings.current().group == "two"
    monkeypatch.setenv("governance_instance_type", "ml.c5.large")
    assert Settings.current() == Settings()
    monkeypatch.delenv("GOVERNANCE_GROUP")
    assert Settings.current() == Settings()
    assert Settings.current().group != "two"


def test_the_pages_connect_with_the_same_settings_whether_or_not_a_group_was_set(monkeypatch):
    monkeypatch.setattr(session, "connect", lambda settings, identity: settings)
    default = Settings().group
    session._connect.clear()
    assert not session.app_target().has_own_group
    monkeypatch.setenv("GOVERNANCE_GROUP", default)
    assert session.app_target().has_own_group
    session._connect.clear()


def test_what_is_read_in_one_iam_role_is_kept_for_that_role_only(monkeypatch):
    monkeypatch.setenv("GOVERNANCE_ASSUME", json.dumps({"viewer": "arn:aws:iam::1:role/v", "validator": "arn:aws:iam::1:role/w"}))
    keys = {}
    for role in (Role.VIEWER, Role.VALIDATOR, Role.ADMINISTRATOR):
        monkeypatch.setattr(session.st, "session_state", {"identity": Identity("Vera", role)})
        keys[role] = session.cache_key()
    assert len(set(keys.values())) == 3
    assert keys[Role.ADMINISTRATOR] == Settings().model_dump_json(exclude_unset=True)


def test_a_figure_is_made_once_for_the_same_content_and_anew_for_another():
    made = []

    def line(table: pd.DataFrame, *, name: str) -> go.Figure:
        made.append(name)
        return go.Figure(go.Scatter(x=table["x"], y=table["y"], name=name))

    table = pd.DataFrame({"x": [1, 2], "y": [0.5, 0.25]})
    first = charts.cached_figure(line, table, name="a")
    assert charts.cached_figure(line, table.copy(), name="a") is first
    assert charts.cached_figure(line, table.assign(y=[0.5, 0.26]), name="a").data[0].y[1] == 0.26
    assert charts.cached_figure(line, table, name="b").data[0].name == "b"
    assert made == ["a", "a", "b"]
