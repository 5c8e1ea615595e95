"""Registers a version and decides on it, by the same use cases as the page: register, submit, validate, approve, reject, withdraw …"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

from core.aws.target import Target, connect
from core.cli.acting_person import add_person_options, find_person
from core.errors import Conflict, DataError
from core.governance import decision_rules, decisions, policy_adoption, version_state
from core.governance.policy import TIERS
from core.governance.version_state import State
from core.identity import Identity
from core.jobs import training_data, training_jobs
from core.registry import model_evaluation, model_packages, registry_types, version_registration
from core.reports import clarify_jobs
from core.settings import Settings

REGISTER = "register"
KINDS = {kind.replace(" ", "-"): kind for kind in decisions.ACTIONS}
"""Command -> the decision that it records."""
_HELP = {
    "submit": "hand a version in for a decision; its evidence is pinned",
    "validate": "confirm a version's evidence, as somebody who had no part in making it",
    "approve": "approve a version",
    "reject": "reject a version",
    "withdraw": "take back a submission or an approval",
    "retire": "end the use of an approved version",
    "waive": "ask to ignore a failing gate; a second person must confirm it",
    "confirm waiver": "agree to a waiver that somebody else asked for",
    "meet condition": "report that a condition of an approval is met",
}


def add_decision_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands ``register`` and one for each decision to the program's."""
    register = subparsers.add_parser(REGISTER, help="register a training job's model with its bias and SHAP reports", description=__doc__)
    register.add_argument("training_job", help="the training job; its bias and SHAP jobs must have completed")
    register.add_argument(
        "--bias-job", help="the bias job; default: the one that the dashboard started, or nothing to do if a version of it is registered"
    )
    register.add_argument("--shap-job", help="the SHAP job; likewise")
    register.add_argument("--group", help="the model package group; default: that of the data set")
    register.add_argument(
        "--threshold-rationale", default=registry_types.DEFAULT_THRESHOLD_RATIONALE, help="why the threshold of the bias job was chosen"
    )
    _add_common_options(register)
    for name, kind in KINDS.items():
        parser = subparsers.add_parser(name, help=_HELP[kind], description=__doc__)
        parser.add_argument("version", help="the version: GROUP/NUMBER, for instance credit-default/3, or its ARN")
        parser.add_argument("--reason", required=True, help="the rationale, a sentence at least")
        codes = decision_rules.REASON_CODES[kind]
        parser.add_argument("--code", choices=codes, required=len(codes) > 1, default=codes[0], help="the reason code")
        parser.add_argument("--event", type=int, metavar="N", help="refuse unless the version's last event is N, the one that you saw")
        _add_own_options(parser, kind)
        _add_common_options(parser)


def _add_own_options(parser: argparse.ArgumentParser, kind: str) -> None:
    if kind == "submit":
        parser.add_argument("--tier", choices=TIERS, help="the tier of materiality; needed unless the policy sets it")
        parser.add_argument("--tier-rationale", required=True, help="why this tier, a sentence at least")
        parser.add_argument("--profile", help="the policy's profile, where it leaves a choice; default: the first")
    if kind == "approve":
        parser.add_argument(
            "--condition",
            dest="conditions",
            action="append",
            default=[],
            nargs=3,
            metavar=("TEXT", "OWNER", "DAY"),
            help="a condition: what to do, who does it, the last day as YYYY-MM-DD; may be given several times",
        )
    if kind in {"waive", "confirm waiver"}:
        parser.add_argument("--gate", required=True, help="the gate, by the name that the policy gives it: quality auc, for instance")
    if kind == "waive":
        parser.add_argument("--until", dest="expires", type=_day, required=True, metavar="DAY", help="the last day, as YYYY-MM-DD")
    if kind == "meet condition":
        parser.add_argument("--condition", type=int, required=True, metavar="N", help="the number of the condition")


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    add_person_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--workspace", type=Path)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a day: write YYYY-MM-DD") from None


def run_decision(settings: Settings, options: argparse.Namespace) -> int:
    """Run ``register`` or a decision. Raises GovernanceError for a step that isn't allowed."""
    person = find_person(settings, options)
    target = connect(settings, person)
    if options.command == REGISTER:
        arn = _register(target, person, options)
        label = model_packages.read_package(target, arn, with_training=False).label
        _print_result(options, arn, f"{label} is registered: {arn}", version_state.read_state(target, arn), person)
        return 0
    kind = KINDS[options.command]
    package = model_packages.describe_package(target, model_packages.find_version_arn(target, options.version))
    arn = package["ModelPackageArn"]
    seen = version_state.read_state(target, arn)
    if not options.json:
        print(f"{options.version} is {seen.status}, last event {seen.last_event}.")
    more = _own_arguments(target, options, kind, package.get("ModelPackageGroupName") or registry_types.NO_GROUP)
    state = decisions.ACTIONS[kind](
        target,
        person,
        arn,
        seen_event=seen.last_event if options.event is None else options.event,
        reason=options.reason,
        code=options.code,
        **more,
    )
    done = f"{person.name} {version_state.PAST_TENSE[kind]} {options.version}: event {state.last_event}. It is {state.status} now."
    _print_result(options, arn, done, state, person)
    return 0


def _register(target: Target, person: Identity, options: argparse.Namespace) -> str:
    job = training_jobs.describe_job(target, options.training_job)
    data = training_data.find_rebalancing(target, job)
    if data is None:
        hint = "Upload the data that it trained on, split it, and train on it."
        raise Conflict(f"{job.name} trained on data that wasn't split here, so its test rows are unknown.", resource=job.name, hint=hint)
    role = "baseline" if training_data.is_baseline(job) else "mitigated"
    group = version_registration.check_group_name(options.group) if options.group else None
    if not options.bias_job and not options.shap_job:
        return model_evaluation.register_evaluated_model(
            target, person, job.name, data, role, group, threshold_rationale=options.threshold_rationale
        )
    if not (options.bias_job and options.shap_job):
        raise DataError("Of the two reports one is missing.", resource=job.name, hint="Give both --bias-job and --shap-job, or neither.")
    return version_registration.register_version(
        target,
        person,
        training_job=job.name,
        data=data,
        bias_job=options.bias_job,
        shap_job=options.shap_job,
        role=role,
        group=group,
        threshold=clarify_jobs.read_threshold(target, options.bias_job),
        threshold_rationale=options.threshold_rationale,
    )


def _own_arguments(target: Target, options: argparse.Namespace, kind: str, group: str) -> dict[str, object]:
    """What the decision takes beside those that all have."""
    names = {"approve": ("conditions",), "waive": ("gate", "expires"), "confirm waiver": ("gate",), "meet condition": ("condition",)}
    if kind != "submit":
        return {name: getattr(options, name) for name in names.get(kind, ())}
    wanted = policy_adoption.load_in_force(target).rules_for(group)
    tier = options.tier or wanted.tier
    if tier is None:
        raise DataError("The policy leaves the tier to you.", resource="tier", hint=f"Give --tier: {', '.join(TIERS)}.")
    return {"tier": tier, "tier_rationale": options.tier_rationale, "profile": options.profile or wanted.profiles[0]}


def _print_result(options: argparse.Namespace, arn: str, done: str, state: State, person: Identity) -> None:
    if not options.json:
        print(done)
        return
    result = {
        "version": arn,
        "action": options.command,
        "by": {"id": person.id, "name": person.name, "role": str(person.role)},
        "event": state.last_event,
        "status": state.status,
        "tier": state.tier if state.evidence else None,
        "profile": state.profile or None,
        "evidence": state.evidence,
        "policy": state.policy,
        "approvals": len(state.approvals),
        "approvals_needed": state.approvals_needed,
        "expires": state.expires,
        "conditions": [asdict(one) for one in state.conditions],
        "waivers": [asdict(one) for one in state.waivers],
    }
    print(json.dumps(result, indent=1))
