"""What jobs run: each module is a container with ``main(root, environment)``, ``root`` standing for its ``/``."""

from __future__ import annotations


class ContainerError(Exception):
    """An error of the user's: its message, worded for the user, becomes the job's FailureReason."""
