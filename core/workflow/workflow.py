"""Runs the whole workflow, from a table to two registered and compared models, for the command ``demo`` and the overview page."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import cast

import pandas as pd

from core.analysis.bias import group_sentences
from core.analysis.tables.table_reading import TableReading
from core.aws.target import Target
from core.data import column_roles, datasets, table_check
from core.errors import Conflict
from core.identity import Identity, require_permission
from core.jobs import jobs, models, rebalancing_jobs, training_jobs, xgboost_report_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.jobs.tuning import tuning_jobs
from core.ledger import signing
from core.lineage import lineage_graph, lineage_record
from core.registry import version_comparison, version_registration
from core.reports import bias_jobs, clarify_jobs, shap_jobs
from core.views.data import leak_sentences, rebalancing_sentences
from core.workflow.job_progress import JobProgress
from core.workflow.workflow_report import DifferenceReport, ModelReport, WorkflowReport

STEPS = ("data", "rebalancing", "training", "models", "lineage", "bias and SHAP", "registration", "comparison")
RUNS_FOLDER = "governance/runs"


@dataclass(frozen=True)
class WorkflowOptions:
    """How to run the workflow. ``name``: the data set's; ``max_parallel``: trials at a time; ``registry_group``: the model package group
    of the versions, by default the data set's name (``version_registration.propose_group``)."""

    name: str = "credit-default"
    rebalance: RebalancingOptions = field(default_factory=RebalancingOptions)
    max_jobs: int = 10
    max_parallel: int = 2
    ranges: tuple[tuple[str, float, float], ...] = ()
    registry_group: str | None = None
    job_suffix: str = ""
    """The end of the jobs' names; random if empty."""


@dataclass
class RunState:
    """The state of a run: the seconds of each step."""

    id: str
    seconds: dict[str, float] = field(default_factory=dict)


StepCallback = Callable[[str, str], None]
"""Called with (step, what it does now)."""


def run_all_steps(
    target: Target,
    identity: Identity,
    table: pd.DataFrame | TableReading | table_check.CheckedTable,
    roles: column_roles.ColumnRoles,
    options: WorkflowOptions | None = None,
    on_step: StepCallback | None = None,
) -> WorkflowReport:
    """Run all steps; returns the report as plain data. ``table``: as it was read, or checked already with these roles.

    Raises GovernanceError at the first step that fails; earlier results remain.
    """
    require_permission(identity, "launch", resource="workflow")
    options = options or WorkflowOptions()
    if options.registry_group:
        version_registration.check_group_name(options.registry_group)
    say: StepCallback = on_step or (lambda step, text: None)
    work = RunState(options.job_suffix or secrets.token_hex(4))

    with _timed_step(work, say, "data", "checking and uploading"):
        signing.load_verification_keys(target)  # before jobs run for hours: nothing can be registered without a key
        checked = table if isinstance(table, table_check.CheckedTable) else table_check.check_table(table, roles)
        rebalancing_jobs.check_feasible(checked, options.rebalance)
        dataset = datasets.upload_dataset(target, identity, checked, options.name)
        say("data", f"{dataset.rows:,} rows, {len(dataset.columns)} columns")
        earlier = next((one for one in datasets.list_datasets(target) if one.name == dataset.name and one.uri != dataset.uri), None)
        if earlier:
            said = datasets.describe_difference(dataset, earlier)
            say("data", f"another data set is called {dataset.name} too, uploaded {earlier.created[:10]}; this one differs: {said}")
        for note in dataset.notes:
            say("data", note)
    with _timed_step(work, say, "rebalancing", f"{options.rebalance.method}, after the split"):
        job = rebalancing_jobs.launch_job(
            target, identity, dataset, options.rebalance, name=f"{rebalancing_jobs.JOB_NAME_PREFIX}-{options.rebalance.method}-{work.id}"
        )
        jobs.wait_for_jobs(target, [("processing", job)], on_progress=JobProgress(target, partial(say, "rebalancing")))
        data = rebalancing_jobs.read_result(target, job)
        say(
            "rebalancing",
            f"{data.manifest['split']['train_rows']:,} training rows, {data.manifest['synthetic']['count']:,} of them synthetic",
        )
        if moved := rebalancing_sentences.label_shares_sentence(data.manifest, datasets.value_names(dataset)):
            say("rebalancing", moved)
        if leaks := leak_sentences.manifest_leaks(data.manifest):
            for found in leak_sentences.report_leaks(leaks, dataset.roles.label, datasets.value_names(dataset)):
                say("rebalancing", found)
    with _timed_step(work, say, "training", f"the baseline, and trials: {options.max_jobs}, {options.max_parallel} at a time"):
        baseline = training_jobs.launch_job(
            target,
            identity,
            data.original_channels["train"],
            data.original_channels["validation"],
            name=f"{training_jobs.JOB_NAME_PREFIX}-{work.id}",
            rebalanced=data.job,
            labels=data.label_names,
        )
        request = tuning_jobs.TuningRequest(data, max_jobs=options.max_jobs, max_parallel=min(options.max_parallel, options.max_jobs))
        tuning_job = tuning_jobs.launch_job(target, identity, request, name=f"{tuning_jobs.JOB_NAME_PREFIX}-{work.id}")
        seen: dict[str, int] = {}
        lines = JobProgress(target, partial(say, "training"))

        def progress(found: list[jobs.Job]) -> None:
            done = found[1].raw["TrainingJobStatusCounters"].get("Completed", 0)
            if seen.get("done") != done:
                seen["done"] = done
                say("training", f"baseline {found[0].status}, {done} of {options.max_jobs} trials")
            lines.say_lines(found)

        ended = jobs.wait_for_jobs(target, [("training", baseline), ("tuning", tuning_job)], on_progress=progress)
        if not tuning_jobs.is_trained_on(ended[1], data):
            raise Conflict("The tuning job did not train on the rebalanced data.", resource=tuning_job)
        chosen = tuning_jobs.named_best_job(target, tuning_job)
        tie = tuning_jobs.tie_sentence(tuning_jobs.list_trials(target, tuning_job))
        if tie:
            say("training", f"{tie} {chosen} goes on because SageMaker names it.")
    trained_by_role = {"baseline": baseline, "mitigated": chosen}
    with _timed_step(work, say, "models", "one per training job"):
        made = {role: models.ensure_model(target, identity, name) for role, name in trained_by_role.items()}
    with _timed_step(work, say, "lineage", "from the data set to the files that the jobs trained on"):
        lineage_record.record_data_files(target, data)
    with _timed_step(work, say, "bias and SHAP", "both models, on the held-out test rows"):
        reports = {
            role: bias_jobs.launch_job(target, identity, name, data, name=f"{bias_jobs.JOB_NAME_PREFIX}-{role}-{work.id}")
            for role, name in made.items()
        }
        shaps = {
            role: shap_jobs.launch_job(target, identity, name, data, name=f"{shap_jobs.JOB_NAME_PREFIX}-{role}-{work.id}")
            for role, name in made.items()
        }
        trained = [training_jobs.describe_job(target, name) for name in trained_by_role.values()]
        more = [
            xgboost_report_jobs.launch_job(target, identity, job, data) for job in trained if not job.raw.get("DebugRuleConfigurations")
        ]
        measured = [one for name in reports.values() for one in clarify_jobs.job_and_companion(target, name)]
        jobs.wait_for_jobs(
            target,
            [("processing", name) for name in (*measured, *shaps.values(), *more)],
            on_progress=JobProgress(target, partial(say, "bias and SHAP")),
        )
    with _timed_step(work, say, "registration", "packages with quality, bias and explainability reports"):
        packages = {
            role: version_registration.register_version(
                target,
                identity,
                training_job=trained_by_role[role],
                data=data,
                bias_job=reports[role],
                shap_job=shaps[role],
                role=role,
                group=options.registry_group,
            )
            for role in trained_by_role
        }
    with _timed_step(work, say, "comparison", "paired, on the same test rows"):
        comparison = version_comparison.compare_packages(target, packages["baseline"], packages["mitigated"])
        shown = lineage_graph.read_graph(
            target, lineage_graph.find_artifact_arn(target, packages["mitigated"]) or packages["mitigated"], hops=10
        )
    report = _build_report(target, work, dataset, data, comparison, shown, tuning_job)
    target.files.write(target.uri(RUNS_FOLDER, f"{work.id}.json"), json.dumps(report).encode(), "application/json")
    return report


@contextmanager
def _timed_step(work: RunState, say: StepCallback, step: str, text: str) -> Iterator[None]:
    say(step, text)
    start = time.perf_counter()
    yield
    work.seconds[step] = round(time.perf_counter() - start, 3)


def _build_report(
    target: Target,
    work: RunState,
    dataset: datasets.Dataset,
    data: rebalancing_jobs.RebalancedData,
    comparison: version_comparison.Comparison,
    shown: lineage_graph.Graph,
    tuning_job: str,
) -> WorkflowReport:
    manifest = data.manifest
    found: list[ModelReport] = []
    for role, package in (("baseline", comparison.a), ("mitigated", comparison.b)):
        assert package.bias is not None
        main = f"{data.roles.facet}={data.roles.facet_value}"
        facet = next((one for one in package.bias.facets if one.key == main), package.bias.facets[0])
        groups = package.bias.group_table
        found.append(
            {
                "role": role,
                "model_package_arn": package.arn,
                "training_job": package.training_job,
                "hyperparameters": package.hyperparameters,
                "metrics": package.performance,
                "bias": {
                    "pre_training": {name: _finite_or_text(m.value) for name, m in facet.pre_training.items()},
                    "post_training": {name: _finite_or_text(m.value) for name, m in facet.post_training.items()},
                },
                "undefined": {
                    stage: {name: m.error for name, m in metrics.items() if m.value is None and m.error}
                    for stage, metrics in (("pre_training", facet.pre_training), ("post_training", facet.post_training))
                },
                "group_findings": group_sentences.explain_group_table(groups) if groups else [],
                "shap": package.shap,
            }
        )
    return {
        "run": work.id,
        "data": {
            "name": dataset.name,
            "uri": dataset.uri,
            "sha256": dataset.sha256,
            "rows": dataset.rows,
            "columns": list(dataset.columns),
            "rebalancing_job": data.job,
            "files": manifest["files"],
            "split": manifest["split"],
            "synthetic": {key: value for key, value in manifest["synthetic"].items() if key != "rows"},
            "leaked_rows": manifest["leaked_rows"],
            "counts": manifest["counts"],
            "label_shares": rebalancing_jobs.label_shares_by_facet(manifest),
            "leaks": manifest.get("leaks"),
        },
        "tuning_job": tuning_job,
        "models": found,
        "differences": {name: cast(DifferenceReport, asdict(difference)) for name, difference in (comparison.differences or {}).items()},
        "not_compared": comparison.unpaired_reason,
        "lineage": {"vertices": len(shown.nodes), "edges": len(shown.edges)},
        "seconds": work.seconds,
    }


def _finite_or_text(value: float | None) -> float | str | None:
    return value if value is None or abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


# in the background ---------------------------------------------------------------------------------
