"""What a dossier is made of: sections of paragraphs, tables and figures, which the page and the PDF draw alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A paragraph; in bold if ``strong``."""

    words: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table; ``widths``: the columns' relative widths in the PDF."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Figure:
    """``name``: what ``dossier_figures.draw_png`` calls it; ``alt``: what it shows, in a sentence."""

    name: str
    alt: str


Block = Text | Table | Figure


@dataclass(frozen=True)
class Section:
    """A section: its title, and its paragraphs, tables and figures in order. ``missing``: what a reader would look for in it and doesn't
    find, each as a sentence; the blocks say it too."""

    title: str
    blocks: tuple[Block, ...]
    missing: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing but what is missing."""
        return len(self.blocks) <= len(self.missing)


def make_section(title: str, blocks: Iterable[Block], missing: Iterable[str] = ()) -> Section:
    """A section that says at its end what is missing in it."""
    lacking = tuple(missing)
    return Section(title, (*blocks, *(Text(f"Missing: {one}", strong=True) for one in lacking)), lacking)
