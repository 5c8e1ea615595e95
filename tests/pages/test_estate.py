"""Every page on a workspace that holds what other people have made: nothing breaks, and what is missing is said to be missing."""

from __future__ import annotations

import json

import pytest
from paths import APP
from streamlit.testing.v1 import AppTest

from core.aws.s3_files import S3Files
from core.aws.target import connect
from core.errors import Forbidden, TargetUnavailable
from core.governance import foreign_versions, verification
from core.governance.validity import check_validity
from core.identity import DEMO_IDENTITIES, WORKFLOW_IDENTITY
from core.jobs import training_jobs
from core.registry import model_packages, registry_types
from core.reports import imported_reports
from core.settings import Settings
from engine import lifecycle
from tools.estate import BUCKET, REPORTS, estate

PAGES = ("overview", "data", "tuning", "lineage", "registry", "bias", "explainability", "decisions")
ALL = f"s3://{BUCKET}/all/analysis.json"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """(workspace, its clients, ARNs of the packages by name)."""
    workspace = tmp_path_factory.mktemp("foreign")
    target = connect(Settings(workspace=workspace))
    yield workspace, target, estate(target)
    lifecycle.stop(workspace)


@pytest.fixture(scope="module")
def session(foreign):
    """One session of Dana's, who goes from page to page: dearer than a page is the way to it."""
    test = AppTest.from_file(APP, default_timeout=60)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GOVERNANCE_WORKSPACE", str(foreign[0]))
        yield test.run()


@pytest.fixture
def visit(session, foreign, monkeypatch):
    """``visit("bias", tab="import", report=...)``: the page at that place."""

    def go(page: str, **query: str) -> AppTest:
        monkeypatch.setenv("GOVERNANCE_WORKSPACE", str(foreign[0]))
        session.query_params.clear()
        session.query_params.update(query)
        session.switch_page(f"pages/{page}.py").run()
        assert not session.exception
        return session

    return go


def text(test) -> str:
    parts = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error, *test.subheader]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def missing(test) -> dict[str, str]:
    """The table of what a version lacks."""
    (table,) = [table.value for table in test.table if "why" in table.value]
    return {part: why.replace("\\", "") for part, why in table["why"].items()}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_an_account_that_never_saw_this_product(visit, page):
    test = visit(page)
    assert not test.error or page in {"data", "bias", "explainability"}  # jobs that are called as ours are, and have left nothing


@pytest.mark.parametrize("name", ["bare", "unreadable", "containers", "algorithm", "sourced", "xgboost", "alone", "in our group"])
def test_every_version_of_others_is_shown(visit, foreign, name):
    test = visit("registry", package=foreign[2][name], view="Settings and data")
    assert not test.error
    assert "did not register" in text(test)
    assert "The evidence has changed" not in text(test)


@pytest.mark.parametrize("view", ["Quality", "Bias", "Threshold", "Explanation", "History", "All versions"])
def test_every_view_of_a_version_of_others_is_shown_or_says_what_it_lacks(visit, foreign, view):
    test = visit("registry", package=foreign[2]["stages"], other=foreign[2]["xgboost"], view=view)
    assert not test.error


@pytest.mark.parametrize(("name", "tab"), [("bare", "versions"), ("alone", "versions"), ("alone", "card"), ("stages", "card")])
def test_the_decisions_page_opens_at_a_version_of_whatever_group(visit, foreign, name, tab):
    test = visit("decisions", tab=tab, package=foreign[2][name])
    assert not test.error
    assert ("last looked up on" in text(test)) == (tab == "card")
    assert not [warning for warning in test.warning if "doesn't exist here" in warning.value]


def test_a_version_approved_elsewhere_is_shown_as_such_and_nobody_is_offered_to_submit_it(visit, foreign):
    test = visit("decisions", tab="versions", package=foreign[2]["bare"])
    assert "approved outside this product" in text(test)
    assert "no decision is recorded here" in text(test)
    assert "Submit for a decision" not in {button.label for button in test.button}
    assert missing(test).keys() >= {"Registration", "Bias report", "Explanation (SHAP)", "Data", "Quality on held-out rows, with intervals"}
    assert "Add its data here and split them" in text(test)


def test_what_a_version_names_and_nobody_can_read_is_said_with_the_reason(visit, foreign):
    why = missing(visit("registry", package=foreign[2]["unreadable"]))
    assert "nobodys-bucket-here" in why["Bias report"]
    assert "can't be read as a report: it is not JSON" in why["Explanation (SHAP)"]
    assert missing(visit("registry", package=foreign[2]["containers"]))["Bias report"].count("metrics") >= 1


def test_reports_of_the_two_stages_are_one_on_the_registry_page(visit, foreign):
    _, target, packages = foreign
    package = model_packages.read_package(target, packages["stages"])
    assert [facet.key for facet in package.bias.facets] == ["gender=F", "age=(40.0, 90.0]"]
    assert set(package.bias.facets[0].pre_training) == {"CI", "KL"}
    assert set(package.bias.facets[0].post_training) == {"DI", "CDDPL"}
    assert package.shap == {"country": 0.3, "amount": 0.12, "gender": -0.02}


def test_the_training_job_behind_a_version_is_found_by_the_model_that_it_made(foreign):
    _, target, packages = foreign
    package = model_packages.read_package(target, packages["xgboost"])
    assert (package.training_job, package.hyperparameters["num_round"]) == ("xgb-elsewhere", "20")
    assert model_packages.read_package(target, packages["bare"]).training_job is None


def test_a_training_job_that_cannot_be_read_now_is_not_taken_for_one_on_other_data(foreign, monkeypatch):
    _, target, packages = foreign
    package = model_packages.read_package(target, packages["xgboost"])
    assert "Add its data here" in foreign_versions.find_path_to_decision(target, package).explanation

    def no_response(*_):
        raise TargetUnavailable("No response.")

    monkeypatch.setattr(training_jobs, "describe_job", no_response)
    with pytest.raises(TargetUnavailable):
        foreign_versions.find_path_to_decision(target, package)


def test_packages_without_a_group_can_be_chosen(visit, foreign):
    test = visit("registry")
    assert "no group" in next(box for box in test.selectbox if box.label == "Group").options
    test = visit("registry", group=registry_types.NO_GROUP)
    assert next(box for box in test.selectbox if box.label == "Version").options == ["standalone"]


def test_a_group_without_versions_says_what_to_do(visit, foreign):
    test = visit("registry", group="nothing-in-it")
    assert "has no version yet" in text(test)


def test_approvals_of_others_from_before_are_no_problem_of_the_log(foreign):
    _, target, packages = foreign
    assert [problem for problem in verification.verify_log(target).problems if "model-package" in problem.subject] == []
    assert check_validity(target, packages["bare"]).label == "approved elsewhere"
    assert check_validity(target, packages["bare"]).void_reasons == ()


def test_a_version_after_the_first_that_was_registered_here_is_a_problem_however_it_got_there():
    first = {"g": 3}
    arn = "arn:aws:sagemaker:us-east-1:1:model-package/{}"
    assert foreign_versions.is_before_first_registered(first, arn.format("g/2"))
    assert foreign_versions.is_before_first_registered(first, arn.format("other/9"))
    assert not foreign_versions.is_before_first_registered(first, arn.format("g/4"))


@pytest.mark.parametrize(
    ("job", "view"),
    [
        *(("two-definitions", view) for view in ("history", "hyperparameters", "bias", "timeline", "trials", "compare")),
        ("autotuned", "history"),
        ("still-going", "history"),
    ],
)
def test_a_tuning_job_of_others_is_shown(visit, job, view):
    test = visit("tuning", tab="results", job=job, view=view)
    assert not test.error or job == "autotuned"


def test_definitions_with_different_objectives_are_not_called_comparable(visit, foreign):
    said = text(visit("tuning", tab="results", job="two-definitions"))
    assert "tunes 2 definitions at once: small, large" in said
    assert "don't compare" in said
    assert "rows that were rebalanced here" in said


@pytest.mark.parametrize("job", ["two-definitions", "autotuned"])
def test_the_settings_of_a_tuning_job_of_others_can_be_cloned(visit, foreign, job):
    test = visit("tuning", tab="new", clone=job)
    assert f"The settings of {job}." in text(test)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("bert-finetune", "huggingface-pytorch-training:2.0 trained this model"),
        ("bert-finetune", "train: fs-0123456789abcdef0:/d"),
        ("bert-finetune", "reports no final metrics"),
        ("marketplace", "it read no data channel"),
        ("ran-out", "out of memory"),
        ("xgb-elsewhere", "its test rows are unknown"),
    ],
)
def test_a_training_job_of_others_is_shown_with_what_is_not_known_of_it(visit, foreign, job, words):
    test = visit("tuning", tab="single", training=job)
    assert words in text(test)


@pytest.mark.parametrize(("page", "job"), [("bias", "governance-bias-of-others"), ("explainability", "governance-shap-of-others")])
def test_a_job_that_is_called_as_ours_are_and_has_no_result_says_so(visit, foreign, page, job):
    test = visit(page, job=job)
    assert not test.error
    assert f"This product did not start {job}" in text(test)


def test_a_form_that_takes_rebalanced_rows_says_which_are_none_of_ours(visit, foreign):
    test = visit("tuning", tab="single")
    assert not test.error
    assert "This product did not start governance-rebalance-of-others" in text(test)


def test_a_definition_is_shown_by_itself(visit, foreign):
    test = visit("tuning", tab="results", job="two-definitions", view="trials", definition="large")
    assert [frame.value["name"].tolist() for frame in test.dataframe if "objective" in frame.value] == [["two-definitions-001"]]
    assert "Best eval:loss" in [metric.label for metric in test.metric]


def test_a_tuning_job_of_others_without_a_trial_says_so(visit, foreign):
    assert "No trial has started yet." in text(visit("tuning", tab="results", job="still-going"))


def test_what_failed_is_marked_once(visit, foreign):
    test = visit("tuning", tab="results", job="autotuned")
    assert [part.value for part in test.markdown].count(":red-badge[:material/error: Failed]") == 1


def test_the_list_of_versions_says_how_each_stands_and_leaves_out_what_none_has(visit, foreign):
    (table,) = [frame.value for frame in visit("registry", group="fraud", view="All versions").dataframe if "state" in frame.value]
    assert set(table["state"]) == {"Made elsewhere", "Approved outside this product", "Rejected outside this product"}
    (table,) = [frame.value for frame in visit("registry", group="-", view="All versions").dataframe if "state" in frame.value]
    assert table["state"].tolist() == ["Made elsewhere"]


def test_the_overview_reckons_with_nothing_of_others_and_leads_to_their_groups(visit, foreign):
    test = visit("overview")
    said = text(test)
    assert "Start with the data" in said
    assert "Not measured here yet" in said
    assert any("Versions in other groups: fraud and 1 more" in link.label.replace("\\", "") for link in test.get("page_link"))


# import --------------------------------------------------------------------------------------------


def test_a_report_opens_by_its_link_and_says_what_it_does_not_say(visit, foreign):
    test = visit("bias", tab="import", report=ALL, package=foreign[2]["xgboost"])
    assert not test.error
    said = text(test)
    assert "The favourable value of the label fraud is 0." in said
    assert "The report doesn't say: on which rows it was measured, how many rows there are, the intervals" in said
    assert "Group variable is empty or not provided" in "".join(cell for table in test.table for cell in table.value["reading"])
    assert "The report of fraud v7" in {link.label.replace("\\", "") for link in test.get("page_link")}


def test_a_link_that_gives_a_report_to_the_wrong_version_says_so(visit, foreign):
    test = visit("bias", tab="import", report=ALL, package=foreign[2]["bare"])
    assert "doesn't have this report" in text(test)


@pytest.mark.parametrize("label", ["label0", "label1"])
def test_global_shap_values_of_others_are_shown_without_the_rows(visit, foreign, label):
    test = visit("explainability", tab="import", report=f"s3://{BUCKET}/shap/analysis.json", label=label)
    assert not test.error
    said = text(test)
    assert "aren't mean magnitudes" in said if label == "label0" else "The report has no value for country" in said
    assert "pdp" in said
    wanted = REPORTS["shap/analysis.json"]["explanations"]["kernel_shap"][label]["global_shap_values"]
    table = next(frame.value for frame in test.dataframe if "feature" in frame.value)
    assert dict(zip(table["feature"], table[label], strict=True)) == {name: v for name, v in wanted.items() if v is not None}


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (f"s3://{BUCKET}/gone/analysis.json", "analysis.json doesn't exist"),
        ("s3://no-such-bucket-of-ours/analysis.json", "no-such-bucket-of-ours"),
        (f"s3://{BUCKET}/notes.txt", "it is not JSON"),
        (f"s3://{BUCKET}/broken/analysis.json", "facets.gender[0].value_or_threshold is missing"),
        (f"s3://{BUCKET}/monitor/constraint_violations.json", "a list of violations"),
        ("file:///etc/passwd", "is not an S3 location"),
        ("s3://", "is not an S3 location"),
    ],
)
@pytest.mark.parametrize("page", ["bias", "explainability"])
def test_what_cannot_be_opened_is_an_error_with_its_reason(visit, foreign, page, report, words):
    test = visit(page, tab="import", report=report)
    assert words in "\n".join(error.value for error in test.error).replace("\\", "")


def test_a_file_is_kept_under_its_hash_with_who_and_when_and_listed(visit, foreign):
    target = foreign[1]
    content = json.dumps(REPORTS["post/bias.json"], indent=3).encode()
    test = visit("bias", tab="import")
    test.file_uploader(key="import-file-bias").upload("theirs.json", content).run()
    test.button(key="import-keep-bias").click().run()
    assert not test.error
    (kept,) = imported_reports.list_reports(target)
    assert test.query_params["report"] in (kept.uri, [kept.uri])
    assert kept.uri == target.uri("governance/imported", kept.sha256, "analysis.json")
    assert target.files.read(kept.uri) == content
    assert (kept.source, kept.kept_by, kept.has_bias, kept.has_shap) == ("theirs.json", "Dana (demo)", True, False)
    assert "theirs.json, kept by Dana (demo)" in text(test)
    assert imported_reports.keep_report(target, WORKFLOW_IDENTITY, content, "again.json") == kept.uri
    assert imported_reports.list_reports(target) == [kept]
    table = next(frame.value for frame in visit("bias", tab="import").dataframe if "kept by" in frame.value)
    assert table["source"].tolist() == ["theirs.json"]


def test_a_file_that_is_no_report_is_not_kept(visit, foreign):
    target = foreign[1]
    before = imported_reports.list_reports(target)
    test = visit("bias", tab="import")
    test.file_uploader(key="import-file-bias").upload("wrong.json", b'{"a": 1}').run()
    test.button(key="import-keep-bias").click().run()
    assert "wrong.json can't be read as a report" in test.error[0].value.replace("\\", "")
    assert imported_reports.list_reports(target) == before


def test_a_role_that_may_not_upload_keeps_nothing(app, foreign):
    test = app(foreign[0], "bias", "Vera", "import")
    assert test.button(key="import-keep-bias").disabled
    with pytest.raises(Exception, match="can't upload"):
        imported_reports.keep_report(foreign[1], DEMO_IDENTITIES[4], json.dumps(REPORTS["post/bias.json"]).encode(), "x")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (f"s3://{BUCKET}/all", ALL),
        (f"s3://{BUCKET}/all/", ALL),
        (f" {ALL} ", ALL),
        ("clarify-by-hand", ALL),
        (f"s3://{BUCKET}/notes.txt", None),
    ],
)
def test_a_report_is_found_by_folder_file_or_job(foreign, typed, found):
    assert imported_reports.resolve_uri(foreign[1], typed) == (found or typed)


def test_a_file_that_cannot_be_looked_for_now_is_not_taken_for_a_folder(foreign, monkeypatch):
    def fail(error):
        def exists(*_):
            raise error

        monkeypatch.setattr(S3Files, "exists", exists)

    fail(Forbidden("HeadObject is not allowed."))  # what S3 says of a file that doesn't exist, without s3:ListBucket
    assert imported_reports.resolve_uri(foreign[1], f"s3://{BUCKET}/all") == ALL
    fail(TargetUnavailable("No response."))
    with pytest.raises(TargetUnavailable):
        imported_reports.resolve_uri(foreign[1], f"s3://{BUCKET}/all")


@pytest.mark.parametrize(
    ("typed", "words"), [("sklearn-prepare", "has written no analysis.json"), ("nobody", "nobody"), ("http://x/y", "not an S3 location")]
)
def test_what_names_no_report_says_why(foreign, typed, words):
    with pytest.raises(Exception, match=words):
        imported_reports.resolve_uri(foreign[1], typed)
