"""Intervals that are made otherwise than before have another name, so that nobody takes an older release's for wrong ones."""

from __future__ import annotations

import hashlib

import numpy as np

from core.analysis.bias.bias_intervals import metric_intervals
from core.analysis.intervals.confidence import INTERVAL_METHODS
from core.analysis.performance.performance import evaluate_performance

KNOWN = {"2026-11-29": "94221f6d8c5d76f2"}
"""Name of the methods -> the digest of the intervals that they give."""
DRAWN = {"auc", "average_precision", "log_loss", "brier"}


def made_now() -> str:
    """The intervals of some rows that come from formulas, to four digits."""
    random = np.random.default_rng(11)
    facet, label = random.random(300) < 0.4, random.random(300) < 0.6
    scores, group = np.clip(label * 0.3 + random.random(300) * 0.7, 0, 1), random.integers(0, 4, 300)
    accepted = scores > 0.5
    text = []
    for rows in (slice(0, 300), slice(0, 25)):
        for stage, prediction in (("pre", None), ("post", accepted[rows])):
            for name, one in metric_intervals(stage, facet[rows], label[rows], prediction, group[rows]).items():
                if "draws" not in one.method and one.low is not None:
                    text.append(f"{stage} {name} {one.low:z.4g} {one.high:z.4g} {one.method}")
        for name, one in evaluate_performance(label[rows], scores[rows], resamples=20).estimates().items():
            if name not in DRAWN and one.low is not None:
                text.append(f"{name} {one.low:z.4g} {one.high:z.4g}")
    assert len(text) > 40
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def test_other_intervals_have_another_name():
    assert KNOWN[INTERVAL_METHODS] == made_now(), (
        "Give core.analysis.intervals.confidence.INTERVAL_METHODS a new name, and write it down here."
    )
