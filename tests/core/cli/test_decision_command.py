"""Registration and decisions from a script: the page's use cases, by demo identities and by ID tokens of a real provider on loopback."""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock as oidc
import pytest
from deciding import WHY, submitted, validated
from joserfc import jwt
from joserfc.jwk import RSAKey

from core.cli import acting_person, decision_command, id_token
from core.cli.main import main
from core.errors import DataError, Forbidden, TargetUnavailable
from core.governance import decisions
from core.governance.validity import check_validity
from core.governance.version_state import read_state
from core.identity import Role, explain_refusal
from core.ledger import audit_log
from core.registry import model_packages
from core.settings import ID_TOKEN_VARIABLE, Settings, find_unknown_variables

PEOPLE = (
    oidc.User(sub="dana", claims={"name": "Dana Duarte", "roles": ["data scientist"]}),
    oidc.User(sub="vic", claims={"name": "Vic Vega", "roles": ["validator", "compliance officer"]}),
    oidc.User(sub="norma", claims={"name": "Norma", "roles": ["emperor"], "email": "norma@id.example", "email_verified": False}),
)
CLIENT = "governance"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A working directory and a home without a provider, and no token."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(ID_TOKEN_VARIABLE, raising=False)


@pytest.fixture
def run(target, monkeypatch, capsys):
    """``run("approve", …)``: (exit code, what it wrote as JSON, what it said of an error), on the demo's workspace."""
    monkeypatch.setattr(decision_command, "connect", lambda settings, person: target)

    def command(*words):
        capsys.readouterr()
        code = main([*words, "--json", "--workspace", str(target.settings.workspace)])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return command


def short(arn):
    return arn.rpartition("model-package/")[2]


# by demo identities --------------------------------------------------------------------------------------------------------------------


def test_a_version_goes_from_registration_to_its_end_by_commands(demo, target, run):
    made = model_packages.read_package(target, demo[1][0]["models"][1]["model_package_arn"]).properties
    jobs = ["--bias-job", made["governance:bias-job"], "--shap-job", made["governance:shap-job"]]
    code, registered, _ = run("register", made["governance:training-job"], *jobs, "--group", "decided", "--as", "Dana")
    assert (code, registered["status"], registered["event"]) == (0, "registered", 0)
    arn, day = registered["version"], (datetime.now(UTC).date() + timedelta(days=9)).isoformat()
    assert model_packages.read_package(target, arn).properties["governance:role"] == made["governance:role"]
    why = ["--reason", WHY]
    steps = [
        ("submit", "Dana", "submitted", ["--tier", "low", "--tier-rationale", WHY, "--code", "first version"]),
        ("validate", "Vic", "validated", ["--code", "evidence reviewed"]),
        ("approve", "Chris", "approved", ["--code", "meets the policy", "--condition", "Watch the drift", "Dana", day]),
        ("meet-condition", "vic (demo)", "approved", ["--condition", "1"]),
        ("retire", "Olga", "retired", ["--code", "end of use"]),
    ]
    for command, person, status, more in steps:
        before = read_state(target, arn).last_event
        code, said, _ = run(command, short(arn), "--as", person, "--event", str(before), *why, *more)
        assert (code, said["status"], said["version"]) == (0, status, arn)
        state = read_state(target, arn)
        assert (said["event"], said["evidence"], said["expires"]) == (state.last_event, state.evidence, state.expires)
    own = [event for event in audit_log.read_events(target) if event.subject == arn]
    who = [
        ("register", "Dana"),
        ("submit", "Dana"),
        ("validate", "Vic"),
        ("approve", "Chris"),
        ("meet condition", "Vic"),
        ("retire", "Olga"),
    ]
    assert [(event.kind, event.actor["name"]) for event in own] == [(kind, f"{name} (demo)") for kind, name in who]
    assert check_validity(target, arn).void_reasons == ()


def test_a_waiver_takes_two_people_and_the_version_can_still_be_rejected(target, arn, run):
    submitted(target, arn, profile="hard")
    day = datetime.now(UTC).date().isoformat()
    gate, why = ["--gate", "quality auc"], ["--reason", WHY]
    code, said, _ = run("waive", arn, "--as", "Vic", *gate, *why, "--until", day, "--code", "accepted risk")
    assert (code, said["waivers"][0]["by"], said["waivers"][0]["expires"], said["waivers"][0]["confirmed_by"]) == (
        0,
        "Vic (demo)",
        day,
        None,
    )
    code, said, _ = run("confirm-waiver", arn, "--as", "Chris", *gate, *why)
    assert (code, said["waivers"][0]["confirmed_by"]) == (0, "Chris (demo)")
    assert run("reject", arn, "--as", "Olga", *why, "--code", "bias")[1]["status"] == "rejected"


def test_a_script_is_refused_what_the_page_refuses_and_nothing_is_written(target, arn, run):
    state = validated(target, arn)
    why = ["--reason", WHY, "--code", "meets the policy"]
    handing_in = ["submit", arn, "--as", "Dana", "--reason", WHY, "--code", "new data", "--tier-rationale", WHY]
    cases = {
        "The viewer role can't approve": ["approve", arn, "--as", "Vera", *why],
        "changed after you opened it: Vic validated it": ["approve", arn, "--as", "Chris", *why, "--event", str(state.last_event - 1)],
        "The rationale is too short": ["approve", arn, "--as", "Chris", "--reason", "fine", "--code", "meets the policy"],
        "The rationale says nothing": ["approve", arn, "--as", "Chris", "--reason", "good " * 5, "--code", "meets the policy"],
        "'2020-01-01' is not a future date": ["approve", arn, "--as", "Chris", *why, "--condition", "Watch it", "Dana", "2020-01-01"],
        "Nobody here is called Nemo. Choose --as one of Ada, Chris": ["approve", arn, "--as", "Nemo", *why],
        "Nobody is signed in. Choose --as one of": ["approve", arn, *why],
        "Olga (demo) doesn't have the role viewer": ["approve", arn, "--as", "Olga", "--role", "viewer", *why],
        "no such version isn't a version. Write GROUP/NUMBER": ["approve", "no such version", "--as", "Chris", *why],
        "decided/999": ["approve", "decided/999", "--as", "Chris", *why],
        "The action “submit” needs a version that is": [*handing_in, "--tier", "low"],
        "The policy leaves the tier to you. Give --tier": handing_in,
        "Give both --bias-job and --shap-job": ["register", read_training_job(target, arn), "--as", "Dana", "--bias-job", "b"],
        "The viewer role can't register": ["register", read_training_job(target, arn), "--as", "Vera"],
    }
    before = audit_log.read_events(target)
    for words, command in cases.items():
        code, said, error = run(*command)
        assert (code, said, words in error) == (1, None, True), (words, error)
    code, said, _ = run("register", read_training_job(target, arn), "--as", "Dana")  # it is registered: once more changes nothing
    assert (code, read_training_job(target, said["version"])) == (0, read_training_job(target, arn))
    assert audit_log.read_events(target) == before


def read_training_job(target, arn):
    return model_packages.read_package(target, arn).properties["governance:training-job"]


@pytest.mark.parametrize(
    "words",
    [
        ["approve", "decided/1", "--as", "Chris", "--reason", WHY, "--code", "it is fine"],
        ["approve", "decided/1", "--as", "Chris", "--code", "meets the policy"],
        ["waive", "decided/1", "--as", "Vic", "--reason", WHY, "--code", "accepted risk", "--gate", "quality auc", "--until", "tomorrow"],
        ["withdraw", "decided/1", "--as", "Ada", "--reason", WHY, "--code", "incident", "--event", "last"],
    ],
)
def test_wrong_usage_is_code_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_every_decision_has_its_command():
    assert {name.replace("-", " ") for name in decision_command.KINDS} == set(decisions.ACTIONS)


# by ID tokens --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def providers():
    """The URL of a provider, of one whose tokens ended ten minutes ago, and of one whose tokens ended a minute ago."""
    with ExitStack() as stack:
        yield [
            f"http://localhost:{stack.enter_context(server).server_port}"
            for server in (
                oidc.run_server_in_thread(user_claims=PEOPLE),
                oidc.run_server_in_thread(user_claims=PEOPLE, access_token_max_age=timedelta(minutes=-10)),
                oidc.run_server_in_thread(user_claims=PEOPLE, access_token_max_age=timedelta(minutes=-1)),
            )
        ]


def issued(issuer, who, client=CLIENT):
    """The ID token that the provider gives to somebody who signs in."""
    asked = {"client_id": client, "redirect_uri": "http://localhost/back", "response_type": "code", "scope": "openid profile email"}
    answer = httpx.post(f"{issuer}/oauth2/authorize", params=asked, data={"sub": who})
    (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"], "client_id": client}
    return httpx.post(f"{issuer}/oauth2/token", data=form, auth=(client, "secret")).raise_for_status().json()["id_token"]


def options(secrets=None, person=None, role=None, token=None):
    return argparse.Namespace(secrets=secrets, person=person, role=role, id_token=token)


def secrets_file(tmp_path, *issuers, table="auth"):
    path = tmp_path / "secrets.toml"
    lines = [
        f'[{table if len(issuers) == 1 else f"auth.p{number}"}]\nclient_id = "{CLIENT}"\n'
        f'server_metadata_url = "{issuer}/.well-known/openid-configuration"\n'
        for number, issuer in enumerate(issuers)
    ]
    path.write_text("".join(lines))
    return path


AWS = Settings(target="aws")


def test_on_aws_the_providers_token_says_who_acts_and_in_which_role(providers, tmp_path, monkeypatch):
    secrets = secrets_file(tmp_path, providers[0])
    monkeypatch.setenv(ID_TOKEN_VARIABLE, issued(providers[0], "dana"))
    person = acting_person.find_person(AWS, options(secrets))
    assert (person.name, person.role, person.id, person.demo) == ("Dana Duarte", Role.DATA_SCIENTIST, f"{providers[0]}#dana", False)
    assert explain_refusal(person, "submit", target_kind="aws") is None
    with pytest.raises(Forbidden, match="that of Dana Duarte, not of Chris"):
        acting_person.find_person(AWS, options(secrets, person="Chris"))
    file = tmp_path / "token"
    file.write_text(issued(providers[0], "vic") + "\n")
    with pytest.raises(Forbidden, match="--role: validator or compliance officer"):
        acting_person.find_person(AWS, options(secrets, token=file))
    vic = acting_person.find_person(AWS, options(secrets, "vic vega", "validator", file))
    assert (vic.role, vic.subject) == (Role.VALIDATOR, "vic")
    with pytest.raises(Forbidden, match="doesn't have the role administrator"):
        acting_person.find_person(AWS, options(secrets, role="administrator", token=file))


def test_the_roles_file_counts_for_a_script_as_for_the_page(providers, tmp_path, monkeypatch):
    secrets, roles = secrets_file(tmp_path, providers[0]), tmp_path / "roles.toml"
    monkeypatch.setenv(ID_TOKEN_VARIABLE, issued(providers[0], "norma"))
    roles.write_text('[people]\n"norma@id.example" = "administrator"\n')
    settings = AWS.model_copy(update={"roles_file": roles})
    with pytest.raises(Forbidden, match=f"Norma has no role here.*{providers[0]}#norma"):  # her address isn't verified
        acting_person.find_person(settings, options(secrets))
    roles.write_text(f'[people]\n"{providers[0]}#norma" = "administrator"\n')
    assert acting_person.find_person(settings, options(secrets)).role is Role.ADMINISTRATOR


def forged_tokens(genuine, issuer):
    """Tokens with the claims of a genuine one, and with a role more, that the provider didn't sign."""
    head, body, signature = genuine.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    more = claims | {"roles": ["administrator"]}
    (key,) = httpx.get(f"{issuer}/jwks").json()["keys"]
    part = lambda content: base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()  # noqa: E731
    named = {"kid": key["kid"]} if "kid" in key else {}
    own = RSAKey.generate_key(2048, named)
    public = RSAKey.import_key(key).as_pem(private=False)
    yield "another key", jwt.encode({"alg": "RS256", **named}, more, own)
    yield "its own key in the header", jwt.encode({"alg": "RS256", "jwk": own.as_dict(private=False)}, more, own)
    shared = f"{part({'alg': 'HS256', **named})}.{part(more)}"
    digest = hmac.digest(public, shared.encode(), hashlib.sha256)
    yield "the public key as a shared secret", f"{shared}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    yield "a claim changed", f"{head}.{part(more)}.{signature}"
    yield "no signature", f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(more)}."
    yield "the signature cut off", f"{head}.{body}."
    yield "no token", "administrator"
    yield "deep", f"{base64.urlsafe_b64encode(b'[' * 100_000).decode()}.{body}.{signature}"


def test_forged_tokens_are_nobody(providers, tmp_path, monkeypatch):
    secrets, genuine = secrets_file(tmp_path, providers[0]), issued(providers[0], "dana")
    monkeypatch.setenv(ID_TOKEN_VARIABLE, genuine)
    assert acting_person.find_person(AWS, options(secrets)).subject == "dana"
    for name, token in forged_tokens(genuine, providers[0]):
        monkeypatch.setenv(ID_TOKEN_VARIABLE, token)
        with pytest.raises(Forbidden, match="isn't signed by"):
            pytest.fail(f"{name}: {acting_person.find_person(AWS, options(secrets))}")


@pytest.fixture(scope="module")
def own_key():
    return RSAKey.generate_key(2048, {"kid": "own"})


@pytest.mark.parametrize(
    ("changed", "typ", "words"),
    [
        ({}, "JWT", None),
        ({"aud": [CLIENT, "another"], "azp": CLIENT}, "JWT", None),
        ({"iss": "https://another.example"}, "JWT", "claim iss"),
        ({"iss": None}, "JWT", "claim iss"),
        ({"aud": [CLIENT, "another"]}, "JWT", "claim azp"),
        ({"azp": "another"}, "JWT", "claim azp"),
        ({"aud": None}, "JWT", "claim aud"),
        ({"exp": None}, "JWT", "claim exp"),
        ({"exp": "never"}, "JWT", "claim exp"),
        ({"sub": None}, "JWT", "claim sub"),
        ({"iat": 4_000_000_000}, "JWT", "claim iat"),
        ({"nbf": 4_000_000_000}, "JWT", "claim nbf"),
        ({}, "at+jwt", "token of another kind"),
        ({}, "logout+jwt", "token of another kind"),
    ],
)
def test_each_claim_of_a_token_that_the_provider_signed_is_checked(own_key, monkeypatch, changed, typ, words):
    issuer = "https://id.example"
    metadata = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    documents = {f"{issuer}/metadata": metadata, f"{issuer}/jwks": {"keys": [own_key.as_dict(private=False)]}}
    monkeypatch.setattr(id_token, "_read_json", documents.__getitem__)
    claims = {"iss": issuer, "sub": "dana", "aud": CLIENT, "exp": time.time() + 60, "iat": time.time(), "roles": ["validator"]} | changed
    given = {key: value for key, value in claims.items() if value is not None}
    token = jwt.encode({"alg": "RS256", "kid": "own", "typ": typ}, given, own_key)
    providers = (id_token.Provider(f"{issuer}/metadata", CLIENT),)
    if words is None:
        assert id_token.verify_id_token(token, providers)["sub"] == "dana"
    else:
        with pytest.raises(Forbidden, match=words):
            id_token.verify_id_token(token, providers)


def test_expired_tokens_those_of_other_clients_and_of_other_providers_are_nobody(providers, tmp_path, monkeypatch):
    for place, issuer, client, words in (
        (providers[1], providers[1], CLIENT, "has expired"),
        (providers[2], providers[2], CLIENT, "sign-in ended"),  # within the clocks' tolerance, which prolongs nothing
        (providers[0], providers[0], "another", "claim aud"),
        (providers[0], providers[1], CLIENT, "isn't signed by"),
    ):
        monkeypatch.setenv(ID_TOKEN_VARIABLE, issued(issuer, "dana", client))
        with pytest.raises(Forbidden, match=words):
            acting_person.find_person(AWS, options(secrets_file(tmp_path, place)))


def test_of_several_providers_the_one_that_signed_counts(providers, tmp_path, monkeypatch):
    monkeypatch.setenv(ID_TOKEN_VARIABLE, issued(providers[0], "dana"))
    person = acting_person.find_person(AWS, options(secrets_file(tmp_path, providers[1], providers[0])))
    assert person.issuer == providers[0]


def test_a_demo_identity_is_nobody_on_aws_nor_where_a_provider_is_configured(providers, tmp_path, monkeypatch, capsys):
    def connect(settings, person):
        pytest.fail(f"{person} was let in")

    monkeypatch.setattr(decision_command, "connect", connect)
    monkeypatch.setenv("GOVERNANCE_TARGET", "aws")
    words = ["approve", "decided/1", "--as", "Chris", "--reason", WHY, "--code", "meets the policy"]
    assert main(words) == 1
    assert f"Demo identities may not do anything on AWS. Configure a sign-in provider as docs/sign-in.md says. Set {ID_TOKEN_VARIABLE}" in (
        capsys.readouterr().err
    )
    monkeypatch.setenv(ID_TOKEN_VARIABLE, issued(providers[0], "vic"))
    assert main(words) == 1  # a token, and no provider that vouches for it
    assert "No sign-in provider is configured" in capsys.readouterr().err
    monkeypatch.delenv(ID_TOKEN_VARIABLE)
    monkeypatch.setenv("GOVERNANCE_TARGET", "local")
    (tmp_path / ".streamlit").mkdir()
    secrets_file(tmp_path / ".streamlit", providers[0])
    assert main(words) == 1
    assert f"ID token is missing. Set {ID_TOKEN_VARIABLE}" in capsys.readouterr().err


def test_a_decision_by_token_is_recorded_under_the_id_that_never_changes(providers, target, arn, run, tmp_path, monkeypatch):
    monkeypatch.setenv(ID_TOKEN_VARIABLE, issued(providers[0], "dana"))
    more = ["--tier", "low", "--tier-rationale", WHY, "--reason", WHY, "--code", "first version"]
    code, said, _ = run("submit", arn, *more, "--secrets", str(secrets_file(tmp_path, providers[0])))
    assert (code, said["by"]) == (0, {"id": f"{providers[0]}#dana", "name": "Dana Duarte", "role": "data scientist"})
    assert read_state(target, arn).person_ids["submitter"] == f"{providers[0]}#dana"


def test_a_provider_that_cant_be_read_is_named(providers, tmp_path, monkeypatch):
    monkeypatch.setenv(ID_TOKEN_VARIABLE, "a.b.c")
    with pytest.raises(TargetUnavailable, match=r"can't be read at http://localhost:1/"):
        acting_person.find_person(AWS, options(secrets_file(tmp_path, "http://localhost:1")))
    path = tmp_path / "half.toml"
    for text, words in (
        ("", "has no .auth."),
        ("[auth]\nclient_id = 'x'\n", "lacks server_metadata_url or client_id"),
        ("[auth", "can't be read"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=words):
            acting_person.find_person(AWS, options(path))
    with pytest.raises(DataError, match="names no issuer or no keys"):
        id_token.verify_id_token("a.b.c", (id_token.Provider(f"{providers[0]}/jwks", CLIENT),))


def test_the_variable_of_the_token_is_known_and_no_setting(monkeypatch):
    monkeypatch.setenv(ID_TOKEN_VARIABLE, "a.b.c")
    assert ID_TOKEN_VARIABLE not in find_unknown_variables()
    assert "a.b.c" not in Settings().model_dump_json()
