"""Bias jobs, before they start."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.analysis.tables.value_names import ValueNames
from core.errors import DataError
from core.identity import WORKFLOW_IDENTITY
from core.reports import bias_jobs


def test_a_job_whose_favourable_value_no_row_has_is_not_started():
    roles = SimpleNamespace(label="paid", favourable=2)
    data = SimpleNamespace(
        roles=roles, value_names=ValueNames({}), manifest={"counts": {"before": [{"label": 1}, {"label": 0}, {"label": 1}]}}
    )
    with pytest.raises(DataError, match=r"No row has the favourable outcome paid = 2; the label's values are 0, 1\."):
        bias_jobs.launch_job(SimpleNamespace(), WORKFLOW_IDENTITY, "model", data)
