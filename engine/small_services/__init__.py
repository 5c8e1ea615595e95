"""Services beside SageMaker and S3 of which the engine serves a few operations; importing this registers them."""

from engine.small_services import cloudwatch_logs, image_registry, service_quotas  # noqa: F401
