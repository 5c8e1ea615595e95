"""On the PYTHONPATH of an engine: its clock is off by the seconds that the file FAULTS_CLOCK holds."""

import os
import time

_true = time.time


def _off() -> float:
    try:
        with open(os.environ["FAULTS_CLOCK"]) as file:
            return _true() + float(file.read())
    except (KeyError, OSError, ValueError):
        return _true()


time.time = _off
