"""Training, processing and tuning jobs: their operations, and what the queue asks of SageMaker."""
