"""The embedded engine: SageMaker's wire protocol on loopback, with the work really done."""

__version__ = "0.1.0"
