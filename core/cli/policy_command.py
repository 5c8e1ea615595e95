"""Shows the policy in force and the one that waits; adopts and confirms one: python -m core policy."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from core.aws.target import Target
from core.cli import acting_person
from core.errors import Conflict
from core.governance import policy, policy_adoption
from core.governance.policy_adoption import PolicyState


def add_policy_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``policy`` to the program's."""
    command = subparsers.add_parser("policy", help="show, adopt and confirm the policy of decisions", description=__doc__)
    what = command.add_subparsers(dest="what", required=True)
    show = what.add_parser("show", help="print the policy in force, and the one that waits for a second person")
    show.add_argument("--json", action="store_true", help="print the result as JSON")
    adopt = what.add_parser("adopt", help="adopt a policy, as an administrator; it waits for a second person")
    adopt.add_argument("--file", type=Path, help="the policy; default: the file in GOVERNANCE_POLICY, or else the product's own")
    confirm = what.add_parser("confirm", help="confirm the policy that somebody else adopted; it is in force then")
    confirm.add_argument("digest", help="SHA-256 of the policy that waits, as `policy show` prints it; its first 12 characters are enough")
    for parser in (adopt, confirm):
        acting_person.add_person_options(parser)
        parser.add_argument("--reason", required=True, help="the rationale")
    for parser in what.choices.values():
        parser.add_argument("--workspace", type=Path)


def run_policy(target: Target, options: argparse.Namespace) -> int:
    """Run ``policy``. Raises GovernanceError for a step that isn't allowed."""
    state = policy_adoption.read_policy_state(target)
    if options.what == "show":
        _show(target, state, options.json)
        return 0
    if options.what == "adopt":
        person = acting_person.find_person(target.settings, options)
        rules = policy.load_file(options.file or target.settings.policy or policy.BUNDLED)
        policy_adoption.adopt_policy(target, person, rules, reason=options.reason)
        print(f"{person.name} adopted {rules.title} {rules.version}, SHA-256 {rules.sha256}. A second person must confirm it:")
        print(f"policy confirm {rules.sha256[:12]}")
        return 0
    person = acting_person.find_person(target.settings, options)
    waiting = state.waiting
    if waiting is None or len(options.digest) < 12 or not waiting.digest.startswith(options.digest):
        raise Conflict(f"No policy {options.digest} waits for a confirmation.", hint="Look at `policy show`, and give its SHA-256.")
    policy_adoption.confirm_policy(target, person, waiting.digest, reason=options.reason)
    print(f"{person.name} confirmed the policy, SHA-256 {waiting.digest}. It is in force.")
    return 0


def _show(target: Target, state: PolicyState, as_json: bool) -> None:
    rules = policy_adoption.load_in_force(target, state)
    if as_json:
        confirmed, waiting = (asdict(one) if one else None for one in (state.confirmed, state.waiting))
        print(json.dumps({"sha256": rules.sha256, "title": rules.title, "adopted": confirmed, "waiting": waiting}, indent=1))
        return
    print(f"In force: {rules.title} {rules.version}, SHA-256 {rules.sha256}")
    print(f"  {_origin(state)}")
    if state.waiting:
        print(f"Waits for a second person: SHA-256 {state.waiting.digest}, adopted by {state.waiting.by}: {state.waiting.reason}")


def _origin(state: PolicyState) -> str:
    if state.confirmed is None:
        return "The product's own, in force until another one is adopted."
    return f"Adopted by {state.confirmed.by}, confirmed by {state.confirmed.confirmed_by}: {state.confirmed.reason}"
