"""The Hyperband strategy: many short trials, and the best settings again with more rounds."""

from __future__ import annotations

from engine.jobs.states import RUNNING_STATUSES
from engine.jobs.tuning.tuning_record import OBJECTIVE_HYPERPARAMETER, final_objective
from engine.store.records import Body


class SuccessiveHalving:
    """Successive halving over the number of rounds: most trials are short; the best settings are run again with all rounds."""

    def __init__(self, most: int) -> None:
        self.round_shares = [1 / 9, 1 / 3, 1.0][-most:]
        self.max_trials = most

    def choose_overrides(self, number: int, definition_: Body, jobs: list[Body], metric: str, direction: str) -> dict[str, str]:
        """The hyperparameters to override for trial ``number``: its share of the rounds, and for a longer trial the best values so far."""
        full = int(definition_.get("StaticHyperParameters", {}).get("num_round", "100"))
        share = self.round_shares[len(self.round_shares) * number // self.max_trials]
        override = {"num_round": str(max(1, round(full * share)))}
        if number and share > self.round_shares[0]:
            done = [
                (value, job)
                for job in jobs
                if (value := final_objective(job, metric)) is not None and job["TrainingJobStatus"] not in RUNNING_STATUSES
            ]
            tried = {_settings_key(job) for job in jobs if int(job["HyperParameters"]["num_round"]) >= int(override["num_round"])}
            done = [(value, job) for value, job in done if _settings_key(job) not in tried]
            if done:
                best = sorted(done, key=lambda pair: pair[0], reverse=direction == "Maximize")[0][1]
                static = set(definition_.get("StaticHyperParameters", {})) | {OBJECTIVE_HYPERPARAMETER, "num_round"}
                override |= {k: v for k, v in best["HyperParameters"].items() if k not in static}
        return override


def _settings_key(job: Body) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in job["HyperParameters"].items() if k != "num_round"))
