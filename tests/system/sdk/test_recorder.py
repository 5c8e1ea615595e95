"""What a client's processes look up is really seen: else a check that it is loopback only could not fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import socket, subprocess, sys
socket.getaddrinfo("localhost", 80)
for address in (("127.0.0.2", 9), ("127.0.0.3", 9)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(address) if address[0].endswith("2") else one.sendto(b"", address)
subprocess.run([sys.executable, "-c", "import socket; socket.gethostbyname('127.0.0.4')"], check=True)
"""


def test_every_look_up_and_connection_is_recorded_in_children_too(tmp_path):
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).with_name("recorder")), "LOOKED_UP": str(tmp_path / "hosts")}
    subprocess.run([sys.executable, "-c", SCRIPT], env=variables, check=True, timeout=60)
    assert set((tmp_path / "hosts").read_text().split()) >= {"localhost", "127.0.0.2", "127.0.0.3", "127.0.0.4"}
