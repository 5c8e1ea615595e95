"""Verifies the audit log, exports its head and public key, repairs registry and lineage, reproduces versions: python -m core audit."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from core.aws.target import Target, connect
from core.cli.acting_person import add_person_options, find_person
from core.errors import DataError, Forbidden
from core.governance import kept_heads, reproducing, verification
from core.jobs import jobs
from core.ledger import signing
from core.registry import model_packages
from core.settings import Settings


def add_audit_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``audit`` to the program's."""
    audit = subparsers.add_parser("audit", help="verify the audit log and its evidence", description=__doc__)
    what = audit.add_subparsers(dest="what", required=True)
    verify = what.add_parser("verify", help="check chain, signatures and evidence, and that registry and lineage agree with the log")
    verify.add_argument("--head", type=Path, help="a head that was exported earlier and kept elsewhere")
    verify.add_argument("--json", action="store_true", help="print the result as JSON")
    head = what.add_parser("head", help="export the signed head of the log, to keep it elsewhere")
    head.add_argument(
        "--out",
        help="write it to this file instead of printing it; in a folder: to a file named by day and event, after a comparison of the log "
        "with the heads in it",
    )
    what.add_parser("key", help="print the public key that verifies signatures, as PEM")
    repair = what.add_parser("repair", help="bring registry and lineage up to date with the log, after a process stopped between the two")
    repair.add_argument(
        "--sign-head", action="store_true", help="also sign a new head, if the log has none; compare with a head kept elsewhere first"
    )
    reproduce = what.add_parser("reproduce", help="make a version again from its data set, and compare it with its evidence")
    reproduce.add_argument("version", help="the version: GROUP/NUMBER, for instance credit-default/3, or its ARN")
    reproduce.add_argument("--no-wait", action="store_true", help="start the job, and don't wait for its result")
    reproduce.add_argument("--json", action="store_true", help="print the result as JSON")
    add_person_options(reproduce)
    for parser in what.choices.values():
        parser.add_argument("--workspace", type=Path)


def run_audit(settings: Settings, options: argparse.Namespace) -> int:
    """Run ``audit``; returns 1 if the log or its evidence is not valid, or a version isn't reproduced."""
    if options.what == "reproduce":
        return _reproduce(settings, options)
    target = connect(settings)
    if options.what == "key":
        print(signing.public_pem(target), end="")
        return 0
    if options.what == "head":
        return _export_head(target, options.out)
    if options.what == "repair":
        return _repair(target, options.sign_head)
    return _verify(target, options)


def _reproduce(settings: Settings, options: argparse.Namespace) -> int:
    person = find_person(settings, options)
    target = connect(settings, person)
    arn = model_packages.find_version_arn(target, options.version)
    name = reproducing.start_reproduction(target, person, arn)
    if options.no_wait:
        print(json.dumps({"job": name}) if options.json else f"The job {name} makes {options.version} again.")
        return 0
    jobs.wait_for_jobs(target, [("processing", name)])
    found = reproducing.read_result(target, arn, name)
    if options.json:
        content = found.result | {"job": name, "uri": found.uri, "problems": found.problems, "reproduced": found.is_reproduced}
        print(json.dumps(content, indent=1))
    else:
        for line in (*found.findings, *found.problems):
            print(f"  {line}")
        print(f"{options.version} is {'reproduced' if found.is_reproduced else 'NOT reproduced'} by the job {name}.")
    return 0 if found.is_reproduced else 1


def _export_head(target: Target, out: str | None) -> int:
    """Export the head: to standard output, a file, or a folder of heads."""
    try:
        if out and (out.endswith("/") or Path(out).is_dir()):
            path, content = kept_heads.keep_in_folder(target, Path(out))
            print(path)
        else:
            content = kept_heads.export_head(target)
            if out:
                Path(out).write_bytes(content + b"\n")
            else:
                print(content.decode())
    except OSError as error:
        what = f"{error.filename or out} can't be read or written: {error.strerror}."
        raise DataError(what, hint="Choose another file or folder.") from error
    try:
        kept_heads.record_export(target, None, content)
    except Forbidden as error:
        print(f"The export isn't recorded, so pages don't know of it: {error}", file=sys.stderr)
    return 0


def _repair(target: Target, sign_head: bool) -> int:
    done = verification.repair_registry_and_lineage(target, sign_head=sign_head)
    for arn in done.registered:
        print(f"registered in the log: {arn.rpartition('model-package/')[2]}")
    for label in done.labels:
        print(f"repaired: {label}")
    if not done.registered and not done.labels:
        print("Registry and lineage agree with the log; nothing to repair.")
    if done.is_head_missing:
        print(
            "The head of the log is missing. It wasn't signed again, since the log may have been cut short: run `audit verify --head` with "
            "a head kept elsewhere, then `audit repair --sign-head`.",
            file=sys.stderr,
        )
    return 1 if done.is_head_missing else 0


def _verify(target: Target, options: argparse.Namespace) -> int:
    kept = None
    if options.head:
        try:
            kept = kept_heads.read_head_file(options.head.read_bytes())
        except OSError as error:
            raise DataError(f"{options.head} can't be read: {error.strerror}.", hint="Give the file that `audit head` wrote.") from error
    found = verification.verify_log(target, exported_head=kept)
    if options.json:
        print(json.dumps(asdict(found) | {"holds": found.is_valid}, indent=1))
        return 0 if found.is_valid else 1
    if found.is_valid:
        head = f"; the head is event {found.head[0]}, SHA-256 {found.head[1]}" if found.head else ""
        print(f"The log is valid: {found.events} events, {found.files} files of evidence{head}.")
    else:
        first = next((p.number for p in found.problems if p.number is not None), None)
        where = f"the first bad event is {first}" if first is not None else "no event is bad"
        print(f"The log is NOT valid: {len(found.problems)} problems; {where}.", file=sys.stderr)
        for problem in found.problems:
            print(f"  {problem.what}  ({problem.subject})", file=sys.stderr)
    for keyid, count in found.keys.items():
        print(f"  key {keyid}: signed {count} {'event' if count == 1 else 'events'}")
    for arn in found.older_versions:
        print(f"  older evidence, judged by the rules of its time: {arn.rpartition('model-package/')[2]}")
    if not found.is_compared:
        print(f"  {verification.NOT_COMPARED}")
    return 0 if found.is_valid else 1
