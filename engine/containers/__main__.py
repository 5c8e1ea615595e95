"""``python -m engine.containers clarify``: an entry point of the image, on the folders that SageMaker Processing has laid."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from engine.containers import ContainerError, entry


def main() -> int:
    """The exit code. ``PROCESSING_ROOT`` stands for ``/`` where the image is tried out without one."""
    root = Path(os.environ.get("PROCESSING_ROOT", "/"))

    def stop(signum: int, frame: object) -> NoReturn:
        entry.tell(root, "the job was stopped")
        sys.exit(entry.STOPPED)

    signal.signal(signal.SIGTERM, stop)
    try:
        if len(sys.argv) != 2:
            raise ContainerError("name one entry point: python -m engine.containers clarify")
        return entry.run(entry.module_of(sys.argv[1]), root, dict(os.environ)).code
    except ContainerError as error:
        entry.tell(root, str(error))
        return entry.MISTAKE
    except MemoryError:
        entry.tell(root, "the job needs more memory than its instance has: choose a larger processing_instance_type")
        return entry.NO_MEMORY


if __name__ == "__main__":
    sys.exit(main())
