"""Forks engines from a process that has everything imported, so that one starts in a tenth of a second: ``serve`` and ``kill`` on stdin."""

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    import optuna  # noqa: F401
    import uvicorn  # noqa: F401

    import engine.wire.app  # noqa: F401

    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "serve":
            pid = os.fork()
            if not pid:
                serve(*arguments)
            print(pid, flush=True)
        else:
            pid = int(arguments[0])
            os.kill(pid, signal.SIGKILL)  # it is there until it is waited for
            os.waitpid(pid, 0)
            print("dead", flush=True)


def serve(workspace: str, port: str) -> None:
    from engine import lifecycle

    os.setsid()
    output = os.open(Path(workspace) / "engine.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        lifecycle.serve(Path(workspace), int(port))
    except lifecycle.EngineError as error:
        os.write(2, f"engine: {error}\n".encode())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":  # a worker imports its engine's main module too
    main()
