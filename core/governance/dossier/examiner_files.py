"""What an examiner looks for, as data: the files of the evidence pack that say what the dossier's sections say, in full."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from core.analysis.bias.group_sentences import DISPARITY_TITLES
from core.analysis.bias.group_table import GroupFigure, impact_ratios
from core.analysis.explanations.shap_summary import ShapEstimate
from core.analysis.tables.prohibited_bases import JURISDICTIONS, bases_without_column
from core.governance.dossier import dossier_sections, examiner_sections
from core.governance.dossier.dossier import Dossier
from core.governance.dossier.examiner_sections import MONITORING_FIELDS
from core.governance.findings import alternatives_search, prohibited_bases
from core.governance.findings.alternatives_search import AlternativesSearch
from core.governance.model_cards.model_card_content import CUSTOM_DETAILS, value_at
from core.ledger.signing import canonical_json
from core.registry.registry_types import THRESHOLD_RATIONALE_PROPERTY, version_value_names
from core.safe_csv import safe_csv_bytes

BIAS_HEADINGS = (
    "facet",
    "value",
    "stage",
    "metric",
    "this version",
    "low",
    "high",
    "n",
    "method",
    "why undefined",
    "why no interval",
    "in words",
)
GROUP_HEADINGS = (
    "group",
    "columns",
    "values",
    "rows",
    "all others",
    "favourable label",
    "share",
    "low",
    "high",
    "selected",
    "rate",
    "low",
    "high",
    "rate / most selected",
)
TRIAL_HEADINGS = ("trial", "training job", "status", "objective", "this version", "facet", "value", "performance metric")
TRIAL_FIGURES = ("performance", "disparity", "distance", "gained", "closer")


def build_examiner_files(d: Dossier) -> dict[str, bytes]:
    """The files by name: CSV of bias, groups, SHAP values, reasons and trials, and ``examiner.json`` with the rest."""
    metrics = [f"{name}{end}" for name in DISPARITY_TITLES for end in ("", " low", " high")]
    trials = [f"{name}{end}" for name in TRIAL_FIGURES for end in ("", " low", " high")]
    return {
        "bias.csv": safe_csv_bytes(BIAS_HEADINGS, _bias(d)),
        "groups.csv": safe_csv_bytes((*GROUP_HEADINGS, *metrics, "note"), _groups(d)),
        "shap.csv": safe_csv_bytes(
            ("feature", "mean |SHAP|", "low", "high", "n", "part of all", "rank correlation", "low", "high", "highest for", "lowest for"),
            _shap(d),
        ),
        "reasons.csv": safe_csv_bytes(("feature", "declined rows in which it counts most", "among the first four"), _reasons(d)),
        "trials.csv": safe_csv_bytes((*TRIAL_HEADINGS, *trials, "on the front", "best trial", "why undefined"), _trials(d)),
        "examiner.json": canonical_json(_examiner(d)),
    }


def _bias(d: Dossier) -> Iterator[tuple[object, ...]]:
    names = version_value_names(d.package, d.data)
    for facet in d.package.bias.facets if d.package.bias else ():
        for stage in ("pre_training", "post_training"):
            for name, measure in getattr(facet, stage).items():
                of, interval = names.value(facet.facet, facet.value), measure.interval
                ends = (interval.low, interval.high, interval.n, interval.method) if interval else (None,) * 4
                yield (
                    facet.facet,
                    of,
                    stage,
                    name,
                    measure.value,
                    *ends,
                    measure.error,
                    interval.why if interval else "",
                    measure.in_words,
                )


def _groups(d: Dossier) -> Iterator[tuple[object, ...]]:
    table = d.package.bias.group_table if d.package.bias else None
    for group, ratio in zip(table.groups, impact_ratios(table), strict=True) if table else ():
        shares = [x for share in (group.label_share, group.selection_rate) for x in (examiner_sections.count_of(share), *_ends(share))]
        figures = [x for name in DISPARITY_TITLES for x in _ends(group.disparities.get(name))]
        why = dict.fromkeys(figure.why for figure in group.disparities.values() if figure.why)
        yield (
            group.name,
            "; ".join(group.columns),
            "; ".join(group.values),
            group.rows,
            group.rest,
            *shares,
            ratio,
            *figures,
            group.why or "; ".join(why),
        )


def _ends(figure: GroupFigure | None) -> tuple[float | None, float | None, float | None]:
    return (figure.value, figure.low, figure.high) if figure else (None, None, None)


def _shap(d: Dossier) -> Iterator[tuple[object, ...]]:
    effects = d.findings.effects
    if isinstance(effects, str):
        for name, value in sorted(d.package.shap.items(), key=lambda item: -item[1]):
            yield (name, value, *(None,) * 9)
        return
    for one in effects.effects:
        direction = _estimate(one.direction)
        yield (
            one.feature,
            *_estimate(one.importance).values(),
            one.share,
            *(direction[key] for key in ("value", "low", "high")),
            one.highest,
            one.lowest,
        )


def _reasons(d: Dossier) -> Iterator[tuple[object, ...]]:
    effects = d.findings.effects
    yield from () if isinstance(effects, str) else ((one.feature, one.first, one.named) for one in effects.reasons)


def _trials(d: Dossier) -> Iterator[tuple[object, ...]]:
    search = d.findings.search
    if isinstance(search, str):
        return
    names, compared = version_value_names(d.package, d.data), alternatives_search.compare_trials(search)
    measured = {(str(row["name"]), one.facet): row for one in compared for row in one.table.to_dict("records")}
    for number, trial in enumerate(search.trials, 1):
        about = (number, trial.name, trial.status, trial.objective, "yes" if trial.name == search.chosen else "")
        facets = [one.facet for one in compared if (trial.name, one.facet) in measured]
        for facet, value in facets:
            row = measured[trial.name, (facet, value)]
            figures = [_known(row[f"{name}{end}"]) for name in TRIAL_FIGURES for end in ("", "_low", "_high")]
            places = ("yes" if row["front"] else "", "yes" if row["reference"] else "", row["error"])
            yield (*about, facet, names.value(facet, value), search.performance, *figures, *places)
        if not facets:
            yield (*about, *(None,) * (len(TRIAL_HEADINGS) - len(about) + 3 * len(TRIAL_FIGURES) + 3))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _estimate(estimate: ShapEstimate | None) -> dict[str, float | None]:
    if estimate is None:
        return dict.fromkeys(("value", "low", "high", "n"))
    return {"value": _known(estimate.value), "low": _known(estimate.low), "high": _known(estimate.high), "n": estimate.n}


def _examiner(d: Dossier) -> dict[str, object]:
    performance, effects, search, found = d.package.performance, d.findings.effects, d.findings.search, d.findings
    return {
        "threshold": {
            "value": d.package.threshold,
            "rationale": d.package.properties.get(THRESHOLD_RATIONALE_PROPERTY),
            "rationale_of_the_card": _answer(d, "threshold_rationale"),
        },
        "labels": [d.package.bias.describe_label(code) for code in (0, 1)] if d.package.bias else None,
        "confusion": {**performance["confusion"], "threshold": performance["threshold"], "n": performance["n"]} if performance else None,
        "codes": version_value_names(d.package, d.data).to_json()["values"],
        "prohibited_bases": {
            "columns": [vars(one) for one in found.bases],
            "inputs_not_measured": prohibited_bases.list_unmeasured(found.bases),
            "without_column": [basis.name for basis in bases_without_column(one.column for one in found.bases)],
            "texts": JURISDICTIONS,
        },
        "explanation": {"missing": effects}
        if isinstance(effects, str)
        else {
            "rows": effects.rows,
            "sensitive": effects.sensitive,
            "sensitive_share": _estimate(effects.sensitive_share),
            "declined": effects.declined,
            "threshold": effects.threshold,
        },
        "alternatives": {"missing": search} if isinstance(search, str) else _search(search),
        "alternatives_of_the_card": _answer(d, "alternatives_considered"),
        "validations": [vars(one) for one in found.validations],
        "monitoring": {name: _answer(d, name) for name in MONITORING_FIELDS},
        "earlier_conditions": [vars(one) for one in found.earlier_conditions],
        "checklists": {"missing": found.checklists} if isinstance(found.checklists, str) else _checklists(d),
        "missing": {section.title: section.missing for section in dossier_sections.build_sections(d) if section.missing},
    }


def _search(search: AlternativesSearch) -> dict[str, object]:
    compared = alternatives_search.compare_trials(search)
    return {
        "tuning_job": search.tuning_job,
        "objective": search.objective,
        "trials": len(search.trials),
        "this_version": {"trial": search.numbers.get(search.chosen), "training_job": search.chosen, "rank": search.rank},
        "measurement": search.measurement or None,
        "not_measured_because": search.unmeasured,
        "nearer_to_parity": [
            {"facet": one.facet[0], "value": one.facet[1], "disparity": alternatives_search.DISPARITY, "trials": _names(one.fairer["name"])}
            for one in compared
        ],
    }


def _names(column: Iterable[Any]) -> list[str]:
    return [str(name) for name in column]


def _checklists(d: Dossier) -> list[dict[str, object]]:
    assert not isinstance(d.findings.checklists, str)
    return [
        {
            "id": profile.id,
            "title": profile.title,
            "date": profile.date.isoformat(),
            "source": profile.source,
            "note": profile.note,
            "items": [{"ref": one.item.ref, "asks": one.item.asks, "filled": one.filled, "missing": one.missing} for one in items],
        }
        for profile, items in d.findings.checklists
    ]


def _answer(d: Dossier, name: str) -> object:
    return value_at(d.card, CUSTOM_DETAILS + name)
