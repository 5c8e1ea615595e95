"""A real client, unmodified: the workshop with the AWS CLI, against the engine, in its own environment."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]
EXPECTED = {
    "account": "000000000000",
    "allowed": "allowed allowed",
    # S3
    "synced_again": "0",
    "large_is_whole": "yes",
    "note": "of the workshop",
    "listed": "6",
    "buckets": "1",
    "presigned": "of the workshop",
    "metadata": "uci",
    "keys": "5",
    "versions": "2",
    "taken": "PreconditionFailed",
    "ten": "10",
    "no_object": "NoSuchKey",
    "bucket_in_use": "1",
    # jobs
    "baseline": "Completed",
    "name_taken": "ResourceInUse",
    "no_job": "ValidationException",
    "stopped": "Stopped",
    "jobs": "cli-baseline",
    "log_group": "/aws/sagemaker/TrainingJobs",
    "rounds": "20",
    "found_in_log": "20",
    "tuning": "Completed",
    "best_is_first": "yes",
    "tuning_stopped": "Stopped",
    "tunings": "cli-tuning",
    "model_files": "xgboost-model",
    "no_model": "ValidationException",
    "models": "cli-model",
    "model_data": "True",
    "bias": "Completed",
    "bias_stopped": "Stopped",
    "processing": "cli-bias",
    "reports": "analysis.json report.html report.pdf",
    "metrics": "13",
    # lineage and experiments
    "ascendants": "DataSet DataSet Dataset Image Model TrainingJob",
    "rows": "3000",
    "review": "Completed",
    "project": "The workshop",
    "outgoing": "2",
    "actions": "cli-review",
    "contexts": "cli-project",
    "lineage_group": "sagemaker-default-lineage-group",
    "lineage_groups": "1",
    "in_trial": "cli-baseline-aws-training-job",
    "experiment": "The workshop with the CLI",
    "experiments": "cli",
    "trial": "Trial",
    "trials": "cli-trial",
    # the registry
    "approved": "Approved The report was read yes",
    "packages": "1",
    "batch": "1",
    "group": "Default of credit",
    "groups": "1",
    "group_in_use": "ConflictException",
    "approval": "1",
    "searched": "cli-baseline",
    "searched_packages": "1",
    "tags": "stage test",
    "card_refused": "ValidationException",
    "card": "PendingReview 2",
    "card_versions": "1 2",
    "cards": "cli-card",
    "pdf": "%PDF",
    "exports": "1",
    "card_found": "cli-card",
    "end": "reached",
}


@pytest.fixture(scope="module")
def ran(run_client):
    return run_client(".venv-cli", "workshop_cli.sh", 850)


def test_every_step_of_the_workshop_comes_out(ran):
    assert ran.outcome == EXPECTED


def test_nothing_but_loopback_was_looked_up(ran):
    assert ran.hosts == {"127.0.0.1"}
