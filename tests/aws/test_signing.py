"""The hot path's signature against botocore's own, for whatever credentials, region, endpoint and form."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.signing import CONTENT_TYPE, signed_headers

AT = "20261125T190000Z"
URLS = (
    "https://ec2.eu-central-1.amazonaws.com/",
    "https://ec2.eu-central-1.amazonaws.com:443/",
    "http://127.0.0.1:5000/",
    "http://localhost:80/",
    "https://[::1]:8443/",
)
WORDS = st.text("abcXYZ019/+=", min_size=1, max_size=60)


def by_botocore(credentials: ReadOnlyCredentials, region: str, url: str, body: bytes) -> str:
    request = AWSRequest("POST", url, {"Content-Type": CONTENT_TYPE, "X-Amz-Date": AT}, body)
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    request.context["timestamp"] = AT
    signer = SigV4Auth(credentials, "ec2", region)
    signer._inject_signature_to_request(
        request, signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    )
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("url", URLS)
@given(
    key=WORDS,
    secret=st.text("abcXYZ019/+=", min_size=1, max_size=100),
    token=st.none() | WORDS,
    region=st.sampled_from(["eu-central-1", "us-gov-west-1"]),
    form=st.dictionaries(WORDS, st.text(max_size=20), max_size=4),
)
def test_it_is_the_signature_that_botocore_would_make(
    url: str, key: str, secret: str, token: str | None, region: str, form: dict[str, str]
) -> None:
    credentials = ReadOnlyCredentials(key, secret, token)
    body = urlencode(form).encode()
    headers = signed_headers(credentials, "ec2", region, url, body, AT)
    assert headers["authorization"] == by_botocore(credentials, region, url, body)
    assert headers.get("x-amz-security-token") == token


def test_two_accounts_never_share_a_key() -> None:
    one, other = (ReadOnlyCredentials("AKIA", secret, None) for secret in ("one", "other"))
    first, second = (signed_headers(each, "ec2", "eu-west-1", URLS[0], b"", AT) for each in (one, other))
    assert first["authorization"] != second["authorization"]
