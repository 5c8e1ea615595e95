"""The bill of materials: valid by CycloneDX's own schema whatever the evidence holds, and the same for the same evidence."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from core.governance.dossier import bill_of_materials
from core.governance.evidence import Evidence
from core.registry.registry_types import Package

LOCK = 'boto3==1.40.1 \\\n    --hash=sha256:00\nurllib3[socks]==2.5.0 ; python_version >= "3.9" \\\n    --hash=sha256:11\n# comment==1\n'
SHA = "ab" * 32


def package(**changes) -> Package:
    known = {"arn": "arn:aws:sagemaker:us-east-1:000000000000:model-package/g/3", "group": "g", "version": 3, "status": "Approved"}
    parts = {"comment": "", "properties": {}, "training_job": "job", "hyperparameters": {"eta": "0.2"}, "performance": None, "bias": None}
    now = datetime.now(UTC)
    return Package(**{**known, **parts, "created": now, "modified": now, "shap": {}, "scores_uri": None, "raw": {}, **changes})


def evidence(metrics=None, bias=None, container="123.dkr.ecr.us-east-1.amazonaws.com/xgboost:1.7-1") -> Evidence:
    pinned = {name: {"uri": f"s3://b/{name}", "sha256": SHA, "bytes": 1} for name in ("model", "data/source", "data/test_res.csv", "bias")}
    return Evidence(SHA, {"files": pinned, "container": container, "metrics": metrics or {}, "bias": bias or []}, b"")


def built(found: Evidence, card=None, lock=LOCK, **changes) -> dict:
    text = bill_of_materials.build_cyclonedx(package(**changes), found, card or {}, lock, "2026-01-02T03:04:05+00:00").decode()
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(text) is None
    return json.loads(text)


@pytest.mark.parametrize("value", [0.5, None, "inf", "-inf", -1e-9])
def test_figures_that_are_not_defined_are_left_out_and_infinite_ones_are_text(value):
    figure = {"value": value, "low": None, "high": None, "n": 10}
    made = built(evidence({"auc": figure}, [{"facet": "SEX", "value": 1, "metrics": {"DI": value, "TE": None}}]))
    listed = made["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [metric["type"] for metric in listed] == ([] if value is None else ["auc", "bias DI"])
    assert all(metric["value"] == str(value) for metric in listed)


@pytest.mark.parametrize("text", ["<script>\u202e =1+1 &", "", "x" * 5000])
def test_whatever_people_wrote_leaves_it_valid(text):
    card = {"intended_uses": {"purpose_of_model": text}, "additional_information": {"ethical_considerations": text, "custom_details": {}}}
    made = built(evidence(container=""), card, training_job=None, hyperparameters={})
    considerations = made["metadata"]["component"]["modelCard"]["considerations"]
    assert considerations.get("useCases", []) == ([text] if text else [])


def test_it_names_model_data_container_and_packages_with_their_hashes():
    made = built(evidence())
    assert made["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": SHA}]
    by_kind = {kind: [c for c in made["components"] if c["type"] == kind] for kind in ("data", "container", "library")}
    assert {c["name"]: c["hashes"][0]["content"] for c in by_kind["data"]} == {"source": SHA, "test_res.csv": SHA}
    assert [c["name"] for c in by_kind["container"]] == ["123.dkr.ecr.us-east-1.amazonaws.com/xgboost:1.7-1"]
    assert {c["purl"] for c in by_kind["library"]} == {"pkg:pypi/boto3@1.40.1", "pkg:pypi/urllib3@2.5.0"}
    (needs,) = [d["dependsOn"] for d in made["dependencies"] if d["ref"] == "model"]
    assert set(needs) == {c["bom-ref"] for c in made["components"]}


def test_the_same_evidence_gives_the_same_bill():
    assert built(evidence()) == built(evidence())
