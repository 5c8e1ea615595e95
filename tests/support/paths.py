"""Where the repository's own files lie, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = str(ROOT / "streamlit_app.py")
"""The script that Streamlit runs."""
GOLDEN = ROOT / "tests" / "golden"
"""Figures of a real Clarify run, and the scores that reproduce them."""
