"""People, a policy, and the steps of a decision, for the tests of decisions."""

from __future__ import annotations

from core.governance import decisions
from core.governance.version_state import read_state
from core.identity import Identity, Role

WHY = "Because the evidence bears it, as far as we have looked."
DANA = Identity("Dana", Role.DATA_SCIENTIST, issuer="https://id.example", subject="dana")
VIC = Identity("Vic", Role.VALIDATOR, issuer="https://id.example", subject="vic")
CHRIS = Identity("Chris", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="chris")
OLGA = Identity("Olga", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject="olga")
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
[profiles.easy]
title = "Easy"
gates = [{kind = "complete"}, {kind = "disjoint"}, {kind = "lineage"}, {kind = "fresh", max_age_days = 10}]
[profiles.hard]
title = "Hard"
gates = [{kind = "quality", metric = "auc", min = 0.999}, {kind = "bias", metric = "DI", min = 0.99999, max = 1.00001}]
"""


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
