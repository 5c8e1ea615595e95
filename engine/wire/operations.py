"""All operations that the engine serves: importing this module registers them."""

from engine import (
    sagemaker,
    small_services,
)
from engine.context import OPERATIONS
from engine.iam import principals

__all__ = ["OPERATIONS", "principals", "sagemaker", "small_services"]
