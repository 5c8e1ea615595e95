"""What each metric asks, how it's computed and how to read it, in words; shown where the metric stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

AWS_DOCS_URL = "https://docs.aws.amazon.com/sagemaker/latest/dg"


@dataclass(frozen=True)
class GlossaryEntry:
    """``question``: the question that it answers; ``formula``: with a for the rest and d for the facet; ``interpretation``: what a value
    means."""

    title: str
    question: str
    formula: str
    interpretation: str


PRE_TRAINING = {
    "CDDL": GlossaryEntry(
        "Conditional demographic disparity in labels",
        "Within groups of like people (the group variable), is the facet overrepresented among the unfavourable labels?",
        "facet's share of the unfavourable labels − its share of the favourable ones, per group, weighted by the group's size",
        "0: no. Above 0: yes. It guards against Simpson's paradox: a difference that only comes from groups of unlike size.",
    ),
    "CI": GlossaryEntry(
        "Class imbalance",
        "Are there fewer rows of the facet than of the rest?",
        "(nₐ − n_d) / (nₐ + n_d)",
        "0: equally many. It counts rows and looks at no label: mending it says nothing about bias in the labels.",
    ),
    "DPL": GlossaryEntry(
        "Difference in proportions of labels",
        "Does the facet have the favourable label less often?",
        "favourable share of the rest − favourable share of the facet",
        "0: equally often. Above 0: the facet has it less often, below 0 more often.",
    ),
    "JS": GlossaryEntry(
        "Jensen-Shannon divergence",
        "How differently are the labels distributed?",
        "mean KL divergence of both sides from their mean",
        "0: alike. At most ln 2 ≈ 0.693. It has no direction.",
    ),
    "KL": GlossaryEntry(
        "Kullback-Leibler divergence",
        "How much do the labels of the rest diverge from the facet's?",
        "Σ Pₐ(y) · ln(Pₐ(y) / P_d(y))",
        "0: not at all; no upper bound. It has no direction.",
    ),
    "KS": GlossaryEntry(
        "Kolmogorov-Smirnov distance",
        "What is the greatest gap in the share of any label?",
        "max |Pₐ(y) − P_d(y)|",
        "0: none; 1: no label in common. With two labels it is |DPL|.",
    ),
    "LP": GlossaryEntry(
        "Lp norm",
        "How far apart are the label shares?",
        "√ Σ (Pₐ(y) − P_d(y))²",
        "0: equal. With two labels it is √2 · |DPL|.",
    ),
    "TVD": GlossaryEntry(
        "Total variation distance",
        "What part of one side would need another label for equal shares?",
        "½ Σ |Pₐ(y) − P_d(y)|",
        "0: none. With two labels it is |DPL|.",
    ),
}
POST_TRAINING = {
    "AD": GlossaryEntry(
        "Accuracy difference",
        "Is the model right less often for the facet?",
        "accuracy of the rest − accuracy of the facet",
        "0: equally often. Above 0: less often for the facet.",
    ),
    "CDDPL": GlossaryEntry(
        "Conditional demographic disparity in predicted labels",
        "Within groups of like people, is the facet overrepresented among those turned away?",
        "facet's share of the rejected − its share of the accepted, per group, weighted by the group's size",
        "0: no. Above 0: yes.",
    ),
    "DAR": GlossaryEntry(
        "Difference in acceptance rates",
        "Among the accepted, do fewer of the facet deserve it?",
        "precision of acceptance, rest − facet",
        "0: equal. Above 0: acceptances of the facet are right less often.",
    ),
    "DCA": GlossaryEntry(
        "Difference in conditional acceptance",
        "Per acceptance, how many favourable labels are there on each side?",
        "favourable labels / acceptances, rest − facet",
        "0: equal. Below 0: the model is stricter with the facet. Infinite where nobody is accepted.",
    ),
    "DCR": GlossaryEntry(
        "Difference in conditional rejection",
        "Per rejection, how many unfavourable labels are there on each side?",
        "unfavourable labels / rejections, facet − rest",
        "0: equal. Below 0: the model is stricter with the facet. Infinite where nobody is turned away.",
    ),
    "DI": GlossaryEntry(
        "Disparate impact",
        "How many times as often is the facet accepted?",
        "acceptance rate of the facet / that of the rest",
        "1: equally often. US employment guidance takes below 0.8 (the four-fifths rule) as evidence; it is not law everywhere.",
    ),
    "DPPL": GlossaryEntry(
        "Difference in proportions of predicted labels",
        "Is the facet accepted less often? Also called demographic parity difference.",
        "acceptance rate of the rest − that of the facet",
        "0: equally often. Above 0: the facet is accepted less often.",
    ),
    "DRR": GlossaryEntry(
        "Difference in rejection rates",
        "Are rejections right equally often?",
        "precision of rejection, facet − rest",
        "0: equally. Below 0: rejections of the facet are right less often.",
    ),
    "FT": GlossaryEntry(
        "Flip test",
        "Would people of the facet be treated otherwise if they were like people of the rest?",
        "(facet accepted though its five nearest neighbours among the rest are turned away − the reverse) / n_d",
        "0: as many better as worse. Below 0: more are treated worse. Its interval holds the neighbours fixed. Of a facet of more than "
        "200,000 rows it asks so many, drawn at random; its n says so.",
    ),
    "GE": GlossaryEntry(
        "Generalized entropy",
        "How unequally do errors benefit people?",
        "½ · squared coefficient of variation of prediction − label + 1",
        "0: equally. It looks at all people together, not at the facet.",
    ),
    "RD": GlossaryEntry(
        "Recall difference",
        "Of those who deserve acceptance, does the facet get it less often? Also called equal opportunity.",
        "recall of acceptance, rest − facet",
        "0: equally often. Above 0: less often.",
    ),
    "SD": GlossaryEntry(
        "Specificity difference",
        "Of those who don't deserve acceptance, is the facet turned away more often?",
        "specificity, facet − rest",
        "0: equally often. Above 0: more often.",
    ),
    "TE": GlossaryEntry(
        "Treatment equality",
        "Per wrong acceptance, how many wrong rejections are there on each side?",
        "wrong rejections / wrong acceptances, facet − rest",
        "0: equal. Above 0: errors go against the facet. Infinite where nobody is accepted wrongly.",
    ),
}
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
ALL_ENTRIES = PRE_TRAINING | POST_TRAINING | PERFORMANCE


def entries_markdown(names: Iterable[str]) -> str:
    """The entries of these metrics, one paragraph each."""
    known = [(name, ALL_ENTRIES[name]) for name in names if name in ALL_ENTRIES]
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
