"""Services that own what carries certain tags, and would replace or size again what is stopped: by the tags' keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from orchestrator.core.model.managed_by import STACK

GROUP_TAG = "aws:autoscaling:groupName"
"""On each instance of an Auto Scaling group; its value is the group's name."""
# With the word of the condition `managed_by`, if any, and the owner.
_OWNED_BY_TAG: Mapping[str, tuple[str, str]] = {
    GROUP_TAG: ("asg", "an Auto Scaling group"),
    "kubernetes.io/cluster/*": ("eks", "an EKS or Kubernetes cluster"),
    "eks:*": ("eks", "an EKS cluster"),
    "aws:eks:*": ("eks", "an EKS cluster"),
    "k8s.io/cluster-autoscaler/*": ("eks", "an EKS or Kubernetes cluster"),
    "karpenter.sh/*": ("eks", "Karpenter in an EKS cluster"),
    "AmazonECSManaged": ("ecs", "an ECS cluster"),
    "aws:ecs:*": ("ecs", "an ECS cluster"),
    "aws:elasticmapreduce:*": ("emr", "an EMR cluster"),
    "aws:batch:*": ("batch", "an AWS Batch compute environment"),
    "AWSBatchServiceTag": ("batch", "an AWS Batch compute environment"),
    "elasticbeanstalk:*": ("beanstalk", "an Elastic Beanstalk environment"),
    "aws:ec2:fleet-id": ("", "an EC2 Fleet"),
    "aws:ec2spot:fleet-request-id": ("", "a Spot Fleet"),
}
_OWNED_PREFIXES = tuple(pattern.removesuffix("*") for pattern in _OWNED_BY_TAG if pattern.endswith("*"))
"""Globs of any other form would have to be matched one by one, which costs most of what making a resource costs."""

_MANAGED_BY_TAG: Mapping[str, str] = {
    **{pattern: word for pattern, (word, _) in _OWNED_BY_TAG.items() if word},
    "aws:cloudformation:*": STACK,
}


def owner_of_tagged(keys: Iterable[str]) -> str | None:
    """The first that these tags' keys name, as `an EKS cluster (tag eks:cluster-name)`; None where they name none."""
    for key in keys:
        if key in _OWNED_BY_TAG or key.startswith(_OWNED_PREFIXES):
            owner = next(owner for pattern, (_, owner) in _OWNED_BY_TAG.items() if fnmatchcase(key, pattern))
            return f"{owner} (tag {key})"
    return None


def managers_of_tagged(keys: Iterable[str]) -> str:
    """The words of the condition `managed_by` for what these tags' keys name; empty where they name none."""
    found = [word for key in keys if (word := _manager(key))]
    return ", ".join(dict.fromkeys(found)) if found else ""


@lru_cache(maxsize=8192)
def _manager(key: str) -> str:
    """Remembered: an organization has few keys, each of them on thousands of instances."""
    return next((word for pattern, word in _MANAGED_BY_TAG.items() if fnmatchcase(key, pattern)), "")
