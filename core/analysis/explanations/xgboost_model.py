"""The model in a training job's ``model.tar.gz``, read without unpacking it. Pickles are refused: they can run code."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xgboost import Booster

MODEL_FILE = "xgboost-model"
MAX_MODEL_BYTES = 2**30
"""The largest unpacked model that is read: a larger one is refused before it is unpacked, so that it can't fill the memory."""
OBJECTIVES = ("binary:logistic", "reg:logistic")


class ModelError(ValueError):
    """The archive contains no model whose predictions are probabilities."""


@dataclass(frozen=True)
class BoosterKind:
    """What a model is made of. ``name``: gbtree, dart or gblinear; ``categorical``: the features that it splits by category."""

    name: str
    trees_per_round: int
    outputs: int
    categorical: tuple[str, ...]

    def __str__(self) -> str:
        forest = f" with {self.trees_per_round} trees in each round" if self.trees_per_round > 1 else ""
        split = f" with categorical splits by {', '.join(self.categorical)}" if self.categorical else ""
        return f"{self.name}{forest}{split}"


def describe_booster(booster: Booster) -> BoosterKind:
    """What an ``xgboost.Booster`` is made of; ``str`` of it names it to the user, such as "gbtree with 3 trees in each round"."""
    learner = json.loads(booster.save_config())["learner"]
    found, size = learner["gradient_booster"], learner["learner_model_param"]
    trees = found.get("gbtree", found).get("gbtree_model_param", {})
    types = booster.feature_types or []
    names = booster.feature_names or [f"feature {number}" for number in range(len(types))]
    return BoosterKind(
        found["name"],
        int(trees.get("num_parallel_tree", 1)),
        max(int(size["num_target"]), int(size["num_class"])),
        tuple(name for name, kind in zip(names, types, strict=bool(types)) if kind == "c"),
    )


def load_booster(archive: bytes) -> Booster:
    """The ``xgboost.Booster`` in the archive (UBJSON or JSON). Raises ModelError.

    >>> load_booster(b"not an archive")
    Traceback (most recent call last):
        ...
    core.analysis.explanations.xgboost_model.ModelError: model.tar.gz can't be read: not a gzip file
    """
    import xgboost

    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            members = [item for item in tar.getmembers() if not item.isdir()]
            member = next((item for item in members if PurePath(item.name).name == MODEL_FILE and item.isfile()), None)
            if member is not None and len(members) > 1:
                others = ", ".join(item.name for item in members if item is not member)
                raise ModelError(f"model.tar.gz contains more than {MODEL_FILE} ({others}), and SageMaker takes every file for a model")
            if member is not None and member.size > MAX_MODEL_BYTES:
                raise ModelError(f"{MODEL_FILE} would be {member.size} bytes; a model may have {MAX_MODEL_BYTES}")
            content = tar.extractfile(member) if member is not None else None
            if content is None:
                raise ModelError(f"model.tar.gz contains no {MODEL_FILE}")
            model = bytearray(content.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ModelError(f"model.tar.gz can't be read: {error}") from error
    booster = xgboost.Booster()
    try:
        booster.load_model(model)
        objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    except (xgboost.core.XGBoostError, ValueError, UnicodeDecodeError) as error:
        remedy = "XGBoost before 2.1 saves in a format that later versions can't read, so train with SageMaker's version 3.0-5 or later"
        raise ModelError(f"{MODEL_FILE} is not an XGBoost model in UBJSON or JSON ({remedy})") from error
    if objective not in OBJECTIVES:
        raise ModelError(f"The model's objective is {objective}; a probability of label 1 is needed ({', '.join(OBJECTIVES)})")
    _require_one_output(booster)
    _require_plain_categories(booster)
    return booster


def _require_one_output(booster: Booster) -> None:
    outputs = describe_booster(booster).outputs
    if outputs > 1:
        raise ModelError(
            f"The model has {outputs} outputs; one is needed, the probability of label 1. Train a model of its own for each label"
        )


def _require_plain_categories(booster: Booster) -> None:
    """Rows come as numbers, so categories must be 0, 1, 2, … A pandas table's own are stored in the model, which numbers would miss."""
    if not describe_booster(booster).categorical:
        return
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    stored = learner.get("gbtree", learner)["model"].get("cats", {}).get("enc", [])
    names = booster.feature_names or [f"feature {number}" for number in range(len(stored))]
    for name, categories in zip(names, stored, strict=False):
        values = categories.get("values", [])
        if ("offsets" in categories and values) or values != list(range(len(values))):
            raise ModelError(
                f"The model has its own categories of {name} (those of the table it was trained on), and rows of numbers can't be matched "
                "with them. Train it on the codes 0, 1, 2, …"
            )
