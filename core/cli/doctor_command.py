"""Checks whether the target has what the workflow needs: python -m core doctor.

Nothing is written or started, except the embedded engine if it is the target and isn't running. Permissions are simulated
(SimulatePrincipalPolicy), the signing key signs a test message, everything else is read. Prints a finding for each resource and permission,
with what to do about it. Exits with 1 if something is missing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from core.doctor import doctor
from core.settings import Settings


def add_doctor_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``doctor`` to the program's."""
    examine = subparsers.add_parser("doctor", help="check that the target has what the workflow needs", description=__doc__)
    examine.add_argument("--workspace", type=Path)
    examine.add_argument("--json", action="store_true", help="print the findings as JSON")
    examine.add_argument("--all", action="store_true", help="list every allowed permission instead of their number")


def run_doctor(read_settings: Callable[[], Settings], options: argparse.Namespace) -> int:
    """Print the findings; returns 1 if something is missing."""
    findings = []
    for finding in doctor.examine_target(read_settings):
        findings.append(finding)
        if not options.json and (options.all or finding.area != "permissions" or finding.state != "ok"):
            print(finding, flush=True)
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
        return 0 if doctor.has_passed(findings) else 1
    allowed = sum(finding.area == "permissions" and finding.state == "ok" for finding in findings)
    counts = {state: sum(finding.state == state for finding in findings) for state in ("missing", "unknown", "advice")}
    print(f"{allowed} permissions allowed; " + ", ".join(f"{number} {state}" for state, number in counts.items()))
    return 0 if doctor.has_passed(findings) else 1
