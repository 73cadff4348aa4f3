"""A policy of 460 KB, which DynamoDB takes in no item: planned, applied and undone, at a terminal and in the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.demo.organization import BUCKET
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.command_line import Do
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV_RULE, FRANKFURT, IRELAND

STORE = Path(".stop-orchestrator")
pytestmark = pytest.mark.full
"""The same over a store in memory: tests/sweep/test_policy_text.py."""
COMMENT = "# a line about why this is so\n"


@pytest.fixture
def large(policy: Policy) -> str:
    return policy(DEV_RULE + COMMENT * (460_000 // len(COMMENT)))


@pytest.fixture(params=["a local folder", "the hub's bucket and table"])
def in_hub(request: pytest.FixtureRequest, organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "a local folder":
        return False
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    return True


def alter(organization: OrganizationBuilder, in_hub: bool, sweep_id: str) -> str:
    """One more byte in the policy's text of that sweep; the name of its file."""
    if not in_hub:
        [path] = STORE.glob(f"sweeps/*/sweep={sweep_id}/policy-*.yaml")
        path.write_bytes(path.read_bytes() + b" ")
        return path.name
    s3 = organization.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"] if f"{sweep_id}/policy-" in one["Key"]]
    [key] = keys
    s3.put_object(Bucket=BUCKET, Key=key, Body=s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() + b" ")
    return key.rpartition("/")[2]


def test_it_is_planned_applied_undone_and_listed_and_nothing_is_done_by_one_that_was_altered(
    organization: OrganizationBuilder, account: str, ids: list[str], run: Run, do: Do, large: str, in_hub: bool
) -> None:
    assert run("validate", large).exit_code == 0
    first, second = (do("plan", "--policy", large) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr
    applied = do("apply", first.report["sweep_id"])
    assert (applied.exit_code, applied.report["totals"]["stopped"]) == (0, 3)
    undone = do("undo", applied.report["sweep_id"])
    assert (undone.exit_code, undone.report["totals"]["started"]) == (0, 3)
    rows = json.loads(run("history", "--format", "json").stdout)
    assert {row["policy_by_hash"] for row in rows} == {first.report["policy_sha256"]}
    assert run("verify", "--all").exit_code == 0
    name = alter(organization, in_hub, second.report["sweep_id"])
    refused = do("apply", second.report["sweep_id"])
    assert refused.exit_code == 2
    assert "was altered" in refused.stderr
    assert name in refused.stderr
    assert organization.down(account, FRANKFURT) | organization.down(account, IRELAND) == set()
    verified = run("verify", "--all", "--format", "json")
    assert verified.exit_code == 1
    assert [(row["sweep_id"], row["file"]) for row in verified.report["broken"]] == [(second.report["sweep_id"], name)]


def test_a_sweep_that_an_earlier_release_planned_with_its_text_in_the_ledger_is_applied(
    organization: OrganizationBuilder, account: str, ids: list[str], do: Do, policy: Policy, tmp_path: Path
) -> None:
    planned = do("plan", "--policy", policy(DEV_RULE))
    ledger = Ledger(SqliteItems(tmp_path / STORE), lambda: pytest.fail("nothing is written"))
    found = ledger.sweep(planned.report["sweep_id"])
    assert found is not None
    assert found.policy == (tmp_path / "policy.yaml").read_text()
    assert do("apply", planned.report["sweep_id"]).report["totals"]["stopped"] == 3
