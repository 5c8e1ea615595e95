"""``python -m bench [--smallest] [NAME ...]``: every figure beside its peer; each also by its own command, ``python -m bench.bias``."""

from __future__ import annotations

import importlib
import sys

from bench.compare import Row, run

NAMES = (
    "bias",
    "explanations",
    "proxies",
    "reasons",
    "resampling",
    "bootstrap",
    "training",
    "demo",
    "log",
    "engine",
    "start",
    "pages",
    "app",
    "browsers",
    "memory",
    "scale",
)


def main() -> int:
    """Run them, print the table; returns 1 where a goal isn't met."""
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or NAMES
    found: list[Row] = []
    for name in chosen:
        found += run(name, importlib.import_module(f"bench.{name}").rows)
    print(table(found))
    return 1 if any(row.met is False for row in found) and "--smallest" not in sys.argv else 0


def table(rows: list[Row]) -> str:
    """The rows in Markdown."""
    head = ("figure", "ours", "peer, same run", "ratio", "goal", "met")
    lines = [head, ("---",) * len(head), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
