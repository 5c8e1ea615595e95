"""The workshop's page, step by step, in the SageMaker SDK v2's own classes; prints what came of it as JSON.

Runs in the SDK's own environment (requirements-v2.txt) with the engine's AWS_* variables set:
    python workshop_v2.py credit.csv
``credit.csv``: header, LABEL first, coded integers. The steps on lineage and the registry are those of AWS's example notebook
"Train, Check Bias, Tune, Record Lineage, and Register a Model" (amazon-sagemaker-examples, end_to_end/fraud_detection).
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tarfile
import tempfile
from pathlib import Path

import boto3
import sagemaker
from sagemaker import image_uris
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.clarify import BiasConfig, DataConfig, ModelConfig, ModelPredictedLabelConfig, SageMakerClarifyProcessor, SHAPConfig
from sagemaker.estimator import Estimator
from sagemaker.experiments import Run, list_runs
from sagemaker.inputs import TrainingInput
from sagemaker.lineage.action import Action, ModelPackageApprovalAction
from sagemaker.lineage.artifact import Artifact, DatasetArtifact, ModelArtifact
from sagemaker.lineage.association import Association
from sagemaker.lineage.context import Context
from sagemaker.lineage.query import LineageEntityEnum, LineageFilter, LineageQuery, LineageQueryDirectionEnum
from sagemaker.lineage.visualizer import LineageTableVisualizer
from sagemaker.model import ModelPackage
from sagemaker.model_card import (
    AdditionalInformation,
    BusinessDetails,
    EvaluationJob,
    EvaluationMetricTypeEnum,
    Function,
    IntendedUses,
    ModelCard,
    ModelCardStatusEnum,
    ModelOverview,
    ObjectiveFunction,
    RiskRatingEnum,
    TrainingDetails,
)
from sagemaker.model_card import ModelPackage as CardPackage
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.session import Session
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

PREFIX = "sagemaker/workshop"
GROUP = "workshop-credit-default"
EXPERIMENT = "workshop-experiment"
BASELINE = {
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.7,
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "num_round": 20,
}
RANGES = {
    "max_depth": IntegerParameter(1, 10),
    "eta": ContinuousParameter(0.05, 1),
    "gamma": ContinuousParameter(0, 5),
    "alpha": ContinuousParameter(0, 2),
}


def write_rows(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def main(source: str) -> dict:
    boto_session = boto3.Session()
    client = boto_session.client("sagemaker")
    account = boto_session.client("sts").get_caller_identity()["Account"]
    region = boto_session.region_name
    # Named, because the SDK looks its implicit bucket up at STS's public host, whatever AWS_ENDPOINT_URL says.
    session = Session(boto_session, sagemaker_client=client, default_bucket=f"sagemaker-{region}-{account}")
    bucket = session.default_bucket()
    role = session.expand_role("governance-execution")
    found = {"versions": {"sagemaker": sagemaker.__version__}}

    # 1. Data: split, and upload as train (label first, no header) and validation.
    with open(source, newline="") as file:
        header, *rows = list(csv.reader(file))
    random.Random(42).shuffle(rows)
    cut = int(len(rows) * 0.8)
    with tempfile.TemporaryDirectory() as folder:
        train = session.upload_data(write_rows(Path(folder) / "train.csv", rows[:cut]), bucket, f"{PREFIX}/train")
        test = S3Uploader.upload(
            write_rows(Path(folder) / "test.csv", rows[cut:]), f"s3://{bucket}/{PREFIX}/test", sagemaker_session=session
        )
    test += "" if test.endswith(".csv") else "/test.csv"
    inputs = {"train": TrainingInput(train, content_type="text/csv"), "validation": TrainingInput(test, content_type="text/csv")}

    # 2. The first model: Estimator on the built-in XGBoost image, in a run of an experiment, its log followed.
    image = image_uris.retrieve("xgboost", region, version="1.7-1")

    def estimator(hyperparameters: dict, name: str) -> Estimator:
        return Estimator(
            image_uri=image,
            role=role,
            instance_count=1,
            instance_type="ml.m5.xlarge",
            volume_size=5,
            max_run=3600,
            output_path=f"s3://{bucket}/{PREFIX}/output",
            base_job_name=name,
            hyperparameters=hyperparameters,
            sagemaker_session=session,
            tags=[{"Key": "workshop", "Value": "governance"}],
        )

    first = estimator(BASELINE, "workshop-baseline")
    with Run(experiment_name=EXPERIMENT, run_name="baseline", sagemaker_session=session) as run:
        run.log_parameters({"rows": len(rows), "split": "80/20"})
        for step in range(12):
            run.log_metric(name="held-out", value=0.5 + step / 100, step=step)
        run.log_artifact(name="source", value=train, is_output=False)
        first.fit(inputs, logs="All", experiment_config=run.experiment_config)
        with open("notes.txt", "w") as file:
            file.write("The first model.")
        run.log_file("notes.txt", name="notes")
    component = client.describe_trial_component(TrialComponentName=f"{EXPERIMENT}-baseline")
    table = ExperimentAnalytics(experiment_name=EXPERIMENT, sagemaker_session=session).dataframe()
    found["experiment"] = {
        "runs": [one.run_name for one in list_runs(experiment_name=EXPERIMENT, sagemaker_session=session)],
        "metric": {key: value for key, value in component["Metrics"][0].items() if key in {"MetricName", "Count", "Last", "Max"}},
        "status": component["Status"]["PrimaryStatus"],
        "parameters": sorted(component["Parameters"]),
        "components": sorted(table["TrialComponentName"]),
    }
    baseline_job = first.latest_training_job.name

    # 3. The second: HyperparameterTuner, its best job; a second tuner starts warm from it, a third is stopped.
    static = {"objective": "binary:logistic", "num_round": 20, "eval_metric": "auc"}
    settings = {"objective_metric_name": "validation:auc", "hyperparameter_ranges": RANGES, "objective_type": "Maximize"}
    settings |= {"max_jobs": 3, "max_parallel_jobs": 2, "early_stopping_type": "Auto"}
    tuner = HyperparameterTuner(estimator(static, "workshop-tuned"), strategy="Bayesian", base_tuning_job_name="workshop", **settings)
    tuner.fit(inputs, wait=True)
    best_job = tuner.best_training_job()
    counters = tuner.describe()["TrainingJobStatusCounters"]
    attached = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=session)
    warm = tuner.identical_dataset_and_algorithm_tuner()
    warm.max_jobs = 2
    warm.fit(inputs, wait=True)
    settings["max_jobs"] = 90
    stopped = HyperparameterTuner(estimator(static, "workshop-long"), strategy="Random", base_tuning_job_name="long", **settings)
    stopped.fit(inputs, wait=False)
    stopped.stop_tuning_job()
    stopped.wait()
    found["tuning"] = {
        "best": best_job,
        "completed": counters["Completed"],
        "rows": len(tuner.analytics().dataframe()),
        "attached": attached.best_training_job(),
        "ranges": sorted(one["Name"] for ranges in attached.hyperparameter_ranges().values() for one in ranges),
        "warm": warm.describe()["HyperParameterTuningJobStatus"],
        "parents": [p["HyperParameterTuningJobName"] for p in warm.describe()["WarmStartConfig"]["ParentHyperParameterTuningJobs"]],
        "name": tuner.latest_tuning_job.name,
        "stopped": stopped.describe()["HyperParameterTuningJobStatus"],
    }
    long = estimator({**BASELINE, "num_round": 1_000_000}, "workshop-stopped")
    long.fit(inputs, wait=False)
    long.latest_training_job.stop()
    found["stopped"] = session.wait_for_job(long.latest_training_job.name, poll=1)["TrainingJobStatus"]

    # 4. The artifact, downloaded and opened; the best job's estimator, attached.
    best = Estimator.attach(best_job, sagemaker_session=session)
    artifacts = {baseline_job: first.model_data, best_job: best.model_data}
    with tempfile.TemporaryDirectory() as folder:
        S3Downloader.download(artifacts[best_job], folder, sagemaker_session=session)
        with tarfile.open(f"{folder}/model.tar.gz") as tar:
            found["model_files"] = tar.getnames()
    found["jobs"] = {name: session.describe_training_job(name)["TrainingJobStatus"] for name in artifacts}

    # 5. Models.
    models = {
        name: session.create_model_from_job(training_job_name=name, name=f"{name[:50]}-model", role=role, image_uri=image)
        for name in artifacts
        if not client.list_models(NameContains=f"{name[:50]}-model")["Models"]
    }
    found["models"] = [session.describe_model(name)["PrimaryContainer"]["ModelDataUrl"] == artifacts[job] for job, name in models.items()]

    # 6. Lineage: artifacts that are there are used, others made, and joined to the trial component of the best job.
    job = session.describe_training_job(best_job)

    def artifact_of(uri: str, name: str, kind: str) -> Artifact:
        matching = list(Artifact.list(source_uri=uri, sagemaker_session=session))
        return matching[0] if matching else Artifact.create(name, uri, artifact_type=kind, sagemaker_session=session)

    raw = session.upload_data(source, bucket, f"{PREFIX}/raw")
    code = artifact_of(f"s3://{bucket}/{PREFIX}/code/train.py", "TrainingScript", "Code")
    data = artifact_of(job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"], "TrainingData", "Dataset")
    model = artifact_of(job["ModelArtifacts"]["S3ModelArtifacts"], "TrainedModel", "Model")
    trial_component = client.describe_trial_component(TrialComponentName=f"{best_job}-aws-training-job")["TrialComponentArn"]
    made = []
    for artifact, kind in ((code, "ContributedTo"), (data, "ContributedTo"), (model, "Produced")):
        try:
            Association.create(artifact.artifact_arn, trial_component, association_type=kind, sagemaker_session=session)
            made.append(kind)
        except session.sagemaker_client.exceptions.ClientError as error:  # as in the notebook: it is there already
            made.append(error.response["Error"]["Code"])
    origin = Artifact.create("RawData", raw, artifact_type="DataSet", properties={"rows": str(len(rows))}, sagemaker_session=session)
    Association.create(origin.artifact_arn, data.artifact_arn, association_type="DerivedFrom", sagemaker_session=session)
    origin.set_tag({"Key": "workshop", "Value": "governance"})
    origin.properties["licence"] = "CC BY 4.0"
    origin.save()
    project = Context.create("workshop-project", source_uri=raw, context_type="Project", sagemaker_session=session)
    project.properties = {"owner": "governance"}
    project.save()
    review = Action.create("workshop-review", source_uri=raw, action_type="Review", status="InProgress", sagemaker_session=session)
    review.status = "Completed"
    review.save()
    Association.create(origin.artifact_arn, review.action_arn, association_type="ContributedTo", sagemaker_session=session)
    Association.create(review.action_arn, project.context_arn, association_type="AssociatedWith", sagemaker_session=session)
    query = LineageQuery(session).query(
        [model.artifact_arn],
        direction=LineageQueryDirectionEnum.ASCENDANTS,
        query_filter=LineageFilter(entities=[LineageEntityEnum.ARTIFACT, LineageEntityEnum.TRIAL_COMPONENT]),
    )
    trained = ModelArtifact.load(model.artifact_arn, sagemaker_session=session)
    dataset = DatasetArtifact.load(data.artifact_arn, sagemaker_session=session)
    shown = LineageTableVisualizer(session).show(training_job_name=best_job)
    spare = Artifact.create("Spare", f"s3://{bucket}/{PREFIX}/spare", artifact_type="Code", sagemaker_session=session)
    Association.create(spare.artifact_arn, review.action_arn, association_type="ContributedTo", sagemaker_session=session)
    spare.delete(disassociate=True)
    found["lineage"] = {
        "associations": made,
        "licence": Artifact.load(origin.artifact_arn, sagemaker_session=session).properties["licence"],
        "vertices": sorted({vertex.lineage_entity for vertex in query.vertices}),
        "edges": len(query.edges),
        "datasets": [a.source.source_uri for a in trained.dataset_artifacts()],
        "training_jobs": trained.training_job_arns(),
        "pipeline": trained.pipeline_execution_arn(),
        "upstream": [a.source.source_uri for a in dataset.upstream_datasets()],
        "models": len(dataset.trained_models()),
        "shown": sorted(set(shown["Association Type"])),
        "review": Action.load("workshop-review", sagemaker_session=session).status,
        "actions": [a.action_name for a in Action.list(action_type="Review", sagemaker_session=session)],
        "contexts": [c.context_name for c in Context.list(context_type="Project", sagemaker_session=session)],
        "left": [a.artifact_name for a in Artifact.list(artifact_type="Code", sagemaker_session=session)],
    }

    # 7. Clarify: bias before and after training, then SHAP; a fourth job is stopped.
    clarify = SageMakerClarifyProcessor(role=role, instance_count=1, instance_type="ml.m5.xlarge", sagemaker_session=session)
    model_config = ModelConfig(model_name=models[best_job], instance_type="ml.m5.xlarge", instance_count=1, accept_type="text/csv")
    facets = BiasConfig(label_values_or_threshold=[0], facet_name="SEX", facet_values_or_threshold=[1], group_name="AGE")
    outputs = {name: f"s3://{bucket}/{PREFIX}/{name}" for name in ("before", "bias", "shap", "stopped")}

    def rows_for(name: str) -> DataConfig:
        return DataConfig(test, outputs[name], label="LABEL", headers=header, dataset_type="text/csv")

    clarify.run_pre_training_bias(data_config=rows_for("before"), data_bias_config=facets, methods=["CI", "DPL"], logs=False)
    clarify.run_bias(
        data_config=rows_for("bias"),
        bias_config=facets,
        model_config=model_config,
        model_predicted_label_config=ModelPredictedLabelConfig(probability_threshold=0.5),
        logs=True,
    )
    bias_job = clarify.latest_job.name
    means = [sum(float(row[i]) for row in rows[:cut]) / cut for i in range(1, len(header))]
    clarify.run_explainability(
        data_config=rows_for("shap"),
        model_config=model_config,
        explainability_config=SHAPConfig(baseline=[means], num_samples=15, agg_method="mean_abs"),
        logs=False,
    )
    clarify.run_pre_training_bias(data_config=rows_for("stopped"), data_bias_config=facets, wait=False, logs=False)
    clarify.latest_job.stop()

    def read(uri: str) -> dict:
        return json.loads(S3Downloader.read_file(uri, sagemaker_session=session))

    before = read(f"{outputs['before']}/analysis.json")["pre_training_bias_metrics"]
    found["before"] = [metric["name"] for metric in before["facets"]["SEX"][0]["metrics"]]
    found["bias"], found["shap"] = (read(f"{outputs[name]}/analysis.json") for name in ("bias", "shap"))
    found["reports"] = sorted(uri.rpartition("/")[2] for uri in S3Downloader.list(outputs["bias"], sagemaker_session=session))

    # 8. The registry: the notebook's group, and the best model with its reports.
    if not client.list_model_package_groups(NameContains=GROUP)["ModelPackageGroupSummaryList"]:
        client.create_model_package_group(ModelPackageGroupName=GROUP, ModelPackageGroupDescription="Default of credit")
    quality = {
        "binary_classification_metrics": {
            m["MetricName"]: {"value": m["Value"], "standard_deviation": "NaN"} for m in job["FinalMetricDataList"]
        }
    }
    quality_uri = f"s3://{bucket}/{PREFIX}/quality.json"
    S3Uploader.upload_string_as_file_body(json.dumps(quality), quality_uri, sagemaker_session=session)
    metrics = ModelMetrics(
        model_statistics=MetricsSource("application/json", quality_uri),
        bias=MetricsSource("application/json", f"{outputs['bias']}/analysis.json"),
        explainability=MetricsSource("application/json", f"{outputs['shap']}/analysis.json"),
    )
    registered = best.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.xlarge"],
        transform_instances=["ml.m5.xlarge"],
        model_package_group_name=GROUP,
        image_uri=image,
        model_metrics=metrics,
        approval_status="PendingManualApproval",
        description="The best of three trials",
        customer_metadata_properties={"data": raw},
        domain="MACHINE_LEARNING",
        task="CLASSIFICATION",
    )
    arn = registered.model_package_arn
    session.wait_for_model_package(arn, poll=1)
    package = ModelPackage(role=role, model_package_arn=arn, sagemaker_session=session)
    package.update_customer_metadata({"reviewed": "yes", "draft": "1"})
    package.remove_customer_metadata_properties(["draft"])
    package.update_approval_status("Approved", approval_description="The reports were read")
    approved = session.get_most_recently_created_approved_model_package(GROUP)
    described = client.describe_model_package(ModelPackageName=arn)
    approvals = [a.action_name for a in Action.list(action_type="Approval", source_uri=arn, sagemaker_session=session)]
    newest = ModelPackageApprovalAction.load(approvals[0], sagemaker_session=session)
    found["package"] = {
        "arn": arn,
        "status": described["ModelApprovalStatus"],
        "newest_approved": approved.model_package_arn,
        "properties": described["CustomerMetadataProperties"],
        "description": described["ApprovalDescription"],
        "reports": sorted(described["ModelMetrics"]),
        "approvals": len(approvals),
        "approval": newest.properties["ModelApprovalStatus"],
        "shown": len(LineageTableVisualizer(session).show(model_package_arn=arn)),
        "bias_job": session.describe_processing_job(bias_job)["ProcessingJobStatus"],
        "tags": client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"],
    }

    # 9. Model cards: of the model, and of the package; a new version, its PDF, its history.
    overview = ModelOverview.from_model_name(models[best_job], sagemaker_session=session, problem_type="Binary classification")
    objective = ObjectiveFunction(Function("Maximize", "AUC"), notes="of the validation rows")
    details = TrainingDetails.from_model_overview(overview, sagemaker_session=session, objective_function=objective)
    evaluation = EvaluationJob("Bias of the test rows", evaluation_job_arn=session.describe_processing_job(bias_job)["ProcessingJobArn"])
    evaluation.add_metric_group_from_s3(boto_session, f"{outputs['bias']}/analysis.json", EvaluationMetricTypeEnum.CLARIFY_BIAS)
    card = ModelCard(
        name="workshop-card",
        status=ModelCardStatusEnum.DRAFT,
        model_overview=overview,
        training_details=details,
        intended_uses=IntendedUses("Rank applications", "Within the bank", risk_rating=RiskRatingEnum.HIGH),
        business_details=BusinessDetails("Default of credit", "Risk", "Retail"),
        evaluation_details=[evaluation],
        additional_information=AdditionalInformation(caveats_and_recommendations="Only with an officer's decision"),
        sagemaker_session=session,
    )
    card.create()
    card.update(status=ModelCardStatusEnum.PENDING_REVIEW)
    card.intended_uses.explanations_for_risk_rating = "It decides about people"
    card.update()
    pdf = card.export_pdf(f"s3://{bucket}/{PREFIX}/cards")
    loaded = ModelCard.load("workshop-card", sagemaker_session=session)
    of_package = ModelCard(
        name="workshop-package-card",
        model_package_details=CardPackage.from_model_package_arn(arn, sagemaker_session=session),
        sagemaker_session=session,
    )
    of_package.create()
    spare_card = ModelCard(name="workshop-spare", sagemaker_session=session)
    spare_card.create()
    spare_card.delete()
    found["cards"] = {
        "risk": loaded.intended_uses.risk_rating,
        "status": loaded.status,
        "versions": [v["ModelCardVersion"] for v in loaded.get_version_history()],
        "training": loaded.training_details.training_job_details.training_arn == job["TrainingJobArn"],
        "groups": [group.name for group in loaded.evaluation_details[0].metric_groups],
        "pdf": bool(S3Downloader.read_bytes(pdf, sagemaker_session=session).startswith(b"%PDF")),
        "exports": len(loaded.list_export_jobs()["ModelCardExportJobSummaries"]),
        "package_evaluations": [e.name for e in of_package.evaluation_details],
        "package_trained_by": of_package.training_details.training_job_details.training_arn == job["TrainingJobArn"],
        "names": sorted(c["ModelCardName"] for c in client.list_model_cards()["ModelCardSummaries"]),
    }

    # 10. What was made for a look, taken away again.
    session.delete_model(models.pop(baseline_job))
    found["left_models"] = [m["ModelName"] for m in client.list_models()["Models"]] == list(models.values())
    return found


if __name__ == "__main__":
    print("\n" + json.dumps(main(sys.argv[1]), default=str))
