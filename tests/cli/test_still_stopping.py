"""What a sweep stopped and AWS has not brought down: the next sweep's report, table and CSV say so, since when."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from tests.support.command_line import Do
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT

OPT_OUT = {"Key": "stop-orchestrator:opt-out", "Value": "true"}


def test_where_its_mark_is_gone_or_is_another_the_ledger_tells_which_sweep_stopped_what_is_still_stopping(
    organization: OrganizationBuilder, account: str, do: Do, policy: Policy
) -> None:
    unmarked, overwritten, by_hand, again = organization.instances(account, FRANKFURT, 4, DEV)
    organization.act("create_tags", account, FRANKFURT, Resources=[by_hand], Tags=[OPT_OUT])
    sweep_id = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE)).report["sweep_id"]
    for one in (unmarked, overwritten, by_hand, again):
        organization.in_memory(account, FRANKFURT, one)._state.name = "stopping"
    organization.in_memory(account, FRANKFURT, again).launch_time += timedelta(hours=1)
    marks = [{"Key": STOPPED_BY_TAG}, {"Key": STOPPED_AT_TAG}]
    organization.act("delete_tags", account, FRANKFURT, Resources=[unmarked, again], Tags=marks)
    ann = [{"Key": STOPPED_BY_TAG, "Value": "ann"}]
    organization.act("create_tags", account, FRANKFURT, Resources=[overwritten], Tags=ann)
    following = do("plan", "--policy", policy(DEV_RULE))
    reasons = {row["resource_id"]: row["reason"] for row in following.report["decisions"]}
    assert set(reasons) == {unmarked, overwritten}
    for reason in reasons.values():
        assert reason.startswith(f"Sweep {sweep_id} stopped it, and it is still stopping, since ")


def test_what_a_sweep_stopped_and_is_still_stopping_in_the_next_one_is_in_its_report_since_when(
    organization: OrganizationBuilder, account: str, do: Do, run: Run, policy: Policy
) -> None:
    stuck, another = organization.instances(account, FRANKFURT, 2, DEV)
    by_hand = organization.instances(account, FRANKFURT, 1)[0]
    swept = do("sweep", "--mode", "enforce", "--policy", policy(DEV_RULE))
    sweep_id = swept.report["sweep_id"]
    organization.in_memory(account, FRANKFURT, stuck)._state.name = "stopping"
    organization.in_memory(account, FRANKFURT, by_hand)._state.name = "stopping"
    since = organization.in_memory(account, FRANKFURT, stuck)._reason.partition("(")[2].removesuffix(" UTC)")
    following = do("plan", "--policy", policy(DEV_RULE))
    [row] = following.report["decisions"]
    assert (row["resource_id"], row["verdict"], row["reason_code"]) == (stuck, "keep", "still_stopping")
    text = f"Sweep {sweep_id} stopped it, and it is still stopping, since {since.replace(' ', 'T')}Z."
    assert row["reason"] == text
    assert following.exit_code == 0
    report = run("report", following.report["sweep_id"], "--format", "csv", "--part", "decisions")
    assert text in report.stdout or f'"{text}"' in report.stdout
    table = run("report", following.report["sweep_id"])
    assert "Still stopping" in table.stdout
    assert another not in table.stdout
    assert {STOPPED_BY_TAG, STOPPED_AT_TAG} <= set(row["tags"])
