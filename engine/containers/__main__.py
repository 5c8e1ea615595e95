"""``python -m engine.containers clarify``: an entry point of the image, on the folders that SageMaker Processing has prepared."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from engine.containers import ContainerError, entry


def main() -> int:
    """The exit code. ``PROCESSING_ROOT`` stands for ``/`` where the image is tried without a container."""
    root = Path(os.environ.get("PROCESSING_ROOT", "/"))

    def stop(signum: int, frame: object) -> NoReturn:
        entry.leave_message(root, "the job was stopped")
        sys.exit(entry.EXIT_STOPPED)

    signal.signal(signal.SIGTERM, stop)
    try:
        if len(sys.argv) != 2:
            raise ContainerError("name one entry point: python -m engine.containers clarify")
        return entry.run_container(entry.entry_point_module(sys.argv[1]), root, dict(os.environ)).code
    except ContainerError as error:
        entry.leave_message(root, str(error))
        return entry.EXIT_USER_ERROR
    except MemoryError:
        entry.leave_message(root, "the job needs more memory than its instance has: choose a larger processing_instance_type")
        return entry.EXIT_OUT_OF_MEMORY


if __name__ == "__main__":
    sys.exit(main())
