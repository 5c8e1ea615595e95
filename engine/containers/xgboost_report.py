"""Debugger's CreateXgboostReport: what a trained model does on its own training and validation rows, as JSON and as a page to read.

After a training job, under root: the model at /opt/ml/model/xgboost-model, the channels at /opt/ml/input/data/, the rounds' metrics at
/opt/ml/output/evals_result.json; out: /opt/ml/output/rule/xgboost_report.{json,html}. As a Processing job (a tuning job's trials can't have
rules): the same below /opt/ml/processing, with input/model/model.tar.gz, and out: /opt/ml/processing/output.

What readers call things, where it is known: input/config/report.json {"labels": [of 0, of 1], "features": [of f0, of f1, …]}, or the labels
alone as JSON in the environment variable REPORT_LABELS.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from jinja2 import Environment

from core.analysis.performance.performance import Performance, evaluate_performance
from core.analysis.tables.printable_text import printable_text
from engine.containers import ContainerError
from engine.containers.job_inputs import load_booster
from engine.containers.xgboost_inputs import load_channels, parse_hyperparameters

RESAMPLES = 200
HISTOGRAM_BINS = 20
PAGE_TEMPLATE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>XGBoost report</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .8rem;border-bottom:1px solid #d5dce3;text-align:right}
td:first-child,th:first-child{text-align:left}img{max-width:100%;height:auto}h2{margin-top:2.2rem}.note{color:#51606e}</style>
<h1>XGBoost report</h1>
<p>{{ rounds }} rounds; {{ train.n }} training rows{% if judged != "train" %}, {{ shown.n }} validation rows{% endif %}.
The figures below are of the {{ judged }} rows. {{ "The model was trained on them: they flatter it." if judged == "train" }}</p>
<table><tr><th>metric</th><th>value</th><th>95 % interval</th></tr>
{% for name, e in shown.estimates().items() %}
<tr><td>{{ name.replace("_", " ") }}</td>
<td>{{ "%.4f"|format(e.value) if e.value is not none else "–" }}</td>
<td>{{ "%.4f to %.4f"|format(e.low, e.high) if e.low is not none else "–" }}</td></tr>{% endfor %}</table>
<h2>Confusion matrix</h2>
<table><tr><th></th><th>predicted {{ labels[0] }}</th><th>predicted {{ labels[1] }}</th></tr>
<tr><td>{{ labels[0] }}</td><td>{{ shown.confusion.tn }}</td><td>{{ shown.confusion.fp }}</td></tr>
<tr><td>{{ labels[1] }}</td><td>{{ shown.confusion.fn }}</td><td>{{ shown.confusion.tp }}</td></tr></table>
{% for title, text, image in figures %}<h2>{{ title }}</h2><p class="note">{{ text }}</p>
<img alt="{{ title }}: {{ text }}" src="data:image/png;base64,{{ image }}">{% endfor %}
<h2>Feature importance</h2>
<table><tr><th>feature</th>{% for kind in importance %}<th>{{ kind }}</th>{% endfor %}</tr>
{% for name in names %}<tr><td>{{ features.get(name, name) }}</td>
{% for kind in importance %}<td>{{ "%.4g"|format(importance[kind].get(name, 0)) }}</td>{% endfor %}</tr>
{% endfor %}</table></html>"""


def main(root: Path, environment: dict[str, str]) -> None:
    """Write the report. Raises ContainerError where the model's objective isn't binary."""
    processing = root / "opt/ml/processing"
    opt = processing if processing.exists() else root / "opt/ml"
    hyperparameters = parse_hyperparameters(json.loads((opt / "input/config/hyperparameters.json").read_text()))
    channels = json.loads((opt / "input/config/inputdataconfig.json").read_text())
    if not str(hyperparameters.get("objective", "")).startswith("binary"):
        raise ContainerError("the report is made for binary objectives only")
    if opt == processing:
        booster, output = load_booster(opt / "input/model/model.tar.gz"), opt / "output"
    else:
        booster, output = xgboost.Booster(), opt / "output/rule"
        booster.load_model(bytearray((opt / "model/xgboost-model").read_bytes()))
    judged: dict[str, tuple[Performance, Any, Any]] = {}
    content_types = {name: channels[name].get("ContentType", "") for name in ("train", "validation") if name in channels}
    for name, data in load_channels(opt / "input/data", content_types, hyperparameters).items():
        scores, labels = booster.predict(data), data.get_label()
        judged[name] = (evaluate_performance(labels, scores, resamples=RESAMPLES), labels, scores)
    history_path = opt / "output/evals_result.json"
    history = json.loads(history_path.read_text()) if history_path.exists() else {}
    importance = {kind: booster.get_score(importance_type=kind) for kind in ("gain", "weight", "cover")}
    best = "validation" if "validation" in judged else "train"
    output.mkdir(parents=True, exist_ok=True)
    content = {
        "rounds": booster.num_boosted_rounds(),
        "judged_on": best,
        "performance": {name: found[0].to_json() for name, found in judged.items()},
        "importance": importance,
        "history": history,
        "distributions": {name: _distributions(labels, scores) for name, (_, labels, scores) in judged.items()},
    }
    (output / "xgboost_report.json").write_text(json.dumps(content))
    performance, labels, scores = judged[best]
    names = sorted({name for scored in importance.values() for name in scored}, key=lambda name: -importance["gain"].get(name, 0))
    page = Environment(autoescape=True).from_string(PAGE_TEMPLATE)
    called, features = _read_names(opt / "input/config/report.json", environment)
    figures = _figures(performance, labels, scores, history, called)
    html = page.render(
        rounds=content["rounds"],
        train=judged["train"][0],
        shown=performance,
        judged=best,
        figures=figures,
        importance=importance,
        names=names,
        labels=called,
        features={f"f{place}": name for place, name in enumerate(features)},
    )
    (output / "xgboost_report.html").write_text(html)


def _read_names(path: Path, environment: dict[str, str]) -> tuple[list[str], list[str]]:
    """What labels 0 and 1 are called, and the features in the order of the training; no names of features where they aren't known."""
    given = json.loads(path.read_text()) if path.exists() else {"labels": json.loads(environment.get("REPORT_LABELS", "null"))}
    return [str(name) for name in given.get("labels") or ("label 0", "label 1")], [str(name) for name in given.get("features", [])]


def _distributions(labels: Any, scores: Any) -> dict[str, Any]:
    """Rows of each label by score, and by residual (label − score), in equal bins."""
    edges = {"score": np.linspace(0, 1, HISTOGRAM_BINS + 1), "residual": np.linspace(-1, 1, 2 * HISTOGRAM_BINS + 1)}
    values = {"score": scores, "residual": labels - scores}
    return {
        kind: {
            "edges": edges[kind].round(6).tolist(),
            **{f"label {label}": np.histogram(values[kind][labels == label], bins=edges[kind])[0].tolist() for label in (0, 1)},
        }
        for kind in edges
    }


def _figures(performance: Performance, labels: Any, scores: Any, history: dict[str, Any], called: list[str]) -> list[tuple[str, str, str]]:
    """Title, words and picture of each; ``called``: what labels 0 and 1 are called."""
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    known = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()

    def printable(name: str) -> str:
        return printable_text(name, known)

    def drawn(draw: Any, width: float = 6) -> str:
        buffer = io.BytesIO()
        with matplotlib.rc_context({"text.parse_math": False}):
            figure = Figure(figsize=(width, 3.6), layout="constrained")
            draw(figure.subplots())
            figure.savefig(buffer, format="png", dpi=110)
        return base64.b64encode(buffer.getvalue()).decode()

    def curve(points: Any, x: str, y: str, diagonal: bool) -> Any:
        def draw(axes: Any) -> None:
            axes.plot([p[0] for p in points], [p[1] for p in points])
            if diagonal:
                axes.plot([0, 1], [0, 1], ":", color="grey")
            axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))

        return draw

    def calibration(axes: Any) -> None:
        axes.plot([b.mean_score for b in performance.calibration], [b.observed for b in performance.calibration], "o-")
        axes.plot([0, 1], [0, 1], ":", color="grey")
        axes.set(xlabel="mean score of the bin", ylabel=f"share with {printable(called[1])}")

    def distribution(axes: Any) -> None:
        edges = np.linspace(0, 1, 41)
        axes.hist([scores[labels == 0], scores[labels == 1]], bins=edges, label=list(map(printable, called)), histtype="step", density=True)
        axes.set(xlabel="score", ylabel="density")
        axes.legend()

    def residuals(axes: Any) -> None:
        axes.hist(labels - scores, bins=60)
        axes.set(xlabel=f"1 for {printable(called[1])}, else 0, minus score", ylabel="rows")

    figures = [
        (
            "ROC",
            "True positive against false positive rate, for every threshold.",
            drawn(curve(performance.roc, "false positive rate", "true positive rate", True)),
        ),
        ("Precision and recall", "For every threshold.", drawn(curve(performance.pr, "recall", "precision", False))),
        ("Calibration", f"Observed share of {called[1]} against the mean score, in bins.", drawn(calibration)),
        ("Scores by label", "How well the scores separate the labels.", drawn(distribution)),
        ("Residuals", f"1 for {called[1]}, 0 for {called[0]}, minus the score.", drawn(residuals)),
    ]
    metrics = dict.fromkeys(metric for found in history.values() for metric in found)
    for metric in metrics:

        def rounds(axes: Any, metric: str = metric) -> None:
            for data, found in history.items():
                if metric in found:
                    axes.plot(found[metric], label=data)
            axes.set(xlabel="round", ylabel=metric)
            axes.legend()

        figures.append((f"{metric} by round", "Training and validation.", drawn(rounds)))
    return figures
