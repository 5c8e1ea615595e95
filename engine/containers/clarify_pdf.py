"""The Clarify report as a PDF to read and to file."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.fonts import FontFace

from core.analysis.bias.group_sentences import explain_group_table
from core.analysis.bias.group_table import GroupTable
from core.analysis.tables import printable_text
from engine.containers import clarify_figures as figures
from engine.containers.clarify_html import (
    MAX_PICTURED_FACETS,
    confusion_headings,
    confusion_rows,
    explanation_note,
    format_value,
    group_rows,
    group_table_headings,
    group_table_note,
    group_table_rows,
    metric_rows,
    no_explanation_note,
    performance_rows,
    summary_lines,
)
from engine.containers.clarify_report import STAGES, ClarifyReport

MAX_GROUP_ROWS = 60
"""Groups in the table of the PDF; report.html has all of them."""
FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"


class _ReportPdf(FPDF):
    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.known = self.fonts["dejavu"].cmap.keys() & self.fonts["dejavuB"].cmap.keys()  # type: ignore[union-attr]
        self.has_numbered_characters = False
        self.set_title(printable_text.printable_text(title, range(0xD800)))  # a title may hold half of a surrogate pair
        self.set_lang("en")
        self.set_margins(18, 16)
        self.set_auto_page_break(True, 18)
        self.heading = title

    def printable(self, text: str) -> str:
        """The text as the font can show it; a character that it lacks becomes its number, so that no part of a name is lost."""
        shown = printable_text.printable_text(text, self.known)
        self.has_numbered_characters |= shown.count("[U+") > text.count("[U+")
        return shown

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font("DejaVu", size=7)
        self.set_text_color(90)
        self.cell(0, 6, f"{self.printable(self.heading)} · page {self.page_no()} of {{nb}}", align="C")
        self.set_text_color(0)

    def section(self, text: str, needs: float = 60) -> None:
        """A heading, on a new page unless ``needs`` millimetres are left: a heading must not be separated from what follows."""
        if self.will_page_break(needs):
            self.add_page()
        self.ln(4)
        self.start_section(self.printable(text))
        self.set_font("DejaVu", "B", 12)
        self.multi_cell(0, 7, self.printable(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def paragraph(self, text: str) -> None:
        self.set_font("DejaVu", size=9)
        self.multi_cell(0, 5, self.printable(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def rows(self, headings: list[str], rows: list[list[str]], widths: tuple[int, ...], right: set[int]) -> None:
        self.set_font("DejaVu", size=7.5)
        align = ["RIGHT" if i in right else "LEFT" for i in range(len(headings))]
        style = FontFace(emphasis="BOLD", fill_color=(243, 245, 247))
        with self.table(
            col_widths=widths, text_align=align, borders_layout="HORIZONTAL_LINES", headings_style=style, line_height=4.2, padding=0.8
        ) as table:
            for row in [headings, *rows]:
                table.row([self.printable(cell) for cell in row])
        self.ln(2)

    def figure(self, image: bytes, alt: str) -> None:
        self.image(io.BytesIO(image), w=self.epw, alt_text=self.printable(alt))
        self.ln(2)


def write_pdf(report: ClarifyReport, path: Path) -> None:
    page = _ReportPdf(report.title)
    page.add_page()
    page.set_font("DejaVu", "B", 16)
    page.multi_cell(0, 9, page.printable(report.title), align="L", new_x="LMARGIN", new_y="NEXT")
    page.paragraph("\n".join(summary_lines(report)))
    if report.group_table is not None:
        _write_group_table(page, report.group_table)
    for stage, heading in STAGES.items():
        measured = report.stages.get(stage, [])
        for one in measured[:MAX_PICTURED_FACETS]:
            name = f"{heading}: {report.describe_facet(one)}"
            page.section(name, needs=110)
            page.figure(figures.bias_png(one.metrics), f"Values of the metrics. {name}")
            rows = metric_rows(one.metrics)
            page.rows(["Metric", "Description", "Value", "95 % interval", "Range", "In words"], rows, (9, 22, 11, 15, 12, 36), {2, 3, 4})
        if len(measured) > MAX_PICTURED_FACETS:
            more = len(measured) - MAX_PICTURED_FACETS
            page.paragraph(f"{heading}: {more:,} more values are in report.html and analysis.json; the table of all groups has them too.")
    if report.groups:
        page.section("Groups")
        page.rows(["Variable", "Group", "Facet", "Rows", "Of the facet", "Favourable label"], group_rows(report), (1,) * 6, {3, 4, 5})
    if report.performance is not None:
        page.section("Performance", needs=100)
        page.rows(["Metric", "Value", "95 % interval"], performance_rows(report, report.performance), (2, 1, 2), {1, 2})
        page.rows(confusion_headings(report), confusion_rows(report, report.performance), (1, 1, 1), {1, 2})
        curves = figures.curves_png(report.performance, page.printable(report.describe_label(1)))
        page.figure(curves, "ROC curve, precision and recall, calibration")
    if report.explanation is not None:
        page.section("Explanations", needs=110)
        page.paragraph(explanation_note(report, report.explanation))
        named = [(report.describe_feature(name), value) for name, value in report.global_shap_values().items()]
        page.figure(figures.global_values_png([(page.printable(name), value) for name, value in named]), "Global SHAP values")
        rows = [[name, format_value(value)] for name, value in named]
        page.rows(["Feature", f"Global SHAP value ({report.aggregation})"], rows, (2, 1), {1})
    elif report.explanation_error:
        page.section("Explanations")
        page.paragraph(no_explanation_note(report))
    if page.has_numbered_characters:
        page.paragraph(f"{printable_text.NOTE}; report.html shows them.")
    page.output(str(path))


def _write_group_table(page: _ReportPdf, table: GroupTable) -> None:
    """All groups with their figures; of very many the first."""
    page.section("All groups", needs=80)
    page.paragraph("\n".join(explain_group_table(table)))
    headings, rows = group_table_headings(table), group_table_rows(table)
    page.rows(headings, rows[:MAX_GROUP_ROWS], (26, 9, *(18,) * (len(headings) - 2)), set(range(1, len(headings))))
    if len(rows) > MAX_GROUP_ROWS:
        page.paragraph(f"The first {MAX_GROUP_ROWS} of {len(rows):,} groups; report.html has all of them.")
    page.paragraph(group_table_note(table))
