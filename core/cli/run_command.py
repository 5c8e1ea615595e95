"""Opens the dashboard in the browser, served on this machine only: python -m core run."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from core.installation import child_environment, product_file


def add_run_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``run`` to the program's."""
    run = subparsers.add_parser("run", help="open the dashboard", description=__doc__)
    run.add_argument("--workspace", type=Path, help="the folder of the embedded engine's data")
    run.add_argument("--port", type=int, default=8501, help="port of the dashboard on 127.0.0.1 (default: 8501)")


def run_dashboard(options: argparse.Namespace) -> NoReturn:
    """Replace this process with Streamlit, which serves the dashboard until it is stopped. Never returns.

    Streamlit reads theme and pages from the folder of streamlit_app.py, and secrets from ``.streamlit`` in the working directory.
    """
    variables = {"GOVERNANCE_WORKSPACE": str(options.workspace)} if options.workspace else {}
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(product_file("streamlit_app.py"))]
    command += ["--server.address", "127.0.0.1", "--server.port", str(options.port)]
    sys.stdout.flush()
    os.execve(sys.executable, command, child_environment(**variables))  # noqa: S606 - signals reach Streamlit itself
