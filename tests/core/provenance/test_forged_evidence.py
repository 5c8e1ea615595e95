"""Forgeries of evidence, each made as somebody with the target's credentials can: refused at registration and at every gate, and found by
the verification."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pandas as pd
import pytest
from deciding import CHRIS, DANA, EASY, VIC, WHY, adopt, approve, seen, submitted
from replacing import replaced

from core.analysis.performance.performance import evaluate_performance
from core.aws.file_snapshot import take_snapshot
from core.errors import Conflict
from core.governance import decisions, evidence, gates, verification
from core.governance.version_under_review import read_version
from core.jobs import jobs, models, rebalancing_jobs, training_jobs
from core.ledger import audit_log
from core.provenance import evidence_agreement, job_files
from core.provenance.evidence_agreement import Agreement
from core.provenance.scored_rows import read_csv
from core.registry import model_packages, version_registration
from core.reports import bias_jobs, shap_jobs


@pytest.fixture(scope="module")
def demo_target(demo_copy):
    return demo_copy


@pytest.fixture
def packages(target, demo):
    """The baseline and the mitigated version of the first run."""
    return [model_packages.read_package(target, model["model_package_arn"]) for model in demo[1][0]["models"]]


@pytest.fixture
def made(target, packages):
    """What a registration of the mitigated model takes."""
    return {**jobs_of(packages[1]), "data": model_packages.find_rebalancing(target, packages[1]), "role": "mitigated", "group": "forged"}


def jobs_of(package):
    return {f"{part}_job": package.properties[f"governance:{part}-job"] for part in ("training", "bias", "shap")}


def register(target, made):
    data = rebalancing_jobs.read_result(target, made["data"].job)  # as it lies there now
    return version_registration.register_version(target, DANA, **{**made, "data": data})


@contextmanager
def unchecked():
    """Evidence isn't checked meanwhile: as if another program had written registration and submission, with the key that signs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evidence_agreement, "check_agreement", lambda *_: Agreement((), (), ""))
        patched.setattr(job_files, "find_late_files", lambda *_: [])
        yield


def check_refused(target, made, *words):
    """Registration refuses it, naming ``words``; if it was registered all the same, gates and verification do. Nothing of it stays in
    the log, which other tests verify."""
    with pytest.raises(Conflict, match="can't be registered: its evidence doesn't agree") as error:
        register(target, made)
    for word in words:
        assert word in error.value.message, error.value.message
    with unchecked():
        arn = register(target, made)
    try:
        with pytest.raises(Conflict, match="can't be submitted: its evidence doesn't agree") as error:
            submitted(target, arn)
        assert words[0] in error.value.message
        result = gates.judge_version(read_version(target, arn), None).results[0]
        assert (result.status, result.is_blocking, result.is_waivable) == ("fail", True, False)
        assert words[0] in result.reason
        registered = audit_log.read_events(target)[-1]
        body = {"tier": "low", "profile": "easy", "approvals_needed": 1, "evidence": "0" * 64, "policy": "0" * 64}
        submission = replace(registered, number=registered.number + 1, kind="submit", body=body)
        problems = list(verification._check_agreement(take_snapshot(target), [registered, submission]))
        assert any(words[0] in problem.what for problem in problems)
        assert {(problem.number, problem.subject) for problem in problems} == {(submission.number, arn)}
    finally:
        target.sagemaker.delete_model_package(ModelPackageName=arn)


def folder_of(target, job):
    return jobs.output_uri(jobs.describe_job(target, "processing", job))


def edited(target, uri, change):
    """A JSON file with something changed in it."""
    raw = json.loads(target.files.read(uri))
    change(raw)
    return {uri: json.dumps(raw).encode()}


def with_manifest(target, data, files, change=lambda manifest: None):
    """Files of a rebalancing with other contents, and the manifest with their hashes: name -> bytes."""

    def write(manifest):
        change(manifest)
        for name, content in files.items():
            manifest["files"][name]["sha256"] = hashlib.sha256(content).hexdigest()

    return {data.uri(name): content for name, content in files.items()} | edited(target, data.uri("manifest.json"), write)


def test_honest_evidence_agrees_and_says_what_was_computed_again(target, arn):
    result = gates.judge_version(read_version(target, arn), None).results[0]
    assert (result.gate, result.status, result.reason) == ("agreement", "pass", "")
    assert "figures computed again" in result.found
    assert "test rows stand in training too" in result.found


def test_evidence_that_was_forged_later_is_refused_at_each_step_and_found(target, arn):
    """The report is edited after its registration, and its pinned hash is of no use: the check is told that it hasn't changed."""
    uri = model_packages.read_package(target, arn).bias.folder + "/analysis.json"
    forged = edited(target, uri, lambda raw: raw["governance"]["performance"]["auc"].update(value=0.987))
    unchanged = {"find_changed_files": lambda *_: [], "find_changes": lambda *_: []}

    def refuses(decide, *, match):
        with replaced(target, forged), pytest.MonkeyPatch.context() as patched, pytest.raises(Conflict, match=match):
            for module, name in ((decisions, "find_changed_files"), (evidence, "find_changes")):
                patched.setattr(module, name, unchanged[name])
            decide()

    refuses(lambda: submitted(target, arn), match="can't be submitted: its evidence doesn't agree.*auc: value is 0.987")
    submitted(target, arn)
    validate = {"reason": WHY, "code": "evidence reviewed"}
    refuses(
        lambda: decisions.validate(target, VIC, arn, seen_event=seen(target, arn), **validate),
        match="can't be validated: its evidence doesn't agree.*auc: value is 0.987",
    )
    decisions.validate(target, VIC, arn, seen_event=seen(target, arn), **validate)
    refuses(lambda: approve(target, arn), match="can't be approved.*Evidence agrees with the jobs' records.*auc: value is 0.987")
    with replaced(target, forged):
        found = [p.what for p in verification.verify_log(target).problems if p.subject == arn]
    assert any("doesn't agree with the jobs' records: auc: value is 0.987" in what for what in found)
    assert approve(target, arn).status == "approved"


def test_the_gate_cannot_be_waived(target, arn, monkeypatch):
    submitted(target, arn)
    monkeypatch.setattr(evidence_agreement, "check_agreement", lambda *_: Agreement((), ("not stored",), ""))
    with pytest.raises(Conflict, match="can't be waived"):
        decisions.waive(
            target,
            VIC,
            arn,
            seen_event=seen(target, arn),
            reason=WHY,
            code="accepted risk",
            gate="agreement",
            expires=decisions.version_state.today(),
        )
    decisions.validate(target, VIC, arn, seen_event=seen(target, arn), reason=WHY, code="evidence reviewed")
    with pytest.raises(Conflict, match=r"not computable\): not stored"):
        approve(target, arn, CHRIS)


# 1: jobs bound together ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cheat(demo_target, demo):
    """A training job that was given the test rows, through the API."""
    package = model_packages.read_package(demo_target, demo[1][0]["models"][1]["model_package_arn"])
    data = model_packages.find_rebalancing(demo_target, package)
    name = training_jobs.launch_job(demo_target, DANA, data.uri("test_res.csv"), data.uri("validation_res.csv"), rebalanced=data.job)
    jobs.wait_for_jobs(demo_target, [("training", name)])
    return name


def test_a_model_trained_on_the_test_rows_is_refused(target, made, cheat):
    made = {**made, "training_job": cheat}
    check_refused(target, made, "these aren't the training and the validation rows", "test_res.csv", "measured the model")


def test_bias_and_explanation_of_another_model_are_refused(target, made, packages):
    others = {name: job for name, job in jobs_of(packages[0]).items() if name != "training_job"}
    model = packages[0].model_uri
    check_refused(target, made | others, f"The bias job {others['bias_job']} measured the model {model}", f"{others['shap_job']} measured")


@pytest.mark.parametrize("channel", ["train_res.csv", "test_header.csv"])
def test_a_second_file_under_the_prefix_that_a_job_reads_is_refused(target, made, channel):
    bucket, _, key = made["data"].uri(channel).removeprefix("s3://").partition("/")
    target.s3.put_object(Bucket=bucket, Key=f"{key}.more", Body=target.files.read(made["data"].uri("test_res.csv")))
    try:
        with pytest.raises(Conflict, match=rf"lie 2 files \({channel}.more beside it\): it must be one"):
            register(target, made)
    finally:
        target.s3.delete_object(Bucket=bucket, Key=f"{key}.more")


def test_a_data_file_unlike_its_manifest_is_refused(target, made):
    uri = made["data"].uri("test_res.csv")
    with replaced(target, {uri: target.files.read(uri) + b"\n"}):
        check_refused(target, made, "test_res.csv of", "isn't the file that the manifest names")


@pytest.fixture(scope="module")
def measured(demo_target, demo):
    """Bias jobs of the mitigated model, as nobody should register them: at a threshold where nobody is declined, on the training rows, and
    of another facet than the data set's, through the API."""
    package = model_packages.read_package(demo_target, demo[1][0]["models"][1]["model_package_arn"])
    data = model_packages.find_rebalancing(demo_target, package)
    model = models.ensure_model(demo_target, DANA, package.training_job)
    found = {
        "threshold": bias_jobs.launch_job(demo_target, DANA, model, data, threshold=0.97),
        "train": bias_jobs.launch_job(demo_target, DANA, model, data, rows="train"),
        "SHAP": shap_jobs.launch_job(demo_target, DANA, model, data, threshold=0.97),
    }
    raw = demo_target.sagemaker.describe_processing_job(ProcessingJobName=package.properties["governance:bias-job"])
    names = ("ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "AppSpecification", "RoleArn", "NetworkConfig")
    request = {name: raw[name] for name in names if name in raw}
    config = edited(
        demo_target,
        jobs.input_uri(jobs.describe_job(demo_target, "processing", raw["ProcessingJobName"]), "analysis_config"),
        lambda one: (
            one.update(facet=[{"name_or_index": "kind", "value_or_threshold": [0]}]) or one["governance"].update(categorical=["kind"])
        ),
    )
    uri = demo_target.files.write(demo_target.uri("governance/clarify/other-facet/config/analysis_config.json"), *config.values())
    next(one for one in request["ProcessingInputs"] if one["InputName"] == "analysis_config")["S3Input"]["S3Uri"] = uri
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = demo_target.uri("governance/clarify/other-facet/output")
    demo_target.sagemaker.create_processing_job(ProcessingJobName="governance-bias-other-facet", **request)
    found["facet"] = "governance-bias-other-facet"
    jobs.wait_for_jobs(demo_target, [("processing", name) for name in found.values()])
    return found


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("threshold", "is of the threshold 0.97, and the version's is 0.5"),
        ("train", "train_res_header.csv; the test rows are"),
        ("facet", "measures kind=0; the facets of loans are region=0"),
    ],
)
def test_bias_measured_otherwise_than_the_data_set_says_is_refused(target, made, measured, which, words):
    check_refused(target, {**made, "bias_job": measured[which]}, words)


def test_another_threshold_is_one_that_was_chosen_pinned_and_measured_with(target, made, measured):
    """At 0.97 nobody is declined: that is no forgery if the version says so, and a policy may bound it."""
    jobs_at = {"bias_job": measured["threshold"], "shap_job": measured["SHAP"]}
    with pytest.raises(Conflict, match=r"The explanation is of the threshold 0\.5, and the version's is 0\.97"):
        register(target, made | {"bias_job": measured["threshold"], "threshold": 0.97})
    arn = register(target, made | jobs_at | {"threshold": 0.97, "threshold_rationale": "Errors of one kind cost little."})
    package = model_packages.read_package(target, arn)
    assert (package.threshold, package.performance["threshold"], package.bias.threshold) == (0.97, 0.97, 0.97)
    assert package.properties["governance:threshold-rationale"] == "Errors of one kind cost little."
    adopt(target, EASY.replace('pattern = "*"', 'pattern = "*"\nthreshold = {max = 0.9}'))
    agreement, bounds = gates.judge_version(read_version(target, arn), None).results
    assert (agreement.status, bounds.status, bounds.is_waivable) == ("pass", "fail", False)
    assert bounds.found == "0.97"


# 2: figures computed again ---------------------------------------------------------------------------


def test_a_report_that_was_edited_is_refused_with_the_figure_and_both_values(target, made):
    uri = f"{folder_of(target, made['bias_job'])}/analysis.json"
    true = json.loads(target.files.read(uri))["governance"]["performance"]["auc"]["value"]
    with replaced(target, edited(target, uri, lambda raw: raw["governance"]["performance"]["auc"].update(value=0.987))):
        check_refused(target, made, f"auc: value is 0.987 in the report, and {true:.6g} by the rows")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: _metric(raw, "DI").update(value=1.0), "DI of region=0 (post-training) is 1 in the report"),
        (lambda raw: raw["governance"]["counts"][0].update(rows=999), "counts of region=0: rows is 999 in the report"),
        (lambda raw: raw["governance"]["performance"]["calibration"][0].update(observed=0.5), "calibration 1: observed is 0.5"),
        (lambda raw: raw["governance"]["performance"]["auc"].update(low=0.9), "auc: low is 0.9 in the report"),
        (lambda raw: raw["governance"]["group_table"]["groups"][0]["disparities"]["DI"].update(value=1.0), "DI: value is 1 in the report"),
        (lambda raw: raw["governance"]["sweeps"][0]["accepted"][50][0][0].__setitem__(1, 0), "threshold counts of region=0"),
        (lambda raw: raw["governance"].pop("counts"), "The report lacks counts of region=0"),
    ],
)
def test_every_kind_of_figure_is_computed_again(target, made, change, words):
    with (
        replaced(target, edited(target, f"{folder_of(target, made['bias_job'])}/analysis.json", change)),
        pytest.raises(Conflict) as error,
    ):
        register(target, made)
    assert words in error.value.message


def _metric(raw, name):
    return next(m for m in raw["post_training_bias_metrics"]["facets"]["region"][0]["metrics"] if m["name"] == name)


def test_scores_that_the_model_does_not_give_are_refused_though_the_report_fits_them(target, made):
    folder = folder_of(target, made["bias_job"])
    scores = read_csv(target.files.read(f"{folder}/scores.csv"))
    scores["score"] = 0.05 + 0.9 * scores["label"]
    perfect = json.loads(json.dumps(evaluate_performance(scores["label"], scores["score"]).to_json()))
    report = edited(target, f"{folder}/analysis.json", lambda raw: raw["governance"].update(performance=perfect))
    with replaced(target, {f"{folder}/scores.csv": scores.to_csv(index=False).encode()} | report):
        check_refused(target, made, "scores.csv has other scores than the model gives")


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("analysis.json", lambda raw: _first_label(raw)["global_shap_values"].update(income=0.0001), "SHAP value of income is 0.0001 in"),
        ("explanations_shap/data.csv", lambda rows: rows.assign(prediction=rows["prediction"] * 0.9), "says that the model predicts"),
        ("explanations_shap/data.csv", lambda rows: rows.assign(income=rows["income"] + 1), "explained rows aren't the test rows"),
        ("explanations_shap/baseline.csv", lambda rows: rows.assign(income=1), "baseline of the explanation isn't one of the test rows"),
    ],
)
def test_an_explanation_that_was_edited_is_refused(target, made, file, change, words):
    uri = f"{folder_of(target, made['shap_job'])}/{file}"
    if file.endswith(".json"):
        contents = edited(target, uri, change)
    else:
        contents = {uri: change(read_csv(target.files.read(uri))).to_csv(index=False).encode()}
    with ExitStack() as stack:
        stack.enter_context(replaced(target, contents))
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            version_registration.shap_jobs, "read_job_result", lambda target, job: type("R", (), {"folder": folder_of(target, job)})
        )  # which looks at part of this itself
        with pytest.raises(Conflict) as error:
            register(target, made)
    assert words in error.value.message


def test_the_values_of_two_features_exchanged_are_refused_though_every_sum_is_right(target, made):
    folder = folder_of(target, made["shap_job"])
    values = read_csv(target.files.read(f"{folder}/explanations_shap/out.csv"))
    names = {"income_label0": "age_label0", "age_label0": "income_label0"}
    exchanged = values.rename(columns=names)[list(values.columns)]

    def exchange(raw):
        found = _first_label(raw)["global_shap_values"]
        found["income"], found["age"] = found["age"], found["income"]

    contents = edited(target, f"{folder}/analysis.json", exchange)
    contents[f"{folder}/explanations_shap/out.csv"] = exchanged.to_csv(index=False).encode()
    with replaced(target, contents):
        check_refused(target, made, "The SHAP values of age, income aren't those of the model")


def _first_label(raw):
    return raw["explanations"]["kernel_shap"]["label0"]


# 4: rows by content, and the manifest ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["leaks"]["twins_in_training"]["test"].update(rows=7), "other twins in training than its rows"),
        (lambda m: m["label_shares"][0].update(beyond_target=0.0), "other shares of favourable labels by region than its rows"),
        (lambda m: m["counts"]["after"][0].update(count=1), "other counts by region than its rows"),
        (lambda m: m["config"].update(seed=7), "says seed = 7, and the job was asked for 42"),
        (lambda m: m["config"].update(favourable=1 - m["config"]["favourable"]), "says favourable ="),
        (lambda m: m["split"]["row_ids_sha256"].update(test="0" * 64), "names other test rows than the split gives"),
    ],
)
def test_a_manifest_that_was_edited_is_refused(target, made, change, words):
    with replaced(target, edited(target, made["data"].uri("manifest.json"), change)), pytest.raises(Conflict) as error:
        register(target, made)
    assert words in error.value.message


def test_test_rows_of_other_content_are_refused_though_the_manifest_names_them(target, made):
    data = made["data"]
    rows = read_csv(target.files.read(data.uri("test_header.csv")))
    rows["income"] = rows["income"].to_numpy()[::-1]
    changed = {
        "test_header.csv": rows.to_csv(index=False).encode(),
        "test_res.csv": rows.to_csv(index=False, header=False).encode(),
    }
    with replaced(target, with_manifest(target, data, changed)):
        check_refused(target, made, "The test rows of", "aren't those that the split with seed 42 gives")


@pytest.mark.parametrize("marked", [False, True])
def test_test_rows_among_the_training_rows_are_refused_though_the_manifest_names_them(target, made, marked):
    """Added as real rows, or as rows that rebalancing is said to have made."""
    data = made["data"]
    test = read_csv(target.files.read(data.uri("test_header.csv")))
    train = read_csv(target.files.read(data.uri("train_res_header.csv")))
    whole = pd.concat([train, test], ignore_index=True)
    changed = {
        "train_res_header.csv": whole.to_csv(index=False).encode(),
        "train_res.csv": whole.to_csv(index=False, header=False).encode(),
    }

    def mark(manifest):
        if marked:
            manifest["synthetic"]["rows"] += list(range(len(train), len(whole)))

    words = "stand among the rows that rebalancing added" if marked else "neither rows of train.csv nor marked as synthetic"
    with replaced(target, with_manifest(target, data, changed, mark)), pytest.raises(Conflict) as error:
        register(target, made)
    assert words in error.value.message
