"""The process in which a job runs."""
