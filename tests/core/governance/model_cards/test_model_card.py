"""Model cards, through boto3: versions, status, content against AWS's schema, export as PDF; the shapes of answers as moto has them."""

import io
import json
import re
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from deciding import DANA, VERA, VIC, approved, seen
from jsonschema import Draft7Validator
from moto.server import ThreadedMotoServer
from pypdf import PdfReader

from core.errors import Conflict, DataError, Forbidden
from core.governance import decisions, verification
from core.governance.model_cards import model_card, model_card_content
from core.governance.validity import check_validity
from core.registry import model_packages
from engine.sagemaker.cards import model_cards

pytestmark = pytest.mark.engine

CONTENT = {
    "model_overview": {"model_name": "Credit", "model_owner": "Zoë 貸款"},
    "intended_uses": {"purpose_of_model": "to decide", "risk_rating": "High"},
    "evaluation_details": [
        {
            "name": "held-out rows",
            "metric_groups": [
                {
                    "name": "Quality",
                    "metric_data": [
                        {"name": "auc", "type": "number", "value": 0.79},
                        {"name": "importance", "type": "bar_chart", "value": [0.5, 0.2], "x_axis_name": ["PAY_0", "AGE"]},
                        {"name": "confusion", "type": "matrix", "value": [[1, 2], [3, 4]], "x_axis_name": ["a", "b"]},
                    ],
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture
def card(sagemaker):
    name = f"card-{uuid.uuid4().hex[:8]}"
    sagemaker.create_model_card(ModelCardName=name, Content=json.dumps(CONTENT), ModelCardStatus="Draft")
    return name


def refused(call, **arguments) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_every_version_of_the_content_stays_as_it_was(sagemaker, card):
    changed = {**CONTENT, "model_overview": {"model_name": "Other"}}
    sagemaker.update_model_card(ModelCardName=card, Content=json.dumps(changed))
    sagemaker.update_model_card(ModelCardName=card, ModelCardStatus="Approved")
    latest = sagemaker.describe_model_card(ModelCardName=card)
    assert (latest["ModelCardVersion"], latest["ModelCardStatus"]) == (2, "Approved")
    assert json.loads(latest["Content"]) == changed
    first = sagemaker.describe_model_card(ModelCardName=card, ModelCardVersion=1)
    assert (json.loads(first["Content"]), first["ModelCardStatus"]) == (CONTENT, "Draft")
    pages = sagemaker.get_paginator("list_model_card_versions").paginate(ModelCardName=card, PaginationConfig={"PageSize": 1})
    assert [v["ModelCardVersion"] for page in pages for v in page["ModelCardVersionSummaryList"]] == [1, 2]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("{", "not valid JSON"),
        ('{"model_overview": {"model_name": 1}}', "model_overview.model_name"),
        ('{"unheard_of": {}}', "unheard_of"),
        ('{"intended_uses": {"risk_rating": "huge"}}', "risk_rating"),
        ('{"evaluation_details": [{"name": "x", "metric_groups": [{"name": "g", "metric_data": [{"name": "m"}]}]}]}', "metric_data"),
        ('{"training_details": {"training_job_details": {"training_metrics": [{"name": "a", "value": NaN}]}}}', "not valid JSON"),
    ],
)
def test_content_that_awss_schema_refuses_is_refused_and_names_the_place(sagemaker, card, content, names):
    for call, more in ((sagemaker.create_model_card, {"ModelCardStatus": "Draft"}), (sagemaker.update_model_card, {})):
        name = card if not more else f"new-{uuid.uuid4().hex[:8]}"
        code, message = refused(call, ModelCardName=name, Content=content, **more)
        assert code == "ValidationException"
        assert names in message
    assert sagemaker.describe_model_card(ModelCardName=card)["ModelCardVersion"] == 1


def test_an_archived_card_a_second_of_the_same_name_and_one_that_is_gone(sagemaker, card):
    assert refused(sagemaker.create_model_card, ModelCardName=card, Content="{}", ModelCardStatus="Draft")[0] == "ConflictException"
    sagemaker.update_model_card(ModelCardName=card, ModelCardStatus="Archived")
    assert refused(sagemaker.update_model_card, ModelCardName=card, Content="{}")[0] == "ConflictException"
    sagemaker.delete_model_card(ModelCardName=card)
    assert refused(sagemaker.describe_model_card, ModelCardName=card)[0] == "ResourceNotFound"
    assert refused(sagemaker.list_model_card_versions, ModelCardName=card)[0] == "ResourceNotFound"


def test_the_exported_pdf_can_be_read_and_says_what_the_card_says(sagemaker, client, card):
    s3 = client("s3")
    s3.create_bucket(Bucket=card)
    arn = sagemaker.create_model_card_export_job(
        ModelCardName=card, ModelCardExportJobName="first", OutputConfig={"S3OutputPath": f"s3://{card}/cards"}
    )["ModelCardExportJobArn"]
    job = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=arn)
    assert job["Status"] == "Completed"
    bucket, _, key = job["ExportArtifacts"]["S3ExportArtifacts"].removeprefix("s3://").partition("/")
    reader = PdfReader(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    text = "\n".join(page.extract_text() for page in reader.pages)
    for part in (card, "Zoë", "to decide", "0.79", "PAY_0"):
        assert part in text
    listed = sagemaker.list_model_card_export_jobs(ModelCardName=card)["ModelCardExportJobSummaries"]
    assert [one["Status"] for one in listed] == ["Completed"]
    lost = sagemaker.create_model_card_export_job(
        ModelCardName=card, ModelCardExportJobName="lost", OutputConfig={"S3OutputPath": "s3://no-such-bucket-here/x"}
    )["ModelCardExportJobArn"]
    lost = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=lost)
    assert lost["Status"] == "Failed"
    assert "no-such-bucket-here" in lost["FailureReason"]


QUESTIONS = {
    "describe": lambda c, n: c.describe_model_card(ModelCardName=n),
    "list": lambda c, n: next(s for s in c.list_model_cards()["ModelCardSummaries"] if s["ModelCardName"] == n),
    "versions": lambda c, n: c.list_model_card_versions(ModelCardName=n)["ModelCardVersionSummaryList"][0],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_have_the_members_that_motos_have(sagemaker, card, question):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        config = Config(retries={"total_max_attempts": 1})
        peer = boto3.client("sagemaker", endpoint_url=f"http://{host}:{port}", config=config, **keys)
        peer.create_model_card(ModelCardName=card, Content=json.dumps(CONTENT), ModelCardStatus="Draft")
        theirs = QUESTIONS[question](peer, card)
    finally:
        server.stop()
    ours = QUESTIONS[question](sagemaker, card)
    made_up = {"ResponseMetadata", "SecurityConfig"}
    assert set(theirs) - made_up <= set(ours)
    assert {k: type(v) for k, v in theirs.items() if k not in made_up} == {k: type(ours[k]) for k in theirs if k not in made_up}


# the product's own cards ---------------------------------------------------------------------------


@pytest.fixture
def validator():
    schema = json.loads((Path(model_cards.__file__).parent / "model_card_schema.json").read_text())
    return Draft7Validator(schema)


def test_what_the_product_knows_and_the_longest_answers_are_valid_by_awss_schema(target, arn, validator):
    package = model_packages.read_package(target, arn)
    known = model_card_content.build_known_content(target, package, model_packages.find_rebalancing(target, package))
    assert list(validator.iter_errors(known)) == []
    assert {"training_details", "evaluation_details", "model_package_details"} <= known.keys()
    measured = {group["name"]: group["metric_data"] for one in known["evaluation_details"] for group in one["metric_groups"]}
    counts = package.performance["confusion"]
    assert measured["Decisions at the threshold"][0]["value"] == [[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]]
    rates = {entry["name"]: entry["value"] for entry in measured["All groups and intersections"] if entry["type"] == "number"}
    groups = package.bias.group_table.groups
    assert rates == {f"selection rate: {group.name}": group.selection_rate.value for group in groups if group.selection_rate}
    (dppl,) = (entry["notes"] for entry in measured["region = north"] if entry["name"] == "DPPL")
    assert re.search(r"95 % interval -?\d\.\d{4} to -?\d\.\d{4}, n = 300\.$", dppl)
    answers = {field.path: field.choices[-1] if field.choices else "貸" * field.max_length for field in model_card_content.FIELDS}
    card = model_card.save_answers(target, DANA, arn, answers, seen_version=0)
    assert list(validator.iter_errors(card.content)) == []
    assert model_card.filled_and_missing_fields(card)[1] == []
    assert [field.title for field in model_card.filled_and_missing_fields(model_card.read_card(target, package))[1]] == []
    with pytest.raises(DataError, match="characters"):
        model_card.save_answers(target, DANA, arn, {"model_overview.model_owner": "x" * 1025}, seen_version=1)
    with pytest.raises(DataError, match="no field"):
        model_card.save_answers(target, DANA, arn, {"model_overview.model_id": "forged"}, seen_version=1)
    with pytest.raises(DataError, match="can't be"):
        model_card.save_answers(target, DANA, arn, {"intended_uses.risk_rating": "None"}, seen_version=1)


def test_a_card_keeps_its_versions_and_a_stale_page_cannot_write_over_somebody_elses(target, arn):
    package = model_packages.read_package(target, arn)
    for version, owner in enumerate(("Zoë", "Ann")):
        model_card.save_answers(target, DANA, arn, {"model_overview.model_owner": owner}, seen_version=version)
    with pytest.raises(Conflict, match="Dana made version 2"):
        model_card.save_answers(target, VIC, arn, {"model_overview.model_owner": "Vic"}, seen_version=1)
    with pytest.raises(Forbidden):
        model_card.save_answers(target, VERA, arn, {"model_overview.model_owner": "Vera"}, seen_version=2)
    assert [version for version, _ in model_card.list_versions(target, package)] == [2, 1]
    owners = [model_card.read_card(target, package, n).answer("model_overview.model_owner") for n in (1, 2)]
    assert owners == ["Zoë", "Ann"]


def test_a_cards_status_follows_its_version_and_a_later_edit_is_said_beside_the_approval(target, arn):
    package = model_packages.read_package(target, arn)
    approved(target, arn)
    assert model_card.read_card(target, package).status == "Approved"
    card = model_card.read_card(target, package)
    model_card.save_answers(target, DANA, arn, {"model_overview.model_owner": "Changed later"}, seen_version=card.version)
    assert model_card.read_card(target, package).status == "Draft"
    standing = check_validity(target, arn, with_gates=False)
    assert any("model card has changed" in reason for reason in standing.review_reasons)
    assert standing.void_reasons == ()
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(model_card.export_pdf(target, DANA, arn))).pages)
    assert "Changed later" in text
    assert any("The model card of the approved version has changed" in p.what for p in verification.verify_log(target).problems)
    decisions.withdraw(target, DANA, arn, seen_event=seen(target, arn), reason="Taken back: the card changed.", code="error found")
    assert verification.verify_log(target).is_valid
