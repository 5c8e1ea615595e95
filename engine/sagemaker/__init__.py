"""SageMaker's operations, a module per resource family; importing this registers them all."""
# ruff: noqa: F401

from engine.sagemaker import search, tags
from engine.sagemaker.cards import model_card_exports, model_cards
from engine.sagemaker.job_operations import job_deletion, processing_jobs, training_jobs, tuning_jobs
from engine.sagemaker.lineage import associations, lineage_entities, query_lineage
from engine.sagemaker.registry import model_package_groups, model_packages, models
from engine.sagemaker.tracking import experiments, metrics_service, trial_components
