"""People, a policy, and the steps of a decision, for the tests of decisions."""

from __future__ import annotations

from core.governance import decisions, policy, policy_adoption
from core.governance.version_state import read_state
from core.identity import Identity, Role
from core.registry import model_packages, version_registration

WHY = "Because the evidence bears it, as far as we have looked."
DANA = Identity("Dana", Role.DATA_SCIENTIST, issuer="https://id.example", subject="dana")
VIC = Identity("Vic", Role.VALIDATOR, issuer="https://id.example", subject="vic")
CHRIS = Identity("Chris", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="chris")
OLGA = Identity("Olga", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="olga")
ADA = Identity("Ada", Role.ADMINISTRATOR, issuer="https://id.example", subject="ada")
RITA = Identity("Rita", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="rita")
VERA = Identity("Vera", Role.VIEWER, issuer="https://id.example", subject="vera")
EASY = """
version = "1"
title = "Easy"
[approvals]
low = 1
medium = 1
high = 2
[expiry]
low = 30
medium = 30
high = 30
[[groups]]
pattern = "*"
profiles = ["easy", "hard"]
[profiles.easy]
title = "Easy"
gates = [{kind = "complete"}, {kind = "disjoint"}, {kind = "lineage"}, {kind = "fresh", max_age_days = 10}]
[profiles.hard]
title = "Hard"
gates = [{kind = "quality", metric = "auc", min = 0.999}, {kind = "bias", metric = "DI", min = 0.99999, max = 1.00001}]
"""


def adopt(target, text):
    """The policy in force from now on: adopted by Ada and confirmed by Rita, unless it is in force already."""
    rules = policy.parse_toml(text.encode())
    if rules.sha256 not in policy_adoption.read_policy_state(target).digests_in_force:
        policy_adoption.adopt_policy(target, ADA, rules, reason=WHY)
        policy_adoption.confirm_policy(target, RITA, rules.sha256, reason=WHY)
    return rules


def register_again(target, arn):
    """Another version, with the same model and reports, registered by Dana."""
    package = model_packages.read_package(target, arn)
    data = model_packages.find_rebalancing(target, package)
    jobs = {"bias_job": package.properties["governance:bias-job"], "shap_job": package.properties["governance:shap-job"]}
    job = package.properties["governance:training-job"]
    return version_registration.register_version(target, DANA, training_job=job, data=data, role="mitigated", group="decided", **jobs)


def seen(target, arn):
    return read_state(target, arn).last_event


def submitted(target, arn, *, tier="low", profile="easy", by=DANA):
    return decisions.submit(
        target, by, arn, seen_event=seen(target, arn), reason=WHY, code="first version", tier=tier, tier_rationale=WHY, profile=profile
    )


def validated(target, arn, **arguments):
    submitted(target, arn, **arguments)
    return decisions.validate(target, VIC, arn, seen_event=seen(target, arn), reason=WHY, code="evidence reviewed")


def approve(target, arn, who=CHRIS, **arguments):
    return decisions.approve(target, who, arn, seen_event=seen(target, arn), reason=WHY, code="meets the policy", **arguments)


def approved(target, arn, **arguments):
    validated(target, arn)
    return approve(target, arn, **arguments)
