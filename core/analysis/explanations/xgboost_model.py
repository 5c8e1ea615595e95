"""The model in a training job's ``model.tar.gz``, read without unpacking it. Pickles are refused: they can run code."""

from __future__ import annotations

import io
import json
import tarfile
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
            member = next((item for item in tar.getmembers() if PurePath(item.name).name == MODEL_FILE and item.isfile()), None)
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
    return booster
