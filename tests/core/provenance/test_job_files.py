"""Which bytes a job made: a file of its that was written after its end is refused, by its name, the time and the job."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from deciding import CHRIS, VIC, WHY, register_again, seen, submitted, validated

from core.aws.s3_files import split_uri
from core.errors import Conflict
from core.governance import decisions, evidence, verification
from core.governance.version_state import read_state
from core.jobs import jobs
from core.ledger import audit_log
from core.ledger.pinned_files import PinnedFile
from core.ledger.signing import sha256
from core.provenance import job_files
from core.provenance.job_files import CLOCK_TOLERANCE, find_late_files
from core.registry import model_packages

JOBS = {
    "model": "training-job",
    "bias": "bias-job",
    "scores": "bias-job",
    "explainability": "shap-job",
    "explanation/out.csv": "shap-job",
    "data/manifest.json": "rebalanced",
    "data/train.csv": "rebalanced",
}
"""File → the property that names its job."""


@pytest.fixture(scope="module")
def demo_target(demo_copy):
    return demo_copy


def state_of(target, uri):
    return target.files.find_state(uri)


@contextmanager
def written_again(target, uri, more=b""):
    """The file has another current version, with the same content or more; afterwards the earlier one is the current one again."""
    before = state_of(target, uri)
    target.files.write(uri, target.files.read(uri) + more)
    after = state_of(target, uri)
    assert after.version != before.version
    try:
        yield
    finally:
        bucket, key = split_uri(uri)
        target.s3.delete_object(Bucket=bucket, Key=key, VersionId=after.version)
        assert state_of(target, uri) == before


@pytest.fixture
def files(target, arn):
    """Name → URI of the files that jobs made of this version."""
    package = model_packages.read_package(target, arn)
    data = model_packages.find_rebalancing(target, package)
    folder = jobs.output_uri(jobs.describe_job(target, "processing", package.properties["governance:shap-job"]))
    return {
        "model": package.model_uri,
        "bias": f"{package.bias.folder}/analysis.json",
        "scores": package.scores_uri,
        "explainability": f"{folder}/analysis.json",
        **{f"explanation/{name}": f"{folder}/explanations_shap/{name}" for name in ("out.csv", "baseline.csv")},
        "data/manifest.json": data.uri("manifest.json"),
        **{f"data/{name}": data.uri(name) for name in data.manifest["files"]},
    }


def test_registration_refuses_each_file_that_was_written_after_its_job_with_name_time_and_job(target, arn, files):
    properties = model_packages.read_package(target, arn).properties
    for name, job in JOBS.items():
        uri, job = files[name], properties[f"governance:{job}"]
        with written_again(target, uri), pytest.raises(Conflict) as refused:
            register_again(target, arn)
        name = "manifest" if name == "data/manifest.json" else name
        said = re.search(
            rf"{name} was written on (\S+ at \S+) UTC \({uri}\), after its job {job} had ended on (\S+ at \S+) UTC", str(refused.value)
        )
        written, ended = (datetime.strptime(text, "%Y-%m-%d at %H:%M:%S") for text in said.groups())  # noqa: DTZ007 - both are UTC
        assert written - ended > CLOCK_TOLERANCE
        assert "delete the newer version" in refused.value.hint
    before = len(audit_log.read_events(target))
    assert register_again(target, arn) != arn
    assert len(audit_log.read_events(target)) == before + 1


def test_registration_and_evidence_pin_each_file_with_its_version(target, arn, files):
    event = next(event for event in audit_log.read_events(target) if event.subject == arn)
    quality = f"{files['bias'].rpartition('/')[0]}/statistics.json"
    pinned = {"model": files["model"], "bias": files["bias"], "quality": quality, "manifest": files["data/manifest.json"]}
    pinned["explainability"] = files["explainability"]
    for name, uri in pinned.items():
        assert event.body["properties"][f"governance:version-{name}"] == state_of(target, uri).version
    recorded = evidence.read_evidence(target, submitted(target, arn).evidence)
    assert files.keys() <= recorded.files.keys()
    for file in recorded.files.values():
        bucket, key = split_uri(file["uri"])
        kept = target.s3.get_object(Bucket=bucket, Key=key, VersionId=file["version"])["Body"].read()
        assert (sha256(kept), len(kept)) == (file["sha256"], file["bytes"])


def test_a_second_registration_makes_no_new_version_of_the_figures(target, arn, files):
    uri = f"{files['bias'].rpartition('/')[0]}/statistics.json"
    before = state_of(target, uri)
    register_again(target, arn)
    assert state_of(target, uri) == before


@pytest.mark.parametrize("name", ["model", "scores", "data/train.csv"])
def test_no_step_is_taken_on_a_file_written_after_its_job_and_the_verification_names_it(target, arn, files, name):
    """With the same content, so that no hash tells."""
    words = f"{name} was written on .* after its job"
    with written_again(target, files[name]), pytest.raises(Conflict, match=words):
        submitted(target, arn)
    state = submitted(target, arn)
    with written_again(target, files[name]), pytest.raises(Conflict, match=words):
        decisions.validate(target, VIC, arn, seen_event=state.last_event, reason=WHY, code="evidence reviewed")
    decisions.validate(target, VIC, arn, seen_event=state.last_event, reason=WHY, code="evidence reviewed")
    with written_again(target, files[name]):
        with pytest.raises(Conflict, match=words):
            decisions.approve(target, CHRIS, arn, seen_event=seen(target, arn), reason=WHY, code="meets the policy")
        (problem,) = [p for p in verification.verify_log(target).problems if p.subject == arn]
        assert re.search(words, problem.what)
        assert read_state(target, arn).status == "validated"
    assert not [p for p in verification.verify_log(target).problems if p.subject == arn]


def test_a_changed_file_is_named_with_the_version_that_has_the_recorded_content(target, arn, files):
    state = validated(target, arn)
    version = evidence.read_evidence(target, state.evidence).files["bias"]["version"]
    with written_again(target, files["bias"], b" "):
        changed, late = evidence.find_changes(target, state.evidence)
    assert changed == f"bias has changed ({files['bias']}; the recorded version is {version})"
    assert late.startswith("bias was written on")


def test_evidence_of_an_earlier_release_is_judged_by_its_hashes(target, arn, files):
    """It names no versions: a workspace that was copied since, whose files are all younger than its jobs, is still valid."""
    state = submitted(target, arn)
    recorded = evidence.read_evidence(target, state.evidence)
    for file in recorded.files.values():
        del file["version"]
    statement = json.loads(recorded.statement)
    statement["predicate"] = recorded.predicate
    content = json.dumps(statement).encode()
    earlier = evidence.Evidence(sha256(content), recorded.predicate, content)
    evidence.store_signed(target, earlier)
    with written_again(target, files["bias"]):
        assert evidence.find_changes(target, earlier.digest) == []
    with written_again(target, files["bias"], b" "):
        assert evidence.find_changes(target, earlier.digest) == [f"bias has changed ({files['bias']})"]


def test_a_file_may_be_as_much_younger_than_its_job_as_clocks_differ(target, arn, files, monkeypatch):
    properties = model_packages.read_package(target, arn).properties
    written, described = state_of(target, files["bias"]).written, jobs.describe_job
    for seconds, is_late in ((-CLOCK_TOLERANCE.total_seconds(), False), (-CLOCK_TOLERANCE.total_seconds() - 1, True), (3600, False)):

        def ended(*asked, at=written + timedelta(seconds=seconds)):
            job = described(*asked)
            return type(job)(job.name, job.kind, job.status, job.created, at, job.reason, job.raw)

        monkeypatch.setattr(job_files.jobs, "describe_job", ended)
        assert bool(find_late_files(target, properties, {"bias": PinnedFile(files["bias"], None)})) is is_late


def test_a_file_whose_job_is_gone_is_named_unless_its_version_was_recorded(target, arn, files):
    file = {"bias": PinnedFile(files["bias"], None)}
    properties = {"governance:bias-job": "governance-bias-that-never-was"}
    (late,) = find_late_files(target, properties, file)
    assert str(late).endswith("and the job governance-bias-that-never-was, which should have made it, doesn't exist any more")
    recorded = {"bias": PinnedFile(files["bias"], None, state_of(target, files["bias"]).version)}
    assert find_late_files(target, properties, recorded) == []
    assert find_late_files(target, {}, file) == [], "a version that names no jobs"


def test_a_bucket_without_versions_has_the_times_alone(target, arn, files):
    """As a bucket of one's own at AWS may be: nothing is pinned by an id, and late files are found all the same."""
    s3, bucket = target.s3, "no-versions"
    s3.create_bucket(Bucket=bucket)
    uri = f"s3://{bucket}/analysis.json"
    s3.put_object(Bucket=bucket, Key="analysis.json", Body=b"{}")
    assert state_of(target, uri).version is None
    properties = model_packages.read_package(target, arn).properties
    (late,) = find_late_files(target, properties, {"bias": PinnedFile(uri, None)})
    assert late.job == properties["governance:bias-job"]
