"""People in roles of their own, for the tests of what a policy allows."""

from __future__ import annotations

import json

import boto3
import judge
import pytest
from botocore.config import Config

TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}]}
)


@pytest.fixture
def acting(client, engine):
    """``acting(policy)("s3")``: a client of somebody in a new role with that policy."""
    made = []

    def build(document, name=None):
        role = name or f"role-{len(made)}-{id(made)}"
        iam = client("iam")
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        made.append(role)
        iam.put_role_policy(RoleName=role, PolicyName="only", PolicyDocument=document)
        keys = client("sts").assume_role(RoleArn=arn, RoleSessionName="somebody")["Credentials"]

        def of(service):
            built = boto3.client(
                service,
                endpoint_url=engine.endpoint,
                region_name=engine.region,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
                config=Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None),
            )
            return judge.watch(built) if service == "s3" else built

        return of

    yield build
    for role in made:
        client("iam").delete_role_policy(RoleName=role, PolicyName="only")
        client("iam").delete_role(RoleName=role)
