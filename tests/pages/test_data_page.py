"""The data page: results, methods side by side, the form, the data sets."""

from __future__ import annotations

import argparse
import hashlib

import pytest

from core.analysis.tables import csv_writer
from core.aws.target import connect
from core.cli import table_options
from core.data import bundled_data, column_roles, datasets, table_check
from core.errors import JobFailed
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, rebalancing_jobs
from core.settings import Settings
from engine import lifecycle

COMPARE, NEW, SETS = "compare", "new", "sets"


def text(test) -> str:
    parts = [*test.markdown, *test.caption, *test.info, *test.warning, *test.error]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def labelled(elements, label: str):
    return next(element for element in elements if element.label == label)


ROLES = column_roles.ColumnRoles("LABEL", 0, "SEX", 1, "AGE", ("EDUCATION",), ("ID",), (("MARRIAGE", 2),))


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A workspace of these tests' own, with a data set rebalanced in three ways."""
    workspace = tmp_path_factory.mktemp("data")
    target = connect(Settings(workspace=workspace))
    dataset = datasets.upload_dataset(
        target,
        WORKFLOW_IDENTITY,
        table_check.check_table(bundled_data.read_bundled().sample(1500, random_state=2), ROLES),
        "credit-default",
    )
    methods = {"smote-nc": {}, "reweighing": {}, "random-over": {}}
    names = rebalancing_jobs.launch_job_per_method(target, WORKFLOW_IDENTITY, dataset, rebalancing_jobs.RebalancingOptions(), methods)
    jobs.wait_for_jobs(target, [("processing", name) for name in names])
    yield workspace, target, names
    lifecycle.stop(workspace)


@pytest.fixture(scope="module")
def full(mine):
    return mine[0]


@pytest.fixture(scope="module")
def target(mine):
    return mine[1]


@pytest.fixture(scope="module")
def synthetic(mine) -> str:
    """The job that made rows up."""
    return mine[2][0]


@pytest.fixture(scope="module")
def compared(mine) -> list[str]:
    return mine[2][1:]


def test_what_it_does_to_men_and_women_stands_first_with_n_and_interval(app, full, synthetic):
    test = app(full, "data", job=synthetic)
    said = next(part.value.replace("\\", "") for part in test.markdown if "100" in part.value)
    assert said.startswith("**Of 100 men, ")
    assert "(95 % interval " in said
    assert "Of 24 columns" in text(test)
    assert "(0 of " in text(test)
    assert "No feature alone gives the label away, and none looks like an id." in text(test)
    assert any("SHA-256" in frame.value for frame in test.dataframe)


def test_the_synthetic_rows_are_listed_a_page_at_a_time(app, full, target, synthetic):
    count = rebalancing_jobs.read_result(target, synthetic).manifest["synthetic"]["count"]
    test = app(full, "data", job=synthetic)
    listed = next(frame.value for frame in test.dataframe if "copy of" in frame.value)
    assert len(listed) == min(100, count)
    assert f"1 to {len(listed)} of {count:,}" in text(test)


def test_another_feature_is_drawn_with_its_own_table(app, full, synthetic):
    test = app(full, "data", job=synthetic)
    labelled(test.selectbox, "Feature").set_value("EDUCATION").run()
    assert not test.exception
    table = next(frame.value for frame in test.dataframe if "real rows" in frame.value)
    known = {"graduate school", "university", "high school", "other education"}
    assert known <= set(table["value"]) <= known | {"0", "5", "6"}


def test_a_further_facet_is_chosen_by_its_link(app, full, synthetic):
    test = app(full, "data", job=synthetic, facet="MARRIAGE = 2")
    assert not test.exception
    assert labelled(test.selectbox, "Facet").value == "MARRIAGE = 2"
    assert "Of 100 single, " in text(test)


def test_methods_are_laid_side_by_side_and_each_leads_on(app, full, compared):
    test = app(full, "data", compare=",".join(compared))
    assert not test.exception
    table = next(frame.value for frame in test.dataframe if "DPL after" in frame.value)
    assert table["rebalancing"].tolist() == [name.removeprefix("governance-rebalance-") for name in compared]
    assert table.loc[0, "DPL after"] in {"0.000", "−0.000"}
    assert "DPL is nearest to 0 with **reweighing" in text(test)
    test.button(key=f"open-{compared[1]}").click().run()
    assert test.query_params["job"] == compared[1]
    assert test.query_params["tab"] == "results"


def test_a_comparison_that_names_a_gone_job_says_so_and_compares_others(app, full, compared):
    test = app(full, "data", compare="gone")
    assert "gone" in test.warning[0].value
    assert not test.exception


def test_several_methods_are_launched_at_once_each_with_its_own_settings(app, full, target):
    test = app(full, "data", tab=NEW)
    assert "risky in US credit" in text(test)  # beside the methods, which may use the group
    test.selectbox(key="method").set_value("random-under").run()
    test.multiselect(key="also").set_value(["reweighing"]).run()
    test.selectbox(key="random-under-replacement").set_value(True).run()
    labelled(test.button, "Rebalance in 2 ways").click().run()
    assert not test.exception
    names = test.query_params["compare"].split(",")
    jobs.wait_for_jobs(target, [("processing", name) for name in names])
    configs = [rebalancing_jobs.read_result(target, name).manifest["config"] for name in names]
    assert [c["method"] for c in configs] == ["random-under", "reweighing"]
    assert configs[0]["parameters"]["replacement"] is True


def test_roles_are_detected_profiled_and_a_table_is_kept_without_a_job(app, full, target):
    before = len(rebalancing_jobs.list_jobs(target))
    test = app(full, "data", tab=NEW)
    test.radio(key="source").set_value("upload").run()
    rows = "".join(f"{i % 2},{'fm'[i % 3 == 0]},{20 + i % 50},{i * 7 % 900}\n" for i in range(120))
    test.file_uploader[0].upload("people.csv", f"outcome,sex,age,income\n{rows}".encode()).run()
    assert not test.error
    assert "Which value of outcome is good for the person?" in text(test)
    labelled(test.selectbox, "Favourable value").set_value(1).run()
    assert [labelled(test.selectbox, name).value for name in ("Label", "Facet", "Group")] == ["outcome", "sex", "age"]
    profile = next(frame.value for frame in test.dataframe if "top values" in frame.value)
    assert set(profile["column"]) == {"outcome", "sex", "age", "income"}
    labelled(test.button, "Only keep the data set").click().run()
    assert test.query_params["tab"] == "sets"
    kept = datasets.read_dataset(target, test.query_params["dataset"])
    assert (kept.name, kept.rows, kept.created_by) == ("people", 120, "Dana (demo)")
    assert kept.sha256 in text(test)
    assert len(rebalancing_jobs.list_jobs(target)) == before


def test_each_finding_has_a_treatment_and_the_same_choices_make_the_same_table_as_on_the_command_line(app, full, target, tmp_path):
    names = ["paid", "sex", "age", "customer", "land", "since", "code", "grade", "step"]
    rows = [
        (("no", "yes")[i % 3 > 0], "fm"[i % 2], 20 + i % 40, i, "DE", f"2024-01-{1 + i % 28:02}", i % 5, ("low", "high")[i % 7 > 3], i % 4)
        for i in range(120)
    ]
    content = "\n".join(",".join(map(str, row)) for row in (names, *rows)) + "\n"
    test = app(full, "data", tab=NEW)
    test.radio(key="source").set_value("upload").run()
    test.file_uploader[0].upload("people.csv", content.encode()).run()
    found = {name: labelled(test.selectbox, name) for name in ("customer", "land", "since")}
    assert [(one.value, one.options) for one in found.values()] == [
        ("leave out", ["leave it out", "keep it"]),
        ("leave out", ["leave it out", "keep it"]),
        ("leave out", ["leave it out", "categories"]),
    ]
    assert "Column customer looks like an id: another number in every row (0, 1, …). It's left out." in text(test)
    assert labelled(test.multiselect, "Numbers that are codes").value == ["code", "step"]
    found["customer"].set_value("keep")
    found["since"].set_value("categorical")
    labelled(test.multiselect, "Numbers that are codes").set_value([])
    labelled(test.multiselect, "Ordered columns").set_value(["grade", "step"])
    labelled(test.text_input, "Name of the data set").set_value("mine")
    test.run()
    labelled(test.multiselect, "grade, from the lowest to the highest").set_value(["low", "high"])
    labelled(test.multiselect, "step, from the lowest to the highest").set_value(["3", "1", "0", "2"])
    test.run()
    assert not test.exception
    labelled(test.button, "Only keep the data set").click().run()
    kept = datasets.read_dataset(target, test.query_params["dataset"])

    (tmp_path / "people.csv").write_text(content)
    parser = argparse.ArgumentParser()
    table_options.add_table_options(parser)
    table_options.add_rebalancing_options(parser)
    options = f"--data {tmp_path}/people.csv --name mine --keep customer --categorical since --continuous code".split()
    options += ["--ordered", "grade=low,high", "--ordered", "step=3,1,0,2"]
    asked = parser.parse_args(options)
    prepared = table_options.prepare_table(asked, table_options.parse_rebalancing(asked))
    assert (kept.name, kept.roles, kept.coding, kept.treatments) == (
        prepared.name,
        prepared.checked.roles,
        prepared.checked.coding,
        prepared.checked.treatments,
    )
    assert kept.sha256 == hashlib.sha256(csv_writer.to_csv(prepared.checked.frame)).hexdigest()
    assert kept.notes == prepared.checked.notes
    assert "Column since has dates or times: '2024-01-01' in row 1 (5 rows). Its values are taken for categories." in text(test)


def test_what_a_table_gives_away_is_said_before_it_is_uploaded(app, full):
    test = app(full, "data", tab=NEW)
    test.radio(key="source").set_value("upload").run()
    rows = "".join(
        f"{'yes' if i % 2 else 'no'},{'fm'[i % 3 == 0]},{20 + i % 51},{'ok' if i % 2 else 'sued'},{i * i % 127}\n" for i in range(120)
    )
    test.file_uploader[0].upload("people.csv", f"paid,sex,age,court,income\n{rows}".encode()).run()
    labelled(test.selectbox, "Label").set_value("paid").run()
    labelled(test.selectbox, "Favourable value").set_value("yes").run()
    assert not test.exception
    said = next(part.value.replace("\\", "") for part in test.warning if "should not learn from" in part.value)
    assert "court is the label under another name: court = ok always has paid = yes; court = sued always has paid = no" in said
    labelled(test.multiselect, "Ignored columns").set_value(["court"]).run()
    assert not any("should not learn from" in part.value for part in test.warning)


def test_a_table_too_small_for_the_method_is_refused_before_it_is_uploaded(app, full, target):
    kept, ran = len(datasets.list_datasets(target)), len(rebalancing_jobs.list_jobs(target))
    test = app(full, "data", tab=NEW)
    test.radio(key="source").set_value("upload").run()
    rows = "".join(f"{i % 2},{int(i < 6)},{20 + i % 50},{i * 7 % 900}\n" for i in range(120))
    test.file_uploader[0].upload("few.csv", f"outcome,sex,age,income\n{rows}".encode()).run()
    assert not test.error
    labelled(test.selectbox, "Favourable value").set_value(1).run()
    labelled(test.button, "Rebalance").click().run()
    assert "training rows have sex = 1, and SMOTE-NC needs more than" in test.error[0].value
    assert (len(datasets.list_datasets(target)), len(rebalancing_jobs.list_jobs(target))) == (kept, ran)


def test_an_s3_uri_that_leads_nowhere_is_an_error_with_a_remedy(app, full):
    test = app(full, "data", tab=NEW)
    test.radio(key="source").set_value("s3").run()
    test.text_input(key="s3-uri").set_value("https://example.org/people.csv").run()
    assert "Write s3://bucket/folder/file.csv" in test.error[0].value
    assert labelled(test.button, "Rebalance").disabled


def test_data_sets_are_listed_with_hash_and_uploader_and_lead_to_their_lineage(app, full, target):
    dataset = datasets.list_datasets(target)[-1]
    test = app(full, "data", dataset=dataset.uri)
    table = next(frame.value for frame in test.dataframe if "SHA-256" in frame.value)
    assert dataset.sha256 in set(table["SHA-256"])
    assert set(table["by"]) >= {"workflow"}
    assert "What was made from it" in [link.label for link in test.get("page_link")]
    labelled(test.button, "Rebalance these rows").click().run()
    assert not test.exception
    assert labelled(test.selectbox, "Data set").value == dataset.uri


def test_a_viewer_uploads_nothing_and_reads_no_s3(app, full):
    test = app(full, "data", "Vera", NEW)
    assert labelled(test.button, "Only keep the data set").disabled
    test.radio(key="source").set_value("s3").run()
    test.text_input(key="s3-uri").set_value("s3://bucket/people.csv").run()
    assert "can't upload" in test.error[0].value


def test_an_empty_workspace_opens_at_the_form_and_its_lists_say_what_to_do(app, empty):
    assert app(empty, "data").query_params["tab"] == "new"
    for tab in (COMPARE, SETS):
        test = app(empty, "data", tab=tab)
        assert not test.exception
        assert "New rebalancing" in text(test)


def test_a_failed_rebalancing_shows_its_reason(app, full, target):
    dataset = datasets.list_datasets(target)[0]
    name = rebalancing_jobs.launch_job(
        target, WORKFLOW_IDENTITY, dataset, rebalancing_jobs.RebalancingOptions("none", validation_size=0.6, test_size=0.6)
    )
    with pytest.raises(JobFailed, match="below 1"):
        jobs.wait_for_jobs(target, [("processing", name)])
    assert "below 1" in app(full, "data", job=name).error[0].value
