"""What a resource may be managed by, by the words of the condition `managed_by`."""

from __future__ import annotations

STACK = "cloudformation"
"""The only one that neither replaces nor terminates what stops."""
MANAGED_BY = ("asg", "eks", "ecs", "emr", "batch", "beanstalk", STACK)
MANAGED_BY_WORD = "managed_by"
