"""The zip under Lambda's own runtime client, with a Runtime API of ours and the embedded AWS behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from orchestrator.demo.organization import BUCKET
from orchestrator.demo.server import EmbeddedAws, without_aws
from tests.support.embedded import OrganizationBuilder
from tests.support.runtime_api import FUNCTION_ARN, RuntimeApi, runtime_api

pytestmark = pytest.mark.skipif(find_spec("awslambdaric") is None, reason="the runtime client is for Linux only")

POLICY = "version: 1\nname: test\nregions: {include: [eu-central-1]}\nrules: [{name: all, where: everything}]\n"
_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")

Started = Callable[[dict[str, str]], Any]


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder like Lambda's /var/runtime: the client and what it needs, nothing else that is installed here."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    for module in _MODULES:
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        found = origin.parent if origin.name == "__init__.py" else origin
        (folder / found.name).symlink_to(found)
    return folder


@pytest.fixture
def started(unpacked: Path, runtime: Path) -> Started:
    """Lambda's process, as Lambda starts it: the zip's folder first, then the runtime's."""

    @contextmanager
    def start(environment: dict[str, str]) -> Iterator[tuple[RuntimeApi, Path]]:
        code = f"import sys, runpy; sys.path[:0] = [{str(unpacked)!r}, {str(runtime)!r}]; "
        code += "sys.argv = ['', 'orchestrator.lambdas.handler.lambda_handler']; "
        code += "runpy.run_module('awslambdaric', run_name='__main__', alter_sys=True)"
        log = runtime.parent / "log"
        with runtime_api() as api, log.open("w") as output:
            lambdas = {
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_ARN.rpartition(":")[2],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "LAMBDA_TASK_ROOT": str(unpacked),
            }
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", code],
                env={**without_aws(os.environ), **lambdas, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                yield api, log
            finally:
                process.kill()
                process.wait()

    return start


@pytest.fixture
def organization() -> Iterator[OrganizationBuilder]:
    moto_api_backend.reset()
    with EmbeddedAws() as aws:
        yield OrganizationBuilder(aws)


def test_a_bad_event_is_posted_as_an_error_and_the_next_one_is_served(started: Started) -> None:
    with started({}) as (api, log):
        posted, error = api.invoke({"mdoe": "plan"})
        assert (posted, error["errorType"]) == ("error", "EventError")
        assert "mdoe" in error["errorMessage"]
        posted, error = api.invoke({"mode": "plan"})
        assert (posted, error["errorType"]) == ("error", "SettingsError")
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert {line["service"] for line in lines} == {"stop-orchestrator"}


def test_a_plan_event_is_answered_with_the_report(started: Started, organization: OrganizationBuilder) -> None:
    settings = organization.hub()
    organization.client("s3").put_object(Bucket=BUCKET, Key="policy.yaml", Body=POLICY)
    account = organization.account("dev")
    [instance] = organization.instances(account, "eu-central-1")
    environment = {**organization.environment, **settings, "STOP_ORCHESTRATOR_POLICY": f"s3://{BUCKET}/policy.yaml"}
    with started(environment) as (api, log):
        posted, answer = api.invoke({"mode": "plan"})
        assert posted == "response", (answer, log.read_text())
    assert (answer["status"], answer["totals"]["would_stop"]) == ("complete", 1)
    key = answer["report"]["json"].removeprefix(f"s3://{BUCKET}/")
    report = json.load(organization.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"])
    assert [row["resource_id"] for row in report["decisions"] if row["verdict"] == "stop"] == [instance]
    assert organization.down(account, "eu-central-1") == set()
