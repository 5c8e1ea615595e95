"""``python -m engine serve|ensure|env|stop --workspace DIR``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from engine import lifecycle


def main() -> int:
    program = "governance-engine" if Path(sys.argv[0]).name == "governance-engine" else "python -m engine"
    parser = argparse.ArgumentParser(prog=program, description="The embedded SageMaker engine, on 127.0.0.1 only.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "serve": "serve the workspace until the engine is stopped",
        "ensure": "start an engine unless one runs; print its endpoint and keys as JSON",
        "env": "print the export lines that make AWS clients use the engine",
        "stop": "stop the workspace's engine",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--workspace", type=Path, required=True)
        command.add_argument("--port", type=int, default=0, help="0 (the default): any free port")
    options = parser.parse_args()
    try:
        if options.command == "serve":
            lifecycle.serve(options.workspace.resolve(), options.port)
        elif options.command == "stop":
            print("stopped" if lifecycle.stop(options.workspace.resolve()) else "no engine was running")
        else:
            running = lifecycle.ensure_running(options.workspace, options.port)
            if options.command == "ensure":
                print(json.dumps(asdict(running)))
            else:
                variables = {
                    "AWS_ACCESS_KEY_ID": running.access_key_id,
                    "AWS_SECRET_ACCESS_KEY": running.secret_access_key,
                    "AWS_REGION": running.region,
                    "AWS_DEFAULT_REGION": running.region,
                    "AWS_ENDPOINT_URL": running.endpoint,
                }
                print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))
    except (lifecycle.EngineError, OSError) as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
