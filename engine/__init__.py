"""The embedded engine: serves SageMaker's wire protocol on 127.0.0.1, and really runs the jobs."""

__version__ = "0.1.0"
