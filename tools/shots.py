"""Take a picture of every page, wide and phone, light and dark: ``python -m tools.shots [--workspace DIR | --empty] [--out DIR]``.

Without ``--workspace`` the whole workflow is run first, in a workspace of its own; with ``--empty`` nothing is run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from engine import lifecycle
from tools.browser import ROOT, chromium, serving, settle

PAGES = ("overview", "data", "tuning", "lineage", "registry", "bias", "explainability", "decisions", "settings")
SIZES = {"wide": (1440, 900), "phone": (390, 844)}


def shoot(workspace: Path, out: Path, *, pages: tuple[str, ...] = PAGES, sizes: tuple[str, ...] = tuple(SIZES), full: bool = False) -> int:
    """Write ``<page>-<size>-<theme>.png`` for each; ``full`` shows each page to its end. Returns the number of pictures."""
    out.mkdir(parents=True, exist_ok=True)
    taken = 0
    with serving(workspace) as url, chromium() as browser:
        for size in sizes:
            width, height = SIZES[size]
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce")
                view = context.new_page()
                for name in pages:
                    view.set_viewport_size({"width": width, "height": height})
                    view.goto(f"{url}/{'' if name == 'overview' else name}")
                    settle(view)
                    if full:
                        content = view.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
                        view.set_viewport_size({"width": width, "height": min(int(content) + 40, 12000)})
                        settle(view)
                    view.wait_for_timeout(700)
                    view.screenshot(path=out / f"{name}-{size}-{theme}.png")
                    taken += 1
                context.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.shots", description=__doc__)
    parser.add_argument("--workspace", type=Path, help="a workspace that the demo filled; made anew without it")
    parser.add_argument("--empty", action="store_true", help="the pages of a workspace in which nothing has happened")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--pages", nargs="*", default=PAGES, choices=PAGES)
    parser.add_argument("--sizes", nargs="*", default=tuple(SIZES), choices=tuple(SIZES))
    parser.add_argument("--full", action="store_true", help="each page to its end, not only its first screen")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = options.workspace
        if workspace is None:
            workspace = Path(scratch) / "workspace"
            if not options.empty:
                subprocess.run([sys.executable, "-m", "core", "demo", "--workspace", str(workspace)], cwd=ROOT, check=True)
        try:
            taken = shoot(workspace.resolve(), options.out, pages=tuple(options.pages), sizes=tuple(options.sizes), full=options.full)
        finally:
            if options.workspace is None:
                lifecycle.stop(workspace)
    print(f"{taken} pictures in {options.out}")


if __name__ == "__main__":
    main()
