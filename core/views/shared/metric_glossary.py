"""What each metric asks, how it's computed and how to read it, in words; shown where the metric stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.analysis.bias.metric_registry import find_definition

AWS_DOCS_URL = "https://docs.aws.amazon.com/sagemaker/latest/dg"


@dataclass(frozen=True)
class GlossaryEntry:
    """``question``: the question that it answers; ``formula``: with a for the rest and d for the facet; ``interpretation``: what a value
    means."""

    title: str
    question: str
    formula: str
    interpretation: str


PERFORMANCE = {
    "auc": GlossaryEntry(
        "Area under the ROC curve",
        "Of two rows with different labels, how often does the one with label 1 get the higher score?",
        "P(score of a 1 > score of a 0)",
        "0.5: chance; 1: always. No threshold enters.",
    ),
    "average precision": GlossaryEntry(
        "Average precision",
        "How pure are the highest scores?",
        "Σ precision × gain in recall, from the highest score down",
        "The share of label 1: chance; 1: perfect.",
    ),
    "accuracy": GlossaryEntry(
        "Accuracy", "How often is the prediction right?", "(TP + TN) / n", "Compare it to always predicting the commoner label."
    ),
    "balanced accuracy": GlossaryEntry(
        "Balanced accuracy", "How often is it right, both labels counting alike?", "(recall of 1 + recall of 0) / 2", "0.5: chance."
    ),
    "precision": GlossaryEntry(
        "Precision", "Of the rows called 1, how many are?", "TP / (TP + FP)", "Undefined where nothing is called 1."
    ),
    "recall": GlossaryEntry("Recall", "Of the rows that are 1, how many are found?", "TP / (TP + FN)", "1: all."),
    "f1": GlossaryEntry("F1 of label 1", "Precision and recall in one", "2 · precision · recall / (precision + recall)", "1: perfect."),
    "macro f1": GlossaryEntry(
        "Macro F1", "The mean F1 of both labels", "(F1 of 1 + F1 of 0) / 2", "What SageMaker's container logs as f1."
    ),
    "log loss": GlossaryEntry("Log loss", "How surprised are the scores by the labels?", "−mean ln P(label)", "Lower is better."),
    "brier": GlossaryEntry(
        "Brier score", "How far are scores from labels, squared?", "mean (score − label)²", "Lower is better; 0: perfect."
    ),
    "ece": GlossaryEntry(
        "Expected calibration error",
        "How far is a score from the share of label 1 among rows with such a score?",
        "mean |mean score − share of label 1| over ten bins, weighted by rows",
        "0: scores are probabilities. Rebalancing usually raises it: the model learns another share of label 1 than there is.",
    ),
}


def is_bias_metric(name: str) -> bool:
    """Whether it is a bias metric, of either stage."""
    return find_definition(name) is not None


def find_entry(name: str) -> GlossaryEntry | None:
    """The entry of a bias or performance metric; None where there is none."""
    definition = find_definition(name)
    if definition is None:
        return PERFORMANCE.get(name)
    return GlossaryEntry(definition.title, definition.question, definition.formula, definition.interpretation)


def entries_markdown(names: Iterable[str]) -> str:
    """The entries of these metrics, one paragraph each; names without one are left out."""
    known = [(name, entry) for name in names if (entry := find_entry(name)) is not None]
    return "\n\n".join(f"**{name}: {e.title}.** {e.question}  \n`{e.formula}`  \n{e.interpretation}" for name, e in known)


BIAS_INTRODUCTION = (
    "Each metric compares the **facet** (d: the people whom the report names) with the **rest** (a: everybody else). "
    f"The definitions are SageMaker Clarify's: [before training]({AWS_DOCS_URL}/clarify-measure-data-bias.html), "
    f"[after training]({AWS_DOCS_URL}/clarify-measure-post-training-bias.html). "
    "Intervals are percentiles of 1,000 bootstrap resamples of the rows. Distances (JS, KL, KS, LP, TVD, GE) can't fall below 0, "
    "so their interval says how large they are, not whether there is a difference."
)
PERFORMANCE_INTRODUCTION = (
    "All are measured on the held-out rows; label 1 is the outcome that the score predicts. AUC has DeLong's interval, the others are "
    "percentiles of 1,000 bootstrap resamples of the rows. Differences are **paired**: both versions judge the same rows in each resample "
    "(AUC: DeLong's test for correlated curves; accuracy: McNemar's exact test). **Within the noise** means that chance alone would make "
    "such a difference in at least one case of twenty."
)
