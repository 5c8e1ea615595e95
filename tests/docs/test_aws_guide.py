"""docs/aws.md: every command in it is one, by the definitions of those who answer it; every setting, file and link is there.

``aws``: service, operation, parameters and their JSON by botocore's models and the CLI's way of naming; the reading ones are also sent to
the engine. ``python -m core``, ``make``, ``streamlit``: by their own parsers. ``docker``, and the few commands that the CLI adds to the
services': by their options only.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import botocore.session
import jmespath
import pytest
import streamlit.config
from botocore import xform_name
from botocore.exceptions import ClientError, UnknownServiceError
from botocore.validate import ParamValidator
from paths import ROOT
from shell_blocks import commands

import core.cli.main as product
from core.settings import Settings
from tools import aws

GUIDE = (ROOT / "docs/aws.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
MODELS = botocore.session.get_session()
EVERYWHERE = {"--region", "--profile", "--output", "--query"}
OF_THE_CLI: dict[tuple[str, ...], set[str]] = {
    ("cloudformation", "deploy"): {"--stack-name", "--template-file", "--capabilities", "--parameter-overrides"},
    ("ecr", "get-login-password"): set(),
    ("configure", "set"): set(),
}
"""The CLI's own commands, which no service's model has, with the options that the page uses."""
PAGING = {"--max-items", "--page-size", "--starting-token"}
DOCKER = {
    ("login",): {"--username", "--password-stdin"},
    ("buildx", "build"): {"--platform", "--provenance", "--sbom", "--file", "--tag", "--push"},
}
SHELL = {"export", "set", "unset", "echo", "tr", "."}


# reading the page ------------------------------------------------------------


COMMANDS = [command for block in BLOCKS for command in commands(block)]


def of(program: str) -> list[Any]:
    return [pytest.param(command, id=" ".join(command)[:70]) for command in COMMANDS if command[0] == program]


def test_the_page_has_commands_and_a_shell_takes_them():
    assert len(COMMANDS) > 30
    known = SHELL | {"aws", "docker", "make", ".venv/bin/python", ".venv/bin/streamlit"}
    assert {command[0] for command in COMMANDS} <= known
    for block in BLOCKS:
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stderr) == (0, "")


# aws -------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A command of the AWS CLI as the request that it makes; ``operation`` is None for those that are the CLI's own."""

    service: str
    operation: str | None
    parameters: dict[str, Any]
    query: str | None


def parsed(command: list[str]) -> Call:
    """Raises AssertionError for what the CLI would refuse."""
    _, service, name, *rest = command
    options, loose = _options(rest)
    if (service, name) in OF_THE_CLI:
        assert options.keys() <= OF_THE_CLI[service, name] | EVERYWHERE, command
        return Call(service, None, {}, None)
    try:
        model = MODELS.get_service_model("s3" if service == "s3api" else service)
    except UnknownServiceError:
        raise AssertionError(f"there is no service {service}") from None
    if name == "wait":
        waiters = MODELS.get_waiter_model(service).waiter_names
        waiter = next((one for one in waiters if xform_name(one, "-") == loose[0]), None)
        assert waiter, f"{service} has no waiter {loose[0]}"
        name, loose = xform_name(MODELS.get_waiter_model(service).get_waiter(waiter).operation, "-"), loose[1:]
    operation = next((one for one in model.operation_names if xform_name(one, "-") == name), None)
    assert operation, f"{service} has no operation {name}"
    assert not loose, f"{name} takes no {loose}"
    shape = model.operation_model(operation).input_shape
    members = {f"--{xform_name(member, '-')}": (member, one) for member, one in (shape.members if shape else {}).items()}
    query = options.pop("--query", ["@"])[0]
    jmespath.compile(query)
    parameters = {}
    for option, values in options.items():
        if option in EVERYWHERE | PAGING:
            continue
        assert option in members, f"{name} has no option {option}"
        member, one = members[option]
        parameters[member] = _value(one, values)
    if shape is not None:
        report = ParamValidator().validate(parameters, shape)
        assert not report.has_errors(), report.generate_report()
    return Call(service, operation, parameters, query)


def _options(words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    options: dict[str, list[str]] = {}
    loose: list[str] = []
    values = loose
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            values = options.setdefault(name, [])
            if equals:
                values.append(value)
        else:
            values.append(word)
    return options, loose


def _value(shape: Any, values: list[str]) -> Any:
    if shape.type_name == "boolean":
        assert not values, "a switch has no value"
        return True
    if shape.type_name == "list" and not values[0].startswith("["):
        return values
    (value,) = values
    if shape.type_name in {"structure", "map", "list"}:
        return json.loads(value)
    if shape.type_name in {"integer", "long"}:
        return int(value)
    assert not shape.enum or value in shape.enum, f"{value} is none of {shape.enum}"
    return value


@pytest.mark.parametrize("command", of("aws"))
def test_an_aws_command_is_one(command):
    parsed(command)


@pytest.mark.parametrize(
    "wrong",
    [
        "aws sagemkaer list-models",
        "aws sagemaker list-model",
        "aws sagemaker list-models --name-contain x",
        "aws sagemaker list-model-packages --model-approval-status Accepted",
        "aws kms schedule-key-deletion --pending-window-in-days 30",
        "aws kms schedule-key-deletion --key-id k --pending-window-in-days soon",
        "aws cloudformation wait stack-delete-completed --stack-name s",
        "aws cloudformation deploy --stack s",
        """aws s3api put-bucket-lifecycle-configuration --bucket b --lifecycle-configuration '{"Rules": [{"Id": "x"}]}'""",
        "aws sts get-caller-identity --query 'Account['",
    ],
)
def test_a_wrong_aws_command_is_found(wrong):
    with pytest.raises((AssertionError, ValueError)):
        parsed(shlex.split(wrong))


READING = ("get", "list", "describe")


def test_the_engine_answers_the_reading_commands_that_it_serves(client):
    sent = []
    for command in [command for command in COMMANDS if command[0] == "aws"]:
        call = parsed(command)
        service = "s3" if call.service == "s3api" else call.service
        if call.operation is None or service not in {"sagemaker", "sts", "iam", "s3"} or not xform_name(call.operation).startswith(READING):
            continue
        try:
            answer = getattr(client(service), xform_name(call.operation))(**{k: _filled(v) for k, v in call.parameters.items()})
            if call.query:
                jmespath.search(call.query, answer)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {
                "ValidationException",
                "NoSuchBucket",
                "NoSuchEntity",
            }:  # served, but there is no such
                raise
        sent.append(call.operation)
    assert {"GetCallerIdentity", "GetRole", "ListModelPackages", "ListObjectVersions"} <= set(sent)


def _filled(value: Any) -> Any:
    return re.sub(r"[^a-z-]", "", value.lower()) if isinstance(value, str) and "$" in value else value


def test_the_stacks_parameters_that_the_page_names_are_the_templates():
    template = aws.TEMPLATE.read_text()
    there = set(re.findall(r"^  (\w+):\n    Type: (?:String|Number)$", template, re.MULTILINE))
    (table,) = re.findall(r"\| parameter \|.*?\n\n", GUIDE, re.DOTALL)
    named = {name for line in table.strip().splitlines()[2:] for name in re.findall(r"`([A-Z]\w+)`", line.split("|")[1])}
    assert named == there
    (deploy,) = [command for command in COMMANDS if command[:3] == ["aws", "cloudformation", "deploy"]]
    assert {word.partition("=")[0] for word in _options(deploy[3:])[0]["--parameter-overrides"]} <= there
    assert {name for name in re.findall(r"`(\w+)=\w+`", GUIDE) if not name.startswith("AWS")} <= there


def test_the_lines_that_the_outputs_are_made_into_are_settings(tmp_path):
    """The page's own pipeline, on outputs as CloudFormation gives them."""
    values = {
        "A": "GOVERNANCE_TARGET=aws",
        "B": 'GOVERNANCE_ASSUME=\'{"data scientist": "arn:aws:iam::1:role/d", "viewer": "arn:aws:iam::1:role/v"}\'',
    }
    outputs = [{"OutputKey": f"Setting{key}", "OutputValue": value} for key, value in values.items()]
    (query,) = [q for command in COMMANDS if "starts_with" in (q := _options(command[3:])[0].get("--query", [""])[0])]
    found = jmespath.search(query, {"Stacks": [{"Outputs": [{"OutputKey": "AppRoleArn", "OutputValue": "arn"}, *outputs]}]})
    (block,) = [block for block in BLOCKS if "aws.env" in block]
    script = re.sub(r"aws cloudformation.*?\|", "printf '%s\\\\n' \"$FOUND\" |", block, flags=re.DOTALL) + f"{sys.executable} -c '{SHOW}'"
    environment = {"FOUND": "\t".join(found), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-eu"], input=script, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["aws", {"data scientist": "arn:aws:iam::1:role/d", "viewer": "arn:aws:iam::1:role/v"}, "3.0-5"]


SHOW = "import json; from core.settings import Settings; s = Settings(); print(json.dumps([s.target, s.assume, s.xgboost_version]))"


# everything else -------------------------------------------------------------


class Parsed(Exception):
    pass


@pytest.mark.parametrize("command", of(".venv/bin/python"))
def test_a_command_of_the_product_is_one(command, monkeypatch):
    assert command[1:3] == ["-m", "core"]
    parse = argparse.ArgumentParser.parse_args

    def only_parse(*arguments: Any) -> None:
        parse(*arguments)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
    with pytest.raises(Parsed):
        product.main(command[3:])


@pytest.mark.parametrize("command", of("make"))
def test_make_knows_what_it_is_asked_for(command):
    done = subprocess.run(["make", "-n", *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", of(".venv/bin/streamlit"))
def test_streamlit_has_these_options(command):
    assert command[1] == "run"
    assert (ROOT / command[2]).is_file()
    options, loose = _options(command[3:])
    assert not loose
    assert {option.removeprefix("--") for option in options} <= streamlit.config.get_config_options().keys()


@pytest.mark.parametrize("command", of("docker"))
def test_dockers_options_are_among_those_that_are_known(command):
    (kind,) = [kind for kind in DOCKER if tuple(command[1 : 1 + len(kind)]) == kind]
    options, _ = _options(command[1 + len(kind) :])
    assert options.keys() <= DOCKER[kind]
    if "--file" in options:
        assert (ROOT / options["--file"][0]).is_file()


def test_every_setting_is_on_the_page_and_no_other():
    named = set(re.findall(r"GOVERNANCE_[A-Z_]+", GUIDE))
    fields = {f"GOVERNANCE_{name.upper()}" for name in Settings.model_fields}
    assert named == fields
    (table,) = re.findall(r"\| setting \|.*?\n\n", GUIDE, re.DOTALL)
    assert set(re.findall(r"GOVERNANCE_[A-Z_]+", table)) == fields
    printed = set(re.findall(r"GOVERNANCE_[A-Z_]+(?==)", aws.TEMPLATE.read_text()))
    assert set(re.findall(r"^\| ● `(GOVERNANCE_[A-Z_]+)`", table, re.MULTILINE)) == printed


def test_files_and_links_of_the_page_are_there():
    links = re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", GUIDE)
    assert len(links) > 5
    headings = {
        "#" + re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in re.findall(r"^#+ .*", GUIDE, re.MULTILINE)
    }
    for path, anchor in links:
        assert (ROOT / "docs" / path).exists() if path else anchor in headings, (path, anchor)
    for path in set(re.findall(r"`((?:aws|core|docs|image|tests|tools)/[\w./-]*)`", GUIDE)) - {"aws/s3"}:  # which is AWS's name of a key
        assert (ROOT / path).exists(), path
