"""The product's own image without Docker: its files laid out as the Dockerfile does, its entry points run on the folders of real jobs.

``python -m tools.image`` runs the workflow on an engine of its own, then every entry point of the image in a virtual environment with
the image's locked packages and no others, and compares every file with the engine's. As root the folders are mounted at their real place,
/opt/ml; otherwise PROCESSING_ROOT stands for ``/``.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from core.aws.target import Target
from core.data import bundled_data
from core.jobs import xgboost_report_jobs

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "image/Dockerfile"
LOCK = ROOT / "image/requirements.txt"
MOUNT = 'mount -t tmpfs tmpfs /opt && mkdir /opt/ml && mount --bind "$0" /opt/ml && exec "$@"'
OF_THE_REQUEST = (
    *("ProcessingJobArn", "ProcessingJobName", "AppSpecification", "Environment", "ProcessingInputs", "ProcessingOutputConfig"),
    *("ProcessingResources", "RoleArn", "StoppingCondition"),
)
"""What SageMaker writes to processingjobconfig.json."""


# the image's files -------------------------------------------------------------------------------------


def instructions(dockerfile: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in lines) if name]


def ignored(path: str, rules: list[str]) -> bool:
    """Whether a .dockerignore leaves the path (or a folder above it) out: the last rule that matches says so."""
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        parents = [path, *map(str, PurePosixPath(path).parents)]
        if any(fnmatch.fnmatch(f"/{parent}" if pattern.startswith("**/") else parent, pattern.replace("**/", "*/")) for parent in parents):
            out = not rule.startswith("!")
    return out


def assemble(image: Path, dockerfile: Path = DOCKERFILE) -> dict[str, str]:
    """Copy what the Dockerfile copies to below ``image``; returns the environment that it sets, and WORKDIR."""
    rules = Path(f"{dockerfile}.dockerignore").read_text().splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    environment: dict[str, str] = {}
    here = PurePosixPath("/")
    for name, rest in instructions(dockerfile):
        if name == "WORKDIR":
            here = here / rest
            image.joinpath(*here.parts[1:]).mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            environment |= dict(re.findall(r"(\w+)=(\S+)", rest))
        elif name == "COPY":
            *sources, target = rest.split()
            place = image.joinpath(*(here / target).parts[1:])
            for source in sources:
                for path in _files(ROOT / source):
                    if ignored(path.relative_to(ROOT).as_posix(), rules):
                        continue
                    to = place / (path.relative_to(ROOT / source) if (ROOT / source).is_dir() else path.name)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, to)
    return {**environment, "WORKDIR": str(here)}


def _files(source: Path) -> Iterator[Path]:
    if not source.exists():
        raise FileNotFoundError(f"the Dockerfile copies {source}, which isn't there")
    yield from (path for path in sorted(source.rglob("*")) if path.is_file()) if source.is_dir() else (source,)


# a job's folders ---------------------------------------------------------------------------------------


def lay(target: Target, name: str, files: Path) -> dict[str, Any]:
    """Make the folders of a processing job below ``files`` as SageMaker does; returns the job."""
    job: dict[str, Any] = dict(target.sagemaker.describe_processing_job(ProcessingJobName=name))
    for item in job["ProcessingInputs"]:
        source = item["S3Input"]
        base, keys = source["S3Uri"].rpartition("/")[0] + "/", [*target.files.list_uris(source["S3Uri"])]
        if source["S3DataType"] == "ManifestFile":
            first, *names = target.files.read_json(source["S3Uri"], list)
            base, keys = first["prefix"], [first["prefix"] + one for one in names]
        for uri in keys:
            path = files / source["LocalPath"].lstrip("/") / uri.removeprefix(base)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(target.files.read(uri))
    for item in job["ProcessingOutputConfig"]["Outputs"]:
        (files / item["S3Output"]["LocalPath"].lstrip("/")).mkdir(parents=True)
    (files / "opt/ml/output").mkdir()
    (files / "opt/ml/config").mkdir()
    config = {key: job.get(key) for key in OF_THE_REQUEST}
    (files / "opt/ml/config/processingjobconfig.json").write_text(json.dumps(config))
    (files / "opt/ml/config/resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    return job


def run(image: Path, environment: dict[str, str], files: Path, entry: list[str], binaries: Path) -> subprocess.CompletedProcess[str]:
    """Run an entry point, found on PATH by its name, with ``binaries`` for the image's Python. Nothing of this process's environment is
    handed on but the choice of OpenBLAS's kernel: another one rounds differently."""
    home = str(image) + environment["WORKDIR"]
    kernel = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    given = {**environment, **kernel, "PATH": f"{image}/usr/local/bin:{binaries}:/usr/bin:/bin", "PYTHONPATH": home, "HOME": str(files)}
    command = entry
    if os.geteuid() == 0:
        command = ["unshare", "--mount", "sh", "-c", MOUNT, str(files / "opt/ml"), *entry]
    else:
        given["PROCESSING_ROOT"] = str(files)
    return subprocess.run(command, cwd=home, env=given, capture_output=True, text=True, check=False)


def undated(name: str, content: bytes) -> bytes:
    """A file without the time at which it was made; only a PDF holds one."""
    return re.sub(rb"/CreationDate \(D:[^)]*\)|/ID \[[^\]]*\]", b"", content) if name.endswith(".pdf") else content


def differences(target: Target, job: dict[str, Any], files: Path) -> list[str]:
    """The files of a job's output that aren't the same below ``files`` as in S3."""
    (output,) = job["ProcessingOutputConfig"]["Outputs"]
    folder, uri = files / output["S3Output"]["LocalPath"].lstrip("/"), output["S3Output"]["S3Uri"].rstrip("/") + "/"
    theirs = {one.removeprefix(uri): target.files.read(one) for one in target.files.list_uris(uri)}
    ours = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ours |= {name: content for name, content in theirs.items() if name == "statistics.json"}  # of the registration
    both = theirs.keys() & ours.keys()
    return sorted(theirs.keys() ^ ours.keys()) + [n for n in sorted(both) if undated(n, theirs[n]) != undated(n, ours[n])]


# the check ---------------------------------------------------------------------------------------------


def main() -> int:
    """Print a line per entry point; the exit code is the number of those that differ."""
    from core.aws.target import connect
    from core.governance import reproducing
    from core.identity import WORKFLOW_IDENTITY
    from core.jobs import jobs, rebalancing_jobs, training_data, training_jobs
    from core.jobs.tuning import tuning_jobs
    from core.registry import model_packages
    from core.reports import bias_jobs, reasons_jobs, shap_jobs, trial_bias_jobs
    from core.settings import Settings
    from core.workflow import workflow
    from engine import lifecycle

    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        place = Path(folder)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
        pip = [
            str(place / "venv/bin/pip"),
            "install",
            "-q",
            "--disable-pip-version-check",
            "--require-hashes",
            "--only-binary=:all:",
            "-r",
            str(LOCK),
        ]
        subprocess.run(pip, check=True)
        size = sum(path.stat().st_size for path in (place / "venv").rglob("*") if path.is_file() and not path.is_symlink())
        print(f"environment: {len(re.findall('^[a-z].*==', LOCK.read_text(), re.MULTILINE))} packages, {size / 1e6:.0f} MB, "
              f"{time.perf_counter() - start:.0f} s")  # fmt: skip
        environment = assemble(place / "image")
        try:
            target = connect(Settings(workspace=place / "workspace"))
            table, roles = bundled_data.read_bundled(), bundled_data.BUNDLED_ROLES
            workflow.run_all_steps(target, WORKFLOW_IDENTITY, table, roles, workflow.WorkflowOptions(max_jobs=3))
            tuned = jobs.list_jobs(target, "tuning", name_contains=tuning_jobs.JOB_NAME_PREFIX)[0].name
            trials = trial_bias_jobs.launch_job(target, WORKFLOW_IDENTITY, tuned)
            jobs.wait_for_jobs(target, [("processing", trials)])
            version = model_packages.list_versions(target, "credit-default")[0].arn
            again = reproducing.start_reproduction(target, WORKFLOW_IDENTITY, version)
            jobs.wait_for_jobs(target, [("processing", again)])
            trained = training_jobs.describe_job(target, tuning_jobs.named_best_job(target, tuned))
            rows = training_data.find_rebalancing(target, trained)
            assert rows is not None
            why = reasons_jobs.launch_job(target, WORKFLOW_IDENTITY, trained.name, rows, bundled_data.BUNDLED_REASONS)
            jobs.wait_for_jobs(target, [("processing", why)])
            newest = {
                "reasons": why,
                "reproduce": again,
                "rebalance": jobs.list_jobs(target, "processing", name_contains=rebalancing_jobs.JOB_NAME_PREFIX)[0].name,
                "clarify, bias": bias_jobs.list_jobs(target)[0].name,
                "clarify, SHAP": shap_jobs.list_jobs(target)[0].name,
                "trials": trials,
                "xgboost-report": jobs.list_jobs(target, "processing", name_contains=xgboost_report_jobs.JOB_NAME_PREFIX)[0].name,
            }
            return sum(_compared(target, place, environment, what, name) for what, name in newest.items())
        finally:
            lifecycle.stop(place / "workspace")


def _compared(target: Target, place: Path, environment: dict[str, str], what: str, name: str) -> int:
    files = place / name
    job = lay(target, name, files)
    start = time.perf_counter()
    done = run(place / "image", environment, files, job["AppSpecification"]["ContainerEntrypoint"], place / "venv/bin")
    seconds = time.perf_counter() - start
    found = [f"exit code {done.returncode}: {done.stdout}{done.stderr}"] if done.returncode else differences(target, job, files)
    written = sum(path.is_file() for path in (files / "opt/ml/processing/output").rglob("*"))
    print(f"{what}: {written} files, {seconds:.1f} s, " + (f"different: {', '.join(found)}" if found else "the same as the engine's"))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
