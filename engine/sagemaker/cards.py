"""Model cards: their versions, and their export as PDF (https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards.html).

A change of the content makes a new version; a change of the status does not, it is the latest version's. Every version stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from fpdf import FPDF
from fpdf.fonts import FontFace
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

from engine.context import AWSError, Context, Request, Response, operation
from engine.s3.objects import NoSuchBucket
from engine.sagemaker import tags
from engine.sagemaker.identity import user_context
from engine.sagemaker.listing import listed, pick
from engine.sagemaker.paging import seconds
from engine.store import Body, Exists

KIND = "model-card"
VERSION = "model-card-version"
EXPORT = "model-card-export-job"
SCHEMA = Path(__file__).with_name("model_card_schema.json")
PLAIN = {
    "model_overview": ("model_id", "model_name"),
    "intended_uses": ("risk_rating",),
    "model_package_details": ("model_package_group_name", "model_package_arn"),
}
"""What IncludedData=MetadataOnly leaves of the content."""
SUMMARY = ("ModelCardName", "ModelCardArn", "ModelCardStatus", "CreationTime", "LastModifiedTime")


def find_card(context: Context, name_or_arn: str, version: int | None = None) -> Body:
    """The card of that name or ARN, in that version or the latest. Raises ResourceNotFound."""
    name = name_or_arn.rpartition("/")[2]
    found = None
    if name_or_arn in {name, context.arn(f"{KIND}/{name}")}:
        found = context.store.get(KIND, name) if version is None else context.store.get(VERSION, _row(name, version))
    if found is None:
        shown = name_or_arn if version is None else f"{name_or_arn} with version {version}"
        raise AWSError("ResourceNotFound", f"Model card {shown} does not exist.")
    return found


def _row(name: str, version: int) -> str:
    return f"{name}/{version:010d}"


# content -------------------------------------------------------------------------------------------


def parsed(content: str) -> Body:
    """The content as an object. Raises ValidationException for text that isn't JSON, or not of the model card JSON schema."""
    try:
        found = json.loads(content, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise AWSError("ValidationException", f"The model card content is not valid JSON: {error}") from error
    problem = best_match(_validator().iter_errors(found))
    if problem is not None:
        shown = problem.message if len(problem.message) <= 300 else f"{problem.message[:140]} … {problem.message[-140:]}"
        message = f"The model card content does not follow the model card JSON schema: {problem.json_path}: {shown}"
        raise AWSError("ValidationException", message)
    return dict(found)


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


@lru_cache(maxsize=1)
def _validator() -> Draft7Validator:
    return Draft7Validator(json.loads(SCHEMA.read_text()))


def _searched(content: Body) -> Body:
    """The members that only Search shows."""
    return {
        "ModelId": content.get("model_overview", {}).get("model_id"),
        "RiskRating": content.get("intended_uses", {}).get("risk_rating"),
        "ModelPackageGroupName": content.get("model_package_details", {}).get("model_package_group_name"),
    }


# cards ---------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateModelCard")
def create_model_card(context: Context, request: Request) -> Response:
    name, now = request["ModelCardName"], context.now()
    arn = context.arn(f"{KIND}/{name}")
    body: Body = {
        **pick(request, "ModelCardName", "Content", "ModelCardStatus", "SecurityConfig"),
        **_searched(parsed(request["Content"])),
        "ModelCardArn": arn,
        "ModelCardVersion": 1,
        "CreationTime": now,
        "CreatedBy": user_context(),
        "LastModifiedTime": now,
        "LastModifiedBy": user_context(),
    }
    with context.store.transaction():
        try:
            context.store.insert(KIND, name, body, arn=arn, now=now, status=body["ModelCardStatus"])
        except Exists:
            raise AWSError("ConflictException", f"Model card {name} already exists.") from None
        _keep_version(context, body)
        tags.tag(context, arn, request.get("Tags", []))
    return {"ModelCardArn": arn}


def _keep_version(context: Context, body: Body) -> None:
    name = body["ModelCardName"]
    row = _row(name, body["ModelCardVersion"])
    context.store.insert(VERSION, row, body, arn=None, now=body["CreationTime"], parent=name, status=body["ModelCardStatus"])


@operation("sagemaker", "DescribeModelCard")
def describe_model_card(context: Context, request: Request) -> Response:
    body = find_card(context, request["ModelCardName"], request.get("ModelCardVersion"))
    if request.get("IncludedData") == "MetadataOnly":
        content = json.loads(body["Content"])
        kept = {part: pick(content.get(part, {}), *names) for part, names in PLAIN.items()}
        body["Content"] = json.dumps({part: members for part, members in kept.items() if members})
    return body


@operation("sagemaker", "UpdateModelCard")
def update_model_card(context: Context, request: Request) -> Response:
    content, status = request.get("Content"), request.get("ModelCardStatus")
    if (content is None) == (status is None):
        raise AWSError("ValidationException", "Give either Content or ModelCardStatus: one call cannot update both.")
    searched = _searched(parsed(content)) if content is not None else {}
    now = context.now()
    with context.store.transaction():
        body = find_card(context, request["ModelCardName"])
        name = body["ModelCardName"]
        body |= {"LastModifiedTime": now, "LastModifiedBy": user_context()}
        if content is None:
            body["ModelCardStatus"] = status
            context.store.update(VERSION, _row(name, body["ModelCardVersion"]), lambda _: body, now=now, status=status)
        elif body["ModelCardStatus"] == "Archived":
            raise AWSError("ConflictException", f"Model card {name} is archived: its content can no longer be updated.")
        else:
            body |= {"Content": content, **searched, "ModelCardVersion": body["ModelCardVersion"] + 1}
            _keep_version(context, body | {"CreationTime": now})
        context.store.update(KIND, name, lambda _: body, now=now, status=status)
    return {"ModelCardArn": body["ModelCardArn"]}


@operation("sagemaker", "DeleteModelCard")
def delete_model_card(context: Context, request: Request) -> Response:
    with context.store.transaction():
        name = find_card(context, request["ModelCardName"])["ModelCardName"]
        for kind in (VERSION, EXPORT):
            for row in _names(context, kind, name):
                context.store.delete(kind, row)
        context.store.delete(KIND, name)
    return {}


def _names(context: Context, kind: str, card: str) -> list[str]:
    """The names of all records of a card."""
    found, token = [], None
    while True:
        bodies, token = context.store.page(kind, where=[("parent", "=", card)], limit=500, token=token)
        found += [_row(card, b["ModelCardVersion"]) if kind == VERSION else f"{card}/{b['ModelCardExportJobName']}" for b in bodies]
        if token is None:
            return found


@operation("sagemaker", "ListModelCards")
def list_model_cards(context: Context, request: Request) -> Response:
    where = [("status", "=", request["ModelCardStatus"])] if "ModelCardStatus" in request else []
    return listed(context, KIND, request, result="ModelCardSummaries", summary=lambda b: pick(b, *SUMMARY), where=where, order="Ascending")


@operation("sagemaker", "ListModelCardVersions")
def list_model_card_versions(context: Context, request: Request) -> Response:
    where = [("parent", "=", find_card(context, request["ModelCardName"])["ModelCardName"])]
    if "ModelCardStatus" in request:
        where.append(("status", "=", request["ModelCardStatus"]))
    return listed(
        context,
        VERSION,
        request,
        result="ModelCardVersionSummaryList",
        summary=lambda body: pick(body, *SUMMARY, "ModelCardVersion"),
        where=where,
        sort="Version",
        sorts={"Version": "name"},
        order="Ascending",
    )


# export --------------------------------------------------------------------------------------------


@operation("sagemaker", "CreateModelCardExportJob")
def create_model_card_export_job(context: Context, request: Request) -> Response:
    """The PDF is written before the answer, so that no crash leaves a job in progress."""
    card = find_card(context, request["ModelCardName"], request.get("ModelCardVersion"))
    name, job, now = card["ModelCardName"], request["ModelCardExportJobName"], context.now()
    arn = context.arn(f"{KIND}/{name}/export-job/{job}")
    if context.store.find(arn) is not None:
        raise _taken(job)
    body: Body = {
        "ModelCardExportJobName": job,
        "ModelCardExportJobArn": arn,
        "ModelCardName": name,
        "ModelCardVersion": card["ModelCardVersion"],
        "OutputConfig": request["OutputConfig"],
        "CreatedAt": now,
        **_exported(context, card, f"{request['OutputConfig']['S3OutputPath'].rstrip('/')}/{name}/{job}.pdf"),
        "LastModifiedAt": context.now(),
    }
    try:
        context.store.insert(EXPORT, f"{name}/{job}", body, arn=arn, now=now, parent=name, status=body["Status"])
    except Exists:
        raise _taken(job) from None
    return {"ModelCardExportJobArn": arn}


def _taken(job: str) -> AWSError:
    return AWSError("ConflictException", f"Model card export job {job} already exists.")


def _exported(context: Context, card: Body, uri: str) -> Body:
    """Write the PDF: the members of the job that say how it ended."""
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3":
        raise AWSError("ValidationException", "The S3OutputPath must be an s3:// URI.")
    try:
        with context.objects.incoming() as file:
            file.write(pdf(card))
            context.objects.put(bucket, key, file, {"content-type": "application/pdf"}, context.now())
    except NoSuchBucket:
        return {"Status": "Failed", "FailureReason": f"ClientError: The bucket {bucket} does not exist."}
    return {"Status": "Completed", "ExportArtifacts": {"S3ExportArtifacts": uri}}


@operation("sagemaker", "DescribeModelCardExportJob")
def describe_model_card_export_job(context: Context, request: Request) -> Response:
    found = context.store.find(request["ModelCardExportJobArn"])
    if found is None or found[0] != EXPORT:
        raise AWSError("ResourceNotFound", f"Model card export job {request['ModelCardExportJobArn']} does not exist.")
    return found[2]


@operation("sagemaker", "ListModelCardExportJobs")
def list_model_card_export_jobs(context: Context, request: Request) -> Response:
    where: list[tuple[str, str, Any]] = [("parent", "=", request["ModelCardName"])]
    if "ModelCardVersion" in request:
        where.append(("$.ModelCardVersion", "=", request["ModelCardVersion"]))
    if "ModelCardExportJobNameContains" in request:
        where.append(("$.ModelCardExportJobName", "contains", request["ModelCardExportJobNameContains"]))
    members = ("JobName", "JobArn")
    return listed(
        context,
        EXPORT,
        request,
        result="ModelCardExportJobSummaries",
        summary=lambda body: pick(
            body, *(f"ModelCardExport{m}" for m in members), "Status", "ModelCardName", "ModelCardVersion", "CreatedAt", "LastModifiedAt"
        ),
        where=where,
    )


# the PDF -------------------------------------------------------------------------------------------


def pdf(card: Body) -> bytes:
    """A version of a card as PDF; the same version in the same status gives the same bytes."""
    import matplotlib

    fonts = Path(matplotlib.get_data_path()) / "fonts/ttf"
    content = json.loads(card["Content"])
    page = FPDF(format="A4")
    page.set_creation_date(datetime.fromtimestamp(seconds(card["LastModifiedTime"]), UTC))
    page.add_font("DejaVu", "", fonts / "DejaVuSans.ttf")
    page.add_font("DejaVu", "B", fonts / "DejaVuSans-Bold.ttf")
    page.set_title(f"Model card {card['ModelCardName']}")
    page.set_lang("en")
    page.set_margins(18, 16)
    page.set_auto_page_break(True, 18)
    page.add_page()
    _line(page, f"Model card {card['ModelCardName']}", 16, "B")
    changed = datetime.fromtimestamp(seconds(card["LastModifiedTime"]), UTC)
    _line(page, f"Version {card['ModelCardVersion']} · {card['ModelCardStatus']} · last changed {changed:%Y-%m-%d %H:%M} UTC", 9)
    for part, value in content.items():
        page.ln(3)
        page.start_section(_words(part))
        _line(page, _words(part), 12, "B")
        for one in value if isinstance(value, list) else [value]:
            _part(page, one)
    return bytes(page.output())


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() if name == name.lower() else name


def _line(page: FPDF, text: str, size: float, style: str = "") -> None:
    page.set_font("DejaVu", style, size)
    page.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT")


def _part(page: FPDF, part: Body) -> None:
    """A section: what it says in a table, then its lists of metrics, each in a table of its own."""
    rows, tables = [], []
    for path, value in _flat(part):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            tables.append((path, value))
        else:
            rows.append([path, "\n".join(map(str, value)) if isinstance(value, list) else str(value)])
    if rows:
        _table(page, [["Field", "Value"], *rows], (2, 5))
    for path, entries in tables:
        for group in entries if "metric_data" in entries[0] else [{"name": path, "metric_data": entries}]:
            _line(page, group["name"], 9, "B")
            simple = [m for m in group["metric_data"] if not isinstance(m.get("value"), list)]
            if simple:
                shown = [[m["name"], _shown(m.get("value", "")), m.get("notes", "")] for m in simple]
                _table(page, [["Name", "Value", "Notes"], *shown], (2, 2, 4))
            for metric in group["metric_data"]:
                if isinstance(metric.get("value"), list):
                    _drawn(page, metric)


def _flat(part: Body, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        here = f"{path} · {_words(name)}" if path else _words(name)
        if isinstance(value, dict):
            yield from _flat(value, here)
        else:
            yield here, value


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(page: FPDF, rows: list[list[str]], widths: tuple[int, ...]) -> None:
    page.set_font("DejaVu", size=7.5)
    heading = FontFace(emphasis="BOLD", fill_color=(243, 245, 247))
    with page.table(
        col_widths=widths, text_align="LEFT", borders_layout="HORIZONTAL_LINES", headings_style=heading, line_height=4.2, padding=0.8
    ) as table:
        for row in rows:
            table.row(row)
    page.ln(2)


def _drawn(page: FPDF, metric: Body) -> None:
    """A bar chart as bars, a graph as a line, a matrix as a table."""
    values, title = metric["value"], metric["name"] + (f" – {metric['notes']}" if metric.get("notes") else "")
    if metric["type"] == "matrix":
        _line(page, title, 8)
        columns = [str(name) for name in metric.get("x_axis_name", [])] or [str(i) for i in range(len(values[0]))]
        names = [str(name) for name in metric.get("y_axis_name", [])] or [str(i) for i in range(len(values))]
        rows = [[*names[i : i + 1], *map(_shown, row)] for i, row in enumerate(values)]
        width = max(len(row) for row in rows)
        _table(page, [([""] + columns + [""] * width)[:width], *rows], (1,) * width)
    elif metric["type"] == "bar_chart":
        _line(page, title, 8)
        names, most = metric.get("x_axis_name", []), max(map(abs, values)) or 1.0
        for i, value in enumerate(values):
            if page.will_page_break(4.5):
                page.add_page()
            page.set_font("DejaVu", size=7)
            page.set_fill_color(31, 119, 180)
            page.cell(50, 4.5, str(names[i])[:32] if i < len(names) else str(i))
            page.rect(page.get_x(), page.get_y() + 0.9, max(0.1, 90 * abs(value) / most), 2.7, "F")
            page.set_x(page.get_x() + 92)
            page.cell(25, 4.5, _shown(float(value)), new_x="LMARGIN", new_y="NEXT")
        page.ln(2)
    else:
        if page.will_page_break(62):
            page.add_page()
        _line(page, title, 8)
        left, top, wide, high = page.get_x() + 4, page.get_y() + 1, 70, 48
        (x0, x1), (y0, y1) = ((min(axis), max(axis)) for axis in zip(*values, strict=True))
        points = [(left + wide * (x - x0) / (x1 - x0 or 1), top + high - high * (y - y0) / (y1 - y0 or 1)) for x, y in values]
        page.set_draw_color(160)
        page.rect(left, top, wide, high)
        page.set_draw_color(31, 119, 180)
        page.polyline(points)
        page.set_draw_color(0)
        page.set_y(top + high + 1)
        axes = f"{metric.get('x_axis_name', 'x')}: {x0:.3g} to {x1:.3g} · {metric.get('y_axis_name', 'y')}: {y0:.3g} to {y1:.3g}"
        _line(page, axes, 7)
        page.ln(2)
