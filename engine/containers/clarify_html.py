"""The Clarify report as a page of HTML in one file; and its wording, which the PDF shares."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

import pandas as pd

from core.analysis.bias.bias_json import FacetCounts
from core.analysis.bias.bias_metrics import Metric
from core.analysis.bias.direction import drop_rounding_error
from core.analysis.bias.group_sentences import DISPARITY_TITLES, explain_group_table, figure_text
from core.analysis.bias.group_table import GroupTable
from core.analysis.explanations.shap_values import Explanation
from core.analysis.performance.performance import Performance
from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS, name_labels
from engine.containers import clarify_figures as figures
from engine.containers.clarify_report import STAGES, ClarifyReport

MAX_PICTURED_FACETS = 3
"""Facet values with a picture of their metrics, in each stage; the others have the table alone, and nothing of their own in the PDF:
pictures of 500 values would take minutes, and nobody would look at them."""


def format_value(value: float | None) -> str:
    """A figure as a reader sees it."""
    if value is None:
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{drop_rounding_error(value):.4g}".replace("-", "−")


def format_range(metric: Metric) -> str:
    return (
        f"{'(' if math.isinf(metric.low) else '['}{format_value(metric.low)}, "
        f"{format_value(metric.high)}{')' if math.isinf(metric.high) else ']'}"
    )


def metric_rows(metrics: dict[str, Metric]) -> list[list[str]]:
    """Name, description, value, 95 % interval, range, direction in words."""
    return [[m.name, m.description, format_value(m.value), format_interval(m), format_range(m), m.in_words] for m in metrics.values()]


def format_interval(metric: Metric) -> str:
    """The ends of the interval, or why there is none."""
    found = metric.interval
    if found is None or found.low is None:
        return found.why if found is not None and found.why else "–"
    return f"{format_value(found.low)} to {format_value(found.high)}"


def summary_lines(report: ClarifyReport) -> list[str]:
    """What the report is about, in a few lines."""
    part = f" of the {report.measured_on} part" if report.measured_on else ""
    lines = [f"{report.rows:,} rows{part}."]
    if report.measured_on == "train":
        lines.append("These are training rows: the model knows them, so that the figures flatter it.")
    if report.label and report.favourable:
        lines.append(f"The favourable outcome is {report.describe_label(report.favourable)}.")
    if report.performance is not None:
        lines.append(f"{report.describe_label(1)} is predicted where the model's probability of it is above {report.threshold:g}.")
    for one in report.facets:
        rates = [f"{100 * part / whole:.1f} %" if whole else "–" for part, whole in _favourable_counts(one)]
        lines.append(
            f"Facet {report.value_names.describe(one['facet'], one['value_or_threshold'])}: {one['rows']:,} rows, {rates[0]} of them with "
            "the favourable label; "
            f"the rest: {one['rest']:,} rows, {rates[1]}."
        )
    return [*lines, *report.left_out_lines()]


def _favourable_counts(one: FacetCounts) -> list[tuple[int, int]]:
    return [(one["favourable_rows"], one["rows"]), (one["favourable_rest"], one["rest"])]


def _table_disparities(table: GroupTable) -> list[str]:
    """The metrics of the table; none where nothing was measured."""
    return [name for name in DISPARITY_TITLES if any(name in group.disparities for group in table.groups)]


def group_table_headings(table: GroupTable) -> list[str]:
    """Group, rows, shares, disparities."""
    predicted = ["Selection rate"] if any(group.selection_rate for group in table.groups) else []
    return ["Group", "Rows", "Favourable label", *predicted, *_table_disparities(table)]


def group_table_rows(table: GroupTable) -> list[list[str]]:
    """A row for each group; one that is too small has dashes."""
    predicted = any(group.selection_rate for group in table.groups)
    return [
        [
            group.name,
            f"{group.rows:,}",
            figure_text(group.label_share, percent=True),
            *([figure_text(group.selection_rate, percent=True)] if predicted else []),
            *(figure_text(group.disparities.get(name)) for name in _table_disparities(table)),
        ]
        for group in table.groups
    ]


def group_table_note(table: GroupTable) -> str:
    """What the columns compare, how the intervals are made, and why figures are undefined."""
    columns = "; ".join(f"{name}: {DISPARITY_TITLES[name]}" for name in _table_disparities(table))
    reasons = {f"{group.name}, {n}: {one.why}" for group in table.groups for n, one in group.disparities.items() if one.value is None}
    undefined = f" Undefined: {'; '.join(sorted(reasons)[:20])}." if reasons else ""
    return f"{columns}. In brackets: intervals ({table.method}). –: not measured.{undefined}"


STYLE = """
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1b2733; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin: 0 0 .5rem }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; border-bottom: 1px solid #d5dbe1; padding-bottom: .2rem }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .6rem 0 }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e4e8ec; vertical-align: top }
th { background: #f3f5f7 }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
figure { margin: 1rem 0; overflow-x: auto }
figure svg { max-width: 100%; height: auto }
figcaption, .note { color: #52606d; font-size: .9rem }
.scroll { overflow-x: auto }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } }
"""
HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'


def write_html(report: ClarifyReport, path: Path) -> None:
    parts = [f"<h1>{escape(report.title)}</h1>", "<p>" + "<br>".join(escape(line) for line in summary_lines(report)) + "</p>"]
    if report.group_table is not None:
        parts.append("<h2>All groups</h2>")
        parts.append("<p>" + "<br>".join(escape(line) for line in explain_group_table(report.group_table)) + "</p>")
        headings = group_table_headings(report.group_table)
        parts.append(_table(headings, group_table_rows(report.group_table), numbers=set(range(1, len(headings)))))
        parts.append(f'<p class="note">{escape(group_table_note(report.group_table))}</p>')
    for stage, heading in STAGES.items():
        for place, one in enumerate(report.stages.get(stage, [])):
            name = report.describe_facet(one)
            parts.append(f"<h2>{heading}: {escape(name)}</h2>")
            if place < MAX_PICTURED_FACETS:
                parts.append(_figure(figures.bias_svg(one.metrics), f"{heading} metrics of {name}; at the line there is no difference."))
            rows = metric_rows(one.metrics)
            parts.append(_table(["Metric", "Description", "Value", "95 % interval", "Range", "In words"], rows, numbers={2, 3, 4}))
    if report.groups:
        parts.append("<h2>Groups</h2>")
        headings = ["Variable", "Group", "Facet", "Rows", "Of the facet", "Favourable label"]
        parts.append(_table(headings, group_rows(report), numbers={3, 4, 5}))
    if report.performance is not None:
        parts += _performance(report, report.performance)
    if report.explanation is not None and report.features is not None:
        parts += _explanations(report, report.explanation, report.features)
    elif report.explanation_error:
        parts += ["<h2>Explanations</h2>", f"<p>{escape(no_explanation_note(report))}</p>"]
    head = f"{HEAD}<title>{escape(report.title)}</title><style>{STYLE}</style></head>"
    page = f"{head}<body>{''.join(parts)}</body></html>"
    path.write_bytes(page.encode("utf-8", "backslashreplace"))  # half of a surrogate pair is no text


def group_rows(report: ClarifyReport) -> list[list[str]]:
    """Variable, group, facet in words, rows, rows of the facet, rows with the favourable label."""
    return [
        [
            str(row["group_variable"]),
            str(row["group"]),
            report.value_names.describe(row["facet"], row["value_or_threshold"]),
            *(str(row[key]) for key in ("rows", "facet_rows", "favourable")),
        ]
        for row in report.groups
    ]


def performance_rows(report: ClarifyReport, performance: Performance) -> list[list[str]]:
    """Metric, value and 95 % interval."""
    return [
        [
            name_labels(PERFORMANCE_METRICS[name].title, (report.describe_label(0), report.describe_label(1))),
            format_value(one.value),
            "–" if one.low is None else f"{format_value(one.low)} to {format_value(one.high)}",
        ]
        for name, one in performance.estimates().items()
    ]


def confusion_headings(report: ClarifyReport) -> list[str]:
    return ["", f"predicted {report.describe_label(0)}", f"predicted {report.describe_label(1)}"]


def confusion_rows(report: ClarifyReport, performance: Performance) -> list[list[str]]:
    """Rows by label, down, and prediction, across."""
    c = performance.confusion
    return [[report.describe_label(0), f"{c.tn:,}", f"{c.fp:,}"], [report.describe_label(1), f"{c.fn:,}", f"{c.tp:,}"]]


def explanation_note(report: ClarifyReport, explanation: Explanation) -> str:
    check = explanation.check
    of = report.describe_label(1)
    what = f"probability of {of}" if explanation.output == "probability" else f"log-odds of {of}"
    absent = [name for name in report.sensitive if name not in explanation.features]
    sensitive = f" Sensitive are the columns of the facets and the group: {', '.join(report.sensitive)}." if report.sensitive else ""
    sensitive += f" The model isn't given {' or '.join(absent)}." if absent else ""
    return (
        f"SHAP values of the {what} on {len(explanation.values):,} rows; expected value {format_value(explanation.expected)}. "
        f"Values and expected value add up to each row's prediction with an error of at most {check.additivity:.1g}, and the expected "
        f"value differs from the mean prediction of the baseline's rows by {check.expected or 0:.1g}; allowed is {check.bound:.1g}. "
        f"Standard error of a single value: {explanation.standard_error:.1g}.{sensitive}"
    )


def no_explanation_note(report: ClarifyReport) -> str:
    return f"There is no explanation. {report.explanation_error}."


def _performance(report: ClarifyReport, performance: Performance) -> list[str]:
    return [
        "<h2>Performance</h2>",
        _table(["Metric", "Value", "95 % interval"], performance_rows(report, performance), numbers={1, 2}),
        _table(confusion_headings(report), confusion_rows(report, performance), numbers={1, 2}),
        _figure(
            figures.curves_svg(performance, report.describe_label(1)),
            "ROC curve, precision and recall, and calibration (area of a dot: rows in the bin).",
        ),
    ]


def _explanations(report: ClarifyReport, explanation: Explanation, features: pd.DataFrame) -> list[str]:
    named = [(report.describe_feature(name), value) for name, value in report.global_shap_values().items()]
    order = [(name, report.describe_feature(name)) for name in report.global_shap_values()]
    rows = [[name, format_value(value)] for name, value in named]
    return [
        "<h2>Explanations</h2>",
        f'<p class="note">{escape(explanation_note(report, explanation))}</p>',
        _figure(figures.global_values_svg(named), f"Global SHAP values ({report.aggregation})."),
        _figure(
            figures.beeswarm_svg(explanation, features, order), "SHAP values of single rows; colour: the feature's value, low to high."
        ),
        _table(["Feature", f"Global SHAP value ({report.aggregation})"], rows, numbers={1}),
    ]


def _figure(svg: str, caption: str) -> str:
    return f'<figure role="img" aria-label="{escape(caption)}">{svg}<figcaption>{escape(caption)}</figcaption></figure>'


def _table(headings: list[str], rows: list[list[str]], numbers: set[int]) -> str:
    def cells(tag: str, values: list[str]) -> str:
        return "".join(f"<{tag}{' class=n' if i in numbers else ''}>{escape(value)}</{tag}>" for i, value in enumerate(values))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells("th", headings)}</tr></thead><tbody>{body}</tbody></table></div>'
