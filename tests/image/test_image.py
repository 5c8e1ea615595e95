"""The product's own image, laid out as its Dockerfile says: it runs alone, and writes what the engine's workers write."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.aws.target import connect
from core.governance import reproducing
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs, training_data, training_jobs, xgboost_report_jobs
from core.jobs.tuning import tuning_jobs
from core.reports import reasons_jobs, shap_jobs, trial_bias_jobs
from core.settings import Settings
from engine.containers import ENTRY_POINTS
from tools import image

pytestmark = pytest.mark.engine

PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
ONLY = '''
"""python -m MODULE with the standard library, the image's own packages and the image's files, and nothing else of this environment."""
import importlib.metadata as metadata
import os, re, runpy, sys

locked = {name.replace("_", "-") for name in os.environ["LOCKED"].split()}
tops = metadata.packages_distributions()
known = {name.partition(".")[0] for name in os.listdir(os.environ["PYTHONPATH"])}
known |= {top for top, of in tops.items() if any(re.sub("[-_.]+", "-", name.lower()) in locked for name in of)}


class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in known or top.startswith("_"):
            return None
        raise ModuleNotFoundError(f"the image has no {name}", name=name)


sys.meta_path.insert(0, Only())
sys.path.insert(0, os.environ["PYTHONPATH"])
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
'''


@pytest.fixture(scope="module")
def target(demo):
    return connect(Settings(workspace=demo[0]))


@pytest.fixture(scope="module")
def binaries(tmp_path_factory):
    """A folder whose ``python`` knows the locked packages of the image only."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "only.py").write_text(ONLY)
    locked = " ".join(name for name, _ in PIN.findall(image.LOCK.read_text()))
    (folder / "python").write_text(f"#!/bin/sh\nLOCKED='{locked}' exec {sys.executable} -IB {folder}/only.py \"$@\"\n")
    (folder / "python").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def assembled(tmp_path_factory):
    """(the image's files, its environment)."""
    folder = tmp_path_factory.mktemp("image")
    return folder, image.assemble(folder)


def test_each_entry_point_writes_to_the_byte_what_the_engine_wrote(demo, target, binaries, assembled, tmp_path):
    run = demo[1][0]["run"]
    trials = trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, f"{tuning_jobs.JOB_NAME_PREFIX}-{run}")
    again = reproducing.start_reproduction(target, WORKFLOW_IDENTITY, demo[1][0]["models"][1]["model_package_arn"])
    trained = shap_jobs.read_request(target, f"{shap_jobs.JOB_NAME_PREFIX}-mitigated-{run}").training_job
    rows = training_data.find_rebalancing(target, training_jobs.describe_job(target, trained))
    reasons = reasons_jobs.launch_job(target, WORKFLOW_IDENTITY, trained, rows, {})
    jobs.wait_for_jobs(target, [("processing", name) for name in (trials, again, reasons)])
    names = [  # the bias form of `clarify` too: `make image-check`
        f"{rebalancing_jobs.JOB_NAME_PREFIX}-smote-nc-{run}",
        f"{shap_jobs.JOB_NAME_PREFIX}-mitigated-{run}",
        again,
        reasons,
        trials,
        jobs.list_jobs(target, "processing", name_contains=xgboost_report_jobs.JOB_NAME_PREFIX)[0].name,
    ]

    def same(name):
        job = image.lay(target, name, tmp_path / name)
        entry = job["AppSpecification"]["ContainerEntrypoint"]
        done = image.run(*assembled, tmp_path / name, entry, binaries)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not (tmp_path / name / "opt/ml/output/message").exists()
        return entry[0], image.differences(target, job, tmp_path / name)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(same, names))
    assert {entry for entry, _ in found} == ENTRY_POINTS.keys()
    assert [(entry, files) for entry, files in found if files] == []


def test_an_image_that_lacks_a_module_fails_and_says_so(binaries, tmp_path):
    less = tmp_path / "Dockerfile"
    less.write_text(image.DOCKERFILE.read_text().replace("COPY core/analysis/ core/analysis/\n", ""))
    less.with_name("Dockerfile.dockerignore").write_text(image.DOCKERFILE.with_name("Dockerfile.dockerignore").read_text())
    environment = image.assemble(tmp_path / "image", less)
    (tmp_path / "files/opt/ml/processing/output").mkdir(parents=True)
    done = image.run(tmp_path / "image", environment, tmp_path / "files", ["rebalance"], binaries)
    assert done.returncode == 2
    assert (tmp_path / "files/opt/ml/output/message").read_text() == "ModuleNotFoundError: No module named 'core.analysis'"


def test_what_the_image_has_no_package_for_cannot_be_imported(binaries, assembled, tmp_path):
    """The harness itself: boto3 is in this environment, and not in the image."""
    (tmp_path / "opt/ml/processing").mkdir(parents=True)
    path = assembled[0] / "app/needs_boto3.py"
    path.write_text("import boto3")
    done = image.run(*assembled, tmp_path, ["python", "-m", "needs_boto3"], binaries)
    path.unlink()
    assert "ModuleNotFoundError: the image has no boto3" in done.stderr


def test_the_images_packages_have_the_products_versions():
    """Else the same rows would give other figures on AWS than here."""
    ours, theirs = (dict(PIN.findall(path.read_text())) for path in (image.ROOT / "requirements.txt", image.LOCK))
    assert len(theirs) > 20
    assert {name: version for name, version in theirs.items() if ours.get(name) != version} == {}
    assert theirs.keys().isdisjoint({"boto3", "streamlit", "starlette", "sagemaker-core", "optuna"})


def test_the_image_holds_its_containers_and_nothing_else_of_the_product(assembled):
    made = {".nbi", ".nbc"}  # machine code that a job keeps
    files = {path.relative_to(assembled[0]).as_posix() for path in assembled[0].rglob("*") if path.is_file() and path.suffix not in made}
    modules = r"core/__init__.py|core/analysis/[\w/]+\.py|engine/__init__.py|engine/containers/\w+\.py"
    places = re.compile(rf"app/({modules}|image/requirements.txt)")
    scripts = {f"usr/local/bin/{entry}" for entry in ENTRY_POINTS}
    assert {name for name in files if not places.fullmatch(name)} == scripts
    assert all((assembled[0] / name).stat().st_mode & 0o111 for name in scripts)
