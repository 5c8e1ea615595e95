"""How two models differ, and which differences are beyond the noise, as sentences in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.bias.metric_registry import compares_groups, neutral_value
from core.analysis.performance.performance_metrics import is_lower_better
from core.views.shared.metric_like import MetricsByModel
from core.views.shared.number_text import format_number, format_percent, interval_text, signed_number

WITHIN_NOISE = "within the noise"


class PairedDifference(Protocol):
    """A paired difference b − a, of quality or of bias."""

    @property
    def a(self) -> float | None: ...
    @property
    def b(self) -> float | None: ...
    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def beyond_noise(self) -> bool: ...


def difference_text(name: str, found: PairedDifference, digits: int = 3) -> str:
    """``auc: 0.771 → 0.768, −0.003 (95 % interval −0.010 to 0.004): within the noise``."""
    if found.value is None:
        return f"{name}: {'undefined' if None in (found.a, found.b) else 'infinite'} for one of the two"
    verdict = "beyond the noise" if found.beyond_noise else WITHIN_NOISE
    ends = interval_text(found.low, found.high, digits)
    return (
        f"{name}: {format_number(found.a, digits)} → {format_number(found.b, digits)}, {signed_number(found.value, digits)} "
        f"({ends}): {verdict}"
    )


def trade_off_markdown(quality: Mapping[str, PairedDifference], bias: Mapping[str, BiasDifference], names: Sequence[str]) -> str:
    """What the second model gains and loses against the first, in quality, calibration and bias, each beyond the noise."""
    gains = [f"{n.replace('_', ' ')} {signed_number(d.value)}" for n, d in quality.items() if d.beyond_noise and _is_improvement(n, d)]
    costs = [f"{n.replace('_', ' ')} {signed_number(d.value)}" for n, d in quality.items() if d.beyond_noise and not _is_improvement(n, d)]
    fairer = [n for n, d in bias.items() if d.fairer == "b" and compares_groups(n)]
    worse = [n for n, d in bias.items() if d.fairer == "a" and compares_groups(n)]
    lines = [f"**{names[1]}** against **{names[0]}**, beyond the noise:"]
    lines.append(f"- better in {', '.join(gains)}" if gains else "- no quality figure shows it better")
    lines.append(f"- worse in {', '.join(costs)}" if costs else "- no quality figure shows it worse")
    if bias:
        lines.append(
            f"- groups nearer to each other by {', '.join(fairer)}" if fairer else "- no metric shows the groups nearer to each other"
        )
        lines.append(f"- groups further apart by {', '.join(worse)}" if worse else "- no metric shows the groups further apart")
    ece = quality.get("ece")
    if ece is not None:
        lines.append(f"- {difference_text('calibration error', ece)}")
    return "\n".join(lines)


def _is_improvement(name: str, found: PairedDifference) -> bool:
    return ((found.value or 0) > 0) != is_lower_better(name.replace(" ", "_"))


def bias_differences_sentence(differences: Mapping[str, BiasDifference], names: Sequence[str], people: tuple[str, str]) -> str:
    """Which of two models treats the groups more alike, by which metrics."""
    noise = sum(d.value is not None and not d.beyond_noise for d in differences.values())
    unknown = [n for n, d in differences.items() if d.value is None]
    fairer = {which: [n for n, d in differences.items() if d.fairer == which and compares_groups(n)] for which in ("a", "b")}
    if not fairer["a"] and not fairer["b"]:
        start = f"These rows can't tell which version treats {people[0]} and {people[1]} more alike"
    else:
        parts = [
            f"**{names['ab'.index(which)]}** treats {people[0]} and {people[1]} more alike by {', '.join(metrics)}"
            for which, metrics in fairer.items()
            if metrics
        ]
        start = "; ".join(parts)
    first = next(iter(differences.values()))
    left_out = f" {', '.join(unknown)}: undefined or infinite for one of the two." if unknown else ""
    return f"{start}. {noise} of {len(differences)} differences are {WITHIN_NOISE}; n = {first.n:,}, the same rows for both.{left_out}"


def noise_markdown(models: MetricsByModel) -> str:
    """Which metrics of each model are beyond the noise, and which are undefined. Distances and GE, which can't be 0, aren't counted. A
    report without intervals gets a note that it has none."""
    lines = []
    for model, metrics in models.items():
        around = {
            n: m.interval for n, m in metrics.items() if m.interval is not None and m.interval.low is not None and m.low < neutral_value(n)
        }
        beyond = [
            n for n, one in around.items() if one.low is not None and one.high is not None and not one.low <= neutral_value(n) <= one.high
        ]
        undefined = [n for n, m in metrics.items() if m.value is None]
        if not around and not undefined and any(m.interval is not None for m in metrics.values()):
            continue
        if not around:
            without = all(m.interval is None for m in metrics.values())
            text = "the report has no intervals, so differences can't be told from noise" if without else "no interval is known"
            lines.append(f"**{model}**: {text}{'; undefined: ' + ', '.join(undefined) if undefined else ''}.")
            continue
        n = max((one.n for one in around.values()), default=0)
        text = f"**{model}**: {len(beyond)} of {len(around)} metrics with a direction are beyond the noise"
        text += f" ({', '.join(beyond)})" if beyond else ""
        text += f"; undefined: {', '.join(undefined)}" if undefined else ""
        lines.append(f"{text}; n = {n:,}.")
    return "  \n".join(lines)


def importance_sentence(models: Mapping[str, Mapping[str, float]], rows: int | None) -> str:
    """Which features weigh most in each model, and where two models differ most."""
    parts = []
    for name, values in models.items():
        sizes = {feature: abs(value) for feature, value in values.items()}
        top = sorted(sizes.items(), key=lambda item: -item[1])[:3]
        total = sum(sizes.values()) or 1
        parts.append(
            f"in **{name}** {', '.join(feature for feature, _ in top)} weigh most ({format_percent(sum(v for _, v in top) / total, 0)})"
        )
    text = "; ".join(parts).replace("in ", "In ", 1) + "."
    if len(models) == 2:
        a, b = models.values()
        shared = [feature for feature in a if feature in b]
        if shared:
            furthest = max(shared, key=lambda feature: abs(a[feature] - b[feature]))
            same = a[furthest] == b[furthest]
            text += (
                " They don't differ."
                if same
                else f" They differ most in {furthest}: {format_number(a[furthest], 4)} → {format_number(b[furthest], 4)}."
            )
    return text + (f" Mean |SHAP| of {rows:,} rows." if rows else "")
