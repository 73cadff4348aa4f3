"""What the stops of a plan lose and what starts it again: a line for each kind, the same in every form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.cli.question_tables import consequences_of
from orchestrator.core.decide.stop_effects import stop_effects
from orchestrator.core.model import Loss, Resource
from orchestrator.core.model.resource import STARTS_AGAIN
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.builders import a_decision, a_plan, a_question, a_resource

EFFECTS = {one.name: one.effects for one in DESCRIPTIONS}
ADDRESS = Loss("public_ipv4")
STORE = Loss("instance_store_volumes", "A stop erases it")
PERHAPS = Loss("instance_store_volumes", "It is unknown", is_unknown=True)
MAC = Loss("mac", "Its host is scrubbed")
CAPACITY = "On-Demand capacity, of which AWS may have none at a start."


def one_of(kind: str, resource_id: str = "web", *losses: Loss, **fields: Any) -> Resource:
    return replace(a_resource(resource_id, losses=losses), kind=kind, **fields)


def test_each_loss_is_counted_and_what_all_lose_is_told_once() -> None:
    stopped = [
        *(a_resource(f"i-{number}", losses=(ADDRESS,)) for number in range(4)),
        a_resource("i-5", losses=(STORE, ADDRESS)),
        a_resource("i-6", losses=(PERHAPS,)),
        a_resource("i-7", losses=(MAC,)),
    ]
    [line] = stop_effects(stopped, EFFECTS)
    assert line == (
        "EC2 instances (7) lose: 5 their public IPv4 address; 1 its data on instance-store volumes; "
        "perhaps 1 its data on instance-store volumes; 1 its Mac host for the hours that scrubbing takes; "
        f"their {CAPACITY}"
    )


def test_stops_that_lose_nothing_of_their_own_lose_capacity() -> None:
    assert stop_effects([a_resource()], EFFECTS) == (f"EC2 instances (1) lose: its {CAPACITY}",)
    assert stop_effects([], EFFECTS) == ()
    assert stop_effects([a_resource()], {}) == (), "of a kind that is not known nothing is"


@pytest.mark.parametrize(
    ("kind", "word", "said"),
    [
        ("asg", "instances_terminated", "Auto Scaling groups (2) lose: their instances, which are terminated, with "),
        ("ecs_service", "tasks_ended", "ECS services (2) lose: their tasks, which end, with their local data and "),
        ("redshift_cluster", "queries_ended", "Redshift clusters (2) lose: their queries that run."),
    ],
)
def test_what_a_group_runs_is_lost(kind: str, word: str, said: str) -> None:
    [line] = stop_effects([one_of(kind, "a", Loss(word)), one_of(kind, "b", Loss(word))], EFFECTS)
    assert line.startswith(said)


def test_what_aws_or_a_service_starts_again_is_told_by_kind() -> None:
    pods = (Loss("pods", "It takes them"), Loss("nodes_terminated"))
    stopped = [one_of("rds", "a"), one_of("rds", "b"), one_of("rds_cluster"), one_of("eks_nodegroup", "a/b", *pods)]
    nodes, *databases = sorted(stop_effects(stopped, EFFECTS), key=lambda line: "RDS" in line or "DB " in line)
    assert sorted(databases) == [
        "DB clusters (1): AWS starts it again by itself 7 days after a stop.",
        "RDS DB instances (2): AWS starts them again by itself 7 days after a stop.",
    ]
    assert nodes.startswith("EKS node groups (1) lose: its pods' place to run")
    assert "; its nodes, which are terminated" in nodes
    assert ". It may be started again by Cluster Autoscaler" in nodes


def test_what_starts_one_again_by_its_own_facts_is_counted() -> None:
    by_itself = {STARTS_AGAIN: "Its scheduled action morning starts it again."}
    lost = Loss("instances_terminated")
    [line] = stop_effects([one_of("asg", "a", lost, facts=by_itself), one_of("asg", "b", lost)], EFFECTS)
    assert line.endswith(" What starts 1 of them again is in its reason.")


def test_the_question_says_it_of_the_stops_alone() -> None:
    stops = (a_decision(one_of("asg", "web", Loss("instances_terminated"))),)
    told = [*consequences_of(a_question(a_plan(*stops)))]
    assert any(line.startswith("Auto Scaling groups (1) lose: its instances, which are terminated") for line in told)
