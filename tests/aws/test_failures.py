"""What AWS's refusals mean: the table of codes, and what happens to what is in no table."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import QueryParser, ResponseParserError

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.core.model import AwsError, TargetStatus
from orchestrator.core.model.aws_error_codes import coverage_of

HERE = "http://127.0.0.1"


def refused(code: str, status: int = 400, message: str = "no") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeInstances")


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("IncorrectInstanceState", 400, Failure.REFUSED),
        ("UnsupportedOperation", 400, Failure.REFUSED),
        ("OperationNotPermitted", 400, Failure.REFUSED),
        ("UnsupportedHibernationConfiguration", 400, Failure.REFUSED),
        ("InvalidInstanceID.NotFound", 400, Failure.REFUSED),
        ("InvalidInstanceID.Malformed", 400, Failure.REFUSED),
        ("DryRunOperation", 412, Failure.REFUSED),
        ("UnauthorizedOperation", 403, Failure.DENIED),
        ("AccessDenied", 403, Failure.DENIED),
        ("AccessDeniedException", 400, Failure.DENIED),
        ("AuthFailure", 401, Failure.UNAUTHENTICATED),
        ("OptInRequired", 401, Failure.UNAUTHENTICATED),
        ("InvalidClientTokenId", 403, Failure.UNAUTHENTICATED),
        ("UnrecognizedClientException", 400, Failure.UNAUTHENTICATED),
        ("SignatureDoesNotMatch", 403, Failure.UNAUTHENTICATED),
        ("RequestLimitExceeded", 503, Failure.THROTTLED),
        ("Throttling", 400, Failure.THROTTLED),
        ("ThrottlingException", 400, Failure.THROTTLED),
        ("TooManyRequestsException", 429, Failure.THROTTLED),
        ("ExpiredToken", 400, Failure.EXPIRED),
        ("RequestExpired", 400, Failure.EXPIRED),
        ("InternalError", 500, Failure.TRANSIENT),
        ("Unavailable", 503, Failure.TRANSIENT),
        ("RequestTimeout", 400, Failure.TRANSIENT),
        ("SomethingNobodyKnows", 500, Failure.TRANSIENT),
        ("SomethingNobodyKnows", 499, Failure.REFUSED),
    ],
)
def test_each_code_has_one_meaning(code: str, status: int, meaning: Failure) -> None:
    assert classify(refused(code, status)) is meaning


@pytest.mark.parametrize(
    "failure",
    [
        ReadTimeoutError(endpoint_url=HERE),
        ConnectTimeoutError(endpoint_url=HERE),
        EndpointConnectionError(endpoint_url=HERE),
        ConnectionClosedError(endpoint_url=HERE),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        ResponseParserError("an HTML page"),
    ],
)
def test_a_call_that_got_no_answer_may_get_one_the_next_time(failure: Exception) -> None:
    assert isinstance(failure, AWS_FAILURES)
    assert classify(failure) is Failure.TRANSIENT


@pytest.mark.parametrize(
    "failure", [NoCredentialsError(), ParamValidationError(report="no such parameter"), BotoCoreError()]
)
def test_a_call_that_was_never_sent_is_not_tried_again(failure: Exception) -> None:
    assert isinstance(failure, AWS_FAILURES)
    assert classify(failure) is Failure.REFUSED


def test_an_error_is_awss_own_code_and_message() -> None:
    assert error_of(refused("AuthFailure", message="AWS was not able")) == AwsError("AuthFailure", "AWS was not able")


def test_without_an_answer_the_error_is_botocores_exception() -> None:
    error = error_of(ReadTimeoutError(endpoint_url=HERE))
    assert error.code == "ReadTimeoutError"
    assert HERE in error.message


@pytest.mark.parametrize("parsed", [{}, {"Error": {}}, {"body": {"p": "Denied by the proxy"}}])
def test_an_answer_without_an_error_code_says_its_http_status(parsed: dict[str, Any]) -> None:
    failure = ClientError({**parsed, "ResponseMetadata": {"HTTPStatusCode": 407}}, "DescribeInstances")
    assert error_of(failure) == AwsError("Unknown", "the answer has HTTP status 407 and no error code")
    assert classify(failure) is Failure.REFUSED


def test_an_answer_that_cannot_be_parsed_is_not_quoted() -> None:
    broken = b"<DescribeDBInstancesResponse>" + b"<Tag>private</Tag>" * 1000
    with pytest.raises(ResponseParserError) as unreadable:
        QueryParser().parse({"body": broken, "headers": {}, "status_code": 200}, None)
    error = error_of(unreadable.value)
    assert error.code == "ResponseParserError"
    assert error.message.startswith("Unable to parse response (no element found")
    assert error.message.endswith("invalid XML received.")


def test_an_error_without_a_message_has_an_empty_one() -> None:
    failure = ClientError({"Error": {"Code": "Odd", "Message": None}}, "DescribeInstances")  # type: ignore[typeddict-item]  # as parsed
    assert error_of(failure) == AwsError("Odd", "")


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("UnauthorizedOperation", "no", TargetStatus.DENIED),
        ("AuthFailure", "no", TargetStatus.FAILED),
        ("RequestLimitExceeded", "too fast", TargetStatus.FAILED),
        ("Unknown", "", TargetStatus.FAILED),
    ],
)
def test_a_targets_status_comes_from_the_same_codes(code: str, message: str, status: TargetStatus) -> None:
    found, detail = coverage_of(error_of(refused(code, message=message)), "ec2:DescribeInstances")
    assert found is status
    assert detail.startswith(f"ec2:DescribeInstances: {code}")
