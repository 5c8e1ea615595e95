"""Whether the jobs behind a version worked on one another's results: one data set, its split, one model. Pure: judges what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from core.aws.file_snapshot import FileDigest
from core.jobs import jobs, training_jobs
from core.jobs.jobs import Job
from core.provenance.job_records import Claim, JobRecords
from core.reports import clarify_jobs

Digests = Mapping[str, FileDigest | None]
"""URI -> the digest of the file there; None if there is none."""
CLARIFY_INPUTS = frozenset({"analysis_config", "dataset", "model"})
TRAINING_STATUSES = frozenset({"Completed", "Stopped"})
"""A trial that was stopped early has a model too."""
REPORT_LABELS = "REPORT_LABELS"
"""What the product tells a training job's report in an environment variable. It sets no other one."""


def find_unbound(claim: Claim, records: JobRecords, digests: Digests, is_own_registry: Callable[[str], bool]) -> Iterator[str]:
    """What in the records of the jobs doesn't agree with the claim, in sentences. ``is_own_registry``: whether an image lies where only
    this account's own images or SageMaker's lie."""
    for part, job in records.jobs.items():
        name = {"training": claim.training_job, "rebalancing": claim.data.job, "bias": claim.bias_job, "SHAP": claim.shap_job}.get(
            part, part
        )
        if job is None:
            yield f"The target has no record of the {part} job {name}."
        elif job.status not in (TRAINING_STATUSES if part == "training" else {"Completed"}):
            yield f"The {part} job {name} is {job.status}."
        if job is not None and (variables := added_variables(job)):
            yield f"The {part} job {name} was given the environment variables {', '.join(variables)}: they can change what it runs."
    yield from _check_rebalancing(claim, records, digests, is_own_registry)
    yield from _check_training(claim, records, digests, is_own_registry)
    for part in ("bias", "companion", "SHAP"):
        yield from _check_measurement(part, claim, records, digests, is_own_registry)
    yield from _check_reports(claim, records)


def added_variables(job: Job) -> list[str]:
    """The environment variables of a job that the product doesn't set. A container may run other code by them: Python's PYTHONPATH,
    SageMaker's SAGEMAKER_PROGRAM."""
    return sorted(job.raw.get("Environment", {}).keys() - ({REPORT_LABELS} if job.kind == "training" else set()))


def _check_rebalancing(claim: Claim, records: JobRecords, digests: Digests, is_own_registry: Callable[[str], bool]) -> Iterator[str]:
    data, job = claim.data, records.jobs["rebalancing"]
    manifest, dataset = data.manifest, data.dataset
    if job is None:
        return
    specification = job.raw.get("AppSpecification", {})
    image, entry = specification.get("ImageUri", ""), specification.get("ContainerEntrypoint") or []
    if not is_own_registry(image) or entry != ["rebalance"] or specification.get("ContainerArguments"):
        yield f"The rebalancing job {job.name} ran {' '.join([image, *entry])}, which isn't the product's rebalancing."
    inputs = {one["InputName"] for one in job.raw.get("ProcessingInputs", [])}
    if inputs != {"config", "data"}:
        yield f"The rebalancing job {job.name} has the inputs {', '.join(sorted(inputs))} instead of config and data."
    if (read := jobs.input_uri(job, "data")) != dataset.uri:
        yield f"The rebalancing job {job.name} read {read}, and the data set {dataset.name} is {dataset.uri}."
    yield from _check_alone(dataset.uri, records, f"the rebalancing job {job.name}")
    if jobs.output_uri(job) != data.folder:
        yield f"The rebalancing job {job.name} wrote to {jobs.output_uri(job)}, and the manifest lies in {data.folder}."
    for said, by in ((dataset.sha256, "its description"), (manifest["input"]["sha256"], "the manifest")):
        if (problem := _digest_problem(dataset.uri, said, digests)) is not None:
            yield f"The data set {dataset.name} isn't the one that {by} names: {problem}"
    for name, written in manifest["files"].items():
        if (problem := _digest_problem(data.uri(name), written["sha256"], digests)) is not None:
            yield f"{name} of {data.job} isn't the file that the manifest names: {problem}"


def _check_training(claim: Claim, records: JobRecords, digests: Digests, is_own_registry: Callable[[str], bool]) -> Iterator[str]:
    data, job = claim.data, records.jobs["training"]
    if job is None:
        return
    raw, name = job.raw, job.name
    image = raw.get("AlgorithmSpecification", {}).get("TrainingImage", "")
    if not (training_jobs.is_xgboost(job) and is_own_registry(image)):
        yield f"The training job {name} ran the image {image}, which isn't SageMaker's XGBoost."
    own = sorted(key for key in raw.get("HyperParameters") or {} if key.startswith("sagemaker_"))
    own += [key for key in ("ContainerEntrypoint", "ContainerArguments") if raw.get("AlgorithmSpecification", {}).get(key)]
    if own:
        yield f"The training job {name} ran a program of its own ({', '.join(own)}) instead of the algorithm."
    if (before := raw.get("CheckpointConfig", {}).get("S3Uri")) is not None:
        yield f"The training job {name} could go on from an earlier model: it has checkpoints at {before}."
    channels, sources = {c["ChannelName"]: c for c in raw.get("InputDataConfig", [])}, jobs.channel_uris(job)
    if channels.keys() != {"train", "validation"}:
        yield f"The training job {name} has the channels {', '.join(sorted(channels))} instead of train and validation."
    pairs = [data.original_channels, {"train": data.uri("train_res.csv"), "validation": data.uri("validation_res.csv")}]
    if sources not in pairs:
        read = " and ".join(f"{channel} from {sources.get(channel, 'another source than S3')}" for channel in sorted(channels))
        yield f"The training job {name} read {read}: these aren't the training and the validation rows of {data.job}."
    for channel, found in channels.items():
        source = found.get("DataSource", {}).get("S3DataSource")
        kind = source.get("S3DataType", "") if source else "no files of S3"
        if kind != "S3Prefix":
            yield f"The channel {channel} of {name} reads {kind}, not one file."
        elif channel in sources:
            yield from _check_alone(sources[channel], records, f"the channel {channel} of {name}")
    made = raw.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    if made != claim.model_uri:
        yield f"The version's model is {claim.model_uri or 'none'}, and the training job {name} made {made or 'none'}."


def _check_measurement(
    part: str, claim: Claim, records: JobRecords, digests: Digests, is_own_registry: Callable[[str], bool]
) -> Iterator[str]:
    """A bias or SHAP job: it measured the version's model on the pinned test rows."""
    job, data = records.jobs.get(part), claim.data
    if job is None:
        return
    is_own = clarify_jobs.is_own_job(job)
    specification = job.raw.get("AppSpecification", {})
    image = specification.get("ImageUri", "")
    if not (is_own or clarify_jobs.is_aws_image(image)) or not is_own_registry(image) or specification.get("ContainerArguments"):
        entry = " ".join(specification.get("ContainerEntrypoint") or [])
        yield f"The {part} job {job.name} ran {f'{image} {entry}'.strip()}, which is neither the product's Clarify nor AWS's."
    inputs = {one["InputName"] for one in job.raw.get("ProcessingInputs", [])}
    if not {"analysis_config", "dataset"} <= inputs <= CLARIFY_INPUTS:
        allowed = ", ".join(sorted(CLARIFY_INPUTS))
        yield f"The {part} job {job.name} has the inputs {', '.join(sorted(inputs))}; it may have {allowed}."
    test, read = data.uri(clarify_jobs.ROW_FILES["test"]), jobs.input_uri(job, "dataset")
    if read != test:
        yield f"The {part} job {job.name} measured the rows {read}; the test rows are {test}."
    yield from _check_alone(test, records, f"the {part} job {job.name}")
    config = records.configs.get(part)
    if config is None:
        yield f"The {part} job {job.name} has no configuration any more."
        return
    if config.get("dataset_uri"):
        yield f"The {part} job {job.name} was told to read the rows {config['dataset_uri']} instead of its input."
    yield from _check_measured_model(part, job, claim, records, config, is_own=is_own)


def _check_measured_model(
    part: str, job: Job, claim: Claim, records: JobRecords, config: Mapping[str, object], *, is_own: bool
) -> Iterator[str]:
    """The product's image reads the archive that is its input; AWS's asks an endpoint of the model that the configuration names."""
    if is_own:
        uri = jobs.input_uri(job, "model")
    else:
        predictor = config.get("predictor")
        name = str(predictor.get("model_name", "")) if isinstance(predictor, Mapping) else ""
        model = records.models.get(name)
        if isinstance(predictor, Mapping) and predictor.get("endpoint_name"):
            yield f"The {part} job {job.name} asked the endpoint {predictor['endpoint_name']}, whose model isn't recorded."
            return
        if model is None:
            yield f"The {part} job {job.name} measured the model {name or 'none'}, of which the target has no record."
            return
        if model.created > job.created:
            yield f"The model {name} was created after the {part} job {job.name}, which therefore measured another one of this name."
        uri = model.uri
    if uri != claim.model_uri:
        yield f"The {part} job {job.name} measured the model {uri or 'none'}; the version's is {claim.model_uri}."
    elif uri:
        yield from _check_alone(uri, records, f"the {part} job {job.name}")


def _check_reports(claim: Claim, records: JobRecords) -> Iterator[str]:
    """The reports that the version names are the outputs of its jobs."""
    files = {"quality": ("bias", "statistics.json"), "bias": ("bias", "analysis.json"), "explainability": ("SHAP", "analysis.json")}
    for report, (part, file) in files.items():
        job, said = records.jobs[part], claim.reports.get(report, "none")
        if job is not None and said != (written := f"{jobs.output_uri(job)}/{file}"):
            yield f"The version's {report} report is {said}, and that of the {part} job {job.name} is {written}."


def _check_alone(uri: str, records: JobRecords, reader: str) -> Iterator[str]:
    """An S3Prefix means every file that begins with it."""
    found = records.objects.get(uri, [])
    if found != [uri]:
        beside = ", ".join(one.rpartition("/")[2] for one in found if one != uri)
        yield f"Under {uri}, which {reader} reads, lie {len(found)} files{f' ({beside} beside it)' if beside else ''}: it must be one."


def _digest_problem(uri: str, said: str, digests: Digests) -> str | None:
    found = digests.get(uri)
    if found is None:
        return f"{uri} doesn't exist."
    return None if found.sha256 == said else f"SHA-256 {found.sha256[:12]}… instead of {said[:12]}…."
