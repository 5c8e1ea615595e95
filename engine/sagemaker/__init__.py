"""SageMaker's operations, a module per resource family; importing this registers them all."""

from engine.sagemaker import (  # noqa: F401
    associations,
    cards,
    deletion,
    lineage,
    metrics,
    models,
    package_groups,
    packages,
    processing,
    query_lineage,
    search,
    tags,
    training,
    trial_components,
    trials,
    tuning,
)
