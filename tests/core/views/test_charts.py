"""Figures and tables say what the results say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from core.analysis.bias.bias_intervals import Interval
from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.tables.value_names import ValueNames
from core.views.bias import bias_charts
from core.views.data import rebalancing_charts, rebalancing_sentences
from core.views.explainability import shap_charts
from core.views.lineage import graph_layout, lineage_picture, node_names
from core.views.registry import performance_charts
from core.views.tuning import tuning_charts


@dataclass(frozen=True)
class Metric:
    name: str
    description: str
    value: float | None
    error: str | None
    low: float
    high: float
    in_words: str
    interval: Interval | None = None


NAMES = ValueNames.from_coding({}, {"SEX": {1: "men", 2: "women"}, "LABEL": {0: "paid", 1: "defaulted"}})


def counts(women_good: int, women_bad: int, men_good: int, men_bad: int) -> list[dict[str, object]]:
    return [
        {"label": 0, "facet": 2, "count": women_good},
        {"label": 1, "facet": 2, "count": women_bad},
        {"label": 0, "facet": 1, "count": men_good},
        {"label": 1, "facet": 1, "count": men_bad},
    ]


def manifest() -> dict[str, object]:
    return {
        "config": {"facet": "SEX", "label": "LABEL", "method": "smote", "order": "split_first"},
        "split": {"original_train_rows": 300, "train_rows": 400},
        "synthetic": {"count": 100, "share": 0.25},
        "counts": {"before": counts(160, 40, 75, 25), "after": counts(160, 40, 170, 30)},
        "pre_training_bias": {
            "before": {
                "CI": {"value": 0.33, "error": None},
                "DPL": {"value": 0.05, "error": None},
                "CDDL": {"value": None, "error": "one group"},
            },
            "after": {
                "CI": {"value": 0.0, "error": None},
                "DPL": {"value": -0.05, "error": None},
                "CDDL": {"value": None, "error": "one group"},
            },
        },
    }


def test_a_sign_that_flips_is_marked_and_an_undefined_metric_keeps_its_reason() -> None:
    bias_values = manifest()["pre_training_bias"]
    table = rebalancing_charts.bias_table(bias_values["before"], bias_values["after"]).set_index("metric")  # type: ignore[index]
    assert table.loc["DPL", "sign"] == "flipped"
    assert table.loc["CI", "sign"] == "kept"
    assert table.loc["CDDL", "why undefined"] == "one group"


def test_the_sentence_gives_both_groups_rates_and_warns_of_the_flip() -> None:
    text = rebalancing_sentences.rebalancing_sentence(manifest(), "0", NAMES)
    assert "100 synthetic rows (25.0 % of the training rows)" in text
    assert "for men from 75.0 % to 85.0 %" in text
    assert "for women unchanged at 80.0 %" in text
    assert "sign flips" in text


def test_counts_are_laid_side_by_side_with_their_change() -> None:
    table = rebalancing_sentences.counts_table(counts(160, 40, 75, 25), counts(160, 40, 170, 30), label="LABEL", facet="SEX", names=NAMES)
    changed = table[(table["label"] == "paid") & (table["facet"] == "men")].iloc[0]
    assert (changed["before"], changed["after"], changed["change"]) == (75, 170, 95)


def difference(value: float, p: float, *, higher: bool = True) -> PerformanceDifference:
    return PerformanceDifference(0.7, 0.7 + value, value, value - 0.01, value + 0.01, p, "paired bootstrap", higher)


def test_a_difference_within_noise_is_not_called_better() -> None:
    assert performance_charts.difference_verdict(difference(0.02, 0.2)) == "no: within noise, these rows can't tell"
    assert "within noise" not in performance_charts.difference_verdict(difference(0.02, 0.001))


def test_a_higher_loss_is_worse() -> None:
    assert (
        performance_charts.difference_verdict(difference(0.02, 0.001, higher=False), ["baseline", "mitigated"]) == "yes: baseline is better"
    )


def test_the_summary_names_what_is_better_what_is_worse_and_what_is_noise() -> None:
    found = {"recall": difference(0.05, 0.001), "brier": difference(0.03, 0.001, higher=False), "auc": difference(0.001, 0.6)}
    assert (
        performance_charts.differences_sentence(found, ["v1", "v2"])
        == "**v2** is better in recall and worse in brier; 1 other is within noise."
    )


def test_differences_only_leaves_out_what_is_equal() -> None:
    table = performance_charts.values_table(
        {"a": {"eta": "0.2", "max_depth": "5"}, "b": {"eta": "0.1", "max_depth": "5"}}, only_differences=True
    )
    assert list(table["name"]) == ["eta"]


def test_an_undefined_metric_is_shown_with_its_reason_and_not_as_a_number() -> None:
    metric = Metric("DI", "Disparate Impact (DI)", None, "no favourable predictions in the other group", 0.0, float("inf"), "")
    row = bias_charts.metrics_table({"value": {"DI": metric}}).iloc[0]
    assert row["value"] == "undefined"
    assert row["in words"] == "Undefined: no favourable predictions in the other group"
    assert row["range"] == "[0, ∞)"
    assert row["measures"] == "Disparate Impact"


def test_a_ratio_of_one_stands_on_the_line_of_no_difference() -> None:
    metric = Metric("DI", "Disparate Impact (DI)", 1.0, None, 0.0, float("inf"), "equal")
    fig = bias_charts.metrics_figure({"model": {"DI": metric}})
    assert list(fig.data[0].x) == [0.0]


def trials(n: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    eta = rng.uniform(0.1, 0.5, n)
    start = pd.date_range("2026-01-01", periods=n, freq="min", tz="UTC")
    return pd.DataFrame(
        {
            "number": range(1, n + 1),
            "name": [f"job-{i}" for i in range(n)],
            "status": "Completed",
            "objective": 0.7 + eta / 10,
            "started": start,
            "ended": start + pd.Timedelta(seconds=30),
            "eta": eta,
            "max_depth": rng.integers(1, 10, n),
        }
    )


def test_the_best_so_far_never_falls_when_maximizing() -> None:
    table = tuning_charts.history_table(trials(), maximize=True)
    assert table["best so far"].is_monotonic_increasing
    assert table["best so far"].iloc[-1] == table["objective"].max()


def test_the_hyperparameter_that_drives_the_objective_is_the_most_important() -> None:
    table = tuning_charts.importance_table(trials(30), ["eta", "max_depth"], maximize=True)
    assert table.iloc[0]["hyperparameter"] == "eta"
    assert table["importance"].sum() == pytest.approx(1)


def test_importance_of_too_few_trials_is_not_made_up() -> None:
    assert tuning_charts.importance_table(trials(3), ["eta"], maximize=True).empty


def test_a_lineage_edge_always_goes_to_the_right() -> None:
    edges = [("data", "job"), ("job", "artifact"), ("artifact", "package"), ("data", "artifact")]
    place = graph_layout.layout_nodes(["data", "job", "artifact", "package", "alone"], edges)
    assert all(place[a][0] < place[b][0] for a, b in edges)
    assert len(set(place.values())) == 5


def test_choosing_a_node_fades_all_but_its_ancestors_and_descendants() -> None:
    nodes = pd.DataFrame({"arn": list("abcd"), "name": list("abcd"), "family": ["DataSet", "TrialComponent", "ModelArtifact", "DataSet"]})
    edges = pd.DataFrame({"source": ["a", "b", "d"], "destination": ["b", "c", "b"], "type": "ContributedTo"})
    data = {
        item["id"]: item["itemStyle"]["opacity"] for item in lineage_picture.graph_option(nodes, edges, selected="a")["series"][0]["data"]
    }
    assert data == {"a": 1, "b": 1, "c": 1, "d": 0.3}


def test_a_waterfall_ends_at_the_prediction() -> None:
    values = np.array([0.1, -0.05, 0.02, 0.01])
    fig = shap_charts.waterfall(values, 0.2, pd.Series([1, 2, 3, 4], index=list("abcd")), top=2)
    assert fig.data[0].x[0] == 0.2
    assert fig.data[0].x[-1] == pytest.approx(0.28)
    assert sum(fig.data[0].x[1:-1]) == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("name", "uri", "kind", "wanted"),
    [
        ("output/train.csv", "s3://b/governance/rebalanced/job-1/output/train.csv", "DataSet", "train.csv · job-1"),
        ("job-2/output", "s3://b/governance/clarify/job-2/output", "DataSet", "results · job-2"),
        ("x", "123.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1.7-1", "Image", "xgboost:1.7-1"),
        ("credit/2", "arn:aws:sagemaker:r:1:model-package/credit/2", "ModelPackage", "credit v2"),
        ("credit-2-PendingManualApproval-1795540200085-aws-model-package", "", "Approval", "credit v2 pending"),
        ("credit-2-Approved-1795540200085-aws-model-package", "", "Approval", "credit v2 approved"),
        ("governance-00000012", "s3://b/governance/log/events/00000012.json", "reject", "reject · event 12"),
        ("gov-tune-1-aws-training-job", "", "TrainingJob", "gov-tune-1"),
    ],
)
def test_a_node_is_called_what_people_call_it(name: str, uri: str, kind: str, wanted: str) -> None:
    assert node_names.readable_node_name(name, uri, kind) == wanted


def test_an_edge_leads_past_hidden_nodes_once_and_real_edges_stay() -> None:
    edges = pd.DataFrame({"source": list("abca"), "destination": list("bcdd"), "type": "Produced"})
    found = graph_layout.bridge_hidden_nodes(edges, {"a", "d", "c"})
    assert set(zip(found["source"], found["destination"], found["type"], strict=True)) == {
        ("c", "d", "Produced"),
        ("a", "d", "Produced"),
        ("a", "c", graph_layout.HIDDEN_EDGE_TYPE),
    }
    assert graph_layout.bridge_hidden_nodes(edges, set("abcd")).to_dict("list") == edges.to_dict("list")


def test_a_circle_of_hidden_nodes_ends() -> None:
    edges = pd.DataFrame({"source": list("abca"), "destination": list("bcbd"), "type": "Produced"})
    assert len(graph_layout.bridge_hidden_nodes(edges, {"a", "d"})) == 1


def test_what_came_before_and_after_a_node_is_counted_by_family() -> None:
    nodes = pd.DataFrame({"arn": list("abcd"), "name": ["x", "y", "z", "w"], "family": ["DataSet", "DataSet", "TrialComponent", "Model"]})
    edges = pd.DataFrame({"source": ["a", "b", "c"], "destination": ["c", "c", "d"], "type": "Produced"})
    assert lineage_picture.relatives_sentence(nodes, edges, "c") == "Of what is shown, z came from 2 data files; 1 model came of it."
    assert lineage_picture.relatives_sentence(nodes, edges, "a").startswith("Of what is shown, x came from nothing;")
