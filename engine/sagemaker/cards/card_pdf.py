"""A version of a model card as PDF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
from fpdf import FPDF
from fpdf.fonts import FontFace

from core.analysis.tables.printable_text import printable_text
from engine.paging import to_epoch_seconds
from engine.store.records import Body

FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"


def render_card(card: Body) -> bytes:
    """A version of a card as PDF; the same version in the same status gives the same bytes."""
    content = json.loads(card["Content"])
    page = FPDF(format="A4")
    page.set_creation_date(datetime.fromtimestamp(to_epoch_seconds(card["LastModifiedTime"]), UTC))
    page.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
    page.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
    page.set_title(f"Model card {card['ModelCardName']}")
    page.set_lang("en")
    page.set_margins(18, 16)
    page.set_auto_page_break(True, 18)
    page.add_page()
    _line(page, f"Model card {card['ModelCardName']}", 16, "B")
    changed = datetime.fromtimestamp(to_epoch_seconds(card["LastModifiedTime"]), UTC)
    _line(page, f"Version {card['ModelCardVersion']} · {card['ModelCardStatus']} · last changed {changed:%Y-%m-%d %H:%M} UTC", 9)
    for part, value in content.items():
        page.ln(3)
        page.start_section(_readable_name(part))
        _line(page, _readable_name(part), 12, "B")
        for one in value if isinstance(value, list) else [value]:
            _write_section(page, one)
    return bytes(page.output())


def _readable_name(name: str) -> str:
    return name.replace("_", " ").capitalize() if name == name.lower() else name


def _line(page: FPDF, text: str, size: float, style: str = "") -> None:
    page.set_font("DejaVu", style, size)
    page.multi_cell(0, size * 0.55, _printable(page, text), align="L", new_x="LMARGIN", new_y="NEXT")


def _printable(page: FPDF, text: str) -> str:
    """The text as the PDF's font can show it; a character that it lacks, or half of a surrogate pair, becomes its number."""
    return printable_text(text, page.fonts["dejavu"].cmap.keys() & page.fonts["dejavuB"].cmap.keys())  # type: ignore[union-attr]


def _write_section(page: FPDF, part: Body) -> None:
    """A section: what it says in a table, then its lists of metrics, each in a table of its own."""
    rows: list[list[str]] = []
    groups: list[Body] = []
    for path, value in _flatten(part):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "metric_data" in one:
                groups.append(one)
            elif isinstance(one, dict) and "name" in one:
                if not groups or groups[-1]["name"] != path:
                    groups.append({"name": path, "metric_data": []})
                groups[-1]["metric_data"].append(one)
            else:
                rows.append([path, json.dumps(one) if isinstance(one, dict) else str(one)])
    if rows:
        _table(page, [["Field", "Value"], *rows], (2, 5))
    for group in groups:
        _line(page, group["name"], 9, "B")
        simple = [m for m in group["metric_data"] if not isinstance(m.get("value"), list)]
        if simple:
            shown = [[m["name"], _format_value(m.get("value", "")), m.get("notes", "")] for m in simple]
            _table(page, [["Name", "Value", "Notes"], *shown], (2, 2, 4))
        for metric in group["metric_data"]:
            if isinstance(metric.get("value"), list):
                _draw_metric(page, metric)


def _flatten(part: Body, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        here = f"{path} · {_readable_name(name)}" if path else _readable_name(name)
        if isinstance(value, dict):
            yield from _flatten(value, here)
        else:
            yield here, value


def _format_value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(page: FPDF, rows: list[list[str]], widths: tuple[int, ...]) -> None:
    page.set_font("DejaVu", size=7.5)
    heading = FontFace(emphasis="BOLD", fill_color=(243, 245, 247))
    with page.table(
        col_widths=widths, text_align="LEFT", borders_layout="HORIZONTAL_LINES", headings_style=heading, line_height=4.2, padding=0.8
    ) as table:
        for row in rows:
            table.row([_printable(page, text) for text in row])
    page.ln(2)


def _draw_metric(page: FPDF, metric: Body) -> None:
    """A bar chart as bars, a graph as a line, a matrix as a table."""
    values: list[Any] = metric["value"]
    title = f"{metric['name']}: {metric['notes']}" if metric.get("notes") else str(metric["name"])
    if metric["type"] == "matrix":
        _line(page, title, 8)
        columns = [str(name) for name in metric.get("x_axis_name", [])] or [str(i) for i in range(len(values[0]))]
        names = [str(name) for name in metric.get("y_axis_name", [])] or [str(i) for i in range(len(values))]
        rows = [[*names[i : i + 1], *map(_format_value, row)] for i, row in enumerate(values)]
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
            page.cell(50, 4.5, _printable(page, str(names[i])[:32]) if i < len(names) else str(i))
            page.rect(page.get_x(), page.get_y() + 0.9, max(0.1, 90 * abs(value) / most), 2.7, "F")
            page.set_x(page.get_x() + 92)
            page.cell(25, 4.5, _format_value(float(value)), new_x="LMARGIN", new_y="NEXT")
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
