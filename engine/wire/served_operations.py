"""All operations that the engine serves: importing this module registers them."""

from engine import sagemaker, small_services
from engine.iam import iam_operations, sts_operations
from engine.operations import OPERATIONS

__all__ = ["OPERATIONS", "iam_operations", "sagemaker", "small_services", "sts_operations"]
