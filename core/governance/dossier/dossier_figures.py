"""The dossier's plots, as PNG: the same dossier gives the same bytes."""

from __future__ import annotations

import io

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.analysis.bias.metric_registry import neutral_value
from core.governance.dossier.dossier import Dossier
from core.registry.registry_types import version_value_names

BLUE, ORANGE, GREY = "#2A6FBB", "#C2570C", "#8A8F98"


def draw_png(name: str, dossier: Dossier) -> bytes:
    """The figure ``name`` as PNG."""
    with matplotlib.rc_context({"text.parse_math": False, "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = {"calibration": _calibration, "differences": _differences, "bias": _bias, "shap": _shap}[name](dossier)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
    return out.getvalue()


def _new_figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, height), layout="constrained")
    return figure, figure.subplots()


def _calibration(d: Dossier) -> Figure:
    figure, axes = _new_figure(2.9)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="perfect")
    for package, colour, marker in ((d.package, BLUE, "o"), (d.compared_version, ORANGE, "s")):
        bins = package.performance.get("calibration") or [] if package and package.performance else []
        if package and bins:
            axes.plot(
                [b["mean_score"] for b in bins],
                [b["observed"] for b in bins],
                color=colour,
                marker=marker,
                markersize=4,
                label=package.label,
            )
    axes.set(xlabel="mean score of the bin", ylabel="observed rate", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, loc="upper left")
    return figure


def _differences(d: Dossier) -> Figure:
    intervals = [
        (name, x.value, x.low, x.high, x.beyond_noise)
        for name, x in d.differences.items()
        if x.value is not None and x.low is not None and x.high is not None
    ]
    figure, axes = _new_figure(0.9 + 0.24 * len(intervals))
    for at, (_, value, low, high, beyond_noise) in enumerate(reversed(intervals)):
        colour = BLUE if beyond_noise else GREY
        axes.plot([low, high], [at, at], color=colour, linewidth=1.5)
        axes.plot([value], [at], color=colour, marker="o", markersize=4)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(intervals)), [name for name, *_ in reversed(intervals)])
    axes.set_xlabel("this version minus the other, 95 % interval (blue: more than noise)")
    return figure


def _bias(d: Dossier) -> Figure:
    series = []
    for package, colour, marker in ((d.package, BLUE, "o"), (d.compared_version, ORANGE, "s")):
        for facet in package.bias.facets if package and package.bias else ():
            who = version_value_names(d.package, d.data).describe(facet.facet, facet.value)
            series.append((f"{package.label if package else ''}, {who}", facet.post_training, colour, marker))
    names = list(series[0][1]) if series else []
    figure, axes = _new_figure(0.9 + 0.22 * len(names))
    for label, metrics, colour, marker in series:
        measured = [(metrics[n].value, n, at) for at, n in enumerate(reversed(names)) if n in metrics]
        points = [(value - neutral_value(n), at) for value, n, at in measured if value is not None and abs(value) < float("inf")]
        axes.plot([x for x, _ in points], [y for _, y in points], color=colour, marker=marker, linestyle="", markersize=5, label=label)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), [f"{n} − {neutral_value(n):g}" if neutral_value(n) else n for n in reversed(names)])
    axes.set_xlabel("0: facet and rest are treated alike")
    axes.legend(frameon=False, fontsize=7, loc="best")
    return figure


def _shap(d: Dossier) -> Figure:
    top = [(d.package.describe_feature(name), value) for name, value in sorted(d.package.shap.items(), key=lambda item: item[1])[-10:]]
    figure, axes = _new_figure(0.7 + 0.24 * len(top))
    axes.barh([name if len(name) <= 30 else f"{name[:14]}…{name[-14:]}" for name, _ in top], [value for _, value in top], color=BLUE)
    axes.set_xlabel("mean |SHAP|")
    return figure
