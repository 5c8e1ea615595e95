"""The dossier of a decision, for people to read: what was decided, why and by whom, in words, tables and plots."""

from __future__ import annotations

from dataclasses import dataclass

from core.analysis.bias.group_sentences import explain_group_table, figure_text
from core.analysis.bias.group_table import GroupTable
from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.performance.performance_json import estimates_in
from core.aws.target import Target
from core.governance import gates, policy
from core.governance.dossier.dossier_format import (
    format_beyond_noise,
    format_difference,
    format_interval,
    format_number,
)
from core.governance.evidence import Evidence
from core.governance.gate_results import GateResult, from_record
from core.governance.model_cards import model_card_content
from core.governance.validity import apply_waivers
from core.governance.version_state import State
from core.governance.version_under_review import read_version
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger import signing
from core.ledger.event_body import EventBody
from core.registry import model_packages, version_comparison
from core.registry.registry_types import THRESHOLD_RATIONALE_PROPERTY, Package, version_value_names
from core.views.data import leak_sentences, rebalancing_sentences

DISCLAIMER = "Evidence for a decision by people; not a statement that any law or standard is met."


@dataclass(frozen=True)
class Dossier:
    """Everything that pack, HTML and PDF are made from. ``gate_results``: the gates as recorded with the last decision;
    ``compared_version``: the version that they were compared with, None if it wasn't tested on the same rows; ``not_compared``: why not."""

    package: Package
    state: State
    evidence: Evidence
    rules: policy.Policy
    gate_results: tuple[GateResult, ...]
    compared_version: Package | None
    differences: dict[str, PerformanceDifference]
    data: RebalancedData | None
    card: dict[str, object]
    requirements: str
    not_compared: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph; in bold if ``strong``."""

    words: str
    strong: bool = False


MAX_GROUPS, MAX_NOTES = 60, 60
"""Groups, and sentences about the table, in the dossier; the report and data-card.json have all of them."""


@dataclass(frozen=True)
class Table:
    """A table; ``widths``: the columns' relative widths in the PDF."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Figure:
    """``name``: what ``dossier_figures.draw_png`` calls it; ``alt``: what it shows, in a sentence."""

    name: str
    alt: str


Block = Text | Table | Figure


@dataclass(frozen=True)
class Section:
    """A section: its title, and its paragraphs, tables and figures in order."""

    title: str
    blocks: tuple[Block, ...]


def load_dossier(target: Target, arn: str) -> Dossier:
    """Gather the dossier of a version. Raises NotFound for one that was never submitted, and Forged if its evidence isn't as signed."""
    version = read_version(target, arn)
    target, package, state = version.target, version.package, version.state
    evidence = version.evidence
    rules = policy.parse_toml(target.files.read(policy.policy_uri(target, state.policy or "")), "the policy of the decision")
    recorded = next((e.body for e in reversed(state.history) if e.body.get("gates") is not None), None)
    if recorded is not None:
        results = tuple(map(from_record, recorded["gates"]))
        compared_with = recorded["compared_with"]
    else:
        judgement = gates.judge_version(version, rules.profiles[state.profile])
        results, compared_with = tuple(apply_waivers(judgement.results, state)), judgement.compared_with
    other, differences, not_compared = None, {}, ""
    if compared_with:
        baseline = model_packages.read_package(target, compared_with, with_training=False)
        comparison = version_comparison.compare_with(target, baseline, package)
        other, differences = (baseline, comparison.differences) if comparison.differences is not None else (None, {})
        not_compared = f"{baseline.label} is left out, because it isn't comparable: {comparison.unpaired_reason}" if other is None else ""
    contents = {name: target.files.read(evidence.files[name]["uri"]) for name in ("model-card", "package-lock") if name in evidence.files}
    card = signing.parse_signed_json(contents.get("model-card", b"{}"), "The model card isn't a JSON object.", dict)
    lock = contents.get("package-lock", b"").decode()
    return Dossier(package, state, evidence, rules, results, other, differences, version.data, card, lock, not_compared)


def build_sections(d: Dossier) -> list[Section]:
    """The dossier, in reading order."""
    sections = [_summary(d), _gates(d), _quality(d), _bias(d), _explanation(d), _data(d), _card(d), _history(d), _evidence(d)]
    return [section for section in sections if section.blocks]


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
        return Section("Quality", ())
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


def _bias(d: Dossier) -> Section:
    blocks: list[Block] = []
    names = version_value_names(d.package, d.data)
    for facet in d.package.bias.facets if d.package.bias else ():
        rows = []
        theirs = next(
            (
                f
                for f in (d.compared_version.bias.facets if d.compared_version and d.compared_version.bias else ())
                if (f.facet, f.value) == (facet.facet, facet.value)
            ),
            None,
        )
        for stage in ("pre_training", "post_training"):
            for name, measure in getattr(facet, stage).items():
                other = getattr(theirs, stage).get(name) if theirs else None
                other_text = (format_number(other.value) if other else "—",) if theirs else ()
                rows.append((name, format_number(measure.value), *other_text, measure.in_words or measure.error or ""))
        other_one = ("the other version",) if theirs else ()
        blocks += [
            Text(f"Facet {names.describe(facet.facet, facet.value)}, on the held-out rows."),
            Table(("metric", "this version", *other_one, "in words"), tuple(rows), (12, 14, *((14,) if theirs else ()), 60)),
        ]
    if blocks:
        blocks.append(Figure("bias", "Bias metrics in the predictions, by facet"))
    table = d.package.bias.group_table if d.package and d.package.bias else None
    if table is not None:
        blocks += _all_groups(table)
    return Section("Bias", tuple(blocks))


def _all_groups(table: GroupTable) -> tuple[Text, Table]:
    """Every group against all others; of very many the first."""
    sentences = [
        *explain_group_table(table),
        *([f"The first {MAX_GROUPS} groups of the report."] if len(table.groups) > MAX_GROUPS else []),
    ]
    rows = tuple(
        (
            group.name,
            f"{group.rows:,}",
            figure_text(group.label_share, percent=True),
            figure_text(group.selection_rate, percent=True),
            group.why or figure_text(group.disparities.get("DPPL") or group.disparities.get("DPL")),
        )
        for group in table.groups[:MAX_GROUPS]
    )
    headings = ("group", "rows", "favourable label", "selection rate", "all others − group (DPPL)")
    return Text(" ".join(sentences)), Table(headings, rows, (30, 10, 20, 20, 20))


def _explanation(d: Dossier) -> Section:
    if not d.package.shap:
        return Section("Explanation", ())
    top = sorted(d.package.shap.items(), key=lambda item: -item[1])[:10]
    words = f"The feature with the most influence on the score is {d.package.describe_feature(top[0][0])}: {top[0][1]:.4f} on average."
    rows = tuple((d.package.describe_feature(name), f"{value:.5f}") for name, value in top)
    return Section(
        "Explanation",
        (Text(words), Figure("shap", "Mean absolute SHAP values of the features"), Table(("feature", "mean |SHAP|"), rows, (60, 40))),
    )


def _data(d: Dossier) -> Section:
    if d.data is None:
        return Section("Data", ())
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
    if notes := d.data.dataset.notes:
        more = [(f"{len(notes) - MAX_NOTES:,} more are in data-card.json.",)] if len(notes) > MAX_NOTES else []
        tables.insert(1, Table(("what was found in the table, and done",), (*((note,) for note in notes[:MAX_NOTES]), *more), (100,)))
    return Section("Data and training", tuple(tables))


def _card(d: Dossier) -> Section:
    answers = [(field.title, model_card_content.value_at(d.card, field.path)) for field in model_card_content.FIELDS]
    rows = tuple((title, str(text)) for title, text in answers if text)
    missing = ", ".join(title for title, text in answers if not text)
    blocks: tuple[Block, ...] = (Table(("", ""), rows, (24, 76)),) if rows else ()
    return Section("Model card", (*blocks, Text(f"Not filled in: {missing}." if missing else "Every field is filled in.")))


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
