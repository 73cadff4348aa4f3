"""Every test fails closed: dummy credentials, an endpoint that nobody listens on, and no settings from outside."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from hypothesis import settings

from tests.support.suites import is_fast

# A busy machine must not fail a test; the number of examples is what bounds the time.
settings.register_profile("full", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=25)

NOWHERE = "http://127.0.0.1:9"
_SAFE = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "nothing-secret",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": NOWHERE,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
# Python's own would look for garbage after each 700 objects: a fifth of the time of the tests that sweep over HTTP.
_GARBAGE = (50_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    """`make test` draws fewer examples, as it runs fewer kill boundaries.

    Commands honour `nohup`; the tests that hang up on them may themselves have been begun by it.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    settings.load_profile("fast" if is_fast(config) else "full")
    gc.set_threshold(*_GARBAGE)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: no search for garbage passes over it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fail_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("AWS_", "STOP_ORCHESTRATOR_")):
            monkeypatch.delenv(name)
    for name, value in _SAFE.items():
        monkeypatch.setenv(name, value)
