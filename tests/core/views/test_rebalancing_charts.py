"""The data page's words and figures say what the manifests say."""

from __future__ import annotations

import copy

import pytest

from core.analysis.tables.value_names import ValueNames
from core.views.data import rebalancing_comparison, rebalancing_sentences, synthetic_row_charts

NAMES = ValueNames.from_coding({}, {"SEX": {1: "men", 2: "women"}, "LABEL": {0: "paid", 1: "defaulted"}})


def counts(men_good: float, men_bad: float, women_good: float, women_bad: float) -> list[dict[str, float]]:
    cells = ((0, 1, men_good), (1, 1, men_bad), (0, 2, women_good), (1, 2, women_bad))
    return [{"label": label, "facet": facet, "count": n, "weight": n} for label, facet, n in cells]


def manifest(after=(850, 150, 800, 200), dpl=-0.05, ci=0.0, leaked=0, method="smote") -> dict:
    metric = {"error": None}
    return {
        "config": {
            "label": "LABEL",
            "favourable": 0,
            "facet": "SEX",
            "facet_value": 1,
            "method": method,
            "target": "facet",
            "order": "split_first",
        },
        "split": {"original_train_rows": 1400, "train_rows": 2000},
        "synthetic": {"count": 600, "share": 0.3},
        "leaked_rows": leaked,
        "counts": {"before": counts(300, 100, 800, 200), "after": counts(*after)},
        "pre_training_bias": {
            "before": {"DPL": {"value": 0.05, **metric}, "CI": {"value": 0.43, **metric}, "CDDL": {"value": None, "error": "one group"}},
            "after": {"DPL": {"value": dpl, **metric}, "CI": {"value": ci, **metric}, "CDDL": {"value": None, "error": "one group"}},
        },
    }


def test_what_it_does_to_men_and_women_is_said_with_n_and_interval() -> None:
    text = rebalancing_sentences.group_outcomes_sentence(manifest(), NAMES)
    assert text.startswith(
        "Of 100 men, 75.0 have the favourable outcome (paid) before (95 % interval 70.5 to 79.0, n = 400) and 85.0 after"
    )
    assert "of 100 women, 80.0 have it before (95 % interval 77.4 to 82.4, n = 1,000) and as many after" in text
    assert "Before, men were 5.0 points behind women (95 % interval 0.2 to 10.1)" in text
    assert text.endswith("after, 5.0 points ahead of them.")


def test_how_far_the_share_of_favourable_labels_moved_is_said_for_each_group() -> None:
    men = {"group": "1", "rows_before": 400, "favourable_before": 300, "rows_after": 1000, "favourable_after": 796}
    women = {"group": "2", "rows_before": 1000, "favourable_before": 800, "rows_after": 1000, "favourable_after": 800}
    men |= {"before": 0.75, "after": 0.796, "moved": 0.046, "asked": 0.77, "beyond_target": 0.026}
    women |= {"before": 0.8, "after": 0.8, "moved": 0.0, "asked": 0.8, "beyond_target": -1e-17}
    found = manifest() | {"label_shares": [men, women]}
    assert rebalancing_sentences.label_shares_sentence(found, NAMES) == (
        "The share of favourable labels moved most for men: from 75.0 % to 79.6 % (+4.60 points; the target asks for +2.00). "
        "Beyond what the target asks, it moved most for men: +2.60 points."
    )
    assert rebalancing_sentences.label_shares_table(found, NAMES).to_dict("records") == [
        {
            "group": "men",
            "before": "75.0 % (300 of 400)",
            "after": "79.6 % (796 of 1,000)",
            "moved, points": "+4.60",
            "beyond the target": "+2.60",
        },
        {
            "group": "women",
            "before": "80.0 % (800 of 1,000)",
            "after": "80.0 % (800 of 1,000)",
            "moved, points": "0.00",
            "beyond the target": "0.00",
        },
    ]
    assert rebalancing_sentences.label_shares_sentence(manifest(), NAMES) == ""
    assert rebalancing_sentences.label_shares_table(manifest(), NAMES).empty


def test_copies_are_not_called_synthetic_and_rows_taken_out_are_counted() -> None:
    assert rebalancing_sentences.rebalancing_sentence(manifest(), "0", NAMES).startswith(
        "600 synthetic rows (30.0 % of the training rows). The share"
    )
    assert rebalancing_sentences.rebalancing_sentence(manifest(method="random-over"), "0", NAMES).startswith("600 copied rows (")
    cleaned = manifest(method="smote-enn") | {"split": {"original_train_rows": 1650, "train_rows": 2000}}
    assert "250 real rows are removed." in rebalancing_sentences.rebalancing_sentence(cleaned, "0", NAMES)


def test_a_difference_within_the_noise_is_said_to_be() -> None:
    small = manifest()
    small["counts"]["before"] = counts(15, 5, 40, 10)
    assert "so within the noise" in rebalancing_sentences.group_outcomes_sentence(small, NAMES)


def test_groups_without_names_are_told_by_their_codes_and_many_are_the_others() -> None:
    three = manifest()
    for when in ("before", "after"):
        three["counts"][when] = [*three["counts"][when], {"label": 0, "facet": 3, "count": 5, "weight": 5}]
    text = rebalancing_sentences.group_outcomes_sentence(three, ValueNames())
    assert "Of 100 rows with SEX = 1," in text
    assert "of 100 others," in text


def test_a_group_without_rows_makes_no_sentence() -> None:
    none = manifest()
    none["counts"]["after"] = counts(0, 0, 800, 200)
    assert rebalancing_sentences.group_outcomes_sentence(none, NAMES) == ""


def test_the_most_changed_cell_is_named() -> None:
    found = rebalancing_sentences.counts_sentence(**manifest()["counts"], label="LABEL", facet="SEX", names=NAMES)
    assert found == "1,400 rows before, 2,000 after. Most changed: men, paid, from 300 to 850."


def test_methods_side_by_side_name_the_nearest_the_flipped_and_the_leaking() -> None:
    three = {
        "smote": manifest(dpl=-0.05),
        "weights": manifest(dpl=0.001, ci=0.43, method="reweighing"),
        "early": manifest(dpl=0.02, leaked=7),
    }
    text = rebalancing_comparison.best_rebalancing_sentence(three)
    assert text.startswith("DPL is nearest to 0 with **weights** (0.001; 2,000 rows, 600 of them synthetic).")
    assert "changes its sign with smote" in text
    assert "early leaks held-out rows" in text
    assert "An equal count of rows (CI = 0) is not what brings the labels together." in text
    table = rebalancing_comparison.rebalancings_table(three, {"smote": "SMOTE"}, ["DPL", "CDDL"]).set_index("rebalancing")
    assert table.loc["smote", "DPL after"] == "−0.050 ⇄"
    assert table.loc["weights", "balanced"] == "–"
    assert table.loc["smote", "CDDL after"] == "–"


def test_a_metric_that_is_undefined_keeps_its_reason_in_the_comparison() -> None:
    table = rebalancing_comparison.change_table({"a": manifest(), "b": manifest()}, "CDDL")
    assert set(table["why undefined"]) == {"one group"}
    assert "nothing to compare" in rebalancing_comparison.best_rebalancing_sentence({"a": manifest(), "b": manifest()}, "CDDL")
    assert len(rebalancing_comparison.change_figure({"a": manifest(), "b": manifest()}, "CDDL").data[0].x) == 2


def feature(synthetic: int = 10) -> dict:
    side = {
        "before": {"counts": [30, 10], "mean": 1.25, "rows": 40},
        "after": {"counts": [30, 20], "mean": 1.4, "rows": 50},
        "synthetic": {"counts": [0, synthetic], "mean": 2.0 if synthetic else None, "rows": synthetic},
    }
    nobody = copy.deepcopy(side)
    nobody["synthetic"] = {"counts": [0, 0], "mean": None, "rows": 0}
    return {
        "feature": "rank",
        "kind": "values",
        "edges": [1, 2],
        "labels": ["1", "2"],
        "groups": {"": side, "1": copy.deepcopy(side), "2": nobody},
    }


def test_real_and_synthetic_rows_are_compared_by_what_they_have_in_common() -> None:
    assert synthetic_row_charts.overlap_sentence(feature()) == (
        "rank: 25 % of the two distributions is common. Mean 1.25 in 40 real rows, 2.00 in 10 synthetic rows."
    )
    assert synthetic_row_charts.overlap_table([feature()]).loc[0, "overlap"] == pytest.approx(0.25)
    assert list(synthetic_row_charts.histogram_figure(feature()).data[1].y) == [0.0, 1.0]


def test_where_nothing_is_made_up_all_rows_after_are_compared() -> None:
    assert synthetic_row_charts.compared_side(feature(0)) == "after"
    assert synthetic_row_charts.histogram_figure(feature(0)).data[1].name == "all rows after"


def test_rows_of_one_group_are_compared_with_their_own_group_first() -> None:
    assert synthetic_row_charts.sole_synthetic_group(feature()) == "1"
    assert synthetic_row_charts.sole_synthetic_group(feature(0)) == ""
