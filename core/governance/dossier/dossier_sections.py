"""The sections of a dossier, for people to read: what was decided, why and by whom, in words, tables and plots."""

from __future__ import annotations

from core.analysis.performance.performance_json import estimates_in
from core.analysis.tables.value_names import ValueNames
from core.governance.dossier import examiner_sections
from core.governance.dossier.dossier import DISCLAIMER, Dossier
from core.governance.dossier.dossier_blocks import Block, Figure, Section, Table, Text, make_section
from core.governance.dossier.dossier_format import (
    format_beyond_noise,
    format_difference,
    format_interval,
)
from core.governance.model_cards import model_card_content
from core.ledger.event_body import EventBody
from core.registry.registry_types import THRESHOLD_RATIONALE_PROPERTY
from core.views.data import leak_sentences, rebalancing_sentences

MAX_NOTES, MAX_CODED_COLUMNS, MAX_CODES_TEXT = 60, 60, 300
"""Sentences about the table, coded columns, and characters of one column's codes in the dossier; data-card.json has all of them."""


def build_sections(d: Dossier) -> list[Section]:
    """The dossier, in reading order. A section whose content doesn't exist says so."""
    sections = [
        _gates(d),
        examiner_sections.validation_section(d),
        _quality(d),
        examiner_sections.threshold_section(d),
        examiner_sections.bias_section(d),
        examiner_sections.bases_section(d),
        examiner_sections.explanation_section(d),
        examiner_sections.reasons_section(d),
        examiner_sections.alternatives_section(d),
        _data(d),
        examiner_sections.monitoring_section(d),
        _card(d),
        examiner_sections.conditions_section(d),
        examiner_sections.checklists_section(d),
        _history(d),
        _evidence(d),
    ]
    return [_summary(d), _contents(sections), *sections]


def _contents(sections: list[Section]) -> Section:
    """What is on record and what is missing, section by section."""
    rows = tuple((s.title, "on record" if not s.missing else "missing" if s.is_empty else "in part", " ".join(s.missing)) for s in sections)
    return Section("What is on record, and what is missing", (Table(("part", "", "missing"), rows, (30, 14, 56)),))


def _summary(d: Dossier) -> Section:
    last = d.state.history[-1]
    people = "; ".join(f"{part}: {name}" for part, name in d.state.person_names.items())
    rows = [
        ("Version", d.package.label),
        ("Status", d.state.status + (f", until {d.state.expires}" if d.state.expires and d.state.status == "approved" else "")),
        ("Tier", f"{d.state.tier}: {d.state.history[-1].body.get('tier_rationale') or _submission(d).get('tier_rationale', '')}"),
        ("Policy", f"{d.rules.title} {d.rules.version}, profile {d.state.profile}"),
        ("Threshold", _threshold_text(d)),
        ("People", f"{people}; trained by {d.package.properties.get('governance:trained-by-name', 'unknown')}"),
        ("Evidence, SHA-256", d.evidence.digest),
    ]
    conditions = tuple((c.text, c.owner, c.due, c.met_by or "open") for c in d.state.conditions)
    decisions = [e for e in d.state.history if e.kind == "approve"] if last.kind == "approve" else [last]
    blocks: tuple[Block, ...] = (
        *(
            Text(f"{e.kind.capitalize()} by {e.actor['name']} ({e.actor['role']}) on {e.time[:10]}: {e.body['reason']}", strong=True)
            for e in decisions[-max(d.state.approvals_needed, 1) :]
        ),
        Table(("", ""), tuple(rows), (22, 78)),
    )
    if conditions:
        blocks += (Text("Conditions of the approval"), Table(("condition", "owner", "due", "met by"), conditions, (52, 18, 14, 16)))
    return Section("Decision", (*blocks, Text(DISCLAIMER)))


def _threshold_text(d: Dossier) -> str:
    """The score above which label 1 is predicted, and why it is this one."""
    value, why = d.package.threshold, d.package.properties.get(THRESHOLD_RATIONALE_PROPERTY, "")
    return "not registered" if value is None else f"{value:g}{f': {why}' if why else ''}"


def _submission(d: Dossier) -> EventBody:
    return next((e.body for e in reversed(d.state.history) if e.kind == "submit"), EventBody())


def _gates(d: Dossier) -> Section:
    rows = tuple((v.title, v.status, v.found, v.wanted, v.reason) for v in d.gate_results)
    count = {status: sum(v.status == status for v in d.gate_results) for status in ("pass", "fail", "not computable", "waived")}
    words = ", ".join(f"{n} {status}" for status, n in count.items() if n)
    return Section(
        "Gates of the policy",
        (Text(f"{len(rows)} gates: {words}."), Table(("gate", "outcome", "measured", "required", "why"), rows, (20, 10, 22, 22, 26))),
    )


def _quality(d: Dossier) -> Section:
    figures = estimates_in(d.package.performance)
    others = estimates_in(d.compared_version.performance) if d.compared_version else {}
    rows = []
    for name, value in figures.items():
        difference = d.differences.get(name)
        rows.append(
            (
                name,
                format_interval(value),
                format_interval(others[name]) if name in others else "—",
                format_difference(difference),
                format_beyond_noise(difference),
            )
        )
    if not rows:
        return make_section("Quality", (), [d.package.missing.get("quality", "The version has no quality report.")])
    n = next(iter(figures.values()))["n"]
    against = f", compared with {d.compared_version.label} on the same rows" if d.compared_version and d.differences else ""
    leaked = d.data.manifest["leaked_rows"] if d.data else None
    apart = {None: "", 0: " from which no training row was made"}.get(leaked, f"; {leaked or 0:,} held-out rows were used in training")
    headings = ("metric", "this version", "the other version", "difference", "more than noise?")
    widths, most = (17, 24, 24, 26, 10), 5 if d.differences else 3 if others else 2
    blocks: tuple[Block, ...] = (
        Text(f"On {n:,} held-out rows{apart}{against}. Intervals are 95 %."),
        *([Text(d.not_compared)] if d.not_compared else []),
        Table(headings[:most], tuple(row[:most] for row in rows), widths[:most]),
        Figure("calibration", "Calibration: the observed rate against the mean score, in ten bins"),
    )
    if d.differences:
        blocks += (Figure("differences", "Paired differences of the metrics with their 95 % intervals"),)
    return Section("Quality", blocks)


def _data(d: Dossier) -> Section:
    if d.data is None:
        return make_section("Data and training", (), ["The version names no rebalancing job: its data set and split aren't known."])
    manifest, names = d.data.manifest, d.data.value_names
    split, config = manifest["split"], manifest["config"]
    parts = ", ".join(f"{split[part]:,}" for part in ("original_train_rows", "validation_rows", "test_rows"))
    order = "" if config["order"] == "split_first" else "; resampled before the split, as in the workshop, so rows leak between the parts"
    moved = rebalancing_sentences.label_shares_sentence(manifest, names)
    leaks = leak_sentences.manifest_leaks(manifest)
    given_away = " ".join(leak_sentences.report_leaks(leaks, config["label"], names)) if leaks else ""
    rows = [
        ("Data set", f"{d.data.dataset.name}, {d.data.dataset.rows:,} rows, SHA-256 {d.data.dataset.sha256}"),
        ("Label", f"{config['label']}, favourable outcome: {names.describe(config['label'], config['favourable'])}"),
        ("Facet", ", ".join(names.describe(*facet) for facet in ((config["facet"], config["facet_value"]), *d.data.roles.further_facets))),
        ("Split", f"seed {split['seed']}; rows to train, validate and test: {parts}"),
        ("Rebalancing", f"{config['method']}, of {config['target']}; {manifest['synthetic']['count']:,} synthetic training rows{order}"),
        *([("Labels", moved)] if moved else []),
        ("Leak check", f"{manifest['leaked_rows']:,} held-out rows were used in training"),
        *([("Content", given_away)] if given_away else []),
        ("Training", f"job {d.package.training_job}"),
    ]
    settings = tuple(sorted((k, v) for k, v in d.package.hyperparameters.items()))
    tables = [Table(("", ""), tuple(rows), (16, 84)), Table(("hyperparameter", "value"), settings, (40, 60))]
    tables.insert(1, _codes(names))
    if notes := d.data.dataset.notes:
        more = [(f"{len(notes) - MAX_NOTES:,} more are in data-card.json.",)] if len(notes) > MAX_NOTES else []
        tables.insert(2, Table(("what was found in the table, and done",), (*((note,) for note in notes[:MAX_NOTES]), *more), (100,)))
    return Section("Data and training", tuple(tables))


def _codes(names: ValueNames) -> Table:
    """What the codes of each column stand for."""
    rows = []
    for column, codes in list(names.values.items())[:MAX_CODED_COLUMNS]:
        text = ", ".join(f"{code} = {value}" for code, value in codes.items())
        rows.append((column, text if len(text) <= MAX_CODES_TEXT else f"{text[:MAX_CODES_TEXT]} … (data-card.json has all {len(codes):,})"))
    if len(names.values) > MAX_CODED_COLUMNS:
        rows.append((f"{len(names.values) - MAX_CODED_COLUMNS:,} more columns", "data-card.json has them"))
    if not rows:
        rows.append(("no column is coded", "numbers stand for themselves"))
    return Table(("column", "what its codes stand for"), tuple(rows), (24, 76))


def _card(d: Dossier) -> Section:
    fields, filled = model_card_content.FIELDS, model_card_content.filled_fields(d.card)
    rows = tuple((field.title, str(model_card_content.value_at(d.card, field.path))) for field in filled)
    blocks: list[Block] = [Text(f"{len(filled)} of {len(fields)} fields are filled in.")]
    if rows:
        blocks.append(Table(("", ""), rows, (24, 76)))
    missing = ", ".join(field.title for field in fields if field not in filled)
    return make_section("Model card", blocks, [f"{missing}."] if missing else [])


def _history(d: Dossier) -> Section:
    rows = tuple(
        (
            str(e.number),
            e.time[:19].replace("T", " "),
            e.kind,
            f"{e.actor['name']}, {e.actor['role']}",
            f"{e.body['code']}: {e.body['reason']}",
        )
        for e in d.state.history
    )
    return Section("History", (Table(("event", "when (UTC)", "what", "who", "why"), rows, (8, 18, 14, 20, 40)),))


def _evidence(d: Dossier) -> Section:
    rows = tuple((name, f"{pinned['bytes']:,}", pinned["sha256"]) for name, pinned in d.evidence.files.items())
    words = "Each file that the decision rests on, with its SHA-256. If one of them changes, the approval is void."
    return Section("Evidence", (Text(words), Table(("file", "bytes", "SHA-256"), rows, (26, 14, 60))))
