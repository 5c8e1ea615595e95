"""An engine whose every answer is judged by botocore's service model, for the tests: ``python tests/support/judge.py WORKSPACE``.

What a handler returns is looked at before the engine shapes it: a member that the model doesn't have would be dropped without a word.
What is wrong goes to ``judged.jsonl`` in the workspace, a line for each answer; ``conftest.py`` fails the test in which it was written.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from paths import ROOT

FINDINGS = "judged.jsonl"
ABSENT = {
    ("DescribeTrainingJob", "ModelArtifacts"): "a job that has made no model has none; SageMaker too leaves it out until then",
}
"""Required members that an answer may lack, and why."""
COMMON = {"ValidationException", "ThrottlingException", "AccessDeniedException", "UnknownOperationException", "SerializationException"}
"""Errors of any operation: https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html."""
SERVICES = {
    "logs": {"InvalidParameterException"},
    "iam": {"ValidationError", "AccessDenied"},
    "sts": {"ValidationError", "AccessDenied"},
}
LONGER = (".ActionType",)
"""Members for which the model has another limit in lists than where they are created."""
UNDECLARED = {"DeleteHyperParameterTuningJob": {"ResourceNotFound", "ResourceInUse"}, "BatchPutMetrics": {"ResourceNotFound"}}
"""Errors that an operation's siblings declare and it, in the model, does not."""


def faults(shape: Any, value: Any, path: str = "", absent: frozenset[str] = frozenset()) -> Iterator[str]:
    """What the model has against ``value``. Members with a leading underscore are the engine's own; None is an absent member."""
    from engine.wire.request_parsing import compile_pattern

    kind = shape.type_name
    types = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int}
    expected = types.get(kind, int | float)
    if not isinstance(value, expected) or (kind != "boolean" and isinstance(value, bool)):
        yield f"{path or 'the answer'} is a {type(value).__name__}, not a {kind}"
        return
    if kind == "structure":
        there = {name for name, inner in value.items() if inner is not None}
        for name in sorted(there - shape.members.keys()):
            if not name.startswith("_"):
                yield f"{path}.{name} is not in the model"
        for name in sorted(set(shape.required_members) - there - absent):
            yield f"{path}.{name} is required and missing"
        for name in sorted(there & shape.members.keys()):
            yield from faults(shape.members[name], value[name], f"{path}.{name}")
    elif kind == "list":
        for i, item in enumerate(value):
            yield from faults(shape.member, item, f"{path}[{i}]")
    elif kind == "map":
        for key, item in value.items():
            yield from faults(shape.key, key, f"{path} (key)")
            yield from faults(shape.value, item, f"{path}[{key}]")
    elif kind == "string":
        if shape.enum and value not in shape.enum:
            yield f"{path} is {value!r}, none of {shape.enum}"
        pattern = compile_pattern(shape.metadata["pattern"]) if shape.metadata.get("pattern") else None
        if pattern is not None and value and pattern.fullmatch(value) is None:
            yield f"{path} is {value!r}, not of the pattern {shape.metadata['pattern']}"
    elif not math.isfinite(value) or (kind == "timestamp" and not 0 <= value < 253_402_300_800):
        yield f"{path} is {value}, no {kind}"
    size = len(value) if kind in {"string", "list", "map"} else value if kind in {"integer", "long", "float", "double"} else None
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (
        size is not None
        and not path.endswith(LONGER)
        and ((low is not None and size < low and size != 0) or (high is not None and size > high))
    ):
        yield f"{path} is of size {size}, not {low} to {high}"


def xml_faults(shape: Any, element: ElementTree.Element, path: str) -> Iterator[str]:
    """What the model has against an XML answer: elements that it doesn't have, required ones that are missing, words outside an enum."""
    if shape.type_name == "structure":
        members = {name: member for name, member in shape.members.items() if "location" not in member.serialization}
        tags = {name: _tag(name, member) for name, member in members.items()}
        there = [child.tag.rpartition("}")[2] for child in element]
        for tag in sorted(set(there) - set(tags.values())):
            yield f"{path}.{tag} is not in the model"
        for name in sorted(set(shape.required_members) & members.keys()):
            if tags[name] not in there:
                yield f"{path}.{name} is required and missing"
        by_tag = {tag: members[name] for name, tag in tags.items()}
        for child in element:
            member = by_tag.get(child.tag.rpartition("}")[2])
            if member is not None:
                item = member.member if member.serialization.get("flattened") else member
                yield from xml_faults(item, child, f"{path}.{child.tag.rpartition('}')[2]}")
    elif shape.type_name == "list":
        for child in element:
            yield from xml_faults(shape.member, child, f"{path}[]")
    elif shape.type_name == "string" and shape.enum and element.text not in shape.enum:
        yield f"{path} is {element.text!r}, none of {shape.enum}"
    elif shape.type_name in {"integer", "long"} and not (element.text or "").lstrip("-").isdigit():
        yield f"{path} is {element.text!r}, no {shape.type_name}"
    elif shape.type_name == "boolean" and element.text not in {"true", "false"}:
        yield f"{path} is {element.text!r}, no boolean"


def _tag(name: str, member: Any) -> str:
    if member.serialization.get("flattened"):
        return str(member.serialization.get("name") or member.member.serialization.get("name", name))
    return str(member.serialization.get("name", name))


def watch(client: Any) -> Any:
    """An S3 client whose XML answers are judged: S3's handlers write them themselves."""

    def judged(response_dict: dict[str, Any], event_name: str, **_: Any) -> None:
        name, body = event_name.rpartition(".")[2], response_dict["body"]
        if response_dict["status_code"] != 200 or not isinstance(body, bytes) or not body.startswith(b"<?xml"):
            return
        shape = client.meta.service_model.operation_model(name).output_shape
        root = ElementTree.fromstring(body)
        if shape is not None and len(root):
            payload = shape.serialization.get("payload")
            _WATCHED.extend(f"{name}: {fault}" for fault in xml_faults(shape.members[payload] if payload else shape, root, ""))

    client.meta.events.register("response-received.s3", judged)
    return client


_WATCHED: list[str] = []


def serve(workspace: Path) -> None:
    """Serve the workspace as ``engine.lifecycle`` does, and judge each answer."""
    from engine import lifecycle
    from engine.errors import AWSError
    from engine.service_models import operation_model
    from engine.wire import app

    def note(name: str, found: list[str]) -> None:
        if found:
            with (workspace / FINDINGS).open("a") as file:
                file.write(json.dumps({"operation": name, "faults": found}) + "\n")

    def judging(service: str, name: str, handler: Any) -> Any:
        operation = operation_model(service, name)
        declared = {shape.name for shape in operation.error_shapes} | COMMON | SERVICES.get(service, set()) | UNDECLARED.get(name, set())
        absent = frozenset(member for of, member in ABSENT if of == name)

        def judged(context: Any, request: Any) -> Any:
            try:
                answer = handler(context, request)
            except AWSError as error:
                if not {error.code, f"{error.code}Exception"} & declared:  # IAM says NoSuchEntity of its NoSuchEntityException
                    note(name, [f"the error {error.code} is not in the model: {sorted(declared)}"])
                raise
            if operation.output_shape is not None:
                note(name, list(faults(operation.output_shape, answer, absent=absent)))
            elif answer:
                note(name, [f"{sorted(answer)} of an operation that answers nothing"])
            return answer

        return judged

    for (service, name), served in list(app.OPERATIONS.items()):
        app.OPERATIONS[(service, name)] = replace(served, handler=judging(service, name, served.handler))
    lifecycle.serve(workspace)


def start(workspace: Path) -> None:
    """Start a judged engine for the workspace, for whoever then looks for its engine; ``lifecycle.stop`` ends it."""
    from engine import lifecycle

    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / FINDINGS).touch()
    with (workspace / "engine.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, __file__, str(workspace)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT
        )
    deadline = time.monotonic() + lifecycle.START_SECONDS
    while lifecycle.find_endpoint(workspace) is None:
        assert process.poll() is None, (workspace / "engine.log").read_text()
        assert time.monotonic() < deadline, "the judged engine did not answer"
        time.sleep(0.05)
    STARTED[workspace] = process


STARTED: dict[Path, subprocess.Popen[bytes]] = {}
_READ: dict[Path, int] = {}


def new_findings() -> list[str]:
    """What the judged engines of this process have written since the last call."""
    found = _WATCHED.copy()
    _WATCHED.clear()
    for workspace in STARTED:
        path, read = workspace / FINDINGS, _READ.get(workspace, 0)
        if path.exists() and os.path.getsize(path) > read:
            text = path.read_bytes()[read:]
            _READ[workspace] = read + len(text)
            found += text.decode().splitlines()
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    serve(Path(sys.argv[1]).resolve())
