"""A CycloneDX 1.7 bill of materials of a version: model, data, container, packages, model card. The same
evidence gives the same bytes."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from datetime import datetime

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot7
from packageurl import PackageURL

from core.governance.evidence import Evidence, PinnedRecord
from core.governance.model_cards.model_card_content import value_at
from core.governance.package_lock import parse_versions
from core.registry.registry_types import Package, version_value_names

UUID_NAMESPACE = uuid.UUID("4d3e0a2c-64b0-5d1c-9b8e-2f1f6a1f0a55")


def build_cyclonedx(package: Package, evidence: Evidence, card: Mapping[str, object], requirements: str, submitted_at: str) -> bytes:
    """The bill as JSON. ``card`` and ``requirements``: the model card and the package lock that the evidence names; ``submitted_at``: the
    time of the submission, ISO 8601."""
    files = evidence.files
    model = Component(
        name=package.group,
        version=str(package.version),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[_sha256_hash(files["model"])],
        properties=[
            Property(name="governance:package", value=package.arn),
            Property(name="governance:training-job", value=package.training_job),
            Property(name="governance:evidence-sha256", value=evidence.digest),
        ],
    )
    data = [
        Component(name=name.removeprefix("data/"), type=ComponentType.DATA, bom_ref=name, hashes=[_sha256_hash(pinned)])
        for name, pinned in files.items()
        if name.startswith("data/")
    ]
    container = Component(name=evidence.predicate["container"] or "unknown", type=ComponentType.CONTAINER, bom_ref="container")
    packages = [
        Component(
            name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"pkg:{name}", purl=PackageURL("pypi", None, name, version)
        )
        for name, version in parse_versions(requirements)
    ]
    bom = Bom(
        components=[*data, container, *packages],
        serial_number=uuid.uuid5(UUID_NAMESPACE, evidence.digest),
    )
    bom.metadata.component = model
    bom.metadata.timestamp = datetime.fromisoformat(submitted_at)
    bom.register_dependency(model, [*data, container, *packages])
    document = json.loads(JsonV1Dot7(bom).output_as_string())
    document["metadata"]["component"]["modelCard"] = _model_card(package, evidence, card, [d.bom_ref.value or "" for d in data])
    for component in document["components"]:
        if component["type"] == "data":
            uri = files[component["bom-ref"]]["uri"]
            component["data"] = [{"type": "dataset", "name": component["name"], "contents": {"url": uri}}]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _sha256_hash(pinned: PinnedRecord) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=pinned["sha256"])


def _model_card(package: Package, evidence: Evidence, card: Mapping[str, object], data: list[str]) -> dict[str, object]:
    """The model card in CycloneDX's form, which the library can't write (https://cyclonedx.org/docs/1.7/json/#components_items_modelCard)."""

    def written(*paths: str) -> list[str]:
        return [text for path in paths if isinstance(text := value_at(card, path), str) and text]

    names = version_value_names(package, None)
    custom = "additional_information.custom_details."
    metrics = [
        {
            "type": name,
            "value": str(estimate["value"]),
            "slice": "held-out test rows",
            **(
                {"confidenceInterval": {"lowerBound": str(estimate["low"]), "upperBound": str(estimate["high"])}}
                if estimate["low"] is not None and estimate["high"] is not None
                else {}
            ),
        }
        for name, estimate in evidence.predicate["metrics"].items()
        if estimate["value"] is not None
    ] + [
        {"type": f"bias {name}", "value": str(value), "slice": names.describe(facet["facet"], facet["value"])}
        for facet in evidence.predicate["bias"]
        for name, value in facet["metrics"].items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    ]
    considerations: dict[str, object] = {
        "users": written("business_details.business_stakeholders"),
        "useCases": written("intended_uses.purpose_of_model", "intended_uses.intended_uses"),
        "technicalLimitations": written(
            "additional_information.caveats_and_recommendations",
            custom + "out_of_scope_uses",
            "intended_uses.factors_affecting_model_efficiency",
        ),
        "performanceTradeoffs": written(custom + "alternatives_considered", custom + "threshold_rationale"),
        "ethicalConsiderations": [{"name": text} for text in written("additional_information.ethical_considerations")],
        "fairnessAssessments": [{"groupAtRisk": names.describe(facet["facet"], facet["value"])} for facet in evidence.predicate["bias"]],
    }
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "binary classification",
            "architectureFamily": "gradient-boosted trees",
            "modelArchitecture": "XGBoost",
            "datasets": [{"ref": ref} for ref in data],
            "inputs": [{"format": "text/csv"}],
            "outputs": [{"format": "text/csv"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "considerations": {name: value for name, value in considerations.items() if value},
        "properties": [{"name": f"hyperparameter:{k}", "value": str(v)} for k, v in sorted(package.hyperparameters.items())],
    }
