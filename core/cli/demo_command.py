"""Runs the whole workflow without the app, on the bundled data or on a CSV file of your own: python -m core demo."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from core.analysis.bias.direction import drop_rounding_error
from core.analysis.performance.performance_json import EstimateJson, estimates_in
from core.aws.target import connect
from core.cli import table_options
from core.errors import GovernanceError
from core.identity import WORKFLOW_IDENTITY, Identity, Role
from core.registry import version_registration
from core.settings import Settings
from core.workflow import background_run, workflow
from core.workflow.workflow_report import DifferenceReport, WorkflowReport

LARGE_FILE_BYTES = 20_000_000
"""Reading a larger file takes seconds, and is said."""


def add_demo_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``demo`` to the program's."""
    demo = subparsers.add_parser("demo", help="run the whole workflow", description=__doc__)
    table_options.add_table_options(demo)
    table_options.add_rebalancing_options(demo)
    demo.add_argument(
        "--registry-group", metavar="GROUP", help="the model package group to register the versions in; default: the data set's name"
    )
    demo.add_argument(
        "--preview",
        action="store_true",
        help="print what was found about the table, roles, codings, groups and the plan, and start nothing",
    )
    demo.add_argument("--workspace", type=Path)
    demo.add_argument("--report", type=Path, help="write the result to this file, as JSON")
    demo.add_argument("--max-jobs", type=_positive_integer, default=10)
    demo.add_argument("--max-parallel", type=_positive_integer, default=2)
    demo.add_argument("--run", help=argparse.SUPPRESS)
    demo.add_argument("--as", dest="actor", help=argparse.SUPPRESS)


def run_demo(settings: Settings, options: argparse.Namespace) -> int:
    """Run ``demo`` and print the two models side by side. Raises GovernanceError at the first step that fails."""
    if options.report:
        _require_writable(options.report)
    parallel = min(options.max_jobs, options.max_parallel)
    if options.registry_group:
        version_registration.check_group_name(options.registry_group)
    rebalance = table_options.parse_rebalancing(options)
    if options.data and options.data.is_file() and (size := options.data.stat().st_size) > LARGE_FILE_BYTES:
        print(f"Reading {options.data.name}, {size / 1e6:,.0f} MB", file=sys.stderr, flush=True)
    table = table_options.prepare_table(options, rebalance)
    if options.preview:
        table_options.print_preview(table, rebalance, options.max_jobs, parallel)
        return 0
    table_options.print_groups(table)
    for finding in table_options.leaks_in_words(table):
        print(finding)
    workflow_options = workflow.WorkflowOptions(
        table.name, rebalance, options.max_jobs, parallel, registry_group=options.registry_group, job_suffix=options.run or ""
    )
    identity = _parse_identity(options.actor) if options.actor else WORKFLOW_IDENTITY
    target = connect(settings, identity)
    on_step, record_end = _step_printer(), None
    if options.run:
        on_step, record_end = background_run.record_progress(target, options.run, on_step)
    try:
        report = workflow.run_all_steps(target, identity, table.checked, table.roles, workflow_options, on_step)
    except GovernanceError as error:
        if record_end:
            record_end(str(error))
        raise
    if record_end:
        record_end(None)
    if options.report:
        draft = _draft_path(options.report)
        draft.write_text(json.dumps(report, indent=1) + "\n")
        draft.replace(options.report)
    print_comparison(report)
    return 0


def _draft_path(report: Path) -> Path:
    return report.with_suffix(report.suffix + ".draft")


def _require_writable(report: Path) -> None:
    """Raise GovernanceError before the work begins if the report can't be written."""
    try:
        if report.is_dir():
            raise IsADirectoryError(f"{report} is a folder")
        report.parent.mkdir(parents=True, exist_ok=True)
        _draft_path(report).touch()
        _draft_path(report).unlink()
    except OSError as error:
        raise GovernanceError(f"The report can't be written: {error}.", resource=str(report), hint="Choose another file.") from error


def _parse_identity(text: str) -> Identity:
    fields = json.loads(text)
    return Identity(**fields | {"role": Role(fields["role"])})


def _positive_integer(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _step_printer() -> workflow.StepCallback:
    start = time.perf_counter()

    def step(name: str, text: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {name}: {text}", flush=True)

    return step


def print_comparison(report: WorkflowReport) -> None:
    """The two models side by side."""
    left, right = report["models"]
    if report.get("not_compared"):
        print(f"\nThe two models can't be compared: {report['not_compared']}")
    print(f"\n{'':24}{'baseline':>26}{'mitigated':>26}   difference, paired")
    others = estimates_in(right["metrics"])
    for name, value in estimates_in(left["metrics"]).items():
        if name in others:
            print(
                f"{name:24}{_format_interval(value):>26}{_format_interval(others[name]):>26}   "
                f"{_format_difference(report['differences'].get(name))}"
            )
    for stage in ("pre_training", "post_training"):
        print(f"\nbias, {stage.replace('_', '-')}")
        for name, number in left["bias"][stage].items():
            print(f"{name:24}{_format_number(number):>26}{_format_number(right['bias'][stage][name]):>26}")
        reasons = right.get("undefined", {}).get(stage, {}) | left.get("undefined", {}).get(stage, {})
        for name, reason in reasons.items():
            print(f"{name} is not defined: {reason.rstrip('.')}.")
    for model in report["models"]:
        if findings := model.get("group_findings"):
            print(f"\nall groups, {model['role']}: {' '.join(findings)}")
    print(f"\nlineage: {report['lineage']['vertices']} vertices, {report['lineage']['edges']} edges")
    print("seconds: " + ", ".join(f"{step} {seconds:.1f}" for step, seconds in report["seconds"].items()))
    print(f"packages: {left['model_package_arn']}\n          {right['model_package_arn']}")


def _format_interval(estimate: EstimateJson) -> str:
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if value is None:
        return "not defined"
    return f"{value:z.4f}" if low is None or high is None else f"{value:z.4f} [{low:z.4f}, {high:z.4f}]"


def _format_difference(difference: DifferenceReport | None) -> str:
    if difference is None or difference["value"] is None:
        return ""
    value, low, high = difference["value"], difference["low"], difference["high"]
    if low is None or high is None:
        return f"{value:+z.4f}"
    return f"{value:+z.4f} [{low:+z.4f}, {high:+z.4f}]{' within the noise' if low <= 0 <= high else ''}"


def _format_number(value: float | str | None) -> str:
    return "not defined" if value is None else value if isinstance(value, str) else f"{drop_rounding_error(value):.6g}"
