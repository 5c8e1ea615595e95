"""The dossier as a self-contained HTML page and as a PDF."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.fonts import FontFace
from jinja2 import Environment

from core.analysis.tables import printable_text
from core.governance.dossier import dossier_figures
from core.governance.dossier.dossier import Dossier
from core.governance.dossier.dossier_blocks import Figure, Section, Table, Text
from core.governance.dossier.dossier_sections import build_sections

WIDEST_CHARACTER, LINES_PER_ROW = 2.6, 30
"""mm of the widest character in a table of the PDF, and lines of one row: with a word of just over half a line in each, twice as many."""
FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
HTML_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid #8884; min-width: 4.5em; }
th:first-child, td:first-child { min-width: 8em; }
img { max-width: 100%; background: white; }
.strong { font-weight: 600; font-size: 1.05rem; }
.wide { overflow-x: auto; }
</style></head><body>
<h1>{{ title }}</h1>
{% for section in sections %}<h2>{{ section.title }}</h2>
{% for block in section.blocks %}
{% if block.words is defined %}<p{% if block.strong %} class="strong"{% endif %}>{{ block.words }}</p>
{% elif block.alt is defined %}<img alt="{{ block.alt }}" src="data:image/png;base64,{{ pictures[block.name] }}">
{% else %}<div class="wide"><table>
{% if block.headings | join %}<thead><tr>{% for h in block.headings %}<th>{{ h }}</th>{% endfor %}</tr></thead>{% endif %}
<tbody>{% for row in block.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% endif %}{% endfor %}{% endfor %}
</body></html>
"""


def dossier_title(d: Dossier) -> str:
    """The dossier's title, which names the version."""
    return f"Decision on {d.package.label}"


def render_html(d: Dossier, pictures: dict[str, bytes]) -> bytes:
    """The dossier as one HTML page that needs no other file and runs no script."""
    encoded = {name: base64.b64encode(content).decode() for name, content in pictures.items()}
    template = Environment(autoescape=True, trim_blocks=True).from_string(HTML_TEMPLATE)
    return template.render(title=dossier_title(d), sections=build_sections(d), pictures=encoded).encode()


def draw_figures(d: Dossier) -> dict[str, bytes]:
    """Every plot of the dossier, as PNG, by name."""
    names = [block.name for section in build_sections(d) for block in section.blocks if isinstance(block, Figure)]
    return {name: dossier_figures.draw_png(name, d) for name in names}


class _PdfDocument(FPDF):
    def __init__(self, title: str, when: datetime) -> None:
        super().__init__(format="A4")
        self.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_title(title)
        self.set_lang("en")
        self.set_creation_date(when)
        self.set_margins(18, 16)
        self.set_auto_page_break(True, 18)
        self.heading = title
        self.known = self.fonts["dejavu"].cmap.keys() & self.fonts["dejavuB"].cmap.keys()  # type: ignore[union-attr]
        self.has_numbered_characters = False

    def printable_text(self, text: str) -> str:
        """The text as the font can show it; a character that it lacks becomes its number, so that no part of a name is lost."""
        shown = printable_text.printable_text(text, self.known)
        self.has_numbered_characters |= shown.count("[U+") > text.count("[U+")
        return shown

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font("DejaVu", size=7)
        self.cell(0, 6, f"{self.printable_text(self.heading)} · page {self.page_no()} of {{nb}}", align="C")


def render_pdf(d: Dossier, pictures: dict[str, bytes]) -> bytes:
    """The dossier as a PDF."""
    page = _PdfDocument(dossier_title(d), datetime.fromisoformat(d.state.history[-1].time))
    page.add_page()
    page.set_font("DejaVu", "B", 16)
    page.multi_cell(0, 9, page.printable_text(dossier_title(d)), align="L", new_x="LMARGIN", new_y="NEXT")
    for section in build_sections(d):
        _draw_section(page, section, pictures)
    if page.has_numbered_characters:
        page.set_font("DejaVu", size=8)
        page.multi_cell(0, 5, f"{printable_text.NOTE}; index.html shows them.", new_x="LMARGIN", new_y="NEXT")
    return bytes(page.output())


def _draw_section(page: _PdfDocument, section: Section, pictures: dict[str, bytes]) -> None:
    if page.will_page_break(50):
        page.add_page()
    page.ln(4)
    page.start_section(section.title)
    page.set_font("DejaVu", "B", 12)
    page.multi_cell(0, 7, section.title, align="L", new_x="LMARGIN", new_y="NEXT")
    for block in section.blocks:
        if isinstance(block, Text):
            page.set_font("DejaVu", "B" if block.strong else "", 9)
            page.multi_cell(0, 5, page.printable_text(block.words), align="L", new_x="LMARGIN", new_y="NEXT")
            page.ln(1)
        elif isinstance(block, Figure):
            page.image(io.BytesIO(pictures[block.name]), w=140, alt_text=block.alt)
            page.ln(2)
        else:
            _draw_table(page, block)


def _draw_table(page: _PdfDocument, block: Table) -> None:
    if page.will_page_break(30):
        page.add_page()
    page.set_font("DejaVu", size=7)
    head = FontFace(emphasis="BOLD", fill_color=(243, 245, 247))
    has_headings = any(block.headings)
    with page.table(
        col_widths=block.widths,
        borders_layout="HORIZONTAL_LINES",
        headings_style=head,
        first_row_as_headings=has_headings,
        text_align="LEFT",
        v_align="TOP",
        line_height=4,
        padding=0.8,
        wrapmode="CHAR" if "SHA-256" in block.headings else "WORD",
    ) as table:
        for row in ([block.headings] if has_headings else []) + list(block.rows):
            for part in _split_row([page.printable_text(cell) for cell in row], block.widths, page.epw):
                table.row(part)
    page.ln(2)


def _split_row(cells: Sequence[str], widths: Sequence[float], page_width: float) -> Iterator[list[str]]:
    """A row as several, none of which is higher than a page: people may write 5,000 characters, and the PDF can't break a row. ``widths``:
    of the columns, relative; ``page_width``: in mm."""
    sizes = [max(1, int(page_width * width / sum(widths) / WIDEST_CHARACTER)) * LINES_PER_ROW for width in widths]
    texts = [" ".join(cell.split()) if cell.count("\n") > LINES_PER_ROW // 2 else cell for cell in cells]
    count = max(1, *(-(-len(text) // size) for text, size in zip(texts, sizes, strict=True)))
    for part in range(count):
        yield [text[part * size : (part + 1) * size] for text, size in zip(texts, sizes, strict=True)]
