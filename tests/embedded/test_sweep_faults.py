"""Faults of the network and of AWS: tried again, then recorded in AWS's words; one account's never touch another's."""

from __future__ import annotations

import pytest

from orchestrator.aws import clients
from orchestrator.core.model import Mode
from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder
from tests.support.sweeps import FRANKFURT, IRELAND, Sweeps, assert_done

pytestmark = pytest.mark.usefixtures("light_path")

DESCRIBE = "ec2:DescribeInstances"
PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            Fault("RequestLimitExceeded", "Request limit exceeded.", 503),
            "RequestLimitExceeded: Request limit exceeded.",
        ),
        (
            Fault("InternalError", "An internal error has occurred", 500),
            "InternalError: An internal error has occurred",
        ),
        (Fault(hangs_up=True), "ConnectionClosedError: Connection was closed before we received a valid response"),
        (Fault(body=PAGE, status=502), f"{DESCRIBE}: 502: http://127.0.0.1"),
        (Fault(body=PAGE, status=200), "and an HTML page, which is none of AWS's own"),
    ],
    ids=["throttled", "server error", "reset", "proxy's error page", "page of a portal"],
)
def test_a_target_that_fails_to_the_end_is_failed_after_ten_tries(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str, fault: Fault, said: str
) -> None:
    broken = organization.account("broken")
    fault.account, fault.operation, fault.region = broken, DESCRIBE, IRELAND
    organization.front.faults.add(fault)
    swept = sweep()
    row = swept.coverage[broken, IRELAND]
    assert (row["status"], swept.exit_code) == ("failed", 3)
    assert row["detail"].startswith(f"{DESCRIBE}: ")
    assert said in row["detail"]
    assert swept.document["calls"][DESCRIBE] == 10 + 3 + 1 + 1  # the looks before and after the stop
    assert swept.statuses()[broken, FRANKFURT] == "scanned"
    assert_done(swept, organization, healthy)


def test_a_target_that_does_not_answer_in_time_is_failed(
    organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = organization.account("slow")
    make = clients.Clients._make

    def hasty_in_ireland(self: clients.Clients, role: str, service: str, region: str) -> object:
        monkeypatch.setattr(clients, "_READ_TIMEOUT", 0.05 if region == IRELAND else 30)
        return make(self, role, service, region)

    monkeypatch.setattr(clients.Clients, "_make", hasty_in_ireland)
    organization.front.faults.add(Fault(operation=DESCRIBE, region=IRELAND, delay_seconds=0.1))
    swept = sweep()
    assert swept.statuses()[account, FRANKFURT] == "scanned"
    assert swept.coverage[account, IRELAND]["status"] == "failed"
    assert "ReadTimeoutError: Read timeout" in swept.coverage[account, IRELAND]["detail"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("InternalError", status=500, times=2),
        Fault("Throttling", status=400, times=5),
        Fault("RequestExpired", status=400, times=1),
        Fault("ExpiredToken", status=403, times=1),
        Fault(hangs_up=True, times=1),
    ],
    ids=["5xx", "throttled", "expired request", "expired token", "reset"],
)
def test_a_fault_that_passes_leaves_the_target_read(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str, fault: Fault
) -> None:
    fault.account, fault.operation, fault.region, fault.times = healthy, DESCRIBE, FRANKFURT, fault.times
    organization.front.faults.add(fault)
    swept = sweep()
    assert fault.times == 0
    assert swept.exit_code == 0
    assert_done(swept, organization, healthy)


@pytest.mark.parametrize("light_path", ["off"], indirect=True)
def test_with_the_light_path_off_the_same_is_decided_and_passing_faults_cost_as_many_calls(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    """By botocore's client; the examples above are run that way in full."""
    listed = {}
    for sweep.light_path in ("on", "off"):
        for fault in (
            Fault("InternalError", status=500),
            Fault("RequestLimitExceeded", status=503),
            Fault("ExpiredToken", status=403),
            Fault(hangs_up=True),
            Fault(body=PAGE, status=200),
        ):
            fault.operation, fault.region, fault.times = DESCRIBE, FRANKFURT, 1
            organization.front.faults.add(fault)
        planned = sweep(mode=Mode.PLAN)
        listed[sweep.light_path] = [planned.document[name] for name in ("decisions", "coverage", "calls")]
        assert planned.exit_code == 0
        assert planned.document["calls"][DESCRIBE] == 5 + 2
    assert listed["on"] == listed["off"]


def test_an_expired_token_is_replaced_by_assuming_the_role_again(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    organization.front.faults.add(Fault("ExpiredToken", status=403, operation=DESCRIBE, times=1))
    assert sweep(mode=Mode.PLAN).document["calls"]["sts:AssumeRole"] == 2


def test_the_faults_of_one_account_do_not_touch_another(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    throttled, denied, broken = (organization.account(name) for name in ("throttled", "denied", "broken"))
    add = organization.front.faults.add
    add(Fault("Throttling", "Rate exceeded", 400, account=throttled, operation="sts:AssumeRole"))
    add(Fault("UnauthorizedOperation", "no", 403, account=denied, operation="ec2:DescribeRegions"))
    add(Fault(hangs_up=True, account=broken, operation="ec2:*"))
    swept = sweep(regions=(FRANKFURT, "eu-west-1*"))
    seen = {account: swept.coverage[account, "*"] for account in (throttled, denied, broken)}
    assert [row["status"] for row in seen.values()] == ["failed", "denied", "failed"]
    assert seen[throttled]["detail"] == "sts:AssumeRole: Throttling: Rate exceeded"
    assert seen[denied]["detail"].startswith("ec2:DescribeRegions: UnauthorizedOperation: no; ")
    assert_done(swept, organization, healthy)
