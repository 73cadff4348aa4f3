"""Credentials that are missing or over: a failure of botocore in, what a person does about it out."""

from __future__ import annotations

import os
import shlex

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from orchestrator.aws.failures import error_of, text_of
from orchestrator.errors import CredentialsError

_SSO = (SSOError, TokenRetrievalError)
_NOT_THERE = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_OVER = frozenset({"ExpiredToken", "ExpiredTokenException"})
_NOT_ACCEPTED = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


def credentials_error(failure: BaseException) -> CredentialsError | None:
    """What to raise in its place: which profile, and how to sign in; None where the credentials are not why.

    Of an error of ours, what it was raised from counts, however far back.
    """
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, Exception) and (found := _of_botocore(cause)):
            return found
        cause = cause.__cause__
    return None


def _of_botocore(failure: Exception) -> CredentialsError | None:
    profile = next(filter(None, map(os.environ.get, _PROFILES)), "")
    if isinstance(failure, _SSO):
        whose = f"of the profile {profile} " if profile else ""
        return CredentialsError(f"the SSO sign-in {whose}is missing or has expired; sign in: {_sign_in(profile)}")
    if isinstance(failure, _NOT_THERE):
        found = f"the profile {profile} has none" if profile else "no profile is named (AWS_PROFILE)"
        return CredentialsError(
            f"there are no AWS credentials: {found} ({text_of(failure)}). With SSO: {_sign_in(profile)}; else "
            "export AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if isinstance(failure, ClientError) and (code := error_of(failure).code) in _OVER | _NOT_ACCEPTED:
        why = "have expired" if code in _OVER else "are not accepted"
        whose = f" of the profile {profile}" if profile else ""
        return CredentialsError(
            f"the AWS credentials{whose} {why} ({error_of(failure)}). With SSO: {_sign_in(profile)}"
        )
    return None


def _sign_in(profile: str) -> str:
    return f"aws sso login --profile {shlex.quote(profile) if profile else 'PROFILE'}"
