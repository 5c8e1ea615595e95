"""Runs the whole workflow without the app, on the bundled data or on a CSV file of your own: python -m core demo."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from core.analysis.leaks.leak_findings import find_leaks
from core.analysis.performance.performance_json import EstimateJson, estimates_in
from core.analysis.tables import table_profile
from core.analysis.tables.number_formats import DECIMAL_MARKS
from core.analysis.tables.table_reading import TableReading
from core.aws.target import connect
from core.data import bundled_data, column_roles, csv_reader, datasets, missing_values
from core.errors import GovernanceError
from core.identity import WORKFLOW_IDENTITY, Identity, Role
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.settings import Settings
from core.views.data import leak_sentences
from core.workflow import background_run, workflow
from core.workflow.workflow_report import DifferenceReport, WorkflowReport


def add_demo_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``demo`` to the program's."""
    demo = subparsers.add_parser("demo", help="run the whole workflow", description=__doc__)
    demo.add_argument("--data", type=Path, help="a CSV file with a header; default: the bundled credit-default rows")
    demo.add_argument("--label", help="the two-valued column to predict")
    demo.add_argument("--favourable", help="the label's value that is good for the person")
    demo.add_argument("--facet", help="the column that tells the groups apart")
    demo.add_argument("--facet-value", help="the facet's value of the group that may be at a disadvantage")
    demo.add_argument("--group", help="the column for conditional demographic disparity, for instance age")
    demo.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="a column to leave out; may be given several times")
    demo.add_argument("--categorical", action="append", default=[], metavar="COLUMN", help="a column of codes; may be given several times")
    demo.add_argument(
        "--ordered",
        action="append",
        default=[],
        metavar="COLUMN=LOWEST,…,HIGHEST",
        help="a column whose values have an order; may be given several times",
    )
    demo.add_argument(
        "--missing",
        action="append",
        default=[],
        metavar="COLUMN=" + "|".join([*missing_values.TREATMENTS, "VALUE"]),
        help="what to do with a column's empty cells; default: keep them, as XGBoost takes them; may be given several times",
    )
    demo.add_argument("--decimal", choices=DECIMAL_MARKS, help="the decimal mark, where numbers such as 1,500 read two ways")
    demo.add_argument(
        "--method", choices=rebalancing_jobs.METHODS, default=RebalancingOptions.method, help="how to rebalance the training rows"
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
    table, roles = _load_data(options)
    name = options.data.stem if options.data else "credit-default"
    parallel = min(options.max_jobs, options.max_parallel)
    workflow_options = workflow.WorkflowOptions(
        name, RebalancingOptions(method=options.method), options.max_jobs, parallel, job_suffix=options.run or ""
    )
    checked = column_roles.check_table(table, roles)
    rebalancing_jobs.check_feasible(checked, workflow_options.rebalance)
    _print_groups(table, roles)
    label, names = checked.roles.label, datasets.coded_value_names(checked.coding, checked.frame.columns)
    for finding in leak_sentences.describe_leaks(find_leaks(checked.frame, label), label, names):
        print(finding)
    identity = _parse_identity(options.actor) if options.actor else WORKFLOW_IDENTITY
    target = connect(settings, identity)
    on_step, record_end = _step_printer(), None
    if options.run:
        on_step, record_end = background_run.record_progress(target, options.run, on_step)
    try:
        report = workflow.run_all_steps(target, identity, table, roles, workflow_options, on_step)
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


def _load_data(options: argparse.Namespace) -> tuple[TableReading, column_roles.ColumnRoles]:
    if options.data is None:
        table, roles = column_roles.read_if_needed(bundled_data.read_bundled()), bundled_data.BUNDLED_ROLES
    else:
        table = csv_reader.read_csv(options.data, decimal=options.decimal)
        roles = column_roles.detect_roles(table, label=options.label, facet=options.facet)
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
    ordered = tuple(column_roles.parse_order(text) for text in options.ordered)
    missing = tuple(dict(missing_values.parse_missing(text) for text in options.missing).items())
    named = {roles.label, roles.facet, roles.group}
    ignored = tuple(dict.fromkeys((*(c for c in roles.ignored if c not in named), *options.ignore)))
    left_out = {*ignored, *dict(ordered)}
    guessed = (c for c in roles.categorical if c not in named | left_out)
    categorical = tuple(dict.fromkeys((*guessed, *options.categorical)))
    return table, replace(roles, categorical=categorical, ignored=ignored, ordered=ordered, missing=missing)


def _print_groups(table: TableReading, roles: column_roles.ColumnRoles) -> None:
    """The groups of the facet, with their sizes and shares of the favourable label."""
    for _, group in table_profile.summarise_groups(table.frame, roles.label, roles.favourable, roles.facet).iterrows():
        share = f"{100 * group['favourable']:.1f} % have {roles.label} = {roles.favourable}"
        print(f"{roles.facet} = {group['value']}: {group['rows']:,} rows, of which {share}")


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
    return "not defined" if value is None else value if isinstance(value, str) else f"{0.0 if abs(value) < 5e-7 else value:.6g}"
