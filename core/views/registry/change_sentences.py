"""What changed between two versions, in short sentences."""

from __future__ import annotations

from collections.abc import Mapping

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.bias.metric_registry import compares_groups
from core.analysis.performance.performance_difference import PerformanceDifference
from core.views.shared.number_text import signed_number

MAX_SHOWN = 8
"""How many changed settings a sentence names."""
HASH = "SHA-256"


def quality_sentence(differences: Mapping[str, PerformanceDifference] | None, why: str) -> str:
    """Which quality figures are better or worse by more than noise; ``why``: why they can't be compared."""
    if differences is None:
        return f"Not compared: {why}"
    by_verdict = {
        word: [f"{name} {signed_number(d.value)}" for name, d in differences.items() if d.better == which]
        for word, which in (("better", "b"), ("worse", "a"))
    }
    said = [f"{word} in {', '.join(names)}" for word, names in by_verdict.items() if names]
    return f"{_capitalize('; '.join(said))}; the rest is within the noise." if said else "Every difference is within the noise."


def bias_sentence(differences: Mapping[str, BiasDifference]) -> str:
    """By which metrics a facet and the rest are nearer to each other or further apart, by more than noise."""
    by_verdict = {
        words: [f"{name} {signed_number(d.value)}" for name, d in differences.items() if d.fairer == which and compares_groups(name)]
        for words, which in (("nearer to each other", "b"), ("further apart", "a"))
    }
    said = [f"{words} by {', '.join(names)}" for words, names in by_verdict.items() if names]
    return f"{_capitalize('; '.join(said))}; the rest is within the noise." if said else "Every difference is within the noise."


def values_sentence(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Which values are others now, and how many are the same; of a hash only that it is another one."""
    names = list(dict.fromkeys((*before, *after)))
    changed = [name for name in names if before.get(name) != after.get(name)]
    if not names:
        return "Nothing is recorded."
    if not changed:
        return "The same." if len(names) == 1 else f"All {len(names)} values are the same."
    said = [_value_change(name, before.get(name), after.get(name)) for name in changed[:MAX_SHOWN]]
    more = f" and {len(changed) - MAX_SHOWN} more" if len(changed) > MAX_SHOWN else ""
    same = len(names) - len(changed)
    return f"{'; '.join(said)}{more}{f'; {same} the same' if same else ''}."


def _value_change(name: str, before: str | None, after: str | None) -> str:
    if HASH in name:
        return f"{name}: another one"
    return f"{name} {_short(before)} → {_short(after)}"


def _short(value: str | None) -> str:
    """A value in a few characters: of a long number four digits."""
    try:
        return f"{float(value or ''):.4g}" if len(value or "") > 6 else value or "none"
    except ValueError:
        return value or "none"


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
