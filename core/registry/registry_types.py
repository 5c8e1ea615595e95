"""What the registry records: versions as lists show them, packages with their reports, and the properties that the product writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from core.analysis.performance.performance_json import PerformanceJson
from core.analysis.tables.value_names import ValueNames
from core.jobs import jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.reports import bias_jobs

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

PENDING_STATUS = "PendingManualApproval"
DECISION_PROPERTY, EVIDENCE_PROPERTY, DECIDED_BY_PROPERTY = "governance:decision", "governance:evidence", "governance:decided-by"
DATASET_PROPERTY = "governance:dataset"
"""The property with the name of the data set."""
TEST_ROWS_PROPERTY = "governance:test-sha256"
"""The property with the hash of the test rows."""
THRESHOLD_PROPERTY, THRESHOLD_RATIONALE_PROPERTY = "governance:threshold", "governance:threshold-rationale"
"""The properties with the score above which the version predicts label 1, and why it is this one."""
DEFAULT_THRESHOLD, DEFAULT_THRESHOLD_RATIONALE = 0.5, "chosen by default"
SCORES_DIGEST_PROPERTY = "governance:sha256-scores"
"""The property with the hash of the scores."""
REGISTER_EVENT = "register"
"""The event of the log that says what was registered, by whom, and who trained it."""
DECISION_PROPERTIES = frozenset({DECISION_PROPERTY, EVIDENCE_PROPERTY, DECIDED_BY_PROPERTY})
"""Properties that a decision writes; all others are written at registration."""
GROUP_DESCRIPTION = "Models of the governance dashboard"
"""What the groups that this product creates say of themselves."""
NO_GROUP = "-"
"""Stands for the packages that belong to no group; no group can have this name."""


@dataclass(frozen=True)
class Version:
    """A model package as lists show it."""

    arn: str
    group: str
    version: int
    status: str
    created: datetime
    description: str

    @property
    def label(self) -> str:
        """``loans v3``, with the data set's name where the group has another one; of a package without a group its name."""
        return version_label(self.arn, self.group, self.version) + _other_data(self.group, self.dataset)

    @property
    def dataset(self) -> str:
        """The data set's name, if this product's description names it; "" in versions of others and of earlier releases."""
        return self._parsed_description[2]

    @property
    def role(self) -> str:
        """baseline or mitigated, as this product describes it; "" in versions of others."""
        return self._parsed_description[0]

    @property
    def training_job(self) -> str:
        """The training job that this product's description names; "" in versions of others."""
        return self._parsed_description[1]

    @property
    def _parsed_description(self) -> tuple[str, str, str]:
        match = re.fullmatch(r"([a-z][a-z -]{0,39}): ([A-Za-z0-9-]{1,63})(?:, of (.+))?", self.description)
        return (match[1], match[2], match[3] or "") if match else ("", "", "")


def describe_version(role: str, training_job: str, dataset: str) -> str:
    """The description of a version, from which lists of versions know what it is."""
    return f"{role}: {training_job}, of {dataset}"[:1024]


def _other_data(group: str, dataset: str) -> str:
    """The data set's name in brackets, where the group has another one."""
    return f" ({dataset})" if dataset and group_name_of(dataset) != group else ""


@dataclass(frozen=True)
class Package:
    """A model package with its reports and its training job. Parts that it lacks are None or empty; ``missing`` says why, by part."""

    arn: str
    group: str
    version: int
    status: str
    created: datetime
    modified: datetime | None
    comment: str
    properties: dict[str, str]
    training_job: str | None
    hyperparameters: dict[str, str]
    performance: PerformanceJson | None
    bias: bias_jobs.BiasReport | None
    shap: dict[str, float]
    scores_uri: str | None
    raw: DescribeModelPackageOutputTypeDef
    missing: dict[str, str] = field(default_factory=dict)
    training: jobs.Job | None = None

    @property
    def label(self) -> str:
        """``loans v3 · mitigated``; with the data set's name where the group has another one: ``credit v3 (loans) · mitigated``."""
        role, dataset = self.properties.get("governance:role", ""), self.properties.get(DATASET_PROPERTY, "")
        return version_label(self.arn, self.group, self.version) + _other_data(self.group, dataset) + (f" · {role}" if role else "")

    def describe_feature(self, name: str) -> str:
        """A feature's name; that of a facet or of the group, by the bias report, says so: ``sex (sensitive)``."""
        return f"{name} (sensitive)" if self.bias and name in self.bias.governance.get("sensitive", ()) else name

    @property
    def threshold(self) -> float | None:
        """The score above which it predicts label 1; None for a version whose registration doesn't say, as those of earlier releases."""
        try:
            return float(self.properties.get(THRESHOLD_PROPERTY, ""))
        except ValueError:
            return None

    @property
    def model_uri(self) -> str:
        """The model's archive; "" where the version names none in S3."""
        return model_uri(self.raw)


def version_value_names(package: Package, data: RebalancedData | None) -> ValueNames:
    """What the codes in a version's figures stand for: by its data set, or else by its bias report."""
    return data.value_names if data else package.bias.value_names if package.bias else ValueNames()


def describe_labels(packages: Iterable[Package]) -> tuple[str, str]:
    """What labels 0 and 1 are called, by the first version whose bias report says so: ``paid = yes``, or else ``label 1``."""
    report = next((package.bias for package in packages if package.bias), None)
    return (report.describe_label(0), report.describe_label(1)) if report else ("label 0", "label 1")


def group_name_of(dataset: str) -> str:
    """A data set's name as AWS allows it for a model package group: ``Loans-2024-final``; "" if no letter or digit of it is allowed."""
    return "-".join(re.findall(r"[A-Za-z0-9]+", dataset))[:63].rstrip("-")


def version_label(arn: str, group: str, version: int) -> str:
    """The name of a version: ``credit-default v3``, or the name of a package without a group."""
    return f"{group} v{version}" if group else arn.rpartition("model-package/")[2] or arn


def model_uri(raw: DescribeModelPackageOutputTypeDef) -> str:
    """The S3 URI of a package's (first) model, one archive or a folder; "" if it names none, like the package of an algorithm."""
    containers = (raw.get("InferenceSpecification") or {}).get("Containers") or []
    algorithms = (raw.get("SourceAlgorithmSpecification") or {}).get("SourceAlgorithms") or []
    for container in (*containers, *algorithms):
        source = (container.get("ModelDataSource") or {}).get("S3DataSource")
        if uri := container.get("ModelDataUrl") or (source["S3Uri"] if source else ""):
            return str(uri)
    return ""


def container_image(raw: DescribeModelPackageOutputTypeDef) -> str:
    """The image of a package's (first) container; "" if it names none."""
    containers = raw.get("InferenceSpecification", {}).get("Containers") or []
    return containers[0].get("Image", "") if containers else ""


def group_from_arn(arn: str) -> str | None:
    """The group that a version's ARN names, NO_GROUP for a package without one; None if it isn't the ARN of a package."""
    match = re.fullmatch(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:model-package/([^/]+)(/\d+)?", arn)
    return None if match is None else match.group(1) if match.group(2) else NO_GROUP
