"""``python -m tools.reference``: docs/reference, the API of ``core`` as its docstrings have it.

The source is read, not imported (by griffe), so the pages are the same on every machine. A page shows the public functions and classes of a
room, file by file in alphabetical order; for ``core.analysis`` those of its ``__all__``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
WIDTH = 110
"""A signature that is longer has a line for each parameter."""


@dataclass(frozen=True)
class Page:
    """A page: what it is about, and the modules or rooms that it shows. ``only_exported``: the names in ``__all__`` of the room itself."""

    name: str
    about: str
    modules: tuple[str, ...]
    only_exported: bool = False

    @property
    def file(self) -> str:
        return f"{self.name}.md"


PAGES = (
    Page("analysis", "bias, performance, explanations, rebalancing, column kinds: pure functions, for notebooks", ("core.analysis",), True),
    Page(
        "connection",
        "connect to AWS or to the embedded engine; settings, people, errors",
        ("core.aws.target", "core.aws.s3_files", "core.settings", "core.identity", "core.errors"),
    ),
    Page("data", "CSV files, the roles of columns, data sets", ("core.data",)),
    Page("jobs", "rebalance, train, tune: launch jobs and read their results", ("core.jobs",)),
    Page("reports", "bias and SHAP reports: launch, read, import", ("core.reports",)),
    Page("registry", "model packages: register, list, read, compare", ("core.registry",)),
    Page("lineage", "what a model came from, and what was made of it", ("core.lineage",)),
    Page("costs", "what jobs will cost, and what they cost", ("core.costs",)),
    Page("governance", "policies, gates, decisions, evidence, model cards, dossiers", ("core.governance",)),
    Page("ledger", "the signed, append-only log of decisions", ("core.ledger",)),
    Page("workflow", "the whole chain, and where a workspace stands", ("core.workflow",)),
    Page("views", "Plotly figures and tables from results", ("core.views",)),
)


def main() -> None:
    """Write every page, and remove those that are no longer made."""
    REFERENCE.mkdir(exist_ok=True)
    pages = render_pages()
    for path in REFERENCE.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (REFERENCE / name).write_text(text)


def render_pages() -> dict[str, str]:
    """File name → content, the index (README.md) among them."""
    loader = griffe.GriffeLoader(search_paths=[ROOT], allow_inspection=False)
    loader.load("core")
    return {"README.md": _render_index()} | {page.file: _render_page(loader, page) for page in PAGES}


def _render_index() -> str:
    lines = [f"| [{' · '.join(page.modules)}]({page.file}) | {page.about} |" for page in PAGES]
    return "\n".join(
        [
            "# API reference",
            "",
            "Made from the docstrings by `make reference`; a test fails where a page is stale. `core` needs no running app:",
            "[the notebook](../notebook.ipynb) shows how it is used from Python.",
            "",
            "| page | about |",
            "|---|---|",
            *lines,
            "",
        ]
    )


def _render_page(loader: griffe.GriffeLoader, page: Page) -> str:
    modules = [loader.modules_collection[name] for name in page.modules]
    first = modules[0].path if len(modules) == 1 else page.name.capitalize()
    parts = [f"# {first}", *(_prose(modules[0]) if len(modules) == 1 else ())]
    if len(parts) == 1:
        parts.append(page.about[0].upper() + page.about[1:] + ".")
    exported = {str(name) for name in modules[0].exports or ()} if page.only_exported else None
    for file in (file for module in modules for file in _files(module)):
        members = [part for name, part in file.members.items() if _is_public(part) and (exported is None or name in exported)]
        if members:
            parts += [f"## {file.path}", *_prose(file), *(text for member in members for text in _render_member(member))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _files(module: griffe.Object) -> Iterator[griffe.Object]:
    """The module, and those in it at any depth."""
    yield module
    for name, member in sorted(module.members.items()):
        if isinstance(member, griffe.Module) and not name.startswith("_"):
            yield from _files(member)


def _is_public(member: griffe.Object | griffe.Alias) -> bool:
    """Whether it is a function or a class of this file: what a file imports is shown where it is defined."""
    return not member.is_alias and not member.name.startswith("_") and (member.is_function or member.is_class)


def _render_member(member: griffe.Object | griffe.Alias) -> list[str]:
    if isinstance(member, griffe.Function):
        return [f"### {member.name}", _code("", _signature(member)), *_prose(member)]
    if isinstance(member, griffe.Class):
        return [f"### {member.name}", _render_class(member), *_prose(member), _render_methods(member)]
    return []


def _render_class(member: griffe.Class) -> str:
    """The class as its source begins: decorators, bases, fields."""
    bases = f"({', '.join(map(str, member.bases))})" if member.bases else ""
    fields = [
        f"    {field.name}"
        + (f": {field.annotation}" if field.annotation else "")
        + (f" = {field.value}" if field.value is not None else "")
        for field in _fields(member)
    ]
    decorators = [f"@{decorator.value}" for decorator in member.decorators]
    return _code("\n".join([*decorators, f"class {member.name}{bases}:" if fields else f"class {member.name}{bases}"]), "\n".join(fields))


def _fields(member: griffe.Class) -> list[griffe.Attribute]:
    """The attributes that the class's body declares; properties, and what methods set, are not among them."""
    methods = [range(part.lineno or 0, (part.endlineno or 0) + 1) for part in member.members.values() if isinstance(part, griffe.Function)]
    return [
        part
        for part in member.members.values()
        if isinstance(part, griffe.Attribute)
        and not part.name.startswith("_")
        and not part.has_labels("property")
        and not any(part.lineno in lines for lines in methods)
    ]


def _render_methods(member: griffe.Class) -> str:
    """Fields that have a docstring of their own, properties and methods, a line each."""
    lines = [_entry(f"`{field.name}`", field) for field in _fields(member) if field.docstring]
    for name, part in member.members.items():
        if name.startswith("_") or part.is_alias:
            continue
        if isinstance(part, griffe.Attribute) and part.has_labels("property"):
            lines.append(_entry(f"`{name}` → `{part.annotation}`", part))
        elif isinstance(part, griffe.Function):
            lines.append(_entry(f"`{_signature(part, wrap=False)}`", part))
    return "\n".join(lines)


def _entry(name: str, part: griffe.Object) -> str:
    text = "\n\n".join(_prose(part))
    return f"- {name}" + (f": {text}".replace("\n", "\n  ") if text else "")


# signatures ------------------------------------------------------------------------------------------------


def _signature(function: griffe.Function, *, wrap: bool = True) -> str:
    parameters = list(_parameters(function))
    returns = f" -> {function.returns}" if function.returns else ""
    line = f"{function.name}({', '.join(parameters)}){returns}"
    if len(line) <= WIDTH or not wrap:
        return line
    return "\n".join([f"{function.name}(", *(f"    {parameter}," for parameter in parameters), f"){returns}"])


def _parameters(function: griffe.Function) -> Iterator[str]:
    """As they stand in the source, without ``self`` and ``cls``."""
    keyword_only = False
    for parameter in function.parameters:
        if parameter.name in {"self", "cls"}:
            continue
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not keyword_only:
            keyword_only = True
            yield "*"
        stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}.get(kind, "") if kind else ""
        keyword_only = keyword_only or stars == "*"
        text = f"{stars}{parameter.name}" + (f": {parameter.annotation}" if parameter.annotation else "")
        if parameter.default is not None and not stars:
            text += f" = {parameter.default}" if parameter.annotation else f"={parameter.default}"
        yield text


def _code(head: str, body: str) -> str:
    return "\n".join(["```python", *(part for part in (head, body) if part), "```"])


# docstrings ------------------------------------------------------------------------------------------------


def _prose(part: griffe.Object) -> list[str]:
    """A docstring as Markdown: a list of parameters, examples and code have their own form."""
    return list(_paragraphs(part.docstring.value)) if part.docstring else []


def _paragraphs(text: str) -> Iterable[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = paragraph.splitlines()
        if lines[0].startswith(">>>"):
            yield "\n".join(["```pycon", *lines, "```"])
        elif len(lines) > 1 and set(lines[1]) == {"-"}:
            yield f"**{lines[0]}**"
            yield "\n".join(_parameter_list(lines[2:]))
        else:
            yield _inline(paragraph)


def _parameter_list(lines: list[str]) -> Iterator[str]:
    for line in lines:
        names, colon, meaning = line.partition(" : ")
        if colon and not line.startswith(" "):
            yield f"- `{names}`: {_inline(meaning)}"
        else:
            yield f"  {_inline(line.strip())}"


def _inline(text: str) -> str:
    """Double back-quotes become single ones; outside of them nothing is taken for HTML or emphasis."""
    pieces = re.split(r"(``.+?``)", text, flags=re.DOTALL)
    return "".join(f"`{piece[2:-2]}`" if piece.startswith("``") else re.sub(r"(<|\*|\b_|_\b)", r"\\\1", piece) for piece in pieces)


if __name__ == "__main__":
    main()
