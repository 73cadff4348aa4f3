"""What is kept whatever the policy says: what AWS cannot stop, what another service owns, what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import ObstacleCode, ResourceState
from orchestrator.core.model.managed_by import MANAGED_BY, STACK
from orchestrator.core.model.owners import managers_of_tagged
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.rules import obstacle, resource_of, start_failure, state_of
from tests.support.builders import EC2_FACTS, a_resource


def found(facts: dict[str, Any] | None = None, tags: dict[str, str] | None = None) -> str | None:
    """The obstacle's sentence."""
    obstacle_found = obstacle({**EC2_FACTS, **(facts or {})}, tags or {})
    return obstacle_found.sentence if obstacle_found else None


def test_nothing_is_in_the_way_of_a_plain_instance() -> None:
    assert found(tags={"Name": "web", "Environment": "dev"}) is None


@pytest.mark.parametrize("word", ["", "Running", "something-new", None])
def test_a_state_that_is_not_known_is_unknown(word: str | None) -> None:
    assert state_of(word) is ResourceState.UNKNOWN


def test_what_aws_cannot_stop_and_what_another_owns_are_told_apart() -> None:
    by_aws = obstacle({**EC2_FACTS, "root_device_type": "instance-store"}, {"eks:x": ""})
    by_owner = obstacle(EC2_FACTS, {"eks:x": ""})
    assert by_aws is not None
    assert by_owner is not None
    assert (by_aws.code, by_owner.code) == (ObstacleCode.CANNOT_STOP, ObstacleCode.OWNED)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"root_device_type": "instance-store"}, "Its root device is an instance store, which AWS cannot stop."),
        (
            {"root_device_type": None},
            "Its root device type is unknown; only EBS-backed instances are stopped.",
        ),
        ({"root_device_type": "nvme"}, "Its root device type is nvme; only EBS-backed instances are stopped."),
        (
            {"lifecycle": "spot", "spot_request_type": "one-time"},
            "It is a one-time spot instance, which AWS cannot stop.",
        ),
        (
            {"lifecycle": "spot"},
            "It is a spot instance whose request could not be read; only persistent ones are stopped.",
        ),
        (
            {"lifecycle": "spot", "spot_request_type": "new"},
            "It is a spot instance whose request could not be read; only persistent ones are stopped.",
        ),
        (
            {"lifecycle": None},
            "Its lifecycle is unknown; only on-demand and persistent spot instances are stopped.",
        ),
        (
            {"lifecycle": "capacity-block"},
            "Its lifecycle is capacity-block; only on-demand and persistent spot instances are stopped.",
        ),
        (
            {"lifecycle": "scheduled"},
            "Its lifecycle is scheduled; only on-demand and persistent spot instances are stopped.",
        ),
        (
            {"operator_managed": True, "operator": "eks.amazonaws.com"},
            "It is managed by the service eks.amazonaws.com.",
        ),
        ({"operator_managed": True}, "It is managed by the service that launched it."),
    ],
)
def test_what_aws_cannot_stop_or_did_not_tell_protects(facts: dict[str, Any], reason: str) -> None:
    assert found(facts) == reason


@pytest.mark.parametrize(
    "facts",
    [
        {"lifecycle": "spot", "spot_request_type": "persistent"},
        {"operator_managed": False, "operator": None},
        {"spot_request_type": "one-time"},
    ],
)
def test_persistent_spot_and_what_nobody_manages_may_be_stopped(facts: dict[str, Any]) -> None:
    assert found(facts) is None


@pytest.mark.parametrize(
    ("tag", "owner"),
    [
        ("aws:autoscaling:groupName", "an Auto Scaling group"),
        ("kubernetes.io/cluster/prod", "an EKS or Kubernetes cluster"),
        ("eks:cluster-name", "an EKS cluster"),
        ("aws:eks:cluster-name", "an EKS cluster"),
        ("k8s.io/cluster-autoscaler/enabled", "an EKS or Kubernetes cluster"),
        ("karpenter.sh/nodepool", "Karpenter in an EKS cluster"),
        ("AmazonECSManaged", "an ECS cluster"),
        ("aws:ecs:clusterName", "an ECS cluster"),
        ("aws:elasticmapreduce:job-flow-id", "an EMR cluster"),
        ("aws:batch:compute-environment", "an AWS Batch compute environment"),
        ("AWSBatchServiceTag", "an AWS Batch compute environment"),
        ("elasticbeanstalk:environment-id", "an Elastic Beanstalk environment"),
        ("aws:ec2:fleet-id", "an EC2 Fleet"),
        ("aws:ec2spot:fleet-request-id", "a Spot Fleet"),
    ],
)
def test_what_a_group_or_cluster_owns_is_kept_whatever_the_tags_value(tag: str, owner: str) -> None:
    for value in ("", "x"):
        assert found(tags={"Name": "node", tag: value}) == f"It belongs to {owner} (tag {tag}), which would replace it."


@pytest.mark.parametrize(
    "tag",
    ["aws:cloudformation:stack-name", "autoscaling:groupName", "my-eks:x", "kubernetes.io/role", "AmazonECSManagedX"],
)
def test_a_tag_that_only_looks_like_an_owners_protects_nothing(tag: str) -> None:
    assert found(tags={tag: "x"}) is None


def test_an_unknown_instance_type_is_kept_since_a_rule_may_have_meant_to_spare_it() -> None:
    reason = found({"instance_type": None})
    assert reason is not None
    assert "instance type is unknown" in reason


STOPPED_AT = datetime(2026, 11, 25, 19, 0, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "at", "is_failure"),
    [
        ("Client.UserInitiatedShutdown", STOPPED_AT, False),
        ("Client.UserInitiatedHibernate", STOPPED_AT, False),
        ("Client.InstanceInitiatedShutdown", STOPPED_AT, False),
        ("Client.UserInitiatedShutdown", None, True),
        ("Client.InternalError", STOPPED_AT, True),
        ("Server.InsufficientHostCapacity", None, True),
        ("Server.NewTomorrow", STOPPED_AT, True),
        ("", None, False),
    ],
)
def test_a_reason_is_why_a_start_came_to_nothing_but_for_a_stop_that_was_initiated_at_a_time(
    code: str, at: datetime | None, *, is_failure: bool
) -> None:
    found = start_failure(ResourceState.STOPPED, {"Code": code, "Message": f"{code}: words"}, at)
    assert (found is not None) == is_failure
    assert found is None or (found.code, found.message.partition(";")[0]) == (code, "words")


def test_only_what_is_stopped_has_a_start_that_came_to_nothing() -> None:
    assert start_failure(ResourceState.STOPPING, {"Code": "Client.InternalError", "Message": "x"}, None) is None


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), ""),
        (("Name", "aws:ec2:fleet-id"), ""),
        (
            ("aws:autoscaling:groupName", "aws:cloudformation:stack-name", "aws:cloudformation:logical-id"),
            "asg, cloudformation",
        ),
        (("aws:autoscaling:groupName", "kubernetes.io/cluster/blue", "eks:cluster-name"), "asg, eks"),
        (("AmazonECSManaged",), "ecs"),
        (("aws:elasticmapreduce:job-flow-id",), "emr"),
        (("AWSBatchServiceTag",), "batch"),
        (("elasticbeanstalk:environment-name",), "beanstalk"),
    ],
)
def test_what_manages_an_instance_is_told_by_the_keys_of_its_tags(keys: tuple[str, ...], words: str) -> None:
    assert managers_of_tagged(keys) == words
    assert set(filter(None, words.split(", "))) <= set(MANAGED_BY)
    members = set(filter(None, words.split(", "))) - {STACK}
    assert not members or found(tags=dict.fromkeys(keys, "x")) is not None


def test_only_an_instance_of_a_group_or_a_node_group_has_a_fact_that_names_it() -> None:
    def facts(*tags: dict[str, str]) -> dict[str, Any]:
        raw = {"InstanceId": "i-1", "State": {"Name": "running"}, "Tags": list(tags)}
        return dict(resource_of(raw, a_resource().target, "aws", {}).facts)

    assert facts({"Key": "aws:autoscaling:groupName", "Value": "team/web"})["auto_scaling_group"] == "team/web"
    assert "auto_scaling_group" not in facts({"Key": "Name", "Value": "web"}), "for each it would cost memory"
    of_nodes = ({"Key": "eks:cluster-name", "Value": "shop"}, {"Key": "eks:nodegroup-name", "Value": "spot"})
    assert facts(*of_nodes)["eks_nodegroup"] == "shop/spot"
    assert "eks_nodegroup" not in facts(of_nodes[0])
    assert EC2.member_of == {"auto_scaling_group": "asg", "eks_nodegroup": "eks_nodegroup"}
