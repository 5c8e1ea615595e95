"""Who may do what: roles, four eyes under every spelling of a name, forged identities, and the examples of docs/sign-in.md."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import unicodedata

import pytest
from paths import ROOT

from core.errors import DataError, Forbidden
from core.identity import (
    DEMO_IDENTITIES,
    FOUR_EYES_ACTIONS,
    ROLES_BY_ACTION,
    WORKFLOW_IDENTITY,
    Identity,
    Role,
    account_from_claims,
    explain_refusal,
    is_allowed,
)
from core.settings import Settings

GUIDE = (ROOT / "docs/sign-in.md").read_text()
CLAIMS = {"iss": "https://id.example.com/realms/bank", "sub": "f3b1c2d4", "exp": 2_000_000_000, "name": "Ada"}
CHRIS = Identity("Chris", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="chris")
SPELLINGS = [
    "josé DÍAZ",
    " José  Díaz ",
    "Ｊｏｓé Díaz",
    unicodedata.normalize("NFD", "José Díaz"),
    "Jos\u00e9\u200b D\u00adíaz\ufe0f",
    "José\tDíaz",
]


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("action", sorted(FOUR_EYES_ACTIONS))
def test_a_name_in_another_spelling_is_the_same_name(name, action):
    who = Identity(name, Role.VALIDATOR if action == "validate" else Role.COMPLIANCE_OFFICER)
    for recorded in ("José Díaz", Identity("José Díaz", Role.DATA_SCIENTIST).tag):
        error = explain_refusal(who, action, involved={"trainer": recorded}, target_kind="local")
        assert error is not None
        assert "has worked on" in error.message
    assert is_allowed(who, action, involved={"trainer": "Jose Diez"}, target_kind="local")


@pytest.mark.parametrize("action", sorted(ROLES_BY_ACTION))
def test_each_action_is_for_its_roles_and_no_others(action):
    for role in Role:
        assert is_allowed(dataclasses.replace(CHRIS, role=role), action, target_kind="aws") == (role in ROLES_BY_ACTION[action])


class Everyone(Identity):
    @property
    def id(self):
        return "nobody in particular"


@pytest.mark.parametrize(
    "forged",
    [
        dataclasses.replace(CHRIS, role="compliance officer"),
        dataclasses.replace(CHRIS, role=None),
        dataclasses.replace(CHRIS, role="emperor"),
        dataclasses.replace(CHRIS, role=["compliance officer"]),
        dataclasses.replace(CHRIS, name=""),
        dataclasses.replace(CHRIS, name="\u200b \u00ad"),
        Everyone("Chris", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="chris"),
        None,
    ],
)
def test_what_is_no_person_in_a_role_may_nothing(forged):
    assert not any(is_allowed(forged, action, target_kind=target) for action in ROLES_BY_ACTION for target in ("local", "aws"))


def test_on_aws_only_whom_a_provider_vouches_for_decides_and_the_workflow_builds():
    for who in (
        *DEMO_IDENTITIES,
        *(dataclasses.replace(one, demo=False) for one in DEMO_IDENTITIES),
        dataclasses.replace(CHRIS, subject=""),
    ):
        assert not any(is_allowed(who, action, target_kind="aws") for action in ROLES_BY_ACTION)
    assert {action for action in ROLES_BY_ACTION if is_allowed(WORKFLOW_IDENTITY, action, target_kind="aws")} == {
        "view",
        "launch",
        "upload",
        "register",
    }
    assert is_allowed(CHRIS, "approve", target_kind="aws")


def test_an_action_that_nobody_knows_is_nobodys():
    assert not any(is_allowed(dataclasses.replace(CHRIS, role=role), "delete the log") for role in Role)


def examples() -> list[dict]:
    return [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)]


def test_the_guides_secrets_are_what_streamlit_asks_for():
    assert set(examples()[0]["auth"]) == {"redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"}


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"roles": ["ml-engineers"]}, {Role.DATA_SCIENTIST, Role.VIEWER}),
        ({"roles": "credit-compliance", "sub": "other"}, {Role.COMPLIANCE_OFFICER, Role.VIEWER}),
        ({"roles": ["compliance officer"], "sub": "other"}, set()),  # with [claims] only its values count
        ({"email": "ADA@example.com", "email_verified": True, "sub": "other"}, {Role.ADMINISTRATOR}),
        ({"email": "ada@example.com", "email_verified": False, "sub": "other"}, set()),
        ({"email": "ada@example.com", "sub": "other"}, set()),
        ({"iss": "https://evil.example"}, set()),
    ],
)
def test_the_guides_roles_file_gives_the_roles_that_it_says(tmp_path, claims, roles):
    path = tmp_path / "roles.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[1])
    assert set(account_from_claims({**CLAIMS, **claims}, Settings(roles_file=path), now=0).roles) == roles


def test_the_guides_table_of_roles_names_each_role_and_who_may_approve():
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (.+) \|$", GUIDE, re.MULTILINE))
    assert set(Role) <= rows.keys()
    for action in ("submit", "validate", "approve", "reject", "withdraw", "retire", "launch"):
        named = {role for role in Role if action in rows[role] or (role == Role.ADMINISTRATOR and action in rows[Role.DATA_SCIENTIST])}
        assert named == ROLES_BY_ACTION[action], action


@pytest.mark.parametrize("until", [None, True, "soon", 0, 999])
def test_claims_that_have_expired_or_say_no_end_are_no_sign_in(until):
    with pytest.raises(Forbidden, match="sign-in ended"):
        account_from_claims({**CLAIMS, "exp": until}, Settings(), now=1000)


@pytest.mark.parametrize("text", ["x = 1", "[people]\na = 'emperor'", "[people]\n'' = 'viewer'", "not toml", "people = 3"])
def test_a_roles_file_that_is_wrong_is_refused_by_name(tmp_path, text):
    path = tmp_path / "roles.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=r"roles\.toml"):
        account_from_claims(CLAIMS, Settings(roles_file=path), now=0)
