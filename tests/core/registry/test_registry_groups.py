"""Each data set has its own group of versions, with a name that AWS allows; a label says which data a version is of."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from core.registry import version_registration
from core.registry.registry_types import DATASET_PROPERTY, Package, Version, describe_version
from core.settings import GROUP_PATTERN, Settings


@given(st.text(max_size=100))
def test_every_name_of_a_data_set_makes_a_name_of_a_group(name: str) -> None:
    group = version_registration.propose_group(Settings(), name)
    assert re.fullmatch(GROUP_PATTERN, group)
    assert version_registration.check_group_name(group) == group


def test_bundled_data_stay_where_they_were_and_a_group_that_is_set_takes_all() -> None:
    assert version_registration.propose_group(Settings(), "credit-default") == "credit-default"
    assert version_registration.propose_group(Settings(), "Loans 2024 (final)") == "Loans-2024-final"
    assert version_registration.propose_group(Settings(group="mine"), "loans") == "mine"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a-", "a_b", "a" * 64, "a\n", "Größe"])
def test_a_name_that_aws_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="can't be the name of a model package group"):
        version_registration.check_group_name(name)


@pytest.mark.parametrize(("group", "label"), [("loans-2024", "loans-2024 v3"), ("credit", "credit v3 (loans 2024)")])
def test_a_versions_label_shows_its_data(group: str, label: str) -> None:
    package = SimpleNamespace(arn="arn", group=group, version=3, properties={DATASET_PROPERTY: "loans 2024"})
    assert Package.label.fget(package) == label
    version = Version("arn", group, 3, "", datetime.now(UTC), describe_version("mitigated", "governance-train-1", "loans 2024"))
    assert (version.label, version.role, version.training_job, version.dataset) == (label, "mitigated", "governance-train-1", "loans 2024")


def test_a_version_that_an_earlier_release_registered_keeps_its_role_and_job() -> None:
    version = Version("arn", "credit", 3, "", datetime.now(UTC), "baseline: governance-train-1")
    assert (version.label, version.role, version.training_job, version.dataset) == ("credit v3", "baseline", "governance-train-1", "")
