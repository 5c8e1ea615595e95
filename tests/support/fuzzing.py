"""Requests for the fuzz tests: made from botocore's model, then spoiled; signed, sent, and their answers counted."""

from __future__ import annotations

import copy
import http.client
import json
from collections import Counter
from functools import cache
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import strategies as st

from engine.wire.request_parsing import compile_pattern

ESCAPE = "fuzzed-escape"
"""In every name that would lead out of the workspace: no file anywhere may be called so."""
NAME, BUCKET = "fuzz-a", "fuzz-bucket"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROLE = "arn:aws:iam::000000000000:role/governance-execution"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:"
TEXTS = [
    NAME,
    "fuzz-b",
    "1",
    "0.5",
    "true",
    "text/csv",
    "binary:logistic",
    "validation:auc",
    "/opt/ml/processing/input/a",
    f"s3://{BUCKET}/train/",
    f"s3://{BUCKET}/out",
    ROLE,
    IMAGE,
    *(f"{ARN}{kind}/{NAME}" for kind in ("model", "model-package-group", "action", "context", "experiment", "experiment-trial")),
    *(f"{ARN}{kind}/{NAME}" for kind in ("experiment-trial-component", "training-job", "processing-job", "model-card")),
    f"{ARN}model-package/{NAME}/1",
    "/aws/sagemaker/TrainingJobs",
    "sagemaker-default-lineage-group",
    '{"Statement": []}',
    "{}",
]
PREFERRED = {"RoleArn": ROLE, "AlgorithmImage": IMAGE, "ImageUri": IMAGE, "ContainerImage": IMAGE}
"""Shapes for which one value leads further than any other."""
HOSTILE_TEXTS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "..",
    ".",
    f"../../{ESCAPE}",
    f"/tmp/{ESCAPE}",
    f"/opt/ml/../../../../tmp/{ESCAPE}",
    f"s3://{BUCKET}/../../{ESCAPE}",
    f"file:///tmp/{ESCAPE}",
    "s3://",
    "x" * 300,
    "x" * 70_000,
    "a-" * 20_000 + "!",
    "\ud800",
    "a\udfff",
    "\u202e\u0645gnp.exe",
    "\U0001f916" * 40,
    "é" * 1024,
    "\r\nX-Injected: 1",
    "'; DROP TABLE records; --",
    "%00%2e%2e/",
    "__class__",
    "NaN",
    "²",
    "1" * 5000,
    "eyJhIjogMX0=",
    "WyJhIiwgMWU5OTksICJiIl0=",
    "arn:aws:sagemaker",
    ":" * 10,
]
HOSTILE = [*HOSTILE_TEXTS, 0, -1, 2**31, 2**63, 2**64, 10**400, 1e308, -0.0, 0.1, float("nan"), float("inf"), True, False, None, [], {}]
HOSTILE += [[[[[[]]]]], {"a": {"a": {"a": None}}}, [None], [1, "a"] * 500]
DEEP = "\ue000deep\ue000"
"""Stands for ten thousand nested lists, which no serialiser would write."""


@cache
def _fitting(pattern: str | None, low: int, high: int) -> tuple[str, ...]:
    compiled = compile_pattern(pattern) if pattern else None
    return tuple(t for t in TEXTS if low <= len(t) <= high and (compiled is None or compiled.fullmatch(t)))


@cache
def _matching(pattern: str) -> st.SearchStrategy[str]:
    compiled = compile_pattern(pattern)
    return st.from_regex(compiled, fullmatch=True) if compiled is not None else st.text(max_size=20)


def _text(draw, shape):
    if shape.enum:
        return draw(st.sampled_from(shape.enum))
    if shape.name in PREFERRED and draw(st.integers(0, 3)):
        return PREFERRED[shape.name]
    low, high = shape.metadata.get("min") or 0, shape.metadata.get("max") or 2**20
    pattern = shape.metadata.get("pattern")
    fitting = _fitting(pattern, low, high)
    if fitting and draw(st.integers(0, 9)):
        return draw(st.sampled_from(fitting))
    text = draw(_matching(pattern)) if pattern else draw(st.text(min_size=min(low, 40), max_size=min(high, 40)))
    return text[:high]


def _value(draw, shape, depth):
    kind = shape.type_name
    if kind == "structure":
        names = list(shape.required_members)
        optional = [name for name in shape.members if name not in names]
        if optional and depth < 6:
            names += draw(st.lists(st.sampled_from(optional), unique=True, max_size=4 if depth == 0 else 2))
        return {name: _value(draw, shape.members[name], depth + 1) for name in names}
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if kind in {"list", "map"}:
        size = draw(st.integers(low or 0, min(max(low or 0, 2), high or 2)))
        if kind == "list":
            return [_value(draw, shape.member, depth + 1) for _ in range(size)]
        return {_text(draw, shape.key): _value(draw, shape.value, depth + 1) for _ in range(size)}
    if kind == "string":
        return _text(draw, shape)
    if kind in {"integer", "long"}:
        lowest = 1 if low is None else low
        return draw(st.one_of(st.just(lowest), st.integers(lowest, high or lowest + 20), st.integers(lowest, high or 2**31 - 1)))
    if kind in {"float", "double"}:
        return draw(st.floats(-1e6, 1e6))
    if kind == "timestamp":
        return draw(st.floats(0, 4e9))
    return draw(st.booleans())


def _places(value, found, parent=None, key=None):
    """(container, key) of every value within."""
    if parent is not None:
        found.append((parent, key))
    for inner, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        _places(item, found, value, inner)
    return found


CHANNEL = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}}
TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": ROLE,
    "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": CHANNEL}],
    "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
SOUND = {
    "CreateTrainingJob": {**TRAINING, "HyperParameters": {"num_round": "1", "objective": "binary:logistic"}, "Environment": {"A": "b"}},
    "CreateProcessingJob": {
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/governance-analysis:1",
            "ContainerEntrypoint": ["rebalance"],
        },
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
        "ProcessingInputs": [
            {
                "InputName": "data",
                "S3Input": {
                    "S3Uri": f"s3://{BUCKET}/train/",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "LocalPath": "/opt/ml/processing/input/data",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "o",
                    "S3Output": {"S3Uri": f"s3://{BUCKET}/o", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                }
            ]
        },
    },
    "CreateHyperParameterTuningJob": {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "train:logloss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "3", "ScalingType": "Linear"}],
                "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}],
                "CategoricalParameterRanges": [{"Name": "max_bin", "Values": ["8", "16"]}],
            },
            "TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.1},
        },
        "TrainingJobDefinition": {**TRAINING, "StaticHyperParameters": {"num_round": "1", "objective": "binary:logistic"}},
    },
    "CreateModel": {"PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m"}, "ExecutionRoleArn": ROLE},
    "CreateModelPackage": {"ModelPackageGroupName": NAME, "InferenceSpecification": SPECIFICATION, "ModelApprovalStatus": "Approved"},
    "CreateModelCard": {"ModelCardStatus": "Draft", "Content": '{"model_overview": {"model_description": "d"}}'},
    "UpdateModelCard": {"ModelCardName": NAME, "Content": '{"model_overview": {"model_name": "d"}}'},
    "UpdateModelPackage": {"ModelPackageArn": f"{ARN}model-package/{NAME}/1", "CustomerMetadataProperties": {"a": "b"}},
    "QueryLineage": {"StartArns": [f"{ARN}action/{NAME}"], "IncludeEdges": True, "Direction": "Both", "MaxDepth": 3, "Filters": {}},
    "Search": {
        "Resource": "ModelPackage",
        "SearchExpression": {"Filters": [{"Name": "ModelPackageVersion", "Operator": "GreaterThan", "Value": "0"}], "Operator": "And"},
        "SortBy": "CreationTime",
        "MaxResults": 2,
    },
}
"""Requests that are served as they stand but for a name of their own: spoiled, they lead further in than any that chance makes."""


def _from_sound(draw, shape, sound):
    value = copy.deepcopy(sound)
    for name in shape.required_members:
        if name not in value:
            value[name] = f"fuzz-{draw(st.integers(0, 2**48)):x}"
    for name in draw(st.lists(st.sampled_from(list(shape.members)), unique=True, max_size=1)):
        value.setdefault(name, _value(draw, shape.members[name], 1))
    return value


@st.composite
def requests(draw, operation):
    """(text of a JSON request, whether it was left as the model has it)."""
    shape, sound = operation.input_shape, SOUND.get(operation.name)
    if sound is not None and draw(st.booleans()):
        value = _from_sound(draw, shape, sound)
    else:
        value = _value(draw, shape, 0) if shape is not None else {}
    spoiled = draw(st.integers(0, 3))
    if not spoiled:
        return json.dumps(value), True
    for _ in range(draw(st.integers(1, 2))):
        places = _places(value, [])
        if not places:
            return draw(st.sampled_from(["[]", "null", '"a"', "1", "", "{", "NaN"])), False
        parent, key = draw(st.sampled_from(places))
        parent[key] = copy.deepcopy(draw(st.sampled_from([*HOSTILE, DEEP])))
    text = json.dumps(value).replace(json.dumps(DEEP), "[" * 10_000 + "]" * 10_000)
    if spoiled == 1 and len(text) > 2:  # a key twice: with another value first
        name = draw(st.sampled_from(list(value)))
        text = "{" + json.dumps(name) + ": " + draw(st.sampled_from(["null", "1", '"x"', "[]", "{}"])) + ", " + text[1:]
    return text, False


def flat(value, at=""):
    """The fields of a query-protocol request."""
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in flat(item, f"{at}.{key}" if at else str(key))]
    if isinstance(value, list):
        return [pair for i, item in enumerate(value) for pair in flat(item, f"{at}.member.{i + 1}")]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [(at, text.encode(errors="surrogatepass"))]


class Sender:
    """Signs, sends, and counts what comes back. A refusal is an answer; a 500, a hang or a broken answer is not."""

    SECONDS = 20

    def __init__(self, engine):
        self.engine = engine
        self.credentials = Credentials(engine.access_key_id, engine.secret_access_key)
        self.address = engine.endpoint.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.address, timeout=self.SECONDS)
        self.counts: Counter[tuple[str, str]] = Counter()

    def json(self, service, name, body, prefix="SageMaker"):
        headers = {"X-Amz-Target": f"{prefix}.{name}", "Content-Type": "application/x-amz-json-1.1"}
        status, answer = self._signed(SigV4Auth(self.credentials, service, self.engine.region), "POST", "/", headers, body)
        content = json.loads(answer or b"{}")
        code = "200" if status == 200 else content["__type"]
        self._count(f"{service}:{name}", status, code, answer)
        return status, content

    def query(self, service, fields):
        body = urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        status, answer = self._signed(SigV4Auth(self.credentials, service, self.engine.region), "POST", "/", headers, body)
        self._count(f"{service}:{dict(fields)['Action']}", status, str(status), answer)

    def s3(self, method, path, query, headers, body, *, presigned=False, spoil=""):
        url = quote(path, safe="/-_.~") + ("?" + urlencode(query) if query else "")
        auth = (S3SigV4QueryAuth if presigned else S3SigV4Auth)(self.credentials, "s3", self.engine.region)
        status, answer = self._signed(auth, method, url, headers, body, spoil=spoil)
        self._count(f"s3:{method}{' presigned' if presigned else ''}", status, str(status), answer)

    def _signed(self, auth, method, path, headers, body, spoil=""):
        request = AWSRequest(method, self.engine.endpoint + path, headers=dict(headers), data=body)
        auth.add_auth(request)
        target = request.url.removeprefix(self.engine.endpoint) + spoil
        return self.send(method, target, body, dict(request.headers.items()))

    def send(self, method, target, body, headers):
        for attempt in (0, 1):
            try:
                self.connection.request(method, target, body=body or None, headers=headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.connection.close()  # kept open after a refusal that told us to close it
                if attempt:
                    raise
        raise AssertionError

    def _count(self, operation, status, code, answer):
        self.counts[(operation, code)] += 1
        allowed = status < 500 or (status == 501 and (b"<Code>NotImplemented</Code>" in answer or operation.startswith("s3:HEAD")))
        assert allowed, f"{operation} answered {status}: {answer[:500]!r}"

    def table(self):
        """The counts by operation and answer."""
        lines = []
        for operation in sorted({operation for operation, _ in self.counts}):
            answers = {code: n for (of, code), n in sorted(self.counts.items()) if of == operation}
            lines.append(f"{operation:60} {sum(answers.values()):6}  " + ", ".join(f"{code} {n}" for code, n in answers.items()))
        return "\n".join([*lines, f"{self.counts.total()} requests"])
