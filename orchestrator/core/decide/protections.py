"""What a sweep must not touch whatever the policy says: things that AWS cannot stop, or that another service owns."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from orchestrator.core.model import Resource

# Tag keys by which a service marks the instances that it owns. A group or cluster would replace what is stopped.
_OWNED_BY_TAG: Mapping[str, str] = {
    "aws:autoscaling:groupName": "an Auto Scaling group",
    "kubernetes.io/cluster/*": "an EKS or Kubernetes cluster",
    "eks:*": "an EKS cluster",
    "aws:eks:*": "an EKS cluster",
    "k8s.io/cluster-autoscaler/*": "an EKS or Kubernetes cluster",
    "karpenter.sh/*": "Karpenter in an EKS cluster",
    "AmazonECSManaged": "an ECS cluster",
    "aws:ecs:*": "an ECS cluster",
    "aws:elasticmapreduce:*": "an EMR cluster",
    "aws:batch:*": "an AWS Batch compute environment",
    "AWSBatchServiceTag": "an AWS Batch compute environment",
    "elasticbeanstalk:*": "an Elastic Beanstalk environment",
    "aws:ec2:fleet-id": "an EC2 Fleet",
    "aws:ec2spot:fleet-request-id": "a Spot Fleet",
}


def protection(resource: Resource) -> str | None:
    """Why the resource is kept whatever the policy says, as one sentence; None when nothing protects it.

    What AWS did not say (an unknown root device, an unknown kind of spot request) protects.
    """
    return _not_running(resource) or _cannot_be_stopped(resource) or _owner(resource)


def _not_running(resource: Resource) -> str | None:
    if resource.state == "running":
        return None
    return f"It is {resource.state}, not running; the next sweep looks again."


def _cannot_be_stopped(resource: Resource) -> str | None:
    root, lifecycle = resource.facts.get("root_device_type"), resource.facts.get("lifecycle")
    if root == "instance-store":
        return "Its root device is an instance store, which AWS cannot stop."
    if root != "ebs":
        return f"Its root device type is {root or 'unknown'}; only EBS-backed instances are stopped."
    if not resource.facts.get("instance_type"):
        return "Its instance type is unknown, so a rule may be meant to spare it."
    if lifecycle == "spot":
        return _spot(resource)
    if lifecycle != "on-demand":
        return f"Its lifecycle is {lifecycle or 'unknown'}; only on-demand and persistent spot instances are stopped."
    return None


def _spot(resource: Resource) -> str | None:
    request_type = resource.facts.get("spot_request_type")
    if request_type == "persistent":
        return None
    if request_type == "one-time":
        return "It is a one-time spot instance, which AWS cannot stop."
    return "It is a spot instance whose request could not be read; only persistent ones are stopped."


def _owner(resource: Resource) -> str | None:
    if resource.facts.get("operator_managed"):
        return f"It is managed by the service {resource.facts.get('operator') or 'that launched it'}."
    for key in resource.tags:
        for pattern, owner in _OWNED_BY_TAG.items():
            if fnmatchcase(key, pattern):
                return f"It belongs to {owner} (tag {key}), which would replace it."
    return None
