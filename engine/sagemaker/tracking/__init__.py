"""Experiments, trials, trial components and their metrics, and the lineage that SageMaker records of jobs and packages by itself."""
