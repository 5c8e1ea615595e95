"""Users, roles and their policies: what the engine's IAM refuses, as AWS words it, and what it says beforehand."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from engine import lifecycle


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **condition):
    found = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return found | ({"Condition": condition} if condition else {})


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


def test_a_role_may_do_what_its_policy_allows_and_nothing_else(acting):
    of = acting(policy(allow("sagemaker:List*")))
    assert "TrainingJobSummaries" in of("sagemaker").list_training_jobs()
    error = refused(of("sagemaker").create_model_package_group, ModelPackageGroupName="mine")
    assert error["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: sagemaker:CreateModelPackageGroup on resource: arn:aws:sagemaker:" in error["Message"]
    assert "model-package-group/mine because no identity-based policy allows" in error["Message"]


def test_a_deny_wins_over_an_allow_and_says_so(acting):
    of = acting(policy(allow("*"), {"Effect": "Deny", "Action": "sagemaker:ListModels", "Resource": "*"}))
    assert "explicit deny" in refused(of("sagemaker").list_models)["Message"]
    assert of("sagemaker").list_actions()["ActionSummaries"] is not None


def test_who_calls_is_the_session_and_stands_in_what_it_makes(acting):
    of = acting(policy(allow("*")), name="role-that-signs")
    assert of("sts").get_caller_identity()["Arn"] == "arn:aws:sts::000000000000:assumed-role/role-that-signs/somebody"
    of("sagemaker").create_model_package_group(ModelPackageGroupName="signed")
    made = of("sagemaker").describe_model_package_group(ModelPackageGroupName="signed")
    assert made["CreatedBy"]["IamIdentity"]["Arn"].endswith("role-that-signs/somebody")
    of("sagemaker").delete_model_package_group(ModelPackageGroupName="signed")


def test_an_approval_can_be_kept_from_a_role_by_the_condition_key(acting, client):
    sagemaker = client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="limited")
    of_group = {"ModelPackageGroupName": "limited", "SourceUri": "s3://models/one", "ModelApprovalStatus": "PendingManualApproval"}
    arn = sagemaker.create_model_package(**of_group)["ModelPackageArn"]
    pending = {"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}}
    of = acting(policy(allow("sagemaker:UpdateModelPackage", **pending)))
    assert (
        refused(of("sagemaker").update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved")["Code"]
        == "AccessDeniedException"
    )
    of("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="limited")


def test_a_role_hands_a_job_only_the_role_that_it_may_pass(acting, client):
    role = client("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]
    of = acting(policy(allow("sagemaker:CreateModel")))
    error = refused(of("sagemaker").create_model, ModelName="passed", ExecutionRoleArn=role)
    assert f"iam:PassRole on resource: {role}" in error["Message"]


def test_s3_tells_those_who_may_not_list_nothing_of_what_is_missing(acting, client, engine):
    bucket = f"sagemaker-{engine.region}-000000000000"
    client("s3").put_object(Bucket=bucket, Key="kept/there", Body=b"x")
    of = acting(policy(allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/kept/*")))
    assert of("s3").get_object(Bucket=bucket, Key="kept/there")["Body"].read() == b"x"
    assert refused(of("s3").get_object, Bucket=bucket, Key="kept/not")["Code"] == "AccessDenied"
    assert refused(of("s3").head_object, Bucket=bucket, Key="kept/not")["Code"] == "403"
    assert refused(of("s3").put_object, Bucket=bucket, Key="kept/there", Body=b"y")["Code"] == "AccessDenied"
    assert refused(of("s3").list_objects_v2, Bucket=bucket)["Code"] == "AccessDenied"
    lister = acting(policy(allow("s3:GetObject", "s3:ListBucket")))
    assert refused(lister("s3").get_object, Bucket=bucket, Key="kept/not")["Code"] == "NoSuchKey"


def test_a_write_can_be_bound_to_the_condition_that_nothing_is_there(acting, client, engine):
    bucket = f"sagemaker-{engine.region}-000000000000"
    of = acting(
        policy(
            allow("s3:PutObject"),
            {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Condition": {"Null": {"s3:if-none-match": "true"}}},
        )
    )
    assert refused(of("s3").put_object, Bucket=bucket, Key="once", Body=b"x")["Code"] == "AccessDenied"
    of("s3").put_object(Bucket=bucket, Key="once", Body=b"x", IfNoneMatch="*")
    client("s3").delete_object(Bucket=bucket, Key="once")


def test_a_simulation_says_beforehand_what_the_call_will_be_told(acting, client):
    acting(policy(allow("sagemaker:CreateModel", resource="arn:aws:sagemaker:*:*:model/governance-*")), name="simulated")
    iam = client("iam")
    role = iam.get_role(RoleName="simulated")["Role"]["Arn"]
    for name, decision in (("governance-a", "allowed"), ("other", "implicitDeny")):
        (found,) = iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["sagemaker:CreateModel"],
            ResourceArns=[f"arn:aws:sagemaker:us-east-1:000000000000:model/{name}"],
        )["EvaluationResults"]
        assert found["EvalDecision"] == decision


def test_credentials_that_were_made_up_or_have_ended_are_refused_with_the_services_own_code(client, engine, engine_workspace):
    from engine.iam import sessions

    keys = lifecycle.ensure_keys(engine_workspace)
    ended = sessions.begin_session(keys, sessions.ENGINE_USER, expires=1.0)
    for service, call, codes in (
        ("s3", "list_buckets", {"ExpiredToken", "InvalidToken"}),
        ("sagemaker", "list_models", {"ExpiredTokenException", "UnrecognizedClientException"}),
        ("sts", "get_caller_identity", {"ExpiredToken", "InvalidClientTokenId"}),
    ):
        found = set()
        for token in (ended.token, "eyJub3QiOiAib3VycyJ9.00"):
            built = client(
                service,
                aws_access_key_id=ended.keys.access_key_id,
                aws_secret_access_key=ended.keys.secret_access_key,
                aws_session_token=token,
            )
            found.add(refused(getattr(built, call))["Code"])
        assert found == codes


@pytest.mark.parametrize(
    "document", ["{", "[]", '{"Statement": [{"Effect": "Maybe"}]}', '{"Statement": {"Effect": "Allow", "Action": "*"}}']
)
def test_a_document_that_is_no_policy_is_refused(client, document):
    error = refused(client("iam").put_role_policy, RoleName="governance-execution", PolicyName="wrong", PolicyDocument=document)
    assert error["Code"] == "MalformedPolicyDocument"
    assert client("iam").list_role_policies(RoleName="governance-execution")["PolicyNames"] == []


def test_only_whom_the_trust_policy_names_takes_a_role(client):
    assert (
        refused(client("sts").assume_role, RoleArn="arn:aws:iam::000000000000:role/governance-execution", RoleSessionName="me")["Code"]
        == "AccessDenied"
    )
    assert (
        refused(client("sts").assume_role, RoleArn="arn:aws:iam::000000000000:role/nobody", RoleSessionName="me")["Code"] == "AccessDenied"
    )


def test_the_accounts_user_is_limited_by_a_policy_of_its_own_and_free_again_without(client):
    iam = client("iam")
    document = policy(allow("iam:*"), allow("sagemaker:ListModels"))
    iam.put_user_policy(UserName="governance", PolicyName="few", PolicyDocument=document)
    try:
        client("sagemaker").list_models()
        assert refused(client("sagemaker").list_actions)["Code"] == "AccessDeniedException"
    finally:
        iam.delete_user_policy(UserName="governance", PolicyName="few")
    assert "ActionSummaries" in client("sagemaker").list_actions()


def test_a_policy_is_given_back_as_it_was_put(acting, client):
    document = policy(allow("s3:GetObject", resource="arn:aws:s3:::b/*"))
    acting(document, name="read-back")
    assert client("iam").get_role_policy(RoleName="read-back", PolicyName="only")["PolicyDocument"] == json.loads(document)
    assert refused(client("iam").get_role_policy, RoleName="read-back", PolicyName="other")["Code"] == "NoSuchEntity"
