"""The content of a model card, by AWS's schema: what the product knows of a version, and the fields that people fill in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.aws.target import Target
from core.governance.model_cards.card_evaluations import build_evaluations
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry.registry_types import Package, container_image


@dataclass(frozen=True)
class CardField:
    """A field that people fill in. ``path``: where the answer goes in AWS's model card JSON schema; ``max_length``: its most characters."""

    path: str
    title: str
    question: str
    max_length: int = 2048
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of its path, by which a policy names it."""
        return self.path.rpartition(".")[2]


CUSTOM_DETAILS = "additional_information.custom_details."
FIELDS = (
    CardField("model_overview.model_description", "Description", "What the model predicts, of whom, and from what", 1024),
    CardField("model_overview.model_owner", "Owner", "Who is responsible for it", 1024),
    CardField("business_details.line_of_business", "Line of business", "Where it is used"),
    CardField("business_details.business_problem", "Problem", "What it solves"),
    CardField("business_details.business_stakeholders", "Stakeholders", "Who uses it, and who is affected"),
    CardField("intended_uses.purpose_of_model", "Purpose", "Which decision it supports, and how"),
    CardField("intended_uses.intended_uses", "Intended uses", "Who may use it, and on whom"),
    CardField(CUSTOM_DETAILS + "out_of_scope_uses", "Out of scope", "What it must not be used for", 1024),
    CardField("intended_uses.factors_affecting_model_efficiency", "What quality depends on", "Conditions under which it performs worse"),
    CardField("intended_uses.risk_rating", "Risk rating", "How much harm an error can do", choices=("Unknown", "Low", "Medium", "High")),
    CardField("intended_uses.explanations_for_risk_rating", "Why that rating", "Who is affected, how many, how badly"),
    CardField("additional_information.ethical_considerations", "Ethics", "Who may be harmed, and what is done about it"),
    CardField("additional_information.caveats_and_recommendations", "Limitations and misuse", "What it can't do, and foreseeable misuse"),
    CardField(CUSTOM_DETAILS + "reason_for_change", "Reason for this version", "What it changes compared with the version before", 1024),
    CardField(
        CUSTOM_DETAILS + "sensitive_inputs", "Sensitive inputs", "Which protected or proxy features it uses, and why they are kept", 1024
    ),
    CardField(CUSTOM_DETAILS + "threshold_rationale", "Threshold", "At which score a person is declined, and why at that score", 1024),
    CardField(
        CUSTOM_DETAILS + "alternatives_considered",
        "Alternatives considered",
        "Which less discriminatory models, and why they were not chosen",
        1024,
    ),
    CardField(CUSTOM_DETAILS + "adverse_action_reasons", "Reasons given", "How people who are declined learn the reasons", 1024),
    CardField(CUSTOM_DETAILS + "human_oversight", "Human oversight", "Who can overrule it, and how", 1024),
    CardField(CUSTOM_DETAILS + "monitoring_plan", "Monitoring", "What is monitored in use, how often, and by whom", 1024),
    CardField(CUSTOM_DETAILS + "rollback_version", "Rollback", "Which version replaces this one if it fails", 1024),
)
SECTIONS: dict[str, tuple[str, ...]] = {
    "What it is": ("model_description", "model_owner", "line_of_business", "business_problem", "business_stakeholders"),
    "What it is used for": ("purpose_of_model", "intended_uses", "out_of_scope_uses", "human_oversight"),
    "Risk": (
        "risk_rating",
        "explanations_for_risk_rating",
        "factors_affecting_model_efficiency",
        "ethical_considerations",
        "caveats_and_recommendations",
    ),
    "Choices": (
        "reason_for_change",
        "sensitive_inputs",
        "threshold_rationale",
        "alternatives_considered",
        "adverse_action_reasons",
    ),
    "In operation": ("monitoring_plan", "rollback_version"),
}
"""The parts of the form that people fill in: title -> names of its fields."""


def section_fields(title: str) -> list[CardField]:
    """The fields of a section, in its order."""
    by_name = {field.name: field for field in FIELDS}
    return [by_name[name] for name in SECTIONS[title]]


def value_at(content: object, path: str) -> object:
    """The value at a dotted path; None if nothing is there."""
    for part in path.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def filled_fields(content: object) -> list[CardField]:
    """The fields that people have filled in, in their order: with at least a letter or a digit, and not as unknown."""
    answers = {field: value_at(content, field.path) for field in FIELDS}
    return [f for f, text in answers.items() if isinstance(text, str) and text != "Unknown" and any(c.isalnum() for c in text)]


def build_known_content(target: Target, package: Package, data: RebalancedData | None) -> dict[str, object]:
    """The part of a card that the product fills in, by AWS's schema: from the version, its training job, its reports and its data."""
    image, artifact = container_image(package.raw), package.model_uri
    training: dict[str, object] = {
        "hyper_parameters": [{"name": k[:255], "value": str(v)[:255]} for k, v in sorted(package.hyperparameters.items())][:100],
        **({"training_environment": {"container_image": [image]}} if image and package.training_job else {}),
    }
    if package.training:
        job = package.training.raw
        training["training_arn"] = job["TrainingJobArn"]
        training["training_metrics"] = [
            {"name": m["MetricName"], "value": float(m["Value"])}
            for m in job.get("FinalMetricDataList", [])
            if math.isfinite(m.get("Value", math.nan))
        ][:50]
        training["training_datasets"] = [
            channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in job.get("InputDataConfig", [])
            if "S3DataSource" in channel.get("DataSource", {})
        ][:15]
    content: dict[str, object] = {
        "model_overview": {
            "model_name": package.group or package.label,
            "model_id": package.arn,
            **({"model_version": package.version} if package.version else {}),
            **({"model_artifact": [artifact]} if artifact else {}),
            **({"algorithm_type": "XGBoost (gradient-boosted trees)"} if "xgboost" in image else {}),
            **({"problem_type": "Binary classification"} if package.performance else {}),
            "model_creator": package.properties.get("governance:trained-by-name", "unknown"),
            **({"inference_environment": {"container_image": [image]}} if image else {}),
        },
        "training_details": {"training_observations": _observations(data), "training_job_details": training},
        "evaluation_details": build_evaluations(target, package, data),
        "model_package_details": {
            "model_package_arn": package.arn,
            **({"model_package_group_name": package.group, "model_package_version": package.version} if package.group else {}),
        },
    }
    if data is not None:
        custom = {
            "data_set": data.dataset.uri,
            "data_sha256": data.dataset.sha256,
            "data_rows": f"{data.dataset.rows}",
            "split_seed": f"{data.manifest['split']['seed']}",
            "rows_leaked": f"{data.manifest['leaked_rows']}",
        }
        content["additional_information"] = {"custom_details": {k: v[:1024] for k, v in custom.items()}}
    return {part: value for part, value in content.items() if value}


def _observations(data: RebalancedData | None) -> str:
    if data is None:
        return "The training data was not recorded."
    manifest = data.manifest
    split, config = manifest["split"], manifest["config"]
    rows = f"{split['original_train_rows']:,} training, {split['validation_rows']:,} validation and {split['test_rows']:,} test rows"
    return (
        f"{rows}, split once (seed {split['seed']}). Rebalancing: {config['method']} of {config['target']}; "
        f"{manifest['synthetic']['count']:,} synthetic training rows; {manifest['leaked_rows']:,} held-out rows used in training."
    )[:1024]


def set_at_path(content: dict[str, object], path: str, text: str) -> None:
    """Put a text at a dotted path; the parts above it are made where they are missing."""
    *parts, last = path.split(".")
    for part in parts:
        inner = content.setdefault(part, {})
        if not isinstance(inner, dict):
            raise TypeError(f"{part} of {path} is not an object of the card")
        content = inner
    content[last] = text
