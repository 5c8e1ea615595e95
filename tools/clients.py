"""Which AWS client was answered by which operation of the engine: ``python -m tools.clients [--records DIR]`` writes docs/clients.md.

Each client's tests run against engines of their own, whose records of access are read afterwards; ``--records`` keeps them in a folder,
and reads those that an earlier run left there instead of running that client again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.service_models import service_model
from engine.wire.served_operations import OPERATIONS
from tools.browser import ROOT

OUT = ROOT / "docs" / "clients.md"
SUITE = "boto3"
CLIENTS = {
    SUITE: ["tests/engine", "tests/core/governance/test_model_card.py", "--ignore", "tests/engine/test_fuzz.py"],
    "SDK v3": ["tests/system/sdk/test_workshop_v3.py"],
    "SDK v2": ["tests/system/sdk/test_workshop_v2.py"],
    "AWS CLI": ["tests/system/sdk/test_workshop_cli.py"],
}
"""Client -> the tests that run it: boto3's are those of the engine, but for the hostile requests. They also ask for what isn't served."""
LOCKED = {"SDK v3": ("v3", "sagemaker"), "SDK v2": ("v2", "sagemaker"), "AWS CLI": ("cli", "awscli")}
NOT_SERVED = {"UnknownOperationException", "InvalidAction", "NotImplemented", "MethodNotAllowed"}
Results = dict[tuple[str, str], dict[str, set[str]]]
"""(service, operation) -> client -> codes of its errors, and "" where it was answered."""


def run(client: str, folder: Path) -> None:
    """Run the client's tests with their workspaces in ``folder``. Raises CalledProcessError when one fails."""
    command = [sys.executable, "-m", "pytest", "-m", "clients or not clients", "-p", "no:cacheprovider", "--basetemp", str(folder)]
    several = ["-n", "2", "--dist", "loadfile"] if client == SUITE else []
    subprocess.run([*command, *several, *CLIENTS[client]], cwd=ROOT, check=True)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of every record of access below ``folder``."""
    for path in sorted(folder.rglob("access.log*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def results(folders: Mapping[str, Path]) -> Results:
    found: Results = defaultdict(lambda: defaultdict(set))
    served = {(service_model(service).signing_name, operation): (service, operation) for service, operation in OPERATIONS}
    for client, folder in folders.items():
        for line in records(folder):
            signed = (line["service"], line["operation"])
            found[served.get(signed, signed)][client].add(line["code"])
    return found


def page(found: Results) -> str:
    """docs/clients.md."""
    versions = {SUITE: version("boto3")}
    for client, (name, package) in LOCKED.items():
        text = (ROOT / "tests" / "system" / "sdk" / f"requirements-{name}.txt").read_text()
        versions[client] = re.findall(rf"^{package}==(\S+)", text, re.MULTILINE)[0]
    target = ", ".join(f"{client} {number}" for client, number in versions.items())
    lines = [
        "# Clients",
        "",
        "Real clients, unmodified, each in an environment of its own, against the embedded engine. Written by `make clients`.",
        f"Versions: {target}. `boto3` is the engine's contract suite; the others run the workshop, and look up no host but 127.0.0.1.",
        "",
        "✓: called, and answered. A code: called, and only ever refused with it. Empty: not called.",
        "",
    ]
    for service in sorted({service for service, _ in OPERATIONS}, key=lambda s: (not s.startswith("sagemaker"), s)):
        names = sorted(name for one, name in OPERATIONS if one == service)
        lines += [f"## {service}", "", *_table(found, service, names)]
    s3 = sorted(name for service, name in found if service == "s3" and any("" in codes for codes in found[service, name].values()))
    lines += ["## s3", "", "Requests by the names that S3's own access logs give them.", "", *_table(found, "s3", s3)]
    gaps = [
        f"| {service}:{name} | {client} | {', '.join(sorted(codes))} |"
        for (service, name), target in sorted(found.items())
        for client, codes in target.items()
        if client != SUITE and codes & NOT_SERVED
    ]
    lines += ["## Gaps", ""]
    lines += (
        ["| asked for | by | refused with |", "|---|---|---|", *gaps] if gaps else ["No client asked for an operation that isn't served."]
    )
    return "\n".join(lines) + "\n"


def _table(found: Results, service: str, names: list[str]) -> list[str]:
    lines = [f"| operation | {' | '.join(CLIENTS)} |", f"|---|{'---|' * len(CLIENTS)}"]
    for name in names:
        cells = [_cell(found.get((service, name), {}).get(client, set())) for client in CLIENTS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(codes: set[str]) -> str:
    return "✓" if "" in codes else ", ".join(sorted(codes))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.clients", description=__doc__)
    parser.add_argument("--records", type=Path, help="where the records are kept, a folder for each client; read when they are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = (options.records or Path(scratch)).resolve()
        base.mkdir(parents=True, exist_ok=True)
        folders = {client: base / client.replace(" ", "-") for client in CLIENTS}
        for client, folder in folders.items():
            if not folder.exists():
                run(client, folder)
        OUT.write_text(page(results(folders)), encoding="utf-8")
    print(f"wrote {OUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
