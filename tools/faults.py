"""What the user sees when AWS fails: ``python -m tools.faults [--record FILE]`` writes docs/faults.md.

Each page runs before a proxy that fails as AWS does (proxy.py of the fault tests), under every fault and each operation denied in turn;
``--record`` names a file that an earlier run wrote, to be read instead.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.browser import ROOT

OUT = ROOT / "docs" / "faults.md"
TEST = "tests/system/faults/test_pages_on_a_bad_day.py"
DENIED = "denied: "
HEAD = """# When AWS fails

What each page shows when its target is throttled, broken, slow, cut off, or forbids something. Written by `python -m tools.faults`,
which runs every page before a proxy that fails as AWS does; the suite runs a part of the same cases.

A call is tried five times, with botocore's `standard` backoff. A create that was sent again is recognised by its token
(`governance:request`, a tag; for versions AWS's `ClientToken`), so that one click makes one job. What was just made and isn't in AWS's
lists yet is described instead.

**the same**: not to be told from the page without the fault. Otherwise: the error that is shown; in brackets, how many of the page's
pictures, tables, links and downloads are there all the same. In no case is there a traceback, or a word that nothing is there.
"""


def run(record: Path) -> None:
    """Run every case. Raises CalledProcessError when one isn't as it should be."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--timeout", "3600", TEST]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "FAULTS_MATRIX": str(record)})


def page(lines: list[dict[str, Any]]) -> str:
    """docs/faults.md."""
    pages = list(dict.fromkeys(line["page"] for line in lines))
    text = [HEAD]
    for name in pages:
        own = {line["fault"]: line for line in lines if line["page"] == name}
        text += [f"## {name}", "", "| fault | what is shown |", "|---|---|"]
        text += [f"| {fault} | {_cell(line)} |" for fault, line in own.items() if not fault.startswith(DENIED)]
        text += ["", "| operation denied | what is shown |", "|---|---|"]
        text += [f"| {fault.removeprefix(DENIED)} | {_cell(line)} |" for fault, line in own.items() if fault.startswith(DENIED)]
        text.append("")
    return "\n".join(text)


def operations(text: str, name: str) -> set[str]:
    """The operations that docs/faults.md says are denied on a page."""
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| (\w+:[\w.]+) \|", section, re.MULTILINE))


def _cell(line: dict[str, Any]) -> str:
    if line["same"]:
        return "the same"
    errors = [_general(error) for error in line["errors"]]
    return f"{'<br>'.join(dict.fromkeys(errors))} ({line['left']} of {line['of']})"


def _general(error: str) -> str:
    """An error without what is only so in this run: ports, account, names of jobs."""
    text = error.replace("**", "").replace("\\", "").replace("  \n", " ").replace("|", "/")
    text = re.sub(r'endpoint URL: "[^"]*"', "endpoint URL: …", text)
    text = re.sub(r"arn:aws:sts::\d+:[\w/-]+", "*caller*", text)
    text = re.sub(r"s3://\S+?/([^/\s]+/?)(?=[\s:.]| is )", r"s3://…/\1", text)
    text = re.sub(r"arn:aws:\w+:[\w-]*:\d*:\S+?(?=[.,]?(?:\s|$))", "*resource*", text)
    return re.sub(r"\b[0-9a-f]{8,64}\b", "…", text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("--record", type=Path, help="what an earlier run has seen")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        record = (options.record or Path(scratch) / "seen.jsonl").resolve()
        if not record.exists():
            run(record)
        OUT.write_text(page([json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]), encoding="utf-8")
    print(f"wrote {OUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
