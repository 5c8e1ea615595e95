"""Two data sets in one group of versions: only versions tested on the same rows are compared, or are a gate's baseline."""

from __future__ import annotations

import dataclasses
import io
import json
from contextlib import contextmanager

import pandas as pd
import pytest
from deciding import EASY
from replacing import replaced

from core.aws.target import connect
from core.governance import gates
from core.governance.policy import parse_toml
from core.governance.version_under_review import read_version
from core.registry import baselines, model_packages, version_comparison
from core.reports import bias_jobs, bias_outcomes
from core.settings import Settings

pytestmark = pytest.mark.slow
LOANS, CREDIT = "'loans-2024' (100 rows)", "'credit-2023' (160 rows)"
RULES = parse_toml((EASY + '[profiles.like]\ntitle = "Like"\ngates = [{kind = "baseline", metric = "auc", min = -1.0}]\n').encode())


@pytest.fixture
def target(two_sets):
    return connect(Settings(workspace=two_sets))


@pytest.fixture
def versions(target):
    """number -> ARN."""
    return {version.version: version.arn for version in model_packages.list_versions(target)}


@contextmanager
def status(target, arn, kind):
    target.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=kind)
    yield
    target.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")


def baseline_of(target, arn, approved=()):
    version = read_version(target, arn)
    return baselines.find_baseline(version.target, version.package, version.data, approved)


def judge(target, arn):
    return gates.judge_version(read_version(target, arn), RULES.profiles["like"])


def test_a_baseline_is_of_the_same_data_even_if_another_is_newer_or_approved(target, versions):
    assert baseline_of(target, versions[2]).arn == versions[1]  # not v3, the newest baseline
    assert baseline_of(target, versions[4], {versions[1]}).arn == versions[3]
    assert baseline_of(target, versions[3], {versions[4]}).arn == versions[4]
    assert baseline_of(target, versions[2], {versions[4]}).arn == versions[1]
    *_, result = judge(target, versions[4]).results
    assert (result.status, result.title) == ("pass", "Compared with credit-default v3 (credit-2023) · baseline: auc")


def test_a_version_that_only_the_registry_calls_approved_is_no_baseline(target, versions):
    with status(target, versions[4], "Approved"):
        assert judge(target, versions[3]).compared_with is None


def test_without_a_baseline_on_this_data_the_gate_blocks_and_names_what_there_is(target, versions):
    judgement = judge(target, versions[3])  # the only other baseline is of loans
    *_, result = judgement.results
    assert (result.status, result.is_blocking, judgement.compared_with) == ("not computable", True, None)
    assert result.reason.startswith(f"No baseline on this data set: v3 was tested on {CREDIT}, v1 on {LOANS}.")
    assert "v3 predicts defaulted, v1 paid." in result.reason
    assert result.reason.endswith(baselines.REMEDY)


def test_versions_of_two_data_sets_are_refused_with_every_reason(target, versions):
    comparison = version_comparison.compare_packages(target, versions[1], versions[3])
    assert comparison.differences is None
    assert comparison.unpaired_reason == f"v1 was tested on {LOANS}, v3 on {CREDIT}. v1 predicts paid, v3 defaulted."
    found, why = version_comparison.bias_differences(target, comparison.a, comparison.b)
    assert found == {}
    assert "v1 was measured for people with sex = b, v3 for people with region = b: they have no facet in common." in why
    reports = [bias_jobs.read_job_report(target, package.properties["governance:bias-job"]) for package in (comparison.a, comparison.b)]
    assert "'loans-2024' (100 rows)" in bias_outcomes.paired_differences(target, *reports)[1]
    assert version_comparison.explain_unlike_explanations(target, comparison.a, comparison.b)


def test_versions_of_one_data_set_are_compared(target, versions):
    comparison = version_comparison.compare_packages(target, versions[3], versions[4])
    assert comparison.unpaired_reason == ""
    assert set(comparison.differences) >= {"auc", "accuracy", "ece"}
    assert version_comparison.bias_differences(target, comparison.a, comparison.b)[1] == ""
    assert version_comparison.explain_unlike_explanations(target, comparison.a, comparison.b) == ()


def test_labels_must_agree_row_by_row_whatever_the_hashes_say(target, versions):
    package = model_packages.read_package(target, versions[2])
    head, first, *rest = target.files.read(package.scores_uri).decode().splitlines()
    row, label, *others = first.split(",")
    other = "\n".join([head, ",".join([row, str(1 - int(label)), *others]), *rest]).encode()
    with replaced(target, {package.scores_uri: other}):
        pair = (model_packages.read_package(target, versions[number]) for number in (1, 2))
        unpinned = [dataclasses.replace(one, properties=one.properties | {"governance:sha256-scores": None}) for one in pair]
        why = version_comparison.paired_differences(target, *unpinned)[1]
        assert why == "v1 and v2 have other labels in one row, first in row 0: they weren't judged on the same rows."


def test_scores_and_rows_are_those_that_were_registered(target, versions):
    package = model_packages.read_package(target, versions[1])
    with replaced(target, {package.scores_uri: target.files.read(package.scores_uri) + b"\n"}):  # the same table
        why = version_comparison.compare_packages(target, versions[1], versions[2]).unpaired_reason
    assert "The scores of credit-default v1" in why
    assert "aren't those that were registered" in why


def test_the_same_row_numbers_with_other_rows_are_not_paired(target, versions, monkeypatch):
    """Another split file under the same row numbers: labels agree, and the rows don't."""
    a, b = (model_packages.read_package(target, versions[number]) for number in (1, 2))
    other = dataclasses.replace(b, properties={**b.properties, "governance:test-sha256": "0" * 64})
    monkeypatch.setattr(version_comparison, "explain_unlike_versions", lambda *_: ())
    assert version_comparison.paired_differences(target, a, other)[1] == ""  # another file, the same rows
    uri = model_packages.find_rebalancing(target, b).uri("test_header.csv")
    original = target.files.read(uri)
    rows = pd.read_csv(io.BytesIO(original))
    read, tables = pd.read_csv, iter([rows, rows.assign(income=rows["income"].to_numpy()[::-1])])

    def table(content):
        return next(tables) if b"income" in content.getvalue() else read(content)

    monkeypatch.setattr(version_comparison.pd, "read_csv", table)
    why = version_comparison.paired_differences(target, a, other)[1]
    assert why.startswith("v1 and v2 have other rows: row 0 has income ")


@pytest.mark.parametrize("key", ["rows_sha256", "measured_on"])
def test_versions_of_earlier_releases_are_compared_by_what_was_registered(target, versions, key):
    """Reports that don't name their rows: the hash of the test file, which was registered, does."""
    package = model_packages.read_package(target, versions[2])
    uri = f"{package.bias.folder}/analysis.json"
    raw = json.loads(target.files.read(uri))
    del raw["governance"][key]
    with replaced(target, {uri: json.dumps(raw).encode()}):
        assert version_comparison.compare_packages(target, versions[1], versions[2]).unpaired_reason == ""
        assert f"v3 on {CREDIT}" in version_comparison.compare_packages(target, versions[2], versions[3]).unpaired_reason
