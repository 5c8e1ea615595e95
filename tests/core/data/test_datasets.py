"""Data sets and rebalancings on the engine: what is kept under which name, and what a page can read of it."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.aws.target import connect
from core.data import datasets, table_check
from core.data.column_roles import ColumnRoles
from core.errors import DataError, Forbidden, NotFound
from core.identity import Identity, Role
from core.jobs import jobs, rebalancing_jobs
from core.settings import Settings

DANA, OTTO, VERA = (
    Identity("Dana", Role.DATA_SCIENTIST),
    Identity("Otto", Role.DATA_SCIENTIST),
    Identity("Vera", Role.VIEWER),
)
ROLES = ColumnRoles("outcome", "paid", "region", "north", "age", ("kind",), ("customer",), (("kind", "b"),))


@pytest.fixture(scope="module")
def target(engine, engine_workspace):
    return connect(Settings(workspace=engine_workspace))


def people(rows=500):
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "customer": np.arange(rows),
            "outcome": random.choice(["paid", "late"], rows, p=[0.7, 0.3]),
            "region": random.choice(["north", "south"], rows, p=[0.3, 0.7]),
            "age": random.integers(18, 80, rows),
            "kind": random.choice(["a", "b", "c"], rows),
            "income": random.integers(10_000, 90_000, rows),
        }
    )


@pytest.fixture(scope="module")
def stored(target):
    return datasets.upload_dataset(target, DANA, table_check.check_table(people(), ROLES), "people")


@pytest.fixture(scope="module")
def done(target, stored):
    """Three methods at once."""
    names = rebalancing_jobs.launch_job_per_method(
        target, DANA, stored, rebalancing_jobs.RebalancingOptions(), {"random-over": {}, "reweighing": {}, "smote": {}}
    )
    jobs.wait_for_jobs(target, [("processing", name) for name in names])
    return {
        rebalancing_jobs.read_result(target, name).manifest["config"]["method"]: rebalancing_jobs.read_result(target, name)
        for name in names
    }


def test_the_same_table_twice_is_one_data_set_and_stays_its_first_uploaders(target, stored):
    again = datasets.upload_dataset(target, OTTO, table_check.check_table(people(), ROLES), "people")
    assert again == stored
    assert again.created_by == "Dana"


def test_the_same_rows_with_another_facet_are_another_data_set_and_leave_the_first_as_it_was(target, stored):
    other = datasets.upload_dataset(target, OTTO, table_check.check_table(people(), ColumnRoles("outcome", "paid", "kind", "a")), "people")
    assert other.uri != stored.uri
    assert datasets.read_dataset(target, stored.uri).roles == stored.roles
    assert datasets.read_dataset(target, stored.uri).roles.further_facets == (("kind", 1),)
    assert {d.uri for d in datasets.list_datasets(target)} >= {stored.uri, other.uri}
    assert datasets.count_datasets(target) == len(datasets.list_datasets(target))


def test_codes_are_told_by_the_texts_that_they_stand_for(stored):
    names = datasets.value_names(stored)
    assert [names.describe("region", code) for code in (0, 1)] == ["region = north", "region = south"]


def test_the_first_rows_are_read_without_the_rest(target, stored):
    head = datasets.read_first_rows(target, stored.uri, rows=7)
    assert list(head.columns) == list(stored.columns)
    assert len(head) == 7


@pytest.mark.parametrize("packed", [False, True])
def test_a_csv_in_s3_is_read_as_an_upload_would_be(target, packed):
    content = people(20).to_csv(index=False).encode()
    uri = target.files.write(target.uri("mine", "people.csv.gz" if packed else "people.csv"), gzip.compress(content) if packed else content)
    pd.testing.assert_frame_equal(datasets.fetch_csv(target, DANA, uri).frame, people(20))


@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        ("people.csv", DataError, "is not the URI of a CSV file in S3"),
        ("s3://bucket", DataError, "is not the URI of a CSV file in S3"),
        ("s3://bucket/keys.pem", DataError, "is not the URI of a CSV file in S3"),
        ("s3://{bucket}/gone.csv", NotFound, "gone.csv"),
    ],
)
def test_a_uri_that_leads_to_no_csv_is_refused_with_a_remedy(target, uri, error, words):
    with pytest.raises(error, match=words) as found:
        datasets.fetch_csv(target, DANA, uri.format(bucket=target.bucket))
    assert found.value.hint


def test_whoever_may_not_upload_reads_nothing_from_s3_and_starts_nothing(target, stored):
    with pytest.raises(Forbidden):
        datasets.fetch_csv(target, VERA, target.uri("mine", "people.csv"))
    with pytest.raises(Forbidden):
        rebalancing_jobs.launch_job_per_method(target, VERA, stored, rebalancing_jobs.RebalancingOptions(), {"smote": {}})


def test_a_setting_out_of_range_is_refused_before_a_job_is_started(target, stored):
    before = len(rebalancing_jobs.list_jobs(target))
    with pytest.raises(DataError, match="k_neighbors must be at least 1"):
        rebalancing_jobs.launch_job(target, DANA, stored, rebalancing_jobs.RebalancingOptions("smote", parameters={"k_neighbors": 0}))
    assert len(rebalancing_jobs.list_jobs(target)) == before


def test_several_methods_split_the_same_rows_in_the_same_way(done):
    assert set(done) == {"random-over", "reweighing", "smote"}
    assert len({d.manifest["files"]["test_res.csv"]["sha256"] for d in done.values()}) == 1


def test_the_settings_that_were_used_are_recorded_defaults_too(done):
    assert done["smote"].manifest["config"]["parameters"] == {"k_neighbors": 5, "sampling_strategy": 1.0}
    assert done["reweighing"].manifest["config"]["parameters"] == {}


def test_synthetic_rows_are_read_a_page_at_a_time(target, done):
    parts = rebalancing_jobs.list_synthetic_files(done["random-over"])
    count = done["random-over"].manifest["synthetic"]["count"]
    pages = [rebalancing_jobs.read_synthetic_rows(target, parts, start, 40) for start in range(0, count, 40)]
    whole = pd.concat(pages, ignore_index=True)
    assert whole["row"].tolist() == done["random-over"].manifest["synthetic"]["rows"]
    assert (
        rebalancing_jobs.read_synthetic_rows(target, [(f"{parts[0][0]}.gone", 1000), parts[0]], 1000, 5)["row"].tolist()
        == whole["row"][:5].tolist()
    )
    assert rebalancing_jobs.read_synthetic_rows(target, parts, count + 10, 40).empty
    assert rebalancing_jobs.list_synthetic_files(done["reweighing"]) == []


def test_distributions_are_read_and_missing_in_older_results(target, done):
    from dataclasses import replace

    features = rebalancing_jobs.read_distributions(target, done["smote"])
    assert {f["feature"] for f in features} == {"outcome", "region", "age", "kind", "income"}
    old = {key: value for key, value in done["smote"].manifest.items() if key != "details"}
    assert rebalancing_jobs.read_distributions(target, replace(done["smote"], manifest=old)) == []


def test_a_manifest_is_seen_by_each_facet(done):
    found = rebalancing_jobs.manifest_by_facet(done["smote"].manifest)
    assert list(found) == ["region = 0", "kind = 1"]
    assert found["kind = 1"]["config"]["facet"] == "kind"
    assert found["kind = 1"]["counts"] != found["region = 0"]["counts"]


def test_two_data_sets_of_one_name_say_where_they_differ(target, stored):
    fewer = people().iloc[:-10].assign(extra=range(len(people()) - 10))
    other = datasets.upload_dataset(target, DANA, table_check.check_table(fewer, replace(ROLES, group=None)), "people")
    assert datasets.describe_difference(stored, stored) == ""
    said = datasets.describe_difference(other, stored)
    assert said.startswith(f"{len(people()) - 10:,} rows instead of {len(people()):,}, column extra added")
    assert "column extra left out" in datasets.describe_difference(stored, other)
