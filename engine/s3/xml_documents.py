"""S3's XML: read without document types, written in S3's namespace."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

from starlette.responses import Response

from engine.errors import AWSError
from engine.xml_text import escape_xml

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def parse_xml(body: bytes) -> ElementTree.Element:
    """The root element. Raises MalformedXML."""
    try:
        text = body.decode()  # no other encoding, in which a document type would not be seen: UTF-16 shows by its NULs
        if "<!" in text or "\x00" in text:
            raise AWSError("MalformedXML", "The XML you provided has a document type, or is not in UTF-8.", 400)
        return ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities
    except (ElementTree.ParseError, ValueError) as error:
        raise AWSError("MalformedXML", "The XML you provided was not well-formed.", 400) from error


def xml_response(root: str, items: object) -> Response:
    """A response of nested (name, text or items) pairs."""
    return Response(
        f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{_xml_content(items)}</{root}>', media_type="application/xml"
    )


def _xml_content(value: object) -> str:
    if isinstance(value, list):
        return "".join(f"<{name}>{_xml_content(inner)}</{name}>" for name, inner in value)
    return escape_xml(str(value))


def iso_timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
