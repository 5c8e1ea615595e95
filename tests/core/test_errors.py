"""What AWS and botocore raise, in the user's words: what happened, and a remedy that can be followed."""

from __future__ import annotations

import inspect

import pytest
from botocore import exceptions as aws
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from core.errors import Conflict, Forbidden, GovernanceError, NotFound, Refused, SignedOut, TargetUnavailable, translate_aws_errors

WHO = "arn:aws:sts::123456789012:assumed-role/analysts/dana"


def said(code: str, message: str = "", operation: str = "ListTrainingJobs", status: int = 400) -> GovernanceError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(GovernanceError) as raised, translate_aws_errors("it"):
        raise ClientError(answer, operation)
    assert raised.value.hint
    return raised.value


@pytest.mark.parametrize(
    ("message", "operation", "parts"),
    [
        (  # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
            f"User: {WHO} is not authorized to perform: sagemaker:ListTrainingJobs on resource: arn:aws:sagemaker:x:1:training-job/*"
            " because no identity-based policy allows the sagemaker:ListTrainingJobs action",
            "ListTrainingJobs",
            (WHO, "sagemaker:ListTrainingJobs", "training-job/*", "IAM policies to allow sagemaker:ListTrainingJobs"),
        ),
        (
            f'User: {WHO} is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::bucket" because no identity-based policy',
            "ListObjectsV2",
            (WHO, "s3:ListBucket", "arn:aws:s3:::bucket."),
        ),
        (
            f"User: {WHO} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because no"
            " resource-based policy allows the kms:Decrypt action",
            "GetObject",
            (WHO, "kms:Decrypt", "KMS key's policy"),
        ),
        (
            f"User: {WHO} is not authorized to perform: sagemaker:CreateModel on resource: x with an explicit deny in a service"
            " control policy",
            "CreateModel",
            ("sagemaker:CreateModel", "denies it explicitly"),
        ),
        ("Access Denied", "GetObject", ("s3:GetObject", "Ask the administrator of")),
        ("", "GetLogEvents", ("logs:GetLogEvents",)),
        ("", "QueryLineage", ("sagemaker:QueryLineage",)),
    ],
)
def test_a_denied_call_names_the_permission_to_whom_it_is_missing_and_who_can_give_it(message, operation, parts):
    error = said("AccessDenied" if operation in {"GetObject", "ListObjectsV2"} else "AccessDeniedException", message, operation)
    assert isinstance(error, Forbidden)
    assert not isinstance(error, SignedOut)
    for part in parts:
        assert part in str(error)


def test_a_missing_file_that_answers_forbidden_says_which_permission_tells_the_two_apart():
    error = said("403", "Forbidden", "HeadObject", 403)
    assert isinstance(error, Forbidden)
    assert "s3:ListBucket" in error.message


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ExpiredToken", "Sign in to AWS again"),
        ("ExpiredTokenException", "Sign in to AWS again"),
        ("InvalidClientTokenId", "sign in to AWS again"),
        ("UnrecognizedClientException", "sign in to AWS again"),
        ("SignatureDoesNotMatch", "clock"),
        ("RequestTimeTooSkewed", "clock"),
    ],
)
def test_credentials_that_are_not_taken_send_the_user_to_the_sign_in(code, remedy):
    error = said(code, "no")
    assert isinstance(error, SignedOut)
    assert remedy in error.hint


@pytest.mark.parametrize("code", ThrottledRetryableChecker._THROTTLED_ERROR_CODES + TransientRetryableChecker._TRANSIENT_ERROR_CODES)
def test_whatever_botocore_would_try_again_is_the_targets_trouble_and_not_the_users(code):
    assert isinstance(said(code, "Rate exceeded"), TargetUnavailable)


@pytest.mark.parametrize(
    ("code", "message", "family"),
    [
        ("ValidationException", "Could not find requested job with name: x", NotFound),
        ("ValidationException", "ModelPackageGroup arn does not exist.", NotFound),
        ("ValidationException", 'Cannot create already existing model "x".', Conflict),
        ("ValidationException", "Model Package Group already exists: x", Conflict),
        ("ValidationException", "1 validation error detected", Refused),
        ("ResourceNotFound", "gone", NotFound),
        ("ResourceInUse", "taken", Conflict),
        ("KMS.DisabledException", "disabled", Forbidden),
        ("InternalFailure", "", TargetUnavailable),
        ("500", "Internal Server Error", TargetUnavailable),
        ("InvalidObjectState", "The operation is not valid for the object's storage class", Refused),
        ("InvalidBucketName", "The specified bucket is not valid.", Refused),
        ("NotFoundException", "Alias arn:aws:kms:x is not found.", NotFound),
        ("RepositoryNotFoundException", "The repository does not exist", NotFound),
        ("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist", NotFound),
        ("SomethingNewException", "a value is wrong", Refused),
    ],
)
def test_an_answer_is_of_the_family_that_it_belongs_to(code, message, family):
    error = said(code, message)
    assert isinstance(error, family)
    assert error.message.endswith((".", "!", "?"))


@pytest.mark.parametrize(
    ("raised", "family", "remedy"),
    [
        (aws.NoCredentialsError(), SignedOut, "aws sso login"),
        (aws.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), SignedOut, "Sign in"),
        (aws.SSOTokenLoadError(error_msg="none"), SignedOut, "aws sso login"),
        (aws.UnauthorizedSSOTokenError(), SignedOut, "aws sso login"),
        (aws.TokenRetrievalError(provider="sso", error_msg="expired"), SignedOut, "aws sso login"),
        (aws.ProfileNotFound(profile="x"), SignedOut, "AWS_PROFILE"),
        (aws.NoRegionError(), Refused, "GOVERNANCE_REGION"),
        (aws.ReadTimeoutError(endpoint_url="https://x"), TargetUnavailable, "Try again"),
        (aws.ConnectTimeoutError(endpoint_url="https://x"), TargetUnavailable, "network"),
        (aws.EndpointConnectionError(endpoint_url="https://x"), TargetUnavailable, "network"),
        (aws.ConnectionClosedError(endpoint_url="https://x"), TargetUnavailable, "network"),
        (aws.SSLError(endpoint_url="https://x", error="self-signed"), TargetUnavailable, "AWS_CA_BUNDLE"),
        (aws.ProxyConnectionError(proxy_url="http://p"), TargetUnavailable, "HTTPS_PROXY"),
        (aws.ResponseStreamingError(error="broken"), TargetUnavailable, "Reload"),
        (aws.IncompleteReadError(actual_bytes=1, expected_bytes=2), TargetUnavailable, "Reload"),
        (aws.ParamValidationError(report="Invalid type"), Refused, "Change the value"),
    ],
)
def test_what_botocore_raises_itself_has_a_remedy(raised, family, remedy):
    with pytest.raises(family) as error, translate_aws_errors("it"):
        raise raised
    assert remedy in error.value.hint


def test_nothing_that_botocore_raises_gets_through_untranslated():
    kinds = [kind for _, kind in inspect.getmembers(aws, inspect.isclass) if issubclass(kind, aws.BotoCoreError)]
    assert len(kinds) > 80
    for kind in kinds:
        error = kind.__new__(kind)
        with pytest.raises(GovernanceError), translate_aws_errors("it"):
            raise error
