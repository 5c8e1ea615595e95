"""What a policy sets for a group of models: facets, profile, tier and the bounds of the threshold. The submitter chooses none of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from deciding import EASY, adopt, approve, submitted, validated

from core.errors import Conflict, DataError
from core.governance.group_gates import judge_group_rules
from core.governance.policy import InvalidPolicy, parse_toml
from core.registry import model_packages

WHERE = '[[groups]]\npattern = "*"\nprofiles = ["easy", "hard"]\n'


def policy_with(said: str) -> str:
    assert WHERE in EASY
    return EASY.replace(WHERE, f'[[groups]]\npattern = "deci*"\n{said}\n[[groups]]\npattern = "*"\nprofiles = ["hard"]\n')


def test_the_first_pattern_that_fits_counts_and_without_one_the_first_profile():
    rules = parse_toml(policy_with('tier = "high"\nfacets = ["SEX"]').encode())
    assert (rules.rules_for("decided").tier, rules.rules_for("decided").profiles) == ("high", ("easy",))
    assert (rules.rules_for("other").tier, rules.rules_for("other").profiles) == (None, ("hard",))
    bare = parse_toml(EASY.replace(WHERE, "").encode()).rules_for("any")
    assert (bare.profiles, bare.facets, bare.threshold.min, bare.threshold.max) == (("easy",), (), 0.0, 1.0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('profiles = ["none"]', "names the profile none"),
        ("threshold = {min = 0.8, max = 0.2}", "min is above its max"),
        ("threshold = {max = 1.5}", "less than or equal to 1"),
        ('tier = "grave"', "tier"),
    ],
)
def test_rules_that_cannot_be_met_are_refused(said, words):
    with pytest.raises(InvalidPolicy, match=words):
        parse_toml(policy_with(said).encode())


@pytest.mark.parametrize(
    ("said", "chosen", "words"),
    [
        ('profiles = ["hard"]', {"profile": "easy"}, "by the profile hard, not easy"),
        ('tier = "high"', {"tier": "low"}, "into the tier high, not low"),
    ],
)
def test_the_submitter_chooses_no_laxer_profile_or_tier(target, arn, said, chosen, words):
    adopt(target, policy_with(said))
    with pytest.raises(DataError, match=words):
        submitted(target, arn, **chosen)


def test_a_version_without_a_facet_that_must_be_measured_is_not_approved(target, arn):
    adopt(target, policy_with('facets = ["region", "age=1"]'))
    validated(target, arn)
    with pytest.raises(Conflict, match=r"Protected facets measured \(fail\): Bias wasn't measured for age=1"):
        approve(target, arn)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ('facets = ["region"]', "pass"),
        ('facets = ["region=0"]', "pass"),
        ('facets = ["region=1"]', "fail"),
        ("threshold = {min = 0.3, max = 0.5}", "pass"),
        ("threshold = {max = 0.4}", "fail"),
    ],
)
def test_facets_and_threshold_are_judged_by_what_the_version_has(said, status):
    package = SimpleNamespace(
        bias=SimpleNamespace(facets=[SimpleNamespace(key="region=0")]), threshold=0.5, properties={"governance:threshold-rationale": "why"}
    )
    (result,) = judge_group_rules(parse_toml(policy_with(said).encode()).rules_for("decided"), package)
    assert (result.status, result.is_waivable) == (status, False)


def test_the_threshold_is_a_field_of_the_version(target, arn):
    package = model_packages.read_package(target, arn)
    assert (package.threshold, package.properties["governance:threshold-rationale"]) == (0.5, "chosen by default")
    assert package.performance["threshold"] == package.bias.threshold == package.threshold
