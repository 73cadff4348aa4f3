"""A region that does not have a kind's service: nothing is to be read there, and nothing is missing."""

from __future__ import annotations

from orchestrator.core.model import AccountId, AwsError, Mode, Region, Target
from orchestrator.core.report.document import document_exit_code
from orchestrator.ports import NotOfferedError
from orchestrator.sweep.run import run_sweep
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.fake_world import EVERYTHING, ONE, a_world, unreadable

LACKING = Target(AccountId(ONE), Region("eu-west-1"))
POLICY = a_policy(f"guardrails: {{min_coverage_percent: 100}}\n{EVERYTHING}")


def test_what_a_region_does_not_offer_is_no_hole_in_the_coverage() -> None:
    fake = a_world(ONE)
    fake.resources[LACKING] = NotOfferedError(AwsError("EndpointConnectionError", "no host"), "ec2:DescribeInstances")
    document, _ = run_sweep(fake.world(), POLICY, SWEEP_ID, Mode.PLAN)
    rows = {row["region"]: row for row in document["coverage"]}
    assert {region: (row["status"], row["weight"]) for region, row in rows.items()} == {
        "eu-central-1": ("scanned", 1),
        "eu-west-1": ("not_offered", 0),
    }
    assert rows["eu-west-1"]["detail"].startswith("AWS does not offer it in this region: ec2:DescribeInstances: ")
    assert (document["status"], document_exit_code(document)) == ("complete", 0)
    assert document["totals"]["not_offered"] == 1


def test_what_cannot_be_reached_where_it_should_be_is_a_hole() -> None:
    fake = a_world(ONE)
    fake.resources[LACKING] = unreadable("EndpointConnectionError")
    document, _ = run_sweep(fake.world(), POLICY, SWEEP_ID, Mode.PLAN)
    assert {row["region"]: row["status"] for row in document["coverage"]}["eu-west-1"] == "failed"
    assert document["status"] == "held"
