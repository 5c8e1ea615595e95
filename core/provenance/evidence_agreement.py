"""Whether a version's evidence agrees with the records of its jobs and with its files: one answer, from all that can be computed again."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from core.analysis.explanations import xgboost_model
from core.analysis.intervals.confidence import INTERVAL_METHODS
from core.analysis.performance.performance_json import estimates_in
from core.aws import container_images
from core.aws.file_snapshot import FileSnapshot, TargetSnapshot, take_snapshot
from core.aws.target import Target
from core.errors import INCONCLUSIVE_ERRORS, Conflict, GovernanceError, NotFound
from core.jobs import jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.provenance import explained_rows, job_bindings, job_records, recomputed_data, recomputed_figures, scored_rows
from core.provenance.job_records import Claim, JobRecords
from core.provenance.recomputed_data import DataCheck, SharedRows, WrittenRows
from core.provenance.scored_rows import ScoredRows
from core.reports import analysis_json, bias_report, clarify_jobs, shap_jobs
from core.reports.bias_report import BiasReport

if TYPE_CHECKING:
    from xgboost import Booster

T = TypeVar("T")
REMEDY = "Measure bias and SHAP of the trained model on the test rows again, from the data set on if need be, and register that."
TITLE = "Evidence agrees with the jobs' records"
DATA_FILES = ("train.csv", "train_res.csv", "train_res_header.csv", "validation_header.csv", "test_header.csv")
_checked: dict[Hashable, object] = {}
"""What was computed of files with these digests: the same files give the same, and a verification meets them in many versions."""
_MAX_CHECKED = 500


@dataclass(frozen=True)
class Agreement:
    """``problems``: what doesn't agree; ``unknown``: what can't be computed again, and why; ``checked``: what was. In sentences."""

    problems: tuple[str, ...]
    unknown: tuple[str, ...]
    checked: str


def require_agreement(target: Target, claim: Claim, subject: str) -> Agreement:
    """Raises Conflict, naming what doesn't agree; ``subject``: what is refused, such as ``loans v3 can't be submitted``."""
    found = check_agreement(target, claim)
    if found.problems:
        shown = " ".join(found.problems[:5]) + (f" And {len(found.problems) - 5} more." if len(found.problems) > 5 else "")
        raise Conflict(f"{subject}: its evidence doesn't agree with the jobs' records. {shown}", resource=claim.training_job, hint=REMEDY)
    return found


def check_agreement(target: Target, claim: Claim) -> Agreement:
    """Check a claim against the files and the target's records. Each file is read once for a snapshot of the target. Raises Forbidden and
    TargetUnavailable: what can't be read now says nothing about the version."""
    target = take_snapshot(target)
    problems: list[str] = []
    unknown: list[str] = []
    checked = ""
    try:
        unknown += [why] if (why := recomputed_data.explain_uncomputable(claim.data)) else []
        records = job_records.read_records(target, claim)
        target.files.keep_contents(_content_uris(claim, records))
        digests = target.files.digest_all(_digest_uris(claim, records))
        problems += job_bindings.find_unbound(claim, records, digests, lambda image: _is_own_registry(target, image))
        data = _check_data(target.files, claim, records)
        problems += data.problems
        problems += [f"Of the {part} rows {shared.problem}." for part, shared in data.shared.items() if shared.problem]
        measured = _check_figures(target.files, claim, records)
        problems += measured.problems
        unknown += [measured.unknown] if measured.unknown else []
        checked = "; ".join([f"{measured.figures:,} figures computed again", *map(_shared_text, data.shared, data.shared.values())])
    except INCONCLUSIVE_ERRORS:
        raise
    except GovernanceError as error:
        problems.append(error.message)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        problems.append(f"The rows and figures of {claim.training_job} aren't as this product's jobs write them: {error!r}.")
    return Agreement(tuple(dict.fromkeys(problems)), tuple(unknown), checked)


def _shared_text(part: str, shared: SharedRows) -> str:
    return f"{shared.before.rows + shared.added:,} of {shared.of:,} {part} rows stand in training too"


# what is read ----------------------------------------------------------------------------------------


def _content_uris(claim: Claim, records: JobRecords) -> Iterator[str]:
    """The files whose content is computed with."""
    yield from (claim.data.uri(name) for name in DATA_FILES)
    yield from (claim.data.dataset.uri, claim.model_uri)
    yield from claim.reports.values()
    for part in ("bias", "companion", "SHAP"):
        if (folder := _output(records, part)) is not None:
            yield from (f"{folder}/{name}" for name in _OUTPUTS[part])
    if config := _rebalancing_config(records):
        yield config


_OUTPUTS = {
    "bias": ("scores.csv",),
    "companion": ("analysis.json", "scores.csv"),
    "SHAP": tuple(f"explanations_shap/{name}" for name in ("out.csv", "baseline.csv", "data.csv")),
}


def _digest_uris(claim: Claim, records: JobRecords) -> list[str]:
    return [*_content_uris(claim, records), *(claim.data.uri(name) for name in claim.data.manifest["files"])]


def _output(records: JobRecords, part: str) -> str | None:
    job = records.jobs.get(part)
    try:
        return jobs.output_uri(job) if job else None
    except NotFound:
        return None


def _rebalancing_config(records: JobRecords) -> str:
    job = records.jobs["rebalancing"]
    return jobs.input_uri(job, "config") if job else ""


def _is_own_registry(target: TargetSnapshot, image: str) -> bool:
    """Whether an image lies in the account's own registry, in that of the product's image, or in SageMaker's of this region."""
    registries = container_images.own_registries(target)
    if image.rpartition("/")[2].startswith("sagemaker-xgboost"):
        registries = frozenset({container_images.registry_of(container_images.xgboost_image(target))})
    elif clarify_jobs.is_aws_image(image):
        registries = frozenset({container_images.registry_of(clarify_jobs.aws_image(target))})
    return container_images.registry_of(image) in registries


# what is computed again ------------------------------------------------------------------------------


def _remember(files: FileSnapshot, uris: Iterable[str], more: Hashable, compute: Callable[[], T]) -> T:
    """What ``compute`` returns, once for files with these contents."""
    key = (tuple((digest.sha256 if digest else None) for digest in files.digest_all(uris).values()), more)
    if key not in _checked:
        if len(_checked) >= _MAX_CHECKED:
            _checked.clear()
        _checked[key] = compute()
    found: T = _checked[key]  # type: ignore[assignment]
    return found


def _check_data(files: FileSnapshot, claim: Claim, records: JobRecords) -> DataCheck:
    data, config = claim.data, _rebalancing_config(records)
    uris = [data.dataset.uri, *map(data.uri, DATA_FILES), *([config] if config else [])]
    return _remember(
        files, uris, ("data", data.job, json.dumps([data.manifest, repr(data.dataset)])), lambda: _compute_data(files, data, config)
    )


def _compute_data(files: FileSnapshot, data: RebalancedData, config: str) -> DataCheck:
    described = data.manifest["files"]
    written = WrittenRows(
        *(scored_rows.read_csv(files.read(data.uri(name)), described[name]["columns"]) for name in ("train.csv", "train_res.csv")),
        *(scored_rows.read_csv(files.read(data.uri(f"{name}_header.csv"))) for name in ("train_res", "validation", "test")),
    )
    found = recomputed_data.check_data(data, scored_rows.read_csv(files.read(data.dataset.uri)), written)
    asked = files.read_json(config) if config else None
    if not isinstance(asked, dict):
        return DataCheck((f"The rebalancing job {data.job} has no configuration any more.", *found.problems), found.shared)
    return DataCheck((*recomputed_data.check_settings(data, asked), *found.problems), found.shared)


@dataclass(frozen=True)
class _Measured:
    problems: tuple[str, ...]
    figures: int
    unknown: str = ""


def _check_figures(files: FileSnapshot, claim: Claim, records: JobRecords) -> _Measured:
    bias, shap = _output(records, "bias"), _output(records, "SHAP")
    companion = _output(records, "companion")
    if bias is None or shap is None:
        return _Measured((), 0)  # said already: there is no record of the job
    scores = f"{companion or bias}/scores.csv"
    test = claim.data.uri("test_header.csv")
    uris = [test, claim.model_uri, scores, *claim.reports.values(), f"{companion}/analysis.json" if companion else ""]
    uris += [f"{shap}/{name}" for name in _OUTPUTS["SHAP"]]
    roles = repr((claim.data.roles, claim.data.value_names, claim.data.manifest["features"], claim.threshold, companion, bias, shap))
    return _remember(
        files, [uri for uri in uris if uri], ("figures", roles), lambda: _compute_figures(files, claim, bias, companion, shap, scores, test)
    )


def _compute_figures(files: FileSnapshot, claim: Claim, bias: str, companion: str | None, shap: str, scores: str, test: str) -> _Measured:
    data = claim.data
    try:
        model = xgboost_model.load_booster(files.read(claim.model_uri))
    except xgboost_model.ModelError as error:
        return _Measured((f"{claim.model_uri} can't score the test rows: {error}.",), 0)
    content, features = files.read(scores), list(data.manifest["features"])
    rows = ScoredRows(
        scored_rows.read_csv(files.read(test)), scored_rows.read_csv(content), data.roles, data.value_names, features, claim.threshold
    )
    problems = [*scored_rows.check_scores(rows, model, seed=zlib.crc32(content))]
    if len(rows.scored) != len(rows.frame):
        return _Measured(tuple(problems), 0)
    written = _read_report(files, claim.reports.get("bias", ""), bias)
    own = written if companion is None else _read_report(files, f"{companion}/analysis.json", companion)
    problems += _check_said(own, claim, scored_rows.hash_rows(rows.frame))
    measured = recomputed_figures.measure_figures(rows)
    reported = recomputed_figures.reported_figures(own)
    methods, unknown = own.governance.get("interval_methods"), ""
    if methods == INTERVAL_METHODS:
        problems += recomputed_figures.find_wrong_figures(reported, measured.figures, measured.tolerances)
    else:
        said, found = (recomputed_figures.without_interval_ends(one) for one in (reported, measured.figures))
        known = {name: figure for name, figure in found.items() if name in said}  # a later release may measure more
        problems += recomputed_figures.find_wrong_figures(said, known)
        release = methods or "unknown"
        unknown = f"The figures of {claim.bias_job} were made by the methods of another release ({release}): measure bias again."
    if companion is not None:
        problems += recomputed_figures.find_wrong_values(written, rows)
    problems += _check_quality(files, claim, own)
    problems += _check_explanation(files, claim, shap, rows.frame[features], model)
    return _Measured(tuple(problems), len(measured.figures), unknown)


def _read_report(files: FileSnapshot, uri: str, folder: str) -> BiasReport:
    return bias_report.parse_report_file(files.read(uri), uri, folder)


def _check_said(report: BiasReport, claim: Claim, rows_sha256: str) -> Iterator[str]:
    """The report is on the test rows, by the data set's label, facets and favourable value, at the version's threshold."""
    roles = claim.data.roles
    if report.measured_on != "test":
        yield f"The bias report was measured on the {report.measured_on or 'unknown'} rows, not on the test rows."
    if report.governance.get("rows_sha256") != rows_sha256:
        yield "The bias report names other rows by their hash than the test file has."
    if report.threshold != claim.threshold:
        yield f"The bias report is of the threshold {report.threshold:g}, and the version's is {claim.threshold:g}."
    if report.label != (roles.label, str(roles.favourable)):
        yield f"The bias report takes {' = '.join(report.label)} for favourable, and the data set {roles.label} = {roles.favourable}."
    wanted = [f"{column}={value}" for column, value in dict.fromkeys(((roles.facet, roles.facet_value), *roles.further_facets))]
    found = [facet.key for facet in report.facets]
    if set(found) != set(wanted):
        yield f"The bias report measures {', '.join(found) or 'no facet'}; the facets of {claim.data.dataset.name} are {', '.join(wanted)}."


def _check_quality(files: FileSnapshot, claim: Claim, report: BiasReport) -> Iterator[str]:
    """The quality report has the figures of the bias report."""
    uri = claim.reports.get("quality", "")
    said = files.read_json(uri)
    metrics = said.get("binary_classification_metrics", {}) if isinstance(said, dict) else {}
    for name, figure in estimates_in(report.governance.get("performance")).items():
        kept = {key: figure[key] for key in ("value", "low", "high", "n")}
        if metrics.get(name) != kept:
            yield f"The quality report says {name} = {metrics.get(name)}, and the bias job measured {kept}."


def _check_explanation(files: FileSnapshot, claim: Claim, folder: str, features: pd.DataFrame, model: Booster) -> Iterator[str]:
    uri = claim.reports.get("explainability", "")
    raw = analysis_json.load(files.read(uri), uri)
    label, own = shap_jobs.summarize_report(raw, uri).labels[0], analysis_json.validate_report(raw, uri).governance
    if own is not None and own.threshold != claim.threshold:
        yield f"The explanation is of the threshold {own.threshold:g}, and the version's is {claim.threshold:g}."
    values = scored_rows.read_csv(files.read(f"{folder}/explanations_shap/out.csv"))
    values.columns = pd.Index([str(name).removesuffix("_label0") for name in values.columns])
    try:
        rows = scored_rows.read_csv(files.read(f"{folder}/explanations_shap/data.csv"))
    except NotFound:
        rows = None
    baseline = scored_rows.read_csv(files.read(f"{folder}/explanations_shap/baseline.csv"))
    stored = explained_rows.StoredExplanation(values, baseline, rows, label.values, label.expected[0] if label.expected else float("nan"))
    yield from explained_rows.check_explained_rows(stored, features, model)
