"""The policy tab: proposed by a file, adopted by an administrator, confirmed by a second person."""

from __future__ import annotations

import pytest
from deciding import EASY, WHY

from core.aws.target import connect
from core.governance import policy_adoption
from core.settings import Settings
from engine import lifecycle


@pytest.fixture
def workspace(tmp_path):
    yield tmp_path / "ws"
    lifecycle.stop(tmp_path / "ws")


def words(test):
    shown = (test.markdown, test.caption, test.info, test.success, test.error)
    return "\n".join(one.value for kind in shown for one in kind).replace("\\", "")  # Markdown escapes


def send(test, label):
    test.text_area[0].set_value(WHY)
    next(button for button in test.button if button.label == label).click()
    return test.run()


def test_a_policy_is_in_force_after_two_people_and_not_before(app, workspace, tmp_path, monkeypatch):
    path = tmp_path / "easy.toml"
    path.write_text(EASY)
    monkeypatch.setenv("GOVERNANCE_POLICY", str(path))
    dana = app(workspace, "decisions", "Dana", tab="policy")
    assert "Proposed" in words(dana)
    assert "Adopt the policy" not in [button.label for button in dana.button]
    adopted = send(app(workspace, "decisions", "Ada", tab="policy"), "Adopt the policy")
    assert "once a second person has confirmed it" in words(adopted)
    assert "Ada (demo) has worked on this policy already" in words(adopted)
    target = connect(Settings(workspace=workspace))
    assert policy_adoption.load_in_force(target).title == "Credit decisions"
    confirmed = send(app(workspace, "decisions", "Chris", tab="policy"), "Confirm the policy")
    assert not confirmed.exception
    assert "The policy is in force." in words(confirmed)
    assert "confirmed by Chris" in words(confirmed)
    assert policy_adoption.load_in_force(connect(Settings(workspace=workspace))).text == EASY
    path.write_text("broken")
    assert "easy.toml, line 1" in words(app(workspace, "decisions", "Ada", tab="policy"))
