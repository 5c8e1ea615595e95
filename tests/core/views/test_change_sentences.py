"""What changed between two versions, in sentences: only what is beyond the noise is said to differ."""

from __future__ import annotations

from dataclasses import replace

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.performance.performance_difference import PerformanceDifference
from core.views.registry.change_sentences import MAX_SHOWN, bias_sentence, quality_sentence, values_sentence

BETTER = PerformanceDifference(0.7, 0.8, 0.1, 0.05, 0.15, 0.001, "DeLong")
NOISE = replace(BETTER, p_value=0.4)
NEARER = BiasDifference("DPPL", 0.1, 0.05, -0.05, -0.07, -0.03, 0.001, "b", 500)


def test_quality_beyond_the_noise_is_named_with_its_direction():
    assert quality_sentence({"auc": BETTER, "f1": NOISE}, "") == "Better in auc +0.100; the rest is within the noise."
    worse = replace(BETTER, higher_is_better=False)
    assert quality_sentence({"auc": BETTER, "ece": worse}, "").startswith("Better in auc +0.100; worse in ece +0.100;")
    assert quality_sentence({"auc": NOISE}, "") == "Every difference is within the noise."
    assert quality_sentence(None, "Other rows.") == "Not compared: Other rows."


def test_groups_are_nearer_or_further_apart():
    further = replace(NEARER, name="RD", fairer="a", value=0.04)
    assert bias_sentence({"DPPL": NEARER, "RD": further}).startswith("Nearer to each other by DPPL −0.050; further apart by RD +0.040;")
    assert bias_sentence({"DPPL": replace(NEARER, fairer=None)}) == "Every difference is within the noise."


def test_values_that_changed_are_named_and_the_others_counted():
    before = {"data set": "loans", "data set, SHA-256": "aa", "rows": "100", "eta": "0.1"}
    after = {"data set": "loans", "data set, SHA-256": "bb", "rows": "120", "gamma": "1"}
    assert values_sentence(before, after) == "data set, SHA-256: another one; rows 100 → 120; eta 0.1 → none; gamma none → 1; 1 the same."
    assert values_sentence({"eta": "0.5399484409787431"}, {"eta": "auc,logloss"}) == "eta 0.5399 → auc,logloss."
    assert values_sentence(before, before) == "All 4 values are the same."
    assert values_sentence({}, {}) == "Nothing is recorded."
    assert " and 2 more." in values_sentence({}, {f"p{n}": "1" for n in range(MAX_SHOWN + 2)})
