"""Debugger's CreateXgboostReport: what a trained model does on its own training and validation rows, as JSON and as a page to read.

After a training job, under root: the model at /opt/ml/model/xgboost-model, the channels at /opt/ml/input/data/, the rounds' metrics at
/opt/ml/output/evals_result.json; out: /opt/ml/output/rule/xgboost_report.{json,html}. As a Processing job (a tuning job's trials can't have
rules): the same below /opt/ml/processing, with input/model/model.tar.gz, and out: /opt/ml/processing/output.
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
<table><tr><th></th><th>predicted 0</th><th>predicted 1</th></tr>
<tr><td>label 0</td><td>{{ shown.confusion.tn }}</td><td>{{ shown.confusion.fp }}</td></tr>
<tr><td>label 1</td><td>{{ shown.confusion.fn }}</td><td>{{ shown.confusion.tp }}</td></tr></table>
{% for title, text, image in figures %}<h2>{{ title }}</h2><p class="note">{{ text }}</p>
<img alt="{{ title }}: {{ text }}" src="data:image/png;base64,{{ image }}">{% endfor %}
<h2>Feature importance</h2>
<table><tr><th>feature</th>{% for kind in importance %}<th>{{ kind }}</th>{% endfor %}</tr>
{% for name in names %}<tr><td>{{ name }}</td>
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
    figures = _figures(performance, labels, scores, history)
    html = page.render(
        rounds=content["rounds"],
        train=judged["train"][0],
        shown=performance,
        judged=best,
        figures=figures,
        importance=importance,
        names=names,
    )
    (output / "xgboost_report.html").write_text(html)


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


def _figures(performance: Performance, labels: Any, scores: Any, history: dict[str, Any]) -> list[tuple[str, str, str]]:
    from matplotlib.figure import Figure

    def drawn(draw: Any, width: float = 6) -> str:
        figure = Figure(figsize=(width, 3.6), layout="constrained")
        draw(figure.subplots())
        buffer = io.BytesIO()
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
        axes.set(xlabel="mean score of the bin", ylabel="share with label 1")

    def distribution(axes: Any) -> None:
        edges = np.linspace(0, 1, 41)
        axes.hist([scores[labels == 0], scores[labels == 1]], bins=edges, label=["label 0", "label 1"], histtype="step", density=True)
        axes.set(xlabel="score", ylabel="density")
        axes.legend()

    def residuals(axes: Any) -> None:
        axes.hist(labels - scores, bins=60)
        axes.set(xlabel="label − score", ylabel="rows")

    figures = [
        (
            "ROC",
            "True positive against false positive rate, for every threshold.",
            drawn(curve(performance.roc, "false positive rate", "true positive rate", True)),
        ),
        ("Precision and recall", "For every threshold.", drawn(curve(performance.pr, "recall", "precision", False))),
        ("Calibration", "Observed share of label 1 against the mean score, in bins.", drawn(calibration)),
        ("Scores by label", "How well the scores separate the labels.", drawn(distribution)),
        ("Residuals", "Label minus score.", drawn(residuals)),
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
