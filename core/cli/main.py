"""``python -m core demo``: the whole workflow, headless, on the bundled data or on a CSV of yours. ``python -m core audit``: the log."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.aws.target import connect
from core.cli import audit_command as governance
from core.cli import run_command
from core.data import bundled_data, column_roles, csv_reader
from core.doctor import doctor
from core.errors import GovernanceError
from core.identity import WORKFLOW_IDENTITY, Identity, Role
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.settings import Settings
from core.workflow import background_run, workflow


def main(arguments: list[str] | None = None) -> int:
    program = "governance" if Path(sys.argv[0]).name == "governance" else "python -m core"
    parser = argparse.ArgumentParser(prog=program)
    commands = parser.add_subparsers(dest="command", required=True)
    run_command.add_run_parser(commands)
    demo = commands.add_parser("demo", help="run the whole workflow", description=__doc__)
    demo.add_argument("--data", type=Path, help="a CSV with a header; the bundled credit-default rows when left out")
    demo.add_argument("--label", help="the two-valued column to predict")
    demo.add_argument("--favourable", help="the value of the label that people wish for")
    demo.add_argument("--facet", help="the column that tells the groups apart")
    demo.add_argument("--facet-value", help="the group that may be at a disadvantage")
    demo.add_argument("--group", help="the column for conditional disparity (age, for instance)")
    demo.add_argument(
        "--method", choices=rebalancing_jobs.METHODS, default=RebalancingOptions.method, help="how to rebalance the training rows"
    )
    demo.add_argument("--workspace", type=Path)
    demo.add_argument("--report", type=Path, help="write the result here, as JSON")
    demo.add_argument("--max-jobs", type=_positive_integer, default=10)
    demo.add_argument("--max-parallel", type=_positive_integer, default=2)
    demo.add_argument("--run", help=argparse.SUPPRESS)
    demo.add_argument("--as", dest="actor", help=argparse.SUPPRESS)
    governance.add_audit_parser(commands)
    examine = commands.add_parser("doctor", help="check that the target has what the workflow needs", description=doctor.__doc__)
    examine.add_argument("--workspace", type=Path)
    examine.add_argument("--json", action="store_true", help="print the findings as JSON")
    examine.add_argument("--all", action="store_true", help="each permission that is allowed too, instead of their number")
    options = parser.parse_args(arguments)
    note = None
    try:
        if options.command == "run":
            run_command.run_dashboard(options)
        if options.command == "doctor":
            return _run_doctor(options)
        settings = _settings(options)
        if options.command == "audit":
            return governance.run_audit(connect(settings), options)
        if options.report:
            _require_writable(options.report)
        frame, roles = _load_data(options)
        name = options.data.stem if options.data else "credit-default"
        at_once = min(options.max_jobs, options.max_parallel)
        wanted = workflow.WorkflowOptions(
            name, RebalancingOptions(method=options.method), options.max_jobs, at_once, job_suffix=options.run or ""
        )
        rebalancing_jobs.check_feasible(column_roles.check_table(frame, roles), wanted.rebalance)
        identity = _parse_identity(options.actor) if options.actor else WORKFLOW_IDENTITY
        target = connect(settings, identity)
        step = _step_printer()
        if options.run:
            step, note = background_run.record_progress(target, options.run, step)
        report = workflow.run_all_steps(target, identity, frame, roles, wanted, step)
    except GovernanceError as error:
        if note:
            note(str(error))
        print(f"\n{error}", file=sys.stderr)
        return 1
    if note:
        note(None)
    if options.report:
        draft = _draft_path(options.report)
        draft.write_text(json.dumps(report, indent=1) + "\n")
        draft.replace(options.report)
    print_comparison(report)
    return 0


def _draft_path(report: Path) -> Path:
    return report.with_suffix(report.suffix + ".draft")


def _require_writable(report: Path) -> None:
    """Raise GovernanceError now, rather than after all the work, where the report can't be written."""
    try:
        if report.is_dir():
            raise IsADirectoryError(f"{report} is a folder")
        report.parent.mkdir(parents=True, exist_ok=True)
        _draft_path(report).touch()
        _draft_path(report).unlink()
    except OSError as error:
        raise GovernanceError(f"The report can't be written: {error}.", resource=str(report), hint="Name another file.") from error


def _parse_identity(text: str) -> Identity:
    fields = json.loads(text)
    return Identity(**fields | {"role": Role(fields["role"])})


def _positive_integer(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _load_data(options: argparse.Namespace) -> tuple[Any, column_roles.ColumnRoles]:
    if options.data is None:
        frame, roles = bundled_data.read_bundled(), bundled_data.BUNDLED_ROLES
    else:
        frame = csv_reader.read_csv(options.data)
        roles = column_roles.detect_roles(frame, label=options.label, facet=options.facet)
    changes = {
        key: value
        for key, value in {
            "label": options.label,
            "favourable": options.favourable,
            "facet": options.facet,
            "facet_value": options.facet_value,
            "group": options.group,
        }.items()
        if value is not None
    }
    roles = replace(roles, **changes)
    named = {roles.label, roles.facet, roles.group}
    categorical, ignored = (tuple(c for c in columns if c not in named) for columns in (roles.categorical, roles.ignored))
    return frame, replace(roles, categorical=categorical, ignored=ignored)


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(workspace=options.workspace) if options.workspace else Settings()


def _run_doctor(options: argparse.Namespace) -> int:
    """Print what the doctor finds; 1 where something is missing."""
    findings = []
    for finding in doctor.examine_target(lambda: _settings(options)):
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


def _step_printer() -> workflow.StepCallback:
    start = time.perf_counter()

    def step(name: str, text: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {name}: {text}", flush=True)

    return step


def print_comparison(report: dict[str, Any]) -> None:
    """The two models side by side."""
    left, right = report["models"]
    print(f"\n{'':24}{'baseline':>26}{'mitigated':>26}   difference, paired")
    for name, value in left["metrics"].items():
        other = right["metrics"].get(name)
        if isinstance(value, dict) and {"value", "low", "high"} <= value.keys() and other:
            print(
                f"{name:24}{_format_interval(value):>26}{_format_interval(other):>26}   "
                f"{_format_difference(report['differences'].get(name))}"
            )
    for stage in ("pre_training", "post_training"):
        print(f"\nbias, {stage.replace('_', '-')}")
        for name, value in left["bias"][stage].items():
            print(f"{name:24}{_format_number(value):>26}{_format_number(right['bias'][stage][name]):>26}")
    print(f"\nlineage: {report['lineage']['vertices']} vertices, {report['lineage']['edges']} edges")
    print("seconds: " + ", ".join(f"{step} {seconds:.1f}" for step, seconds in report["seconds"].items()))
    print(f"packages: {left['model_package_arn']}\n          {right['model_package_arn']}")


def _format_interval(value: dict[str, Any]) -> str:
    if value["value"] is None:
        return "not defined"
    if value["low"] is None:
        return f"{value['value']:.4f}"
    return f"{value['value']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"


def _format_difference(value: dict[str, Any] | None) -> str:
    if not value or value.get("value") is None:
        return ""
    within = value["low"] is not None and value["low"] <= 0 <= value["high"]
    bounds = "" if value["low"] is None else f" [{value['low']:+.4f}, {value['high']:+.4f}]"
    return f"{value['value']:+.4f}{bounds}{' within the noise' if within else ''}"


def _format_number(value: Any) -> str:
    return "not defined" if value is None else value if isinstance(value, str) else f"{value:.6g}"
