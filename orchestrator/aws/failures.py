"""What AWS's refusals mean: botocore's exceptions in, codes and one classification out."""

from __future__ import annotations

from enum import Enum, auto

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

from orchestrator.core.model import AccountId, AwsError
from orchestrator.core.model.aws_error_codes import DENIED_CODES, UNAUTHENTICATED_CODES
from orchestrator.errors import without
from orchestrator.ports import TargetUnreadableError


class Failure(Enum):
    """What to do about a failed call."""

    DENIED = auto()
    UNAUTHENTICATED = auto()
    """AWS did not accept who asks, for any of several causes; other credentials may be accepted."""
    EXPIRED = auto()
    THROTTLED = auto()
    TRANSIENT = auto()
    REFUSED = auto()
    """AWS understood the call and said no for a reason that another try does not change."""


# An answer that is no answer (an HTML page of a proxy) is an exception outside of botocore's own tree.
AWS_FAILURES = (ClientError, BotoCoreError, ResponseParserError)

WRONG_ACCOUNT = "WrongAccount"
"""The code of `wrong_account`."""
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
THROTTLED_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_TRANSIENT = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Unavailable",
    }
)
# No answer, or only a part of one. botocore's other exceptions (no credentials, a bad parameter) come every time.
_NO_ANSWER = (HTTPClientError, IncompleteReadError, NoConnectionError, ResponseParserError)
_FIRST_SERVER_ERROR = 500
_WHOLE_ANSWER = " Further retries may succeed:"
"""In botocore's exception a whole answer follows it, with whatever is in it."""


def error_of(failure: Exception) -> AwsError:
    """AWS's own code and message; for a call that got no answer, the name of botocore's exception and its text."""
    if isinstance(failure, ClientError):
        error = failure.response.get("Error", {})
        if not error.get("Code"):
            told = error.get("Message") or f"the answer has HTTP status {_status(failure)} and no error code"
            return AwsError("Unknown", str(told))
        return AwsError(str(error["Code"]), str(error.get("Message") or ""))
    return AwsError(type(failure).__name__, text_of(failure))


def text_of(failure: Exception) -> str:
    """What a person is told of a failed call: botocore's sentence, without the answer that it may quote whole."""
    text = str(failure)
    return text.partition(_WHOLE_ANSWER)[0] if isinstance(failure, ResponseParserError) else text


def wrong_account(operation: str, wanted: AccountId, found: str | None) -> ClientError:
    """The refusal of an answer that is not about the account that was asked about: it is never used, nor retried."""
    text = f"asked about account {wanted}, AWS answered about {found or 'an account that it does not name'}"
    return ClientError({"Error": {"Code": WRONG_ACCOUNT, "Message": text}}, operation)


def require_account(operation: str, wanted: AccountId, arn: str) -> None:
    """Raises as `wrong_account` says for an answer whose ARN is not of that account."""
    _, *parts = arn.split(":", 5)
    found = parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 - arn:partition:service:region:account:resource
    if found != wanted:
        raise wrong_account(operation, wanted, found)


def withhold(secret: str | None, failure: Exception, operation: str) -> Exception:
    """The failure; where its text quotes the secret, a refusal with the same code whose text does not."""
    error = error_of(failure)
    quoted = f"{failure} {error}"
    if without(secret, quoted) == quoted:
        return failure
    message = without(secret, error.message)
    answer = failure.response.get("ResponseMetadata", {}) if isinstance(failure, ClientError) else {}
    return ClientError(
        {
            "Error": {"Code": error.code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": answer.get("HTTPStatusCode", 0)},  # type: ignore[typeddict-item]  # all that `classify` reads
        },
        operation,
    )


def classify(failure: Exception) -> Failure:
    """One meaning for each failed call. Raises nothing: what is not known is REFUSED, which is never retried."""
    if not isinstance(failure, ClientError):
        return Failure.TRANSIENT if isinstance(failure, _NO_ANSWER) else Failure.REFUSED
    code = error_of(failure).code
    for codes, meaning in _BY_CODE:
        if code in codes:
            return meaning
    return Failure.TRANSIENT if _status(failure) >= _FIRST_SERVER_ERROR else Failure.REFUSED


def never_sent(failure: Exception) -> bool:
    """Whether the call did not reach AWS at all, so that nothing in it can be why."""
    return isinstance(failure, NoConnectionError)


def has_no_endpoint(failure: Exception) -> bool:
    """Whether the name of its host did not resolve, or nothing listened there: botocore does not tell which."""
    return isinstance(failure, EndpointConnectionError)


def took_long(failure: Exception) -> bool:
    """Whether it took a read's whole time to know that there is no answer."""
    return isinstance(failure, ReadTimeoutError)


def _status(failure: ClientError) -> int:
    return failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


_BY_CODE = (
    (DENIED_CODES, Failure.DENIED),
    (UNAUTHENTICATED_CODES, Failure.UNAUTHENTICATED),
    (_EXPIRED, Failure.EXPIRED),
    (THROTTLED_CODES, Failure.THROTTLED),
    (_TRANSIENT, Failure.TRANSIENT),
)


class unreadable_when_refused:  # noqa: N801 - it is used as a function; as a generator it would take four times as long
    """What AWS refuses within it is raised as TargetUnreadableError, which names the operation."""

    __slots__ = ("_operation",)

    def __init__(self, operation: str) -> None:
        self._operation = operation

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, _kind: object, failure: BaseException | None, _where: object) -> None:
        if isinstance(failure, AWS_FAILURES):
            raise TargetUnreadableError(error_of(failure), self._operation) from failure
