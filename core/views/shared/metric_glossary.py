"""What each metric asks, how it is computed and how to read it; shown beside the metric."""

from __future__ import annotations

from collections.abc import Iterable

from core.analysis.bias.metric_registry import POST_TRAINING, PRE_TRAINING, MetricDefinition, find_definition
from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS, PerformanceMetric, name_labels

AWS_DOCS_URL = "https://docs.aws.amazon.com/sagemaker/latest/dg"


def is_bias_metric(name: str) -> bool:
    """Whether it is a bias metric, of either stage."""
    return find_definition(name) is not None


def find_entry(name: str) -> MetricDefinition | PerformanceMetric | None:
    """What explains a bias or performance metric (title, question, formula, interpretation); None where there is no such metric."""
    return find_definition(name) or PERFORMANCE_METRICS.get(name.replace(" ", "_"))


def entries_markdown(names: Iterable[str], positive: str = "label 1") -> str:
    """The entries of these metrics, one paragraph each; names without one are left out. ``positive``: what label 1 is called."""
    known = [(name, entry) for name in names if (entry := find_entry(name)) is not None]

    def said(text: str) -> str:
        return name_labels(text, ("label 0", positive))

    return "\n\n".join(f"**{name}: {said(e.title)}.** {said(e.question)}  \n`{e.formula}`  \n{said(e.interpretation)}" for name, e in known)


DISTANCES = [name for stage in (PRE_TRAINING, POST_TRAINING) for name in sorted(stage) if stage[name].low >= stage[name].neutral]
"""The metrics without a direction: no value lies below "no difference"."""
BIAS_INTRODUCTION = (
    "Each metric compares the **facet** (d: the people whom the report names) with the **rest** (a: everybody else). "
    f"The definitions are SageMaker Clarify's: [before training]({AWS_DOCS_URL}/clarify-measure-data-bias.html), "
    f"[after training]({AWS_DOCS_URL}/clarify-measure-post-training-bias.html). "
    "Each value has a 95 % interval (docs/intervals.md: how it is made, and how often it is right). An interval that contains no "
    "difference means that these rows can't tell, not that the groups are equal. "
    f"Distances ({', '.join(DISTANCES)}) can't fall below 0, "
    "so their interval says how large they are, not whether there is a difference."
)


def performance_introduction(positive: str = "label 1") -> str:
    """How the figures of quality are measured and compared. ``positive``: what label 1 is called."""
    return (
        f"All are measured on the held-out rows; {positive} is the outcome that the score predicts. Each has a 95 % interval "
        "(docs/intervals.md: how it is made, and how often it is right). Differences are **paired**: both versions judge the same rows "
        "(accuracy: McNemar's exact test). **Within the noise** means that chance alone would make such a difference in at least one case "
        "of twenty: these rows can't tell, which doesn't mean that the versions are equal."
    )
