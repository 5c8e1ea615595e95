"""How long the engine takes to answer a request, beside moto's server where moto has the operation."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateModelPackageInputTypeDef, CreateTrainingJobRequestTypeDef

from bench.compare import Goal, Row, run, said
from engine import lifecycle
from engine.context import Context
from engine.store.objects import ObjectStore
from engine.store.records import Store
from engine.wire.served_operations import OPERATIONS

REPORTED = Goal()
REGION = "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
JOB: CreateTrainingJobRequestTypeDef = {
    "TrainingJobName": "bench",
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::000000000000:role/governance-execution",
    "HyperParameters": {"num_round": "1", "objective": "binary:logistic"},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/train/"}}},
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://bench/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
PACKAGE: CreateModelPackageInputTypeDef = {
    "ModelPackageGroupName": "bench",
    "InferenceSpecification": {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bench/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}


def fill(workspace: Path, packages: int, entities: int) -> str:
    """Records of a workspace, by the engine's own operations in one transaction. Returns the first entity's ARN."""
    store, objects = Store(workspace / "engine.db"), ObjectStore(workspace / "objects")
    context = Context(workspace, REGION, store, objects)

    def call(operation: str, **request: Any) -> Any:
        return OPERATIONS[("sagemaker", operation)].handler(context, request)

    with store.transaction():
        call("CreateModelPackageGroup", ModelPackageGroupName="bench")
        for _ in range(packages):
            call("CreateModelPackage", **PACKAGE)
        arns = [
            call("CreateArtifact", ArtifactType="DataSet", Source={"SourceUri": f"s3://bench/{i}"})["ArtifactArn"] for i in range(entities)
        ]
        for i in range(1, entities):  # a tree: each entity has eight that came of it
            call("AddAssociation", SourceArn=arns[(i - 1) // 8], DestinationArn=arns[i], AssociationType="DerivedFrom")
    store.close()
    objects.close()
    return str(arns[0])


@contextmanager
def moto() -> Iterator[str]:
    """moto's server, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


class Asker:
    """One question, signed once and asked over one connection, so that the time is the server's."""

    def __init__(self, endpoint: str, keys: tuple[str, str], operation: str, request: dict[str, Any]) -> None:
        self.body = json.dumps(request).encode()
        headers = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        signed = AWSRequest("POST", endpoint + "/", headers=headers, data=self.body)
        SigV4Auth(Credentials(*keys), "sagemaker", REGION).add_auth(signed)
        self.headers = dict(signed.headers.items())
        self.connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
        self.seconds: list[float] = []

    def ask(self) -> dict[str, Any]:
        start = time.perf_counter()
        self.connection.request("POST", "/", self.body, self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        self.seconds.append(time.perf_counter() - start)
        assert answer.status == 200, content
        return dict(json.loads(content))


def measure(
    figure: str,
    ours: Asker,
    peer: Asker | None,
    member: str,
    *,
    rounds: int,
    requests: int,
    goal: Goal = REPORTED,
    before: Callable[[], Any] = lambda: None,
) -> Row:
    """Ask both in turn, in blocks; ``before`` each request, outside its time. Both must answer with as much of ``member``."""
    sides = [ours] if peer is None else [ours, peer]
    sizes = {len(side.ask()[member]) for side in sides}
    assert len(sizes) == 1, sizes
    for side in sides:
        side.seconds.clear()
    for _ in range(rounds):
        for side in sides:
            for _ in range(requests):
                before()
                side.ask()
    found = [tuple(second * 1000 for second in side.seconds) for side in sides]
    slowest = ", ".join(f"{sorted(times)[min(len(times) - 1, round(0.99 * len(times)))]:.1f} ms" for times in found)
    return said(
        Row(
            figure,
            found[0],
            "moto's server" if peer else "",
            found[1] if peer else (),
            unit="ms",
            goal=goal,
            note=f"of a hundred, 99 take at most {slowest}",
        )
    )


def rows(small: bool) -> list[Row]:
    return answered(20, 50, 1, 5) if small else answered(1000, 5000, 10, 50)


def answered(packages: int, entities: int, rounds: int, requests: int) -> list[Row]:
    """The rows, on a workspace of so many packages and lineage entities."""
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder, moto() as theirs:
        workspace = Path(folder)
        first = fill(workspace, packages, entities)
        running = lifecycle.ensure_running(workspace)
        try:
            mine = (running.access_key_id, running.secret_access_key)
            target = {
                endpoint: boto3.client(
                    "sagemaker",
                    endpoint_url=endpoint,
                    aws_access_key_id=mine[0],
                    aws_secret_access_key=mine[1],
                    region_name=REGION,
                    config=Config(retries={"total_max_attempts": 1}),
                )
                for endpoint in (running.endpoint, theirs)
            }
            for client in target.values():
                client.create_training_job(**JOB)
            target[theirs].create_model_package_group(ModelPackageGroupName="bench")
            for _ in range(packages):
                target[theirs].create_model_package(**PACKAGE)
            while target[running.endpoint].describe_training_job(TrainingJobName="bench")["TrainingJobStatus"] == "InProgress":
                time.sleep(0.1)

            def askers(operation: str, request: dict[str, Any]) -> tuple[Asker, Asker]:
                return Asker(running.endpoint, mine, operation, request), Asker(theirs, mine, operation, request)

            page = {"ModelPackageGroupName": "bench", "MaxResults": min(100, packages)}
            walk = {"StartArns": [first], "Direction": "Descendants", "IncludeEdges": True, "MaxResults": 50}
            return [
                measure(
                    "DescribeTrainingJob",
                    *askers("DescribeTrainingJob", {"TrainingJobName": "bench"}),
                    "TrainingJobArn",
                    rounds=rounds,
                    requests=requests,
                    goal=Goal(faster=2),
                ),
                measure(
                    f"ListModelPackages, {packages:,} packages, a page of {page['MaxResults']}",
                    *askers("ListModelPackages", page),
                    "ModelPackageSummaryList",
                    rounds=rounds,
                    requests=requests,
                    goal=Goal(faster=2),
                ),
                measure(
                    f"QueryLineage, {entities:,} entities, the first page of 50 after a write",
                    askers("QueryLineage", walk)[0],
                    None,
                    "Vertices",
                    rounds=rounds,
                    requests=max(1, requests // 10),
                    before=lambda: target[running.endpoint].add_tags(ResourceArn=first, Tags=[{"Key": "a", "Value": "1"}]),
                ),
                measure(
                    f"QueryLineage, {entities:,} entities, each page of 50 after it",
                    askers("QueryLineage", walk)[0],
                    None,
                    "Vertices",
                    rounds=rounds,
                    requests=requests,
                ),
            ]
        finally:
            lifecycle.stop(workspace)


if __name__ == "__main__":
    run("engine", rows)
