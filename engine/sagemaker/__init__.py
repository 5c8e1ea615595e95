"""SageMaker's operations, a module per resource family; importing this registers them all."""

from engine.sagemaker import (  # noqa: F401
    associations,
    experiments,
    job_deletion,
    lineage,
    metrics_service,
    model_cards,
    model_package_groups,
    model_packages,
    models,
    processing_jobs,
    query_lineage,
    search,
    tags,
    training_jobs,
    trial_components,
    tuning_jobs,
)
