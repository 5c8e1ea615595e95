"""``python -m tools.aws``: aws/template.in.yaml with the policies of aws/policies/ in it, as aws/template.yaml; ``--check`` only compares.

The policies are files of their own, so that they can be read, given to other roles, and tested. In them ``${…}`` is CloudFormation's; a
variable of IAM's own, as ``${aws:username}``, is written as IAM writes it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

import yaml

from tools.browser import ROOT

AWS = ROOT / "aws"
POLICIES, SKELETON, TEMPLATE = AWS / "policies", AWS / "template.in.yaml", AWS / "template.yaml"
CALL = re.compile(r"^( +)PolicyDocument: !Policy ([\w-]+)$", re.MULTILINE)
VARIABLE = re.compile(r"\$\{([^}]*)\}")
NAMES = frozenset({"AWS::Partition", "AWS::Region", "AWS::AccountId", "Bucket", "ExecutionRole"})
"""What a policy may name and the template calls by the same name."""
KEYS = ("KmsKey", "SigningKey")
"""Keys that the template makes, or that its parameters ``…Arn`` give. A policy names one as a whole resource."""


@dataclass(frozen=True)
class Tagged:
    """A call of CloudFormation: ``!Sub "text"``, or ``!If [condition, …]``."""

    tag: str
    value: str | list[Any]


def policies() -> dict[str, dict[str, Any]]:
    """The policies by the name of their file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(POLICIES.glob("*.json"))}


def template() -> str:
    """The template. Raises ValueError for a name that the template doesn't know, KeyError for a policy that isn't there."""
    found = policies()
    return CALL.sub(lambda call: f"{call[1]}PolicyDocument:\n{_block(found[call[2]], call[1] + '  ')}", SKELETON.read_text())


def _block(policy: dict[str, Any], indent: str) -> str:
    lines = yaml.dump(_with_tags(policy), Dumper=_Dumper, sort_keys=False, width=140 - len(indent)).rstrip("\n").split("\n")
    return "\n".join(indent + line for line in lines)


def _with_tags(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tags(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_tags(item) for item in value]
    if not isinstance(value, str) or not VARIABLE.search(value):
        return value
    for key in KEYS:
        if value == f"${{{key}Arn}}":
            return Tagged("!If", [f"New{key}", Tagged("!GetAtt", f"{key}.Arn"), Tagged("!Ref", f"{key}Arn")])
    names = {name for name in VARIABLE.findall(value) if not name.startswith("aws:")}
    if names - NAMES:
        raise ValueError(f"{value} names {', '.join(sorted(names - NAMES))}, which the template doesn't know.")
    text = VARIABLE.sub(lambda name: f"${{!{name[1]}}}" if name[1].startswith("aws:") else name[0], value)
    return Tagged("!Sub", text) if names else value


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """As the skeleton is written: lists further in than what they belong to."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    """On few lines, but for statements: CloudFormation takes a template of 51,200 bytes."""
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=not any(isinstance(item, dict) for item in value))


def _tagged(dumper: yaml.SafeDumper, value: Tagged) -> yaml.Node:
    if isinstance(value.value, list):
        return dumper.represent_sequence(value.tag, value.value, flow_style=True)
    return dumper.represent_scalar(value.tag, value.value, style='"' if value.tag == "!Sub" else None)


_Dumper.add_representer(list, _list)
_Dumper.add_representer(Tagged, _tagged)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.aws", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the template is not up to date")
    options = parser.parse_args(arguments)
    if options.check:
        return 0 if TEMPLATE.read_text() == template() else 1
    TEMPLATE.write_text(template())
    return 0


if __name__ == "__main__":
    sys.exit(main())
