import pytest
from botocore.exceptions import ClientError

from engine.store.records import Store

GROUP = "/aws/sagemaker/TrainingJobs"
LINES = 12_000
STREAM = "neighbour-job/algo-1-1"
YEAR_2100 = 4_102_444_800_000  # later than what other tests' jobs log to the same engine


@pytest.fixture(scope="module")
def logs(client, engine_workspace):
    """The logs client, with a stream of 12,000 lines (more than one answer holds) and two short ones."""
    client = client("logs")
    store = Store(engine_workspace / "engine.db")
    store.append_log(GROUP, STREAM, [(1_000 + n, f"[{n}]\ttrain-auc:0.{n}") for n in range(LINES)])
    store.append_log(GROUP, "neighbour-job/algo-2-1", [(500, "an early ERROR here"), (YEAR_2100, "late")])
    store.append_log(GROUP, "other-job/algo-1-1", [(600, "ERROR of another job")])
    store.close()
    return client


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_a_log_is_read_forward_to_its_end(logs):
    seen, token = [], {}
    while True:
        answer = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True, limit=5_000, **token)
        if token and answer["nextForwardToken"] == token["nextToken"]:
            break
        seen += messages(answer)
        token = {"nextToken": answer["nextForwardToken"]}
    assert seen == [f"[{n}]\ttrain-auc:0.{n}" for n in range(LINES)]


def test_without_a_start_the_last_lines_come_and_older_ones_backward(logs):
    last = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, limit=3)
    assert messages(last) == [f"[{n}]\ttrain-auc:0.{n}" for n in range(LINES - 3, LINES)]
    before = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, limit=2, nextToken=last["nextBackwardToken"])
    assert messages(before) == [f"[{n}]\ttrain-auc:0.{n}" for n in (LINES - 5, LINES - 4)]
    again = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, limit=2, nextToken=before["nextForwardToken"])
    assert messages(again) == [f"[{n}]\ttrain-auc:0.{n}" for n in (LINES - 3, LINES - 2)]


def test_times_bound_what_is_read(logs):
    answer = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True, startTime=1_010, endTime=1_012)
    assert messages(answer) == ["[10]\ttrain-auc:0.10", "[11]\ttrain-auc:0.11"]


def test_streams_are_found_by_prefix_and_page(logs):
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=GROUP, logStreamNamePrefix="neighbour-job/", PaginationConfig={"PageSize": 1}
    )
    assert [s["logStreamName"] for page in pages for s in page["logStreams"]] == [STREAM, "neighbour-job/algo-2-1"]
    latest = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)["logStreams"][0]
    assert (latest["logStreamName"], latest["lastEventTimestamp"]) == ("neighbour-job/algo-2-1", YEAR_2100)


def test_events_are_filtered_by_text_and_stream(logs):
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern="ERROR", logStreamNamePrefix="neighbour-job/")
    assert messages(found) == ["an early ERROR here"]
    both = logs.filter_log_events(logGroupName=GROUP, filterPattern='"ERROR"')
    assert messages(both) == ["an early ERROR here", "ERROR of another job"]
    assert len(messages(logs.filter_log_events(logGroupName=GROUP, filterPattern="auc:0.11999"))) == 1


def test_a_filter_language_that_is_not_served_is_refused_rather_than_misread(logs):
    for pattern in ('{ $.level = "ERROR" }', "two terms", "?a ?b", "-not"):
        with pytest.raises(ClientError) as error:
            logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)
        assert error.value.response["Error"]["Code"] == "InvalidParameterException"


def test_what_is_not_there_or_not_ours_is_said_so(logs):
    for call, expected in (
        (lambda: logs.get_log_events(logGroupName=GROUP, logStreamName="nobody"), "ResourceNotFoundException"),
        (lambda: logs.describe_log_streams(logGroupName="/aws/lambda/x"), "ResourceNotFoundException"),
        (lambda: logs.filter_log_events(logGroupName="/aws/lambda/x"), "ResourceNotFoundException"),
        (lambda: logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, nextToken="f/²"), "InvalidParameterException"),
        (lambda: logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, limit=10_001), "InvalidParameterException"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == expected


def test_groups_are_found_by_prefix(logs):
    assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/T")["logGroups"]] == [GROUP]


def test_another_role_is_not_known(client):
    iam = client("iam")
    role = iam.get_role(RoleName="governance-execution")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] == "sagemaker.amazonaws.com"
    for call in (
        lambda: iam.get_role(RoleName="somebody"),
        lambda: iam.simulate_principal_policy(PolicySourceArn=role["Arn"] + "-else", ActionNames=["sagemaker:CreateModel"]),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == "NoSuchEntity"
