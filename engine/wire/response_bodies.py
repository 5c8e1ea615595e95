"""Answers in the shape of the service model: JSON, or the query protocol's XML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.model import OperationModel

from engine.context import Response
from engine.xml_text import escape_xml


def json_body(operation: OperationModel, response: Response) -> bytes:
    """The response in the model's shape: unknown members and Nones dropped, times as epoch seconds."""
    shaped = _shape_output(operation.output_shape, response) if operation.output_shape is not None else None
    return json.dumps(shaped).encode() if shaped is not None else b""


def _shape_output(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return {n: _shape_output(m, value[n]) for n, m in shape.members.items() if value.get(n) is not None}
    if shape.type_name == "list":
        return [_shape_output(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _shape_output(shape.value, item) for key, item in value.items()}
    return value


def xml_body(operation: OperationModel, response: Response, request_id: str) -> str:
    """The response of a query-protocol call (STS, IAM)."""
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    inner = "".join(_xml_parts(operation.output_shape, response)) if operation.output_shape is not None else ""
    wrapper = operation.output_shape.serialization.get("resultWrapper") if operation.output_shape is not None else None
    body = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else inner
    meta = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f'<{operation.name}Response xmlns="{namespace}">{body}{meta}</{operation.name}Response>'


def _xml_parts(shape: Any, value: Any) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield f"<{name}>{''.join(_xml_parts(member, value[name]))}</{name}>"
    elif shape.type_name == "list":
        for item in value:
            yield f"<member>{''.join(_xml_parts(shape.member, item))}</member>"
    elif shape.type_name == "timestamp":
        yield datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif shape.type_name == "boolean":
        yield "true" if value else "false"
    else:
        yield escape_xml(str(value))
