"""The options of ``demo`` that say what a table is and what its columns are for, and the preview of what they lead to."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from core.analysis.leaks.leak_findings import find_leaks
from core.analysis.resampling.resampling_parameters import PARAMETERS, ParameterValue
from core.analysis.tables import table_profile
from core.analysis.tables.csv_cells import clean_text
from core.analysis.tables.number_formats import DECIMAL_MARKS
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Treatment
from core.data import bundled_data, column_roles, csv_reader, datasets, missing_values, table_check
from core.data.bundled_data import BUNDLED_ROLES
from core.data.column_roles import ColumnRoles
from core.data.file_formats import ENCODINGS
from core.data.table_check import CheckedTable
from core.data.table_problems import Problem, raise_problems
from core.data.threshold_facets import GROUP_VALUE, add_threshold_facets, parse_threshold
from core.errors import DataError
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import BALANCE_TARGETS, METHODS, ORDERS, RebalancingOptions
from core.views.data import leak_sentences

Result = TypeVar("Result")
MAX_SHOWN_CODES = 12


@dataclass(frozen=True)
class PreparedTable:
    """A table as it will be uploaded: as it was read, its roles, and checked."""

    name: str
    reading: TableReading
    roles: ColumnRoles
    checked: CheckedTable


def add_table_options(demo: argparse.ArgumentParser) -> None:
    """The options about the file, the roles, and what is done with each column."""

    def add_repeatable(option: str, metavar: str, words: str) -> None:
        demo.add_argument(option, action="append", default=[], metavar=metavar, help=f"{words}; may be given several times")

    demo.add_argument("--data", type=Path, help="a CSV (also .gz) or parquet file with a header; default: the bundled credit-default rows")
    demo.add_argument("--name", help="the data set's name (default: the file's)")
    demo.add_argument("--label", help="the two-valued column to predict")
    demo.add_argument("--favourable", help="the label's value that is good for the person")
    demo.add_argument("--facet", help="the column that tells the groups apart, or a threshold such as 'age <= 25'")
    demo.add_argument(
        "--facet-value",
        help="the facet's value of the group that may be at a disadvantage (default: the group with the lowest share of favourable labels)",
    )
    add_repeatable("--further-facet", "COLUMN=VALUE", "another group whose bias is measured too, or a threshold such as 'age <= 25'")
    demo.add_argument("--group", help="the column for conditional demographic disparity; default: one called age. '' for none")
    add_repeatable("--ignore", "COLUMN", "a column to leave out")
    add_repeatable("--keep", "COLUMN", "a column to keep that would be left out (an id, a constant, a column without a name)")
    add_repeatable("--categorical", "COLUMN", "a column of codes")
    add_repeatable("--continuous", "COLUMN", "a column of amounts, though it has few different values")
    add_repeatable("--ordered", "COLUMN=LOWEST,…,HIGHEST", "a column whose values have an order")
    add_repeatable(
        "--missing",
        "COLUMN=" + "|".join([*missing_values.TREATMENTS, "VALUE"]),
        "what to do with a column's empty cells; default: keep them, as XGBoost takes them",
    )
    demo.add_argument("--decimal", choices=DECIMAL_MARKS, help="the decimal mark, where numbers such as 1,500 read two ways")
    demo.add_argument("--encoding", help=f"how the file's characters are written, if not as it looks: {', '.join(ENCODINGS)}, …")


def add_rebalancing_options(demo: argparse.ArgumentParser) -> None:
    """The options about the rebalancing."""
    demo.add_argument("--method", choices=METHODS, default=RebalancingOptions.method, help="how to rebalance the training rows")
    demo.add_argument(
        "--target", choices=BALANCE_TARGETS, default=RebalancingOptions.target, help="what is balanced (default: %(default)s)"
    )
    demo.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the method, for instance k_neighbors=3; may be given several times",
    )
    demo.add_argument("--seed", type=int, default=RebalancingOptions.seed, help="of the split and the method (default: %(default)s)")
    for part, share in (("validation", RebalancingOptions.validation_size), ("test", RebalancingOptions.test_size)):
        demo.add_argument(f"--{part}-share", type=float, default=share, help=f"of all rows, kept for the {part} (default: %(default)s)")
    demo.add_argument(
        "--order",
        choices=ORDERS,
        default=RebalancingOptions.order,
        help="split first, or rebalance before the split as in the workshop, which leaks rows and is marked so (default: %(default)s)",
    )


def parse_rebalancing(options: argparse.Namespace) -> RebalancingOptions:
    """How to rebalance, by the options. Raises DataError for a parameter that the method doesn't have, or a wrong value."""
    known = {parameter.name: parameter for parameter in PARAMETERS[options.method]}
    given: dict[str, ParameterValue] = {}
    for text in options.parameter:
        name, _, value = text.partition("=")
        parameter = known.get(name.strip())
        if parameter is None:
            hint = f"Its parameters are {', '.join(known)}." if known else "It has none."
            raise DataError(f"{METHODS[options.method]} has no parameter {name.strip()!r}.", resource=options.method, hint=hint)
        choices = {str(choice).lower(): choice for choice in parameter.choices}
        found = choices.get(value.strip().lower(), value.strip()) if choices else _parse_number(value)
        if problem := parameter.find_problem(found):
            raise DataError(f"{METHODS[options.method]}: {problem}", resource=options.method, hint="Change the value, or omit it.")
        given[parameter.name] = found
    return RebalancingOptions(
        options.method, options.target, given, options.seed, options.validation_share, options.test_share, options.order
    )


def _parse_number(text: str) -> ParameterValue:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def prepare_table(options: argparse.Namespace, rebalance: RebalancingOptions) -> PreparedTable:
    """The table of the options, read, examined and checked. Raises one DataError with everything that is to be decided or corrected."""
    problems: list[Problem] = []

    def collect(step: Callable[[], Result]) -> Result | None:
        try:
            return step()
        except DataError as error:
            problems.append(Problem(error.resource, error.message, error.hint))
            return None

    reading = _with_threshold_facets(_read(options), options)
    asked = collect(lambda: _choose_roles(options, reading, options.favourable))
    roles = asked or _roles_without_favourable(options, reading)
    checked = collect(lambda: table_check.check_table(reading, roles)) if roles else None
    if checked and (asked or options.facet_value or checked.frame[checked.roles.facet].nunique() == 2):
        collect(lambda: rebalancing_jobs.check_feasible(checked, rebalance))
    if problems or not roles or not checked:
        raise_problems(problems)
    file = options.data.name.removesuffix(".gz") if options.data else "credit-default"
    return PreparedTable(options.name or Path(file).stem, reading, roles, checked)


def _read(options: argparse.Namespace) -> TableReading:
    if options.data is None:
        return column_roles.examine_if_needed(bundled_data.read_bundled())
    return column_roles.examine_if_needed(csv_reader.read_csv(options.data, decimal=options.decimal, encoding=options.encoding))


def _with_threshold_facets(reading: TableReading, options: argparse.Namespace) -> TableReading:
    """The table with the threshold facets of the options; their names become those of the columns made for them."""
    columns = set(map(str, reading.frame.columns))
    main = parse_threshold(options.facet) if options.facet and options.facet not in columns else None
    further = [None if text.partition("=")[0].strip() in columns else parse_threshold(text) for text in options.further_facet]
    found = [facet for facet in (main, *further) if facet is not None]
    options.facet = main.name if main else options.facet
    options.threshold_facets = [facet.name for facet in further if facet]
    options.further_facet = [text for facet, text in zip(further, options.further_facet, strict=True) if facet is None]
    return add_threshold_facets(reading, found) if found else reading


def _choose_roles(options: argparse.Namespace, reading: TableReading, favourable: object) -> ColumnRoles:
    bundled = options.data is None
    label = options.label or (BUNDLED_ROLES.label if bundled else None)
    facet = options.facet or (BUNDLED_ROLES.facet if bundled else None)
    if bundled and label == BUNDLED_ROLES.label and favourable is None:
        favourable = BUNDLED_ROLES.favourable
    facet_value = options.facet_value
    if bundled and facet == BUNDLED_ROLES.facet and facet_value is None:
        facet_value = BUNDLED_ROLES.facet_value
    chosen: dict[str, Treatment] = {}
    if bundled:  # the product knows what these columns are
        chosen |= dict.fromkeys(map(str, reading.frame.columns.drop(list(BUNDLED_ROLES.ignored))), "continuous")
        chosen |= dict.fromkeys(BUNDLED_ROLES.categorical, "categorical")
    for treatment, columns in _asked_treatments(options):
        chosen |= dict.fromkeys(columns, treatment)
    return column_roles.detect_roles(
        reading,
        label=label,
        favourable=favourable,
        facet=facet,
        facet_value=facet_value,
        group=options.group,
        ordered=tuple(column_roles.parse_order(text) for text in options.ordered),
        further_facets=(
            *(parse_further_facet(text) for text in options.further_facet),
            *((name, GROUP_VALUE) for name in options.threshold_facets),
        ),
        missing=tuple(dict(missing_values.parse_missing(text) for text in options.missing).items()),
        chosen=chosen,
    )


def _asked_treatments(options: argparse.Namespace) -> list[tuple[Treatment, list[str]]]:
    """What the options say of columns. Raises DataError for a column that is named twice."""
    asked: list[tuple[str, Treatment, list[str]]] = [
        ("--ignore", "leave out", options.ignore),
        ("--keep", "keep", options.keep),
        ("--categorical", "categorical", options.categorical),
        ("--continuous", "continuous", options.continuous),
    ]
    seen: dict[str, str] = {}
    for option, _, columns in asked:
        for column in columns:
            if seen.setdefault(column, option) != option:
                message = f"Column {column} is named by {seen[column]} and by {option}."
                raise DataError(message, resource=column, hint="Name it once.")
    return [(treatment, columns) for _, treatment, columns in asked]


def parse_further_facet(text: str) -> tuple[str, str]:
    """``race=Black`` as (column, value). Raises DataError."""
    column, _, value = text.partition("=")
    if not column.strip() or not value.strip():
        raise DataError(f"{text!r} is not a column and its value.", resource=text, hint="Write column=value.")
    return clean_text(column), clean_text(value)


def _roles_without_favourable(options: argparse.Namespace, reading: TableReading) -> ColumnRoles | None:
    """Roles with any of the label's values, so that everything else can be checked before a person says which one is good."""
    try:
        label, facet = column_roles.propose_label_and_facet(reading, label=options.label, facet=options.facet)
        roles = _choose_roles(options, reading, reading.frame[label].dropna().iloc[0])
        return roles if options.facet_value else replace(roles, facet_value=reading.frame[facet].value_counts().index[-1])
    except (DataError, KeyError, IndexError):
        return None


def print_groups(table: PreparedTable) -> None:
    """The groups of each facet, with their sizes and shares of the favourable label, and what follows from the roles."""
    roles, known = table.roles, table.reading.frame.dropna(subset=[table.roles.label])
    for facet in dict.fromkeys((roles.facet, *dict(roles.further_facets))):
        groups = table_profile.summarise_groups(known, roles.label, roles.favourable, facet)
        for _, group in groups.iterrows():
            share = f"{100 * group['favourable']:.1f} % have {roles.label} = {_shown(roles.favourable)}"
            print(f"{facet} = {group['value']}: {group['rows']:,} rows, of which {share}")
    print(table_profile.consequence_sentence(roles.label, _shown(roles.favourable), roles.facet, _shown(roles.facet_value)))


def leaks_in_words(table: PreparedTable) -> list[str]:
    """Features that give the label away, and rows that occur twice, in sentences."""
    frame, label = table.checked.frame, table.checked.roles.label
    names = datasets.coded_value_names(table.checked.coding, frame.columns)
    return list(leak_sentences.describe_leaks(find_leaks(frame, label), label, names))


def print_preview(table: PreparedTable, rebalance: RebalancingOptions, max_jobs: int, max_parallel: int) -> None:
    """Findings, roles, codings, groups and the plan."""
    roles, checked = table.roles, table.checked
    frame = checked.frame
    print(f"{table.name}: {len(table.reading.frame):,} rows, {table.reading.frame.shape[1]:,} columns")
    print("\nfindings")
    _print_list([*checked.notes, *leaks_in_words(table)] or ["Nothing to say: every column is taken as it is."])
    print("\nroles")
    print(f"  label        {roles.label}; good for the person: {_shown(roles.favourable)}")
    print(f"  facet        {roles.facet}; the group that may be at a disadvantage: {_shown(roles.facet_value)}")
    for column, value in roles.further_facets:
        print(f"  facet        {column}; the group that may be at a disadvantage: {_shown(value)}")
    print(f"  group        {roles.group or 'none'}")
    taken = {roles.label, roles.facet, *dict(roles.further_facets), *checked.roles.categorical, *dict(roles.ordered)}
    amounts = [c for c in map(str, frame.columns) if c not in taken]
    for title, columns in (("categories", checked.roles.categorical), ("numbers", amounts), ("left out", roles.ignored)):
        print(f"  {title:12} {_shorten(columns) or 'none'}")
    for column, values in roles.ordered:
        print(f"  order        {column}: {' < '.join(values)}")
    print("\ncodings")
    _print_list(
        [f"{column}: {_shorten([f'{text} is {code}' for text, code in codes.items()])}" for column, codes in checked.coding.items()]
        or ("None: every column has numbers.",)
    )
    print("\ngroups")
    print_groups(table)
    print("\nplan")
    rows = len(frame)
    test, validation = round(rows * rebalance.test_size), round(rows * rebalance.validation_size)
    parameters = "".join(f", {name} = {value}" for name, value in rebalance.parameters.items())
    _print_list(
        (
            f"Upload {rows:,} rows and {frame.shape[1]:,} columns as {table.name}.",
            f"Split them: about {rows - test - validation:,} rows for training, {validation:,} for validation, {test:,} for the test.",
            f"Rebalance the training rows by {BALANCE_TARGETS[rebalance.target]}: {METHODS[rebalance.method]}{parameters}.",
            *([f"{ORDERS[rebalance.order]}."] if rebalance.order != RebalancingOptions.order else []),
            f"Train a baseline, and tune with trials: {max_jobs:,}, {min(max_jobs, max_parallel):,} at a time.",
            "Measure bias and explain both models on the test rows, register both, and compare them.",
        )
    )
    print("\nNothing was started. Run the same command without --preview to do it.")


def _print_list(lines: list[str] | tuple[str, ...]) -> None:
    for line in lines:
        print(f"  - {line}")


def _shorten(columns: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(columns) - MAX_SHOWN_CODES:,} more" if len(columns) > MAX_SHOWN_CODES else ""
    return ", ".join(columns[:MAX_SHOWN_CODES]) + more


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and not pd.isna(value) else str(value)
