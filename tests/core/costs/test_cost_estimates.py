"""Costs are seconds times the hourly price, whoever's price it is; and a price file that can't be says where and why."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.costs import cost_estimates, prices, usage
from core.costs.cost_estimates import PastDurations, PlannedJobs
from core.costs.usage import Usage
from core.jobs.jobs import MAX_SECONDS, Job
from core.settings import Settings
from core.views.shared import cost_sentences as words

TABLE = prices.load_in_force(Settings(prices=None))
SHIPPED = prices.BUNDLED_FILE.read_text()
TYPES = st.sampled_from(["ml.m5.large", "ml.m5.xlarge"])
PLANNED = st.builds(
    PlannedJobs, st.sampled_from(["training", "processing"]), st.sampled_from("abc"), TYPES, st.just(""), st.integers(1, 750)
)
MEASURED = st.builds(PastDurations, st.lists(st.integers(1, MAX_SECONDS).map(float), min_size=1, max_size=6).map(tuple), st.booleans())
PLAN = st.lists(st.tuples(PLANNED, MEASURED), min_size=1, max_size=5)


def test_a_job_of_others_whose_rows_are_not_in_s3_has_none_to_be_compared_by() -> None:
    sources = ({"FileSystemDataSource": {"FileSystemId": "fs-1"}}, {"DatasetSource": {"DatasetArn": "a"}})
    jobs = [Job("j", "tuning", "Completed", datetime.now(UTC), None, None, _reading(source)) for source in sources]
    assert [cost_estimates.input_rows_uri(job) for job in jobs] == ["", ""]


def _reading(source: dict[str, object]) -> dict[str, object]:
    return {"TrainingJobDefinition": {"InputDataConfig": [{"ChannelName": "train", "DataSource": source}]}}


# the arithmetic ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hourly", "hours", "invoiced"),
    [
        (0.257, 2.382, 0.61),
        (0.257, 44.015, 11.31),
        (0.257, 167.301, 43.00),
        (0.822, 14.801, 12.17),
        (1.57, 2.887, 4.53),
        (4.131, 4.139, 17.10),
    ],
)
def test_a_cost_is_what_aws_has_invoiced_for_these_hours(hourly: float, hours: float, invoiced: float) -> None:
    """Lines of an AWS bill of December 2023, published in aws-samples/sagemaker-ssh-helper, Sample_Costs.md."""
    table = TABLE.model_copy(update={"training": {"ml.x.large": hourly}})
    assert round(usage.instance_cost(table, "training", "ml.x.large", hours * 3600) or 0, 2) == invoiced


@settings(max_examples=40, deadline=None)
@given(TYPES, st.integers(1, 20), st.integers(0, 10**6))
def test_each_instance_is_billed_for_every_second(instance: str, count: int, seconds: int) -> None:
    found = Usage("training", instance, count, seconds).cost(TABLE)
    assert found == pytest.approx(sum([TABLE.training[instance] * seconds / 3600] * count))


@settings(max_examples=40, deadline=None)
@given(PLAN, st.integers(0, 4), st.integers(1, 100))
def test_more_trials_never_cost_less(plan: list[tuple[PlannedJobs, PastDurations]], at: int, more: int) -> None:
    at %= len(plan)
    larger = [(replace(p, jobs=p.jobs + more), past) if i == at else (p, past) for i, (p, past) in enumerate(plan)]
    a, b = cost_estimates.estimate_launch(TABLE, plan), cost_estimates.estimate_launch(TABLE, larger)
    for name in ("jobs", "seconds", "shortest", "longest", "cost", "max_seconds", "max_cost"):
        assert getattr(b, name) > getattr(a, name)


@settings(max_examples=40, deadline=None)
@given(PLAN, PLAN)
def test_two_launches_cost_what_each_costs(
    one: list[tuple[PlannedJobs, PastDurations]], other: list[tuple[PlannedJobs, PastDurations]]
) -> None:
    a, b, both = (
        cost_estimates.estimate_launch(TABLE, one),
        cost_estimates.estimate_launch(TABLE, other),
        cost_estimates.estimate_launch(TABLE, one + other),
    )
    for name in ("jobs", "known_jobs", "past_jobs", "seconds", "shortest", "longest", "cost", "max_seconds", "max_cost"):
        assert getattr(both, name) == pytest.approx(getattr(a, name) + getattr(b, name))


@settings(max_examples=40, deadline=None)
@given(PLAN)
def test_an_estimate_lies_in_its_range_and_the_range_under_what_ends_the_jobs(plan: list[tuple[PlannedJobs, PastDurations]]) -> None:
    found = cost_estimates.estimate_launch(TABLE, plan)
    assert found.seconds is not None
    assert found.shortest <= found.seconds <= found.longest <= found.max_seconds
    assert found.cost is not None
    assert found.max_cost is not None
    assert 0 < found.cost <= found.max_cost


@settings(max_examples=40, deadline=None)
@given(PLAN, PLANNED)
def test_what_was_never_measured_has_a_ceiling_and_no_estimate(plan: list[tuple[PlannedJobs, PastDurations]], unknown: PlannedJobs) -> None:
    alone, among = (
        cost_estimates.estimate_launch(TABLE, [(unknown, PastDurations())]),
        cost_estimates.estimate_launch(TABLE, [*plan, (unknown, PastDurations())]),
    )
    assert (alone.seconds, alone.cost, alone.known_jobs) == (None, None, 0)
    assert alone.max_seconds == unknown.jobs * MAX_SECONDS
    assert among.seconds == cost_estimates.estimate_launch(TABLE, plan).seconds
    assert among.jobs - among.known_jobs == unknown.jobs


def test_a_type_without_a_price_has_no_cost_and_is_named() -> None:
    found = cost_estimates.estimate_launch(TABLE, [(PlannedJobs("processing", "a", "ml.m7i.large"), PastDurations((60.0,)))])
    assert (found.cost, found.max_cost, found.seconds) == (None, None, 60.0)
    said = words.expected_cost_sentence(found, TABLE, region="us-east-1", local=False)
    assert f"No price for ml.m7i.large (processing) in the table: add it to {TABLE.file}." in said
    assert "$" not in said


def test_a_job_that_never_started_on_its_instances_is_not_billed() -> None:
    raw = {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}
    assert usage.usage_of_job(Job("j", "training", "Failed", None, datetime(2026, 1, 1, tzinfo=UTC), "no capacity", raw)).cost(TABLE) == 0


# the words -----------------------------------------------------------------------------------------


def test_where_nothing_is_billed_the_line_says_so_and_elsewhere_not() -> None:
    found = cost_estimates.estimate_launch(
        TABLE, [(PlannedJobs("training", cost_estimates.TRIALS_KIND, "ml.m5.xlarge", jobs=10), PastDurations((120.0, 240.0, 420.0), True))]
    )
    here, there = (words.expected_cost_sentence(found, TABLE, region="us-east-1", local=local) for local in (True, False))
    assert here.startswith("About 40 min 0 s of instance time for 10 jobs (20 min 0 s to 1 h 10 min), by 3 earlier jobs on these rows.")
    assert "Nothing is billed on this machine; that time on AWS: ≈ $0.15, at most $2.30" in here
    assert "≈ $0.15, at most $2.30 (ml.m5.xlarge; prices of " in there
    assert "machine" not in there


def test_old_prices_and_those_of_another_region_are_marked() -> None:
    fresh, old = (TABLE.model_copy(update={"date": datetime.now(UTC).date() - timedelta(days=days)}) for days in (180, 181))
    assert not fresh.is_outdated()
    assert "old" not in words.price_date_text(fresh, region="us-east-1", local=False)
    assert "181 days old" in words.price_date_text(old, region="us-east-1", local=False)
    assert words.price_date_text(fresh, region="eu-west-1", local=False).endswith("us-east-1; the jobs run in eu-west-1")


# the file ------------------------------------------------------------------------------------------


def test_the_table_that_ships_has_a_date_and_a_source_and_every_price_is_positive() -> None:
    raw = tomllib.loads(SHIPPED)
    assert isinstance(raw["date"], date)
    assert raw["date"] <= datetime.now(UTC).date()
    assert raw["source"].startswith("https://aws.amazon.com/sagemaker/")
    assert all(price > 0 for use in ("training", "processing") for price in raw[use].values())
    assert Settings.model_fields["instance_type"].default in raw["training"].keys() & raw["processing"].keys()
    assert (TABLE.training, TABLE.processing, TABLE.date) == (raw["training"], raw["processing"], raw["date"])


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("date = 2026-07-30", "datum = 2026-07-30", "date: Field required"),
        ("date = 2026-07-30", "date = 2999-01-01", "line 8: date: 2999-01-01 is in the future"),
        ('currency = "USD"', 'currency = "dollars"', "line 10: currency: "),
        ('"ml.g5.2xlarge" = 1.515', '"ml.g5.2xlarge" = -1.515', "line 18: training.ml.g5.2xlarge: Input should be greater than 0"),
        ('"ml.g5.2xlarge" = 1.515', '"ml.g5.2xlarge" = inf', "line 18: training.ml.g5.2xlarge: Input should be a finite number"),
        ('"ml.g5.2xlarge" = 1.515', '"ml.g5.2xlarge" = "1.5"', "line 18: training.ml.g5.2xlarge: Input should be a valid number"),
        ('"ml.g5.2xlarge" = 1.515', '"g5.2xlarge" = 1.5', "training.g5.2xlarge"),
        ("[processing]", "[procesing]", "processing: Field required"),
        ('"ml.g5.2xlarge" = 1.515', '"ml.g5.2xlarge" =', "line 18: "),
    ],
)
def test_a_price_file_that_cannot_be_is_named_with_line_key_and_remedy(was: str, becomes: str, words: str, tmp_path) -> None:
    assert SHIPPED.count(was) == 1
    file = tmp_path / "mine.toml"
    file.write_text(SHIPPED.replace(was, becomes))
    with pytest.raises(prices.InvalidPrices) as found:
        prices.load_in_force(Settings(prices=file))
    assert str(file) in found.value.message
    assert words in found.value.message
    assert "GOVERNANCE_PRICES" in found.value.hint


def test_a_price_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(prices.InvalidPrices, match=r"nowhere\.toml can't be read: No such file"):
        prices.load_in_force(Settings(prices=tmp_path / "nowhere.toml"))
