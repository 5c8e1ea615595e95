"""The sections of a dossier in which an examiner looks for whom the model treats how, why, and what else was considered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pandas as pd

from core.analysis.bias.group_sentences import explain_group_table, figure_text
from core.analysis.bias.group_table import GroupFigure, GroupTable, impact_ratios
from core.analysis.tables.prohibited_bases import JURISDICTIONS, bases_without_column
from core.governance import regulatory_profiles
from core.governance.dossier.dossier import Dossier
from core.governance.dossier.dossier_blocks import Block, Figure, Section, Table, Text, make_section
from core.governance.dossier.dossier_format import format_estimate, format_measure, format_share
from core.governance.findings import alternatives_search, prohibited_bases
from core.governance.findings.alternatives_search import AlternativesSearch, ComparedTrials
from core.governance.findings.feature_effects import FeatureEffect
from core.governance.model_cards.model_card_content import CUSTOM_DETAILS, FIELDS, value_at
from core.registry.registry_types import THRESHOLD_RATIONALE_PROPERTY, version_value_names
from core.reports import bias_outcomes
from core.reports.bias_report import BiasReport, FacetReport
from core.views.bias import decline_sentences
from core.views.tuning import pareto_charts

MAX_GROUPS, MAX_FEATURES, MAX_REASONS, MAX_TRIALS = 60, 20, 15, 10
"""Groups, features, reasons and alternatives in the dossier; groups.csv, shap.csv, reasons.csv and trials.csv have all of them."""
MONITORING_FIELDS = ("monitoring_plan", "human_oversight", "rollback_version")
HIDDEN_COLUMNS = {"distance from parity", "training job"}
"""Columns of the table of trials that a page of paper has no room for."""
CARD_TITLES = {field.path: field.title for field in FIELDS}


def validation_section(d: Dossier) -> Section:
    """What validators did and found."""
    rows = tuple(
        (
            f"{one.validator}, {one.role}, {one.day}",
            one.code,
            one.reason,
            f"{' '.join(one.found)} Job {one.reproduction['job']}." if one.reproduction else "Nothing was made again.",
        )
        for one in d.findings.validations
    )
    missing = [] if rows else ["Nobody has validated the version."]
    table = Table(("validator", "did", "found", "made again from the data set"), rows, (20, 14, 30, 36))
    return make_section("Validation", [table] if rows else [], missing)


def threshold_section(d: Dossier) -> Section:
    """The score at which people are declined, why that one, and how right the decisions are."""
    value, why = d.package.threshold, d.package.properties.get(THRESHOLD_RATIONALE_PROPERTY, "")
    reason = _answer(d, "threshold_rationale")
    blocks: list[Block] = []
    missing = []
    if value is None:
        missing.append("The version's registration doesn't say a threshold.")
    else:
        labels = _labels(d)
        words = f"A score above {value:g} predicts {labels[1]}, any other {labels[0]}. Given as the reason: {why or 'nothing'}."
        blocks.append(Text(f"{words} {reason}".strip()))
    if not why and not reason:
        missing.append("Nobody has written why it is this threshold.")
    if confusion := _confusion_table(d):
        blocks += confusion
    else:
        missing.append("The version has no confusion matrix: its quality report isn't in this product's form.")
    return make_section("Threshold and confusion matrix", blocks, missing)


def _labels(d: Dossier) -> tuple[str, str]:
    report = d.package.bias
    return (report.describe_label(0), report.describe_label(1)) if report else ("label 0", "label 1")


def _confusion_table(d: Dossier) -> list[Block]:
    performance, labels = d.package.performance, _labels(d)
    if performance is None:
        return []
    counts = performance["confusion"]
    cells = ((counts["tn"], counts["fp"]), (counts["fn"], counts["tp"]))
    rows = tuple(
        (label, *(f"{n:,}" for n in row), f"{sum(row):,}", format_share(row[place] / sum(row)) if sum(row) else "–")
        for place, (label, row) in enumerate(zip(labels, cells, strict=True))
    )
    headings = ("actual label", *(f"predicted {label}" for label in labels), "rows", "predicted rightly")
    words = f"Of {performance['n']:,} test rows, at the threshold {performance['threshold']:g}:"
    return [Text(words), Table(headings, rows, (28, 22, 22, 12, 16))]


def bias_section(d: Dossier) -> Section:
    """Bias of every facet with intervals, and of every group and intersection with counts and selection rates."""
    report, blocks, missing = d.package.bias, list[Block](), []
    if report is None or not report.facets:
        return make_section("Bias", (), [d.package.missing.get("bias", "The version has no bias report.")])
    for facet in report.facets:
        blocks += _facet_blocks(d, report, facet)
    blocks.append(Figure("bias", "Bias metrics in the predictions, by facet"))
    if not any(measure.interval for facet in report.facets for measure in {**facet.pre_training, **facet.post_training}.values()):
        missing.append("The report has no intervals.")
    if report.group_table is not None:
        blocks += _all_groups(report.group_table)
    else:
        missing.append("The report has no table of all groups and intersections.")
    return make_section("Bias", blocks, missing)


def _facet_blocks(d: Dossier, report: BiasReport, facet: FacetReport) -> list[Block]:
    names, others = version_value_names(d.package, d.data), d.compared_version
    compared = others.bias.facets if others and others.bias else ()
    theirs = next((one for one in compared if one.key == facet.key), None)
    rows = []
    for stage in ("pre_training", "post_training"):
        for name, measure in getattr(facet, stage).items():
            interval = measure.interval
            other = getattr(theirs, stage).get(name) if theirs else None
            why = f" No interval: {interval.why}." if interval and interval.why and measure.value is not None else ""
            rows.append(
                (
                    name,
                    format_measure(measure),
                    f"{interval.n:,}" if interval else "—",
                    *((format_measure(other) if other else "—",) if theirs else ()),
                    f"{measure.in_words or measure.error or ''}{why}",
                )
            )
    headings = ("metric", "this version", "n", *(("the other version",) if theirs else ()), "in words")
    people, outcome = report.group_names(facet.key), bias_outcomes.outcome_at_threshold(report, facet.key)
    said = [decline_sentences.label_rates_sentence(report.counts(facet.key), people)]
    if outcome is not None:
        said += [
            decline_sentences.decline_rates_sentence(outcome.declined, people),
            decline_sentences.wrongly_declined_sentence(outcome.declined, people),
        ]
    said += report.left_out_rows(facet.key)
    words = " ".join(one.replace("**", "") for one in said if one)
    return [
        Text(f"Facet {names.describe(facet.facet, facet.value)}, on the held-out rows. Intervals are 95 %. {words}".strip()),
        Table(headings, tuple(rows), (10, 25, 9, *((25,) if theirs else ()), 44)),
    ]


def _all_groups(table: GroupTable) -> tuple[Text, Table]:
    """Every group against all others; of very many the first."""
    sentences = [
        *explain_group_table(table),
        *([f"The first {MAX_GROUPS} groups of the report; groups.csv has all."] if len(table.groups) > MAX_GROUPS else []),
    ]
    rows = tuple(
        (
            group.name,
            f"{group.rows:,}",
            _count_and_share(group.label_share),
            _count_and_share(group.selection_rate),
            group.why or figure_text(group.disparities.get("DPPL") or group.disparities.get("DPL")),
            figure_text(group.disparities.get("DI")),
            "–" if ratio is None else f"{ratio:.3f}",
        )
        for group, ratio in list(zip(table.groups, impact_ratios(table), strict=True))[:MAX_GROUPS]
    )
    headings = (
        "group",
        "rows",
        "favourable label",
        "selected",
        "all others − group (DPPL)",
        "group / all others (DI)",
        "group / most selected",
    )
    return Text(" ".join(sentences)), Table(headings, rows, (17, 6, 18, 18, 16, 16, 9))


def count_of(figure: GroupFigure | None) -> int | None:
    """How many rows a share of the table of groups counts; None where it wasn't measured."""
    return None if figure is None or figure.value is None else round(figure.value * figure.n)


def _count_and_share(figure: GroupFigure | None) -> str:
    count = count_of(figure)
    return figure_text(figure, percent=True) if count is None else f"{count:,}: {figure_text(figure, percent=True)}"


def bases_section(d: Dossier) -> Section:
    """Every column that stands for a protected group, and whether bias was measured by it."""
    bases = d.findings.bases
    rows = tuple(
        (
            one.column,
            ", ".join(one.bases) + (f" ({', '.join(one.jurisdictions)})" if one.jurisdictions else "") or "–",
            one.role or "–",
            "yes" if one.is_input else "no",
            _shorten_list(one.measured) or "not measured",
        )
        for one in bases
    )
    unmeasured = prohibited_bases.list_unmeasured(bases)
    absent = ", ".join(basis.name for basis in bases_without_column(one.column for one in bases))
    texts = "; ".join(f"{name}: {text}" for name, text in JURISDICTIONS.items())
    words = [
        f"By the columns' roles, and by their names for bases that a text protects ({texts}). A column with another name may be a proxy.",
        *([f"No column speaks for {absent}: the model can't be measured by these on this data."] if absent else []),
        *([] if unmeasured or not any(one.is_input for one in bases) else ["Bias was measured by each of them that the model is given."]),
    ]
    blocks: list[Block] = [Text(" ".join(words))]
    if rows:
        blocks.append(Table(("column", "stands for", "role", "given to the model", "bias measured for"), rows, (16, 28, 12, 12, 32)))
    blocks += _card_answer(d, "sensitive_inputs")
    missing = [f"The model is given {', '.join(unmeasured)}, and bias wasn't measured by it."] if unmeasured else []
    if any(one.is_input for one in bases) and not _answer(d, "sensitive_inputs"):
        missing.append("Nobody has written why the model is given these columns (model card, Sensitive inputs).")
    return make_section("Prohibited bases", blocks, missing)


def explanation_section(d: Dossier) -> Section:
    """Which features move the score, how much, in which direction; and the part of the columns of protected groups."""
    effects, title = d.findings.effects, "Explanation"
    if not d.package.shap:
        return make_section(title, (), [d.package.missing.get("explainability", "The version has no explainability report.")])
    top = sorted(d.package.shap.items(), key=lambda item: -item[1])[:MAX_FEATURES]
    words = f"The feature with the most influence on the score is {d.package.describe_feature(top[0][0])}: {top[0][1]:.4f} on average."
    figure = Figure("shap", "Mean absolute SHAP values of the features")
    if isinstance(effects, str):
        table = Table(
            ("feature", "mean |SHAP|"), tuple((d.package.describe_feature(name), f"{value:.5f}") for name, value in top), (60, 40)
        )
        return make_section(title, (Text(words), figure, table), [f"In which direction each feature moves the score. {effects}"])
    label = _labels(d)[1]
    if effects.sensitive_share is not None:
        share = format_estimate(effects.sensitive_share, percent=True)
        words += f" Columns of protected groups ({', '.join(effects.sensitive)}) carry {share} of all movement."
    else:
        words += " The model is given no column that stands for a protected group."
    words += f" The score is the probability of {label}; {effects.rows:,} test rows, 95 % intervals."
    sensitive = set(effects.sensitive)
    rows = tuple(
        (
            f"{one.feature} (sensitive)" if one.feature in sensitive else d.package.describe_feature(one.feature),
            format_estimate(one.importance),
            format_share(one.share),
            describe_direction(one),
        )
        for one in effects.effects[:MAX_FEATURES]
    )
    table = Table(("feature", "mean |SHAP|", "part of all", f"what it does to the score of {label}"), rows, (22, 22, 8, 48))
    return make_section(title, (Text(words), figure, table))


def describe_direction(effect: FeatureEffect) -> str:
    """In which direction a feature moves the score, in words."""
    if effect.direction is None:
        return (
            f"highest for {effect.highest}, lowest for {effect.lowest}"
            if effect.highest
            else "codes: no value differs by more than noise, or too many"
        )
    found = effect.direction
    if found.value != found.value:
        return "no direction: the values don't vary, or are too few"
    moves = "these rows can't tell whether high values raise or lower it" if found.within_noise else ""
    moves = moves or f"high values {'raise' if found.value > 0 else 'lower'} it"
    return f"{moves} (rank correlation {format_estimate(found, digits=2)})"


def reasons_section(d: Dossier) -> Section:
    """What counted most against the rows that are declined."""
    effects, blocks, missing = d.findings.effects, list[Block](), []
    if isinstance(effects, str):
        missing.append(effects)
    else:
        share = format_share(effects.declined / effects.rows) if effects.rows else "–"
        blocks.append(
            Text(
                f"The model declines {effects.declined:,} of {effects.rows:,} test rows ({share}) at the threshold {effects.threshold:g}. "
                "Which features counted most against them, by SHAP: contributions to the score, not causes. Before one is given to a "
                "person as a reason, it has to be checked against the record and the law; a sensitive one may not be a reason."
            )
        )
        sensitive = set(effects.sensitive)
        rows = tuple(
            (
                f"{one.feature} (sensitive)" if one.feature in sensitive else one.feature,
                f"{one.first:,} ({format_share(one.first / effects.declined)})",
                f"{one.named:,} ({format_share(one.named / effects.declined)})",
            )
            for one in effects.reasons[:MAX_REASONS]
        )
        if rows:
            blocks.append(Table(("feature", "declined rows in which it counts most", "among the first four"), rows, (40, 30, 30)))
    blocks += _card_answer(d, "adverse_action_reasons")
    if not _answer(d, "adverse_action_reasons"):
        missing.append("Nobody has written how people learn the reasons (model card, Reasons given).")
    return make_section("Reasons for declines", blocks, missing)


def alternatives_section(d: Dossier) -> Section:
    """The trials that the version was chosen from, and which of them are nearer to parity."""
    search, blocks, missing = d.findings.search, list[Block](), []
    if isinstance(search, str):
        missing.append(search)
    else:
        blocks.append(Text(_search_sentence(search)))
        compared = alternatives_search.compare_trials(search)
        for one in compared:
            blocks += _trial_blocks(d, search, one)
        if not compared:
            missing.append(search.unmeasured or "The measurement has no trial with a model.")
    blocks += _card_answer(d, "alternatives_considered")
    checklists, decided = d.findings.checklists, date.fromisoformat(d.state.history[-1].time[:10])
    notes = () if isinstance(checklists, str) else regulatory_profiles.mitigation_notes([profile for profile, _ in checklists], decided)
    if notes:
        rows = tuple((note.jurisdiction, note.stance, note.text) for note in notes)
        blocks.append(Text("What the texts mean for a search for less discriminatory alternatives, and for mitigation by group:"))
        blocks.append(Table(("jurisdiction", "mitigation is", "what the text says"), rows, (20, 14, 66)))
    if not _answer(d, "alternatives_considered"):
        missing.append("Nobody has written which less discriminatory models were considered (model card, Alternatives considered).")
    return make_section("Search for alternatives", blocks, missing)


def _search_sentence(search: AlternativesSearch) -> str:
    scored = sum(trial.objective is not None for trial in search.trials)
    rank = f"rank {search.rank} of {scored} by {search.objective}" if search.rank else f"without a value of {search.objective}"
    return (
        f"The tuning job {search.tuning_job} trained {len(search.trials):,} trials, {scored:,} with a result. This version is trial "
        f"{search.numbers.get(search.chosen, '–')} ({search.chosen}), {rank}."
    )


def _trial_blocks(d: Dossier, search: AlternativesSearch, compared: ComparedTrials) -> list[Block]:
    report, table = search.report, compared.table
    assert report is not None
    performance, measure = search.performance, alternatives_search.DISPARITY
    shown = pd.concat([table[(table["name"] == search.chosen) | table["reference"]], compared.fairer]).drop_duplicates("name")
    twin = pareto_charts.pareto_table(shown.head(MAX_TRIALS), performance=performance, measure=measure)
    kept = [str(column) for column in twin if column not in HIDDEN_COLUMNS]
    rows = tuple(
        tuple(
            f"{row['trial']} (this version)" if column == "trial" and row["training job"] == search.chosen else str(row[column])
            for column in kept
        )
        for row in twin.to_dict("records")
    )
    found = len(compared.fairer)
    place = table.loc[table["name"] == search.chosen, "front"]
    own = "wasn't measured" if not len(place) else f"is {'' if place.iloc[0] else 'not '}on the front of performance and disparity"
    names = version_value_names(d.package, d.data)
    words = (
        f"By {names.describe(*compared.facet)}: {len(table):,} trials measured on {report['rows']:,} validation rows at the threshold "
        f"{report['threshold']:g} ({search.measurement}). This version's trial {own}. On the front and nearer to parity by {measure}: "
        f"{found:,} {'trial' if found == 1 else 'trials'}. Differences are taken from the best trial, which was chosen on these rows; of "
        "many trials one in twenty seems beyond noise by chance."
    )
    return [Text(words), Table(tuple(kept), rows, (10, 18, 18, 18, 18, 9, 9))]


def monitoring_section(d: Dossier) -> Section:
    """What is watched in use, who can overrule the model, and what replaces it."""
    fields = [(CARD_TITLES[CUSTOM_DETAILS + name], _answer(d, name)) for name in MONITORING_FIELDS]
    rows = tuple((title, text) for title, text in fields if text)
    missing = [f"{title} (model card)." for title, text in fields if not text]
    return make_section("Monitoring and oversight", [Table(("", ""), rows, (24, 76))] if rows else [], missing)


def conditions_section(d: Dossier) -> Section:
    """What became of the conditions of earlier decisions."""
    rows = tuple((c.version, c.decided, c.text, f"{c.owner}, until {c.due}", c.outcome) for c in d.findings.earlier_conditions)
    title = "Conditions of earlier decisions"
    if not rows:
        return Section(title, (Text("No earlier approval of this version or of another one of its group had conditions."),))
    return Section(title, (Table(("version", "approved", "condition", "by whom", "outcome"), rows, (14, 12, 30, 18, 26)),))


def checklists_section(d: Dossier) -> Section:
    """Which fields of the record are evidence for what a text asks, and which are missing."""
    found, title = d.findings.checklists, "Checklists"
    if isinstance(found, str):
        return make_section(title, (), [found])
    blocks: list[Block] = [
        Text("Which parts of the record are evidence for what a text asks. A full list doesn't mean that the text is met.")
    ]
    missing, decided = [], date.fromisoformat(d.state.history[-1].time[:10])
    for profile, items in found:
        age = regulatory_profiles.describe_age(profile, decided)
        blocks.append(Text(f"{profile.title}. {age} {profile.source} {profile.note}".strip()))
        unverified = " (unverified)"
        rows = tuple(
            (
                one.item.ref,
                f"{one.item.asks}{'' if one.item.verified else unverified}",
                _field_titles(one.filled),
                _field_titles(one.missing),
            )
            for one in items
        )
        blocks.append(Table(("part", "asks for", "on record", "missing"), rows, (16, 28, 28, 28)))
        if lacking := sum(bool(one.missing) for one in items):
            missing.append(f"{profile.title}: {lacking} of {len(items)} items lack something.")
    return Section(title, tuple(blocks), tuple(missing))  # each table names what is missing


def _field_titles(paths: Iterable[str]) -> str:
    return ", ".join(map(regulatory_profiles.field_title, paths)) or "–"


def _answer(d: Dossier, name: str) -> str:
    """What people wrote in a field of the model card's details."""
    text = value_at(d.card, CUSTOM_DETAILS + name)
    return text if isinstance(text, str) else ""


def _card_answer(d: Dossier, name: str) -> list[Block]:
    text = _answer(d, name)
    return [Text(f"{CARD_TITLES[CUSTOM_DETAILS + name]}, by the model card: {text}")] if text else []


def _shorten_list(names: tuple[str, ...], limit: int = 8) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"
