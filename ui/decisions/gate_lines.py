"""The gates of a version: each with its verdict, what was measured, its reason, and a link to the evidence; those that block come first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.governance.gate_results import GateResult, Status
from core.registry.registry_types import Package
from ui.components import links, markdown, tables, tabs
from ui.components.badges import BadgeColour

VERDICTS: dict[Status, tuple[BadgeColour, str, str, str]] = {
    "pass": ("green", ":material/check_circle:", "Pass", "pass"),
    "fail": ("red", ":material/cancel:", "Fail", "fail"),
    "not computable": ("orange", ":material/help:", "Can't be computed", "can't be computed"),
    "waived": ("blue", ":material/do_not_disturb_on:", "Waived", "are waived"),
}
"""Status -> colour, icon, word, and what several of them do."""
ORDER: tuple[Status, ...] = ("fail", "not computable", "waived", "pass")


def show_gates(results: Sequence[GateResult], package: Package) -> None:
    """How many gates pass, each gate in a line, and all of them as a table."""
    st.markdown(f"**Gates**  \n{_count_sentence(results)}")
    for result in sorted(results, key=lambda r: (not r.is_blocking, ORDER.index(r.status))):
        _show_gate(result, package)
    rows = [
        {"gate": r.title, "outcome": VERDICTS[r.status][2], "measured": r.found, "required": r.wanted, "why": r.reason} for r in results
    ]
    tables.table_twin(pd.DataFrame(rows), alt="Gates of the policy with their outcomes", label="Gates as a table")


def _count_sentence(results: Sequence[GateResult]) -> str:
    counts = {status: sum(r.status == status for r in results) for status in VERDICTS}
    if counts["pass"] == len(results):
        return f"All {len(results)} gates pass."
    said = ", ".join(f"{count} {VERDICTS[status][3]}" for status, count in counts.items() if count)
    blocking = sum(r.is_blocking for r in results)
    return f"Of {len(results)} gates {said}. " + (
        f"{blocking} of them block{'s' * (blocking == 1)} an approval." if blocking else "None blocks."
    )


def _show_gate(result: GateResult, package: Package) -> None:
    colour, icon, word, _ = VERDICTS[result.status]
    lines = [f":{colour}-badge[{icon} {word}] **{markdown.escape_markdown(result.title)}**"]
    lines.append(markdown.escape_markdown(f"{result.found} · required: {result.wanted}"))
    if result.reason:
        lines.append(markdown.escape_markdown(result.reason))
    if result.status in {"fail", "not computable"} and not result.required:
        lines.append("The policy doesn't require it.")
    elif result.is_blocking:
        lines.append("Blocks an approval" + (", unless two people waive it." if result.is_waivable else "; it can't be waived."))
    text, link = st.columns([5, 1], gap="small")
    text.markdown("  \n".join(lines))
    with link:
        if result.gate == "card" and st.button("Model card", icon=":material/edit_note:", type="tertiary", key=f"card-of-{package.arn}"):
            tabs.open_tab("card", package=package.arn)
        if evidence := find_evidence(result.gate, package):
            page, label, query = evidence
            links.page_link(page, label, **query)


def find_evidence(gate: str, package: Package) -> tuple[str, str, dict[str, str]] | None:
    """The page that shows what a gate judges, what to call it, and the query that opens it there; None for what is on this page."""
    kind = gate.split(" ")[0]
    bias_job, rebalanced = (package.properties.get(f"governance:{name}", "") for name in ("bias-job", "rebalanced"))
    if kind in {"bias", "facets"} and bias_job:
        return "bias", "Bias report", {"job": bias_job}
    if kind in {"label_shares", "disjoint", "label_leaks", "id_features", "twins"} and rebalanced:
        return "data", "Data", {"job": rebalanced}
    if kind == "lineage":
        return "lineage", "Lineage", {"package": package.arn}
    if kind in {"card", "reproduced"}:
        return None
    view = {"quality": "Quality", "baseline": "Quality", "calibration": "Quality", "threshold": "Threshold"}.get(kind)
    return "registry", view or "Registry", {"package": package.arn, **({"view": view} if view else {})}
