"""Reports of AWS's container, completed by the companion's measurements."""

from __future__ import annotations

from types import SimpleNamespace

from core.reports.bias_report import parse_report
from core.reports.clarify_jobs import merged_with_companion

FOLDER = "s3://bucket/governance/clarify/job/output"


def report(**values):
    metrics = [{"name": name, "description": name, **metric} for name, metric in values.items()]
    return {"post_training_bias_metrics": {"label": "paid", "facets": {"sex": [{"value_or_threshold": "f", "metrics": metrics}]}}}


def test_what_aws_takes_for_0_where_nothing_was_measured_is_undefined():
    reason = "Nobody is accepted, in the facet or in the rest: the ratio of the two acceptance rates is 0 / 0"
    words = {"DI": {"in_words": f"Can't be computed. {reason}."}, "DPPL": {"in_words": "The facet is accepted as often as the rest."}}
    own = report(DI={"value": None, "error": reason}, DPPL={"value": 0}, CDDPL={"value": None, "error": "No group has both outcomes"})
    own["governance"] = {"metrics": {"post_training_bias_metrics": {"sex": {"f": words}}}}
    target = SimpleNamespace(
        uri=lambda *parts: "/".join(("s3://bucket", *parts)), files=SimpleNamespace(exists=lambda _: True, read_json=lambda *_: own)
    )
    aws = report(DI={"value": 0.0}, DPPL={"value": 0.0}, CDDPL={"value": 0.02})
    (facet,) = parse_report(merged_with_companion(target, FOLDER, aws)).facets
    found = facet.post_training
    assert (found["DI"].value, found["DI"].error) == (None, f"{reason} (AWS's container gives 0.0)")
    assert found["DPPL"].value == 0
    assert found["CDDPL"].value == 0.02  # AWS groups by single values
    assert aws["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"][0]["value"] == 0
