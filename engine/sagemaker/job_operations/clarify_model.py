"""The model that an analysis of AWS's Clarify asks for predictions."""

from __future__ import annotations

import json
from typing import Any

from engine.context import Context
from engine.sagemaker.registry.model_packages import find_package, with_model_data_url
from engine.store.records import Body


def find_model_url(context: Context, body: Body) -> str | None:
    """The S3 URI of the artifact of the model that a processing job's analysis configuration names; None when it names none.

    AWS's Clarify puts that model behind an endpoint of its own, a shadow endpoint; here the job gets the artifact as one more input.
    """
    name = _predictor_model_name(context, body)
    model = context.store.get("model", name) if name is not None else None
    if model is None:
        return None
    given = model.get("PrimaryContainer") or model["Containers"][0]
    if given.get("ModelPackageName"):
        given = find_package(context, given["ModelPackageName"]).get("InferenceSpecification", {}).get("Containers", [given])[0]
    url: str | None = with_model_data_url(given).get("ModelDataUrl")
    return url


def _predictor_model_name(context: Context, body: Body) -> str | None:
    for item in body.get("ProcessingInputs", []):
        uri = item.get("S3Input", {}).get("S3Uri", "")
        if "/input/config" in item.get("S3Input", {}).get("LocalPath", "") and uri.startswith("s3://"):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            for stored in context.objects.list_objects(bucket, prefix=key, after="", limit=10):
                if stored.key.endswith("analysis_config.json"):
                    try:
                        config: Any = json.loads(stored.path.read_text())
                    except ValueError:
                        return None
                    name = config.get("predictor", {}).get("model_name") if isinstance(config, dict) else None
                    return name if isinstance(name, str) else None
    return None
