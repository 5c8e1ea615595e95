"""Makes a version again, from its data set and the recorded settings alone, and compares what comes out with its evidence.

Processing contract: ``recipe.json`` under /opt/ml/processing/input/config, the data set under …/input/data, and the evidence: the files
of the rebalancing job under …/input/rows, ``model.tar.gz`` under …/input/model, the outputs of the bias and the SHAP job under …/input/bias
and …/input/explanation. ``reproduction.json`` is written to …/output. The chosen trial is trained again; the search isn't repeated.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import pandas
import scipy
import sklearn
import xgboost

from core.analysis.explanations import xgboost_model
from core.analysis.explanations.shap_values import predict_probabilities
from core.analysis.reproduction.compared_evidence import SCORE_TOLERANCE, Comparison, compare_figures, compare_rows, compare_scores
from core.analysis.reproduction.reproduction_json import (
    PARTS,
    RECIPE_FILE,
    RESULT_FILE,
    RESULT_FORMAT,
    MeasurementRecipe,
    Part,
    PartResult,
    Recipe,
    ReproductionJson,
)
from engine.containers import ContainerError, clarify, path_inside, rebalance, xgboost_algorithm
from engine.containers.job_inputs import PROCESSING_FOLDER, file_sha256, find_csv

LIBRARIES = (numpy, pandas, scipy, sklearn, xgboost)
MEASURED_FILES = {"bias": ("analysis.json", "scores.csv"), "explanation": ("analysis.json", "explanations_shap/out.csv")}
MAX_SHOWN = 3


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the container on ``root``. Raises ContainerError for a recipe that can't be read; what can't be made again is a finding."""
    folder = root / PROCESSING_FOLDER
    recipe = _read_recipe(folder / "input/config" / RECIPE_FILE)
    steps = _Steps(folder / "input", root / "reproduction", recipe)
    parts: list[PartResult] = []
    for part in PARTS:
        parts.append(_make_part(part, steps, recipe["left_out"].get(part)))
        print(f"{part}: {parts[-1]['found']}", flush=True)
    result: ReproductionJson = {
        "format": RESULT_FORMAT,
        "made_with": {library.__name__: library.__version__ for library in LIBRARIES},
        "evidence": steps.evidence,
        "parts": parts,
        "reproduced": all(part["agrees"] is not False for part in parts) and any(part["agrees"] for part in parts),
    }
    (folder / "output").mkdir(parents=True, exist_ok=True)
    (folder / "output" / RESULT_FILE).write_text(json.dumps(result, indent=1, allow_nan=False))
    shutil.rmtree(steps.work)


def _read_recipe(path: Path) -> Recipe:
    try:
        recipe: Recipe = json.loads(path.read_text())
        _ = recipe["rebalance"], recipe["training"]["channels"], recipe["measurements"], recipe["left_out"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContainerError(f"{path.name} can't be read: {error}") from error
    return recipe


def _make_part(part: Part, steps: _Steps, left_out: str | None) -> PartResult:
    if left_out is not None:
        return {"part": part, "agrees": None, "same_bytes": False, "largest_difference": None, "found": left_out}
    try:
        differing_bytes, comparison = steps.make(part)
    except (ContainerError, xgboost_model.ModelError, OSError, ValueError, KeyError) as error:
        text = f"It couldn't be made again: {error}"
        return {"part": part, "agrees": False, "same_bytes": False, "largest_difference": None, "found": text}
    if not differing_bytes:
        return {"part": part, "agrees": True, "same_bytes": True, "largest_difference": 0.0, "found": "the same, byte for byte"}
    what = "; ".join(comparison.differing[:MAX_SHOWN])
    if len(comparison.differing) > MAX_SHOWN:
        what += f"; and {len(comparison.differing) - MAX_SHOWN:,} more"
    other = f"in other bytes ({', '.join(differing_bytes)}); largest difference {comparison.largest:.2g}"
    within = f"the same to within {SCORE_TOLERANCE:g}, {other}"
    return {
        "part": part,
        "agrees": not comparison.differing,
        "same_bytes": False,
        "largest_difference": min(comparison.largest, 1e300),
        "found": what or within,
    }


class _Steps:
    """Makes the parts one after the other, each in a folder of its own that stands for ``/``. ``evidence``: name of a file that they were
    compared with -> SHA-256."""

    def __init__(self, given: Path, work: Path, recipe: Recipe) -> None:
        self.given, self.work, self.recipe = given, work, recipe
        self.evidence: dict[str, str] = {}

    def make(self, part: Part) -> tuple[list[str], Comparison]:
        """The files whose bytes differ, and what in them does."""
        if part == "rows":
            return self._rows()
        return self._model() if part == "model" else self._measurement(part)

    @property
    def _made_rows(self) -> Path:
        return self.work / "rows" / PROCESSING_FOLDER / "output"

    @property
    def _made_model(self) -> Path:
        return self.work / "model/opt/ml/model/xgboost-model"

    def _rows(self) -> tuple[list[str], Comparison]:
        root, source = self.work / "rows", find_csv(self.given / "data")
        self.evidence["data/source"] = file_sha256(source)
        _write_json(root / PROCESSING_FOLDER / "input/config/rebalance.json", self.recipe["rebalance"])
        _link(source, root / PROCESSING_FOLDER / "input/data" / source.name)
        _run(rebalance.main, root)
        stored = self.given / "rows"
        manifest = json.loads((stored / "manifest.json").read_text())
        names = ["manifest.json", *manifest["files"]]
        self.evidence |= {f"data/{name}": file_sha256(path_inside(stored, name)) for name in names}
        differing = [name for name in names if _bytes_differ(path_inside(stored, name), path_inside(self._made_rows, name))]
        comparisons = {name: _compare_files(path_inside(stored, name), path_inside(self._made_rows, name)) for name in differing}
        return differing, _together(comparisons)

    def _model(self) -> tuple[list[str], Comparison]:
        root, training = self.work / "model", self.recipe["training"]
        inputs = root / "opt/ml/input"
        _write_json(inputs / "config/hyperparameters.json", training["hyperparameters"])
        kinds = {channel: {"ContentType": training["content_types"][channel]} for channel in training["channels"]}
        _write_json(inputs / "config/inputdataconfig.json", kinds)
        for channel, name in training["channels"].items():
            _link(path_inside(self._made_rows, name), inputs / "data" / channel / name)
        _run(xgboost_algorithm.main, root)
        archive = self.given / "model/model.tar.gz"
        self.evidence["model"] = file_sha256(archive)
        stored, found = (xgboost_model.load_booster(content) for content in (archive.read_bytes(), _archive(self._made_model)))
        if bytes(stored.save_raw("ubj")) == bytes(found.save_raw("ubj")):
            return [], Comparison(0.0, ())
        rows = pandas.read_csv(self._made_rows / "test_res.csv", header=None).iloc[:, 1:]
        return ["the model"], compare_scores(*(predict_probabilities(booster, rows) for booster in (stored, found)))

    def _measurement(self, part: Part) -> tuple[list[str], Comparison]:
        asked: MeasurementRecipe = self.recipe["measurements"][part]
        root = self.work / part
        inputs = root / PROCESSING_FOLDER / "input"
        _write_json(inputs / "config/analysis_config.json", asked["config"])
        _link(path_inside(self._made_rows, asked["rows"]), inputs / "data" / asked["rows"])
        (inputs / "model").mkdir(parents=True)
        (inputs / "model/model.tar.gz").write_bytes(_archive(self._made_model))
        _run(lambda root, _: clarify.run_analysis(root, extras=True, pages=False), root)
        stored, made = self.given / part, root / PROCESSING_FOLDER / "output"
        names = [name for name in MEASURED_FILES[part] if (stored / name).exists()]
        self.evidence |= {_evidence_name(part, name): file_sha256(stored / name) for name in names}
        differing = [name for name in names if _bytes_differ(stored / name, made / name)]
        return differing, _together({name: _compare_files(stored / name, made / name) for name in differing})


def _evidence_name(part: Part, name: str) -> str:
    """The name of a measured file in a version's evidence."""
    known = {("bias", "analysis.json"): "bias", ("bias", "scores.csv"): "scores", ("explanation", "analysis.json"): "explainability"}
    return known.get((part, name), f"explanation/{name.rpartition('/')[2]}")


def _run(container: Callable[[Path, dict[str, str]], None], root: Path) -> None:
    """Run a container of this package; its log, which says nothing of the comparison, is left out unless it fails."""
    log = io.StringIO()
    try:
        with contextlib.redirect_stdout(log):
            container(root, {})
    except Exception:
        print(log.getvalue(), flush=True)
        raise


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _link(source: Path, place: Path) -> None:
    if not source.is_file():
        raise ContainerError(f"{source.name} doesn't exist")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(source.absolute())


def _archive(model: Path) -> bytes:
    """A model.tar.gz of the model, as the algorithm leaves it."""
    if not model.is_file():
        raise ContainerError("no model was trained again")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(model, xgboost_model.MODEL_FILE)
    return content.getvalue()


def _bytes_differ(stored: Path, made: Path) -> bool:
    return not made.is_file() or file_sha256(stored) != file_sha256(made)


def _compare_files(stored: Path, made: Path) -> Comparison:
    if not made.is_file():
        return Comparison(0.0, ("it wasn't made again",))
    if stored.suffix == ".json":
        return compare_figures(*(_without_digests(json.loads(path.read_text())) for path in (stored, made)))
    header = None if stored.name.endswith("_res.csv") or stored.name in {"train.csv", "validation.csv"} else 0
    tables = [pandas.read_csv(path, header=header) for path in (stored, made)]
    numbers = [table.select_dtypes("number") for table in tables]
    found = compare_rows(*numbers)
    words = [table.drop(columns=number.columns) for table, number in zip(tables, numbers, strict=True)]
    return found if found.differing or words[0].equals(words[1]) else Comparison(found.largest, ("words in it differ",))


def _without_digests(content: Any) -> Any:
    """A manifest without the digests of its files, which are compared as files."""
    if isinstance(content, dict) and isinstance(content.get("files"), dict):
        content = {**content, "files": {name: {**file, "sha256": ""} for name, file in content["files"].items()}}
    return content


def _together(comparisons: Mapping[str, Comparison]) -> Comparison:
    differing = tuple(f"{name}: {what}" for name, one in comparisons.items() for what in one.differing)
    return Comparison(max((one.largest for one in comparisons.values()), default=0.0), differing)
