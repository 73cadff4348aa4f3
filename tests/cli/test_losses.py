"""What is said of what the stops of a plan lose: counted, in a sentence, before the question and in the summary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.cli.losses import losses_of_plan, losses_of_report
from orchestrator.core.model import Loss, Verdict
from orchestrator.core.report.document import report_document
from tests.support.builders import a_decision, a_plan, a_report, a_resource

ADDRESS = Loss("public_ipv4")
STORE = Loss("instance_store_volumes", "A stop erases it")
PERHAPS = Loss("instance_store_volumes", "It is unknown", is_unknown=True)
MAC = Loss("mac", "Its host is scrubbed")
CAPACITY = "all EC2 instances their On-Demand capacity, of which AWS may have none at a start."


def stop(number: int, *losses: Loss) -> Any:
    return a_decision(a_resource(f"i-{number}", losses=losses))


DECISIONS = (
    *(stop(number, ADDRESS) for number in range(4)),
    stop(5, STORE, ADDRESS),
    stop(6, PERHAPS),
    stop(7, MAC),
    a_decision(a_resource("i-8", losses=(STORE,)), Verdict.KEEP),
    a_decision(a_resource("i-9", losses=(STORE,)), Verdict.START),
)
TOLD = (
    "These stops lose: 5 their public IPv4 address; 1 its data on instance-store volumes; "
    "1 perhaps its data on instance-store volumes; 1 its Mac host for the hours that scrubbing takes; "
)


def test_each_loss_of_what_is_stopped_is_counted_and_what_all_lose_is_told_once() -> None:
    assert losses_of_plan(a_plan(*DECISIONS)) == f"{TOLD}{CAPACITY}"


def test_a_report_tells_the_same_as_the_plan() -> None:
    assert losses_of_report(report_document(a_report(decisions=DECISIONS))) == f"{TOLD}{CAPACITY}"


def test_stops_that_lose_nothing_of_their_own_lose_capacity_and_starts_lose_nothing() -> None:
    assert losses_of_plan(a_plan(stop(1))) == f"These stops lose: {CAPACITY}"
    assert losses_of_plan(a_plan(a_decision(a_resource(), Verdict.START))) == ""
    assert losses_of_plan(a_plan()) == ""


def test_a_report_of_an_earlier_release_tells_nothing() -> None:
    document = report_document(a_report(decisions=DECISIONS))
    rows = [{name: value for name, value in row.items() if name != "losses"} for row in document["decisions"]]
    assert losses_of_report({**document, "decisions": rows}) == ""


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        (("rds",), "AWS starts RDS DB instances again by itself 7 days after their stop."),
        (
            ("rds", "rds_cluster"),
            "AWS starts RDS DB instances and DB clusters again by itself 7 days after their stop.",
        ),
    ],
)
def test_what_aws_starts_again_by_itself_is_told_once_for_all_stops_of_its_kinds(
    kinds: tuple[str, ...], sentence: str
) -> None:
    stops = [a_decision(replace(a_resource(f"db-{number}"), kind=kind)) for number, kind in enumerate(kinds)]
    assert losses_of_plan(a_plan(*stops)) == sentence
    assert losses_of_report(report_document(a_report(decisions=tuple(stops)))) == sentence


def test_what_may_start_a_kind_again_is_told_once_after_what_is_lost() -> None:
    group = replace(a_resource("shop/group-1", losses=(Loss("pods", "It takes them"),)), kind="eks_nodegroup")
    told = losses_of_plan(a_plan(a_decision(group), a_decision(replace(group, resource_id="shop/group-2"))))
    assert told.startswith("These stops lose: 2 their pods' place to run")
    assert told.count("EKS node groups may be started again by Cluster Autoscaler") == 1
    assert losses_of_plan(a_plan(a_decision(group, Verdict.KEEP))) == ""
