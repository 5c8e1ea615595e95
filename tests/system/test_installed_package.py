"""The wheel, installed into a folder of its own and used from another one: nothing needs the repository."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from paths import ROOT

from core.governance import package_lock

FOREIGN = "raise SystemExit('a module of the working directory was imported')"
READ_EVERY_FILE = """
from pathlib import Path

import core, engine, ui
from core.costs import prices
from core.data import bundled_data
from core.doctor import permissions
from core.governance import package_lock, policy, regulatory_profiles
from core.installation import product_file
from engine.sagemaker import model_cards
from ui import navigation

for package in (core, engine, ui):
    print(Path(package.__file__).parents[1])
assert len(bundled_data.read_bundled()) == 30000
assert prices.BUNDLED_FILE.is_file() and policy.BUNDLED.is_file() and regulatory_profiles.BUNDLED.is_file()
assert model_cards.SCHEMA_PATH.is_file() and navigation.ICON_PATH.is_file()
assert len(list(permissions.POLICIES_FOLDER.glob("*.json"))) == 7
assert all((permissions.POLICIES_FOLDER / file).is_file() for file in permissions.POLICY_FILES.values())
assert all((Path(package.__file__).parent / "py.typed").is_file() for package in (core, engine))
assert product_file("aws/template.yaml").is_file() and product_file(".streamlit/config.toml").is_file()
assert {f"{name}.py" for name in navigation.PAGE_TITLES} == {path.name for path in product_file("pages").glob("*.py")}
assert b"\\nstreamlit==" in package_lock.read_package_lock()
"""


class Installed:
    """``governance`` and ``governance-engine`` of an installed wheel, run in an empty folder."""

    def __init__(self, packages: Path, folder: Path) -> None:
        self.packages, self.folder = packages, folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("GOVERNANCE_", "AWS_"))}
        self.environment["PYTHONPATH"] = str(packages)
        self.scripts = packages / "bin"

    def run(self, script: str, *arguments: str) -> str:
        command = [sys.executable, self.scripts / script, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", place]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = place.glob("governance_dashboard-*.whl")
    packages, folder = place / "packages", place / "work"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", packages]
    subprocess.run([*pip, wheel], check=True, capture_output=True, timeout=120)
    folder.mkdir()
    yield Installed(packages, folder)
    for workspace in folder.glob("*/engine.json"):
        subprocess.run([sys.executable, "-P", "-m", "engine", "stop", "--workspace", workspace.parent], cwd=ROOT, check=False,
                       env={**os.environ, "PYTHONPATH": str(packages)}, capture_output=True)  # fmt: skip


def test_the_wheel_holds_core_engine_and_ui_and_nothing_else_at_the_top(installed):
    (info,) = installed.packages.glob("*.dist-info")
    assert {path.name for path in installed.packages.iterdir()} == {"core", "engine", "ui", "bin", info.name}
    assert (info / "licenses/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_both_commands_say_how_they_are_used(installed):
    usage = installed.run("governance", "demo", "--help")
    assert usage.startswith("usage: governance demo ")
    assert "--max-jobs" in usage
    assert installed.run("governance-engine", "--help").startswith("usage: governance-engine ")


def test_every_file_that_the_product_reads_is_in_the_wheel(installed):
    command = [sys.executable, "-P", "-c", READ_EVERY_FILE]
    done = subprocess.run(command, cwd=installed.folder, env=installed.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {str(installed.packages)}


def test_the_doctor_starts_an_engine_even_beside_foreign_modules_of_the_same_names(installed):
    for name in ("core.py", "engine.py", "streamlit.py"):
        (installed.folder / name).write_text(FOREIGN)
    assert " 0 missing" in installed.run("governance", "doctor", "--workspace", "fresh")
    assert installed.run("governance-engine", "stop", "--workspace", "fresh") == "stopped\n"


def test_run_serves_the_dashboard_on_loopback_until_it_is_stopped(installed):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, installed.scripts / "governance", "run", "--workspace", "fresh", "--port", str(port)]
    app = subprocess.Popen(command, cwd=installed.folder, env=installed.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert _answer(f"http://127.0.0.1:{port}/_stcore/health") == "ok"
        assert Path(f"/proc/{app.pid}/cmdline").read_text().split("\0")[5] == str(installed.packages / "core/bundled/streamlit_app.py")
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", port))
    finally:
        app.send_signal(signal.SIGTERM)
        output, _ = app.communicate(timeout=30)
    assert "Uvicorn server started on 127.0.0.1" in output or "URL: http://127.0.0.1" in output


def test_what_pyproject_requires_is_locked_in_a_version_that_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = dict(package_lock.parse_versions((ROOT / "requirements.txt").read_text()))
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.specifier.contains(locked[requirement.name]), requirement


def test_an_environment_with_other_versions_pins_those_that_are_installed(monkeypatch):
    locked = package_lock.read_package_lock().decode()
    versions = dict(package_lock.parse_versions(locked))
    assert "--hash=sha256:" in locked
    installed_version = package_lock._installed_version
    monkeypatch.setattr(package_lock, "_installed_version", lambda name: "9.9" if name == "numpy" else installed_version(name))
    package_lock.read_package_lock.cache_clear()
    try:
        pinned = package_lock.read_package_lock().decode()
    finally:
        package_lock.read_package_lock.cache_clear()
    assert pinned.startswith(package_lock.INSTALLED_HEADER)
    assert dict(package_lock.parse_versions(pinned)) == versions | {"numpy": "9.9"}


def _answer(url: str, seconds: float = 60) -> str:
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read().decode()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
