"""Every answer that AWS's model allows: with only the fields that it promises, or with all of them and values that came later.

The answers are made of botocore's model of each operation, so nobody here chose what is there and what isn't. Requests are checked against
the same model on their way out. S3 is the engine's.
"""

import ast
import copy
import dataclasses
import json

import botocore.session
import pytest
from answering import ACCOUNT, MODELS, ROLE, filled
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ParamValidationError
from paths import ROOT

from core.analysis.performance.performance import evaluate_performance
from core.aws import idempotency, retries
from core.aws.target import connect
from core.data.column_roles import ColumnRoles
from core.data.datasets import Dataset
from core.errors import GovernanceError
from core.governance import consistency
from core.governance.consistency import sync_registry_and_lineage
from core.governance.model_cards import model_card
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, models, rebalancing_jobs, training_data, training_jobs, xgboost_report_jobs
from core.jobs.rebalancing_jobs import RebalancedData, RebalancingOptions
from core.jobs.tuning import tuning_history, tuning_jobs
from core.ledger import audit_log
from core.lineage import lineage_graph, lineage_record, lineage_search, openlineage
from core.registry import model_evaluation, model_packages, version_registration
from core.reports import bias_jobs, shap_jobs, trial_bias_jobs
from core.settings import Settings
from core.workflow import next_step, workspace_summary

ARN = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:model-package/credit/1"
ENTITY = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}:{{}}"
ROLES = ColumnRoles("label", 0, "SEX", 2)
DATA = RebalancedData(
    "job",
    "s3://answers/key",
    {
        "files": {
            "test_res.csv": {"sha256": "0" * 64, "columns": ["label", "SEX"], "rows": 1},
            "test_header.csv": {"sha256": "0" * 64, "columns": ["label", "SEX"], "rows": 1},
        },
        "weights": False,
        "counts": {"before": [{"label": 0, "facet": 1}, {"label": 1, "facet": 2}]},
    },
    Dataset("d", "s3://answers/key/data.csv", "0" * 64, 1, ("label", "SEX"), ROLES, {}, "2026-01-01", "Dana"),
)


class Answering:
    """``made``: every operation that was asked for. ``whole``: answers with all fields. ``more``: what an operation's answer says
    instead, or the code with which it is refused."""

    def __init__(self):
        self.made, self.kept, self.whole, self.more = set(), {}, False, {}

    def client(self, service):
        session = botocore.session.Session()
        session.register_component("data_loader", MODELS)
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "eu-central-1"}
        client = session.create_client(service, **keys)
        client.meta.events.register_first("before-call", self.answer)
        return client

    def answer(self, model, params, **_):
        asked = (model.service_model.service_name, model.name)
        self.made.add(asked)
        key = (*asked, self.whole)
        if key not in self.kept:
            self.kept[key] = filled(model.output_shape, optional=self.whole) if model.output_shape else {}
        found = self.kept[key]
        first = b'"NextToken"' not in params["body"]
        if self.whole and first and "NextToken" in (model.output_shape.members if model.output_shape else ()):
            found = {**found, "NextToken": "more"}  # once: what follows is the last page
        instead = self.more.get(model.name, {})
        if isinstance(instead, str):
            return AWSResponse("", 400, {}, None), {"Error": {"Code": instead, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        said = {**found, **instead, "ResponseMetadata": {"HTTPStatusCode": 200}}
        return AWSResponse("", 200, {}, None), copy.deepcopy(said)


@pytest.fixture(scope="module")
def answering():
    return Answering()


@pytest.fixture(scope="module")
def target(engine_workspace, client, tmp_path_factory, answering):
    """Clients whose S3 is the engine's, with a bucket of its own, and whose other services answer as ``answering`` says."""
    s3 = client("s3")
    s3.create_bucket(Bucket="answers")
    shap = {"kernel_shap": {"label0": {"global_shap_values": {"f": 0.1}, "expected_value": 0.5}}}
    parts = {"pre_training_bias_metrics": {"facets": {}}, "explanations": shap, "governance": {"performance": QUALITY}, "files": {}}
    report = json.dumps(parts)
    config = json.dumps({"predictor": {"model_name": "m"}, "label": "label", "methods": {"report": {"title": "t"}}})
    files = {"key": report, "key/analysis.json": report, "key/manifest.json": report, "key/config/analysis_config.json": config}
    files |= {"key/scores.csv": "label,score\n0,0.1\n"}
    files |= {"key/explanations_shap/out.csv": "f\n0.1\n", "key/explanations_shap/data.csv": "f,prediction\n1,0.6\n"}
    for key, content in files.items():
        s3.put_object(Bucket="answers", Key=key, Body=content.encode())
    found = connect(Settings(workspace=engine_workspace))
    settings = found.settings.model_copy(update={"workspace": tmp_path_factory.mktemp("keys"), "role": ROLE})
    services = {"s3": s3, "sagemaker": answering.client("sagemaker")}
    services["client"] = lambda name: answering.client(name) if name == "logs" else found.client(name)
    return dataclasses.replace(found, settings=settings, bucket="answers", region="eu-central-1", account=ACCOUNT, **services)


@pytest.fixture(autouse=True)
def _no_lag(monkeypatch):
    """An answer that says that something doesn't exist says so again and again: there is nothing to wait for."""
    monkeypatch.setattr(retries, "DESCRIBE_LAG_SECONDS", 0.1)
    monkeypatch.setattr(retries, "READ_AFTER_CREATE_PAUSES", (0.01,))


# what core asks --------------------------------------------------------------------------------------


def job_of(kind):
    return lambda c: jobs.describe_job(c, kind, "j")


def with_job(kind, use):
    return lambda c: use(c, jobs.describe_job(c, kind, "j"))


def seen_from(c):
    return openlineage.build_events(c, lineage_graph.read_graph(c, ENTITY.format("artifact/0")))


def decided(c):
    said = {"tier": "low", "profile": "easy", "approvals_needed": 1, "evidence": "0" * 64, "policy": "0" * 64}
    event = audit_log.append_event(c, WORKFLOW_IDENTITY, "submit", ARN, {"reason": "r", "code": "c", **said})
    sync_registry_and_lineage(c, dataclasses.replace(model_packages.read_package(c, ARN), arn=ARN))
    return list(consistency.lineage_problems(c, [event]))


def registered(c):
    """What the checks of jobs and files find isn't looked at: these jobs made nothing, and the version would not be registered."""
    names = {"training_job": "t", "bias_job": "b", "shap_job": "s"}
    agree, late = version_registration.evidence_agreement.check_agreement, version_registration.job_files.find_late_files
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(version_registration.evidence_agreement, "require_agreement", lambda target, claim, _: agree(target, claim))
        patched.setattr(version_registration.job_files, "find_late_files", lambda *asked: late(*asked)[:0])
        return version_registration.register_version(c, WORKFLOW_IDENTITY, data=DATA, role="baseline", group="credit", **names)


def card(c):
    package = model_packages.read_package(c, ARN)
    found = model_card.read_card(c, package)
    return found, model_card.list_versions(c, package), model_card.sync_status(c, found, "approved")


def saved(c):
    before = model_card.read_card(c, model_packages.read_package(c, ARN))
    return model_card.save_answers(c, WORKFLOW_IDENTITY, ARN, {}, seen_version=before.version)


ASKED = {
    "a training job": job_of("training"),
    "a processing job": job_of("processing"),
    "a tuning job": job_of("tuning"),
    "jobs": lambda c: [jobs.list_jobs(c, kind, including="old") for kind in ("training", "processing", "tuning")],
    "the overview's jobs": lambda c: [
        (next_step.job_reference(j), workspace_summary.trial_progress(j)) for j in workspace_summary.list_latest_jobs(c)
    ],
    "a log": lambda c: [jobs.read_logs(c, kind, "j") for kind in ("training", "processing")],
    "curves": lambda c: training_jobs.read_curves(c, "j"),
    "metrics": with_job("training", lambda c, job: training_jobs.final_metrics(job)),
    "a training job's report": with_job("training", xgboost_report_jobs.read_report),
    "a training job's report job": with_job("training", xgboost_report_jobs.find_newest_job),
    "who trained": lambda c: training_jobs.read_launcher(c, ARN),
    "a training job's data": with_job("training", lambda c, job: (training_data.find_rebalancing(c, job), training_data.is_baseline(job))),
    "trials": lambda c: tuning_jobs.trials_to_frame(tuning_jobs.list_trials(c, "t")),
    "the best trial": lambda c: tuning_jobs.best_job_name(c, "t"),
    "a tuning job's settings": with_job("tuning", lambda c, job: tuning_history.settings_as_text(job)),
    "a tuning job again": with_job("tuning", lambda c, job: tuning_history.rebuild_request(job, DATA)),
    "a tuning job's data": with_job(
        "tuning", lambda c, job: (tuning_jobs.is_trained_on(job, DATA), training_data.find_rebalancing(c, job))
    ),
    "what a tuning job will take": lambda c: tuning_history.estimate_duration(tuning_jobs.list_jobs(c), "Bayesian", (), 4, 2),
    "an end of tuning": lambda c: tuning_jobs.stop_job(c, WORKFLOW_IDENTITY, "t"),
    "trials measured": lambda c: trial_bias_jobs.find_newest_job(c, "t"),
    "how far an evaluation is": lambda c: model_evaluation.read_evaluation(c, "j"),
    "a start of an evaluation": lambda c: model_evaluation.start_jobs(c, WORKFLOW_IDENTITY, "j", DATA),
    "a start of training": lambda c: training_jobs.launch_job(c, WORKFLOW_IDENTITY, "s3://b/t.csv", "s3://b/v.csv", name="t"),
    "a start of tuning": lambda c: tuning_jobs.launch_job(c, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(DATA)),
    "a start of a grid": lambda c: tuning_jobs.launch_job(
        c, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(DATA, tuning_jobs.DEFAULT_RANGES[:1], strategy="Grid", warm_start=("before",))
    ),
    "a start of rebalancing": lambda c: rebalancing_jobs.launch_job(c, WORKFLOW_IDENTITY, DATA.dataset, RebalancingOptions()),
    "a start of measuring trials": lambda c: trial_bias_jobs.launch_job(c, WORKFLOW_IDENTITY, "t"),
    "a start of a report": with_job("training", lambda c, job: xgboost_report_jobs.launch_job(c, WORKFLOW_IDENTITY, job)),
    "rebalanced data": lambda c: rebalancing_jobs.read_result(c, "j"),
    "a bias report": lambda c: bias_jobs.read_job_report(c, "j"),
    "where a bias report is from": lambda c: bias_jobs.find_origin(c, "j"),
    "what an explanation is about": lambda c: shap_jobs.read_request(c, "j"),
    "a model": lambda c: models.ensure_model(c, WORKFLOW_IDENTITY, "j"),
    "groups": model_packages.list_groups,
    "a group": lambda c: version_registration.ensure_group(c, "credit"),
    "versions": lambda c: list(model_packages.iterate_versions(c, "credit")),
    "a version": lambda c: (model_packages.find_version(c, ARN), model_packages.read_properties(c, ARN)),
    "a package": lambda c: version_registration.list_broken_evidence(c, model_packages.read_package(c, ARN)),
    "a registration": registered,
    "a decision": decided,
    "a card": card,
    "a card kept": saved,
    "a card as PDF": lambda c: model_card.export_pdf(c, WORKFLOW_IDENTITY, ARN, timeout_seconds=0),
    "a lineage": lambda c: lineage_graph.read_graph(c, ENTITY.format("artifact/0"), max_nodes=5),
    "facts": lambda c: [
        lineage_graph.read_facts(c, ENTITY.format(kind)) for kind in ("artifact/0", "action/a", "context/c", "experiment-trial-component/t")
    ],
    "entities of a name": lambda c: lineage_search.find_nodes(c, "s3://some"),
    "open lineage": seen_from,
    "what was recorded": lambda c: lineage_record.record_data_files(c, DATA),
    "reports recorded": lambda c: lineage_record.record_reports(c, ARN, "s3://answers/key", {"b": "s3://answers/b"}),
}
QUALITY = evaluate_performance([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.6]).to_json()
DONE = {"ProcessingJobStatus": "Completed"}
TRAINED = {"TrainingJobStatus": "Completed", "AlgorithmSpecification": {"TrainingImage": "i"}}
NEW = {
    "DescribeProcessingJob": DONE
    | {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "r", "S3Output": {"S3Uri": "s3://answers/key"}}]}},
    "DescribeTrainingJob": TRAINED,
    "ListProcessingJobs": {"ProcessingJobSummaries": []},
    "ListModels": {"Models": []},
    "ListTags": {"Tags": [{"Key": "governance:model", "Value": "m"}]},
    "DescribeAction": "ResourceNotFound",
    "DescribeModel": "ResourceNotFound",
    "DescribeModelCard": "ResourceNotFound",
    "ListModelPackageGroups": {"ModelPackageGroupSummaryList": []},
    "ListArtifacts": {"ArtifactSummaries": []},
    "ListAssociations": {"AssociationSummaries": []},
    "DescribeModelCardExportJob": {"Status": "Completed", "ExportArtifacts": {"S3ExportArtifacts": "s3://answers/key"}},
}
"""What an account says in which nothing was made yet, but jobs complete."""


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("whole", [False, True], ids=["promised", "whole"])
@pytest.mark.parametrize("more", [{}, NEW], ids=["", "new"])
def test_an_answer_that_the_model_allows_is_understood_or_refused_in_words(target, answering, what, whole, more):
    answering.whole, answering.more = whole, more
    ask(target, what)


def ask(target, what):
    """Ask; a refusal in the product's words is an answer too, unless it is of a request that AWS's model doesn't allow."""
    idempotency.forget_created_resources()  # what another answer says was made
    try:
        ASKED[what](target)
    except GovernanceError as error:
        if isinstance(error.__cause__, ParamValidationError):
            raise


def called_by_core(services):
    """(service, operation) of each operation that ``core`` names: as a client's method, whatever the client is called there, or as text to
    a paginator."""
    named = set()

    def is_client(node):
        return isinstance(node, ast.Attribute) and node.attr in services

    for path in (ROOT / "core").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        aliases = {t.id for n in nodes if isinstance(n, ast.Assign) and is_client(n.value) for t in n.targets if isinstance(t, ast.Name)}
        for node in nodes:
            if isinstance(node, ast.Attribute) and (
                is_client(node.value) or (isinstance(node.value, ast.Name) and node.value.id in aliases)
            ):
                named.add(node.attr)
            elif isinstance(node, ast.Call):
                texts = {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
                made = isinstance(node.func, ast.Attribute) and node.func.attr == "create_once"  # core.aws.idempotency
                named |= {xform_name(f"Create{text}") for text in texts} if made else texts
    return {(name, op) for name, client in services.items() for method, op in client.meta.method_to_api_mapping.items() if method in named}


def test_every_operation_that_core_calls_was_answered(target, answering):
    """Whoever makes core call one more has to say here what it is asked for."""
    own = {f.name: value for f in dataclasses.fields(target) if hasattr(value := getattr(target, f.name), "meta") and f.name != "s3"}
    wanted = called_by_core(own)
    assert len(wanted) > 35
    answering.made.clear()
    for answering.whole, answering.more in ((True, {}), (True, NEW)):
        for what in ASKED:
            ask(target, what)
    assert wanted - answering.made == set()
