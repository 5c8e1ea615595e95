"""The commands of ``governance`` and of ``python -m core``: ``run``, ``demo``, decisions, ``audit``, ``policy``, ``doctor``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.aws.target import connect
from core.cli import audit_command, decision_command, demo_command, doctor_command, policy_command, run_command
from core.errors import GovernanceError
from core.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. An expected error is printed, and gives 1."""
    program = "governance" if Path(sys.argv[0]).name == "governance" else "python -m core"
    parser = argparse.ArgumentParser(prog=program)
    commands = parser.add_subparsers(dest="command", required=True)
    run_command.add_run_parser(commands)
    demo_command.add_demo_parser(commands)
    decision_command.add_decision_parsers(commands)
    audit_command.add_audit_parser(commands)
    policy_command.add_policy_parser(commands)
    doctor_command.add_doctor_parser(commands)
    options = parser.parse_args(arguments)

    def read_settings() -> Settings:
        return Settings(workspace=options.workspace) if options.workspace else Settings()

    try:
        if options.command == "run":
            run_command.run_dashboard(options)
        if options.command == "doctor":
            return doctor_command.run_doctor(read_settings, options)
        if options.command == "audit":
            return audit_command.run_audit(read_settings(), options)
        if options.command == "policy":
            return policy_command.run_policy(connect(read_settings()), options)
        if options.command == decision_command.REGISTER or options.command in decision_command.KINDS:
            return decision_command.run_decision(read_settings(), options)
        return demo_command.run_demo(read_settings(), options)
    except GovernanceError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
