"""What AWS bills of a node group: the hours of as many nodes as it has, where their type is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrator.core.model.price import Billed
from orchestrator.kinds.eks_nodegroup.description import EKS_NODEGROUP
from orchestrator.kinds.eks_nodegroup.prices import billed
from tests.kinds.eks_nodegroup.test_rules import group


def bill(**fields: Any) -> Billed:
    return billed(group(**fields))


def test_each_node_has_the_price_of_an_instance_of_its_type() -> None:
    [part] = bill().running
    assert (part.quantity, part.key.type, part.key.operating_system) == (Decimal(3), "m5.large", "Linux/UNIX")
    assert part.key.service == EKS_NODEGROUP.price_key
    assert dict(part.key.filters)["operatingSystem"] == "Linux"
    assert (bill().still, bill().running_unknown, bill().still_unknown) == ((), "", "")


def test_nodes_of_windows_have_its_price() -> None:
    [part] = bill(amiType="WINDOWS_CORE_2022_x86_64").running
    assert dict(part.key.filters)["operatingSystem"] == "Windows"


@pytest.mark.parametrize("capacity", ["SPOT", "CAPACITY_BLOCK", None])
def test_what_is_not_on_demand_is_not_in_awss_list(capacity: str | None) -> None:
    [part] = bill(capacityType=capacity).running
    assert part.key.filters == ()
    assert part.key.lifecycle != "on-demand"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"instanceTypes": None}, "did not tell the instance type"),
        ({"scalingConfig": None}, "how many there are"),
        ({"instanceTypes": ["m5.large", "m5a.large"]}, "m5.large, m5a.large"),
        ({"amiType": "CUSTOM"}, "operating system"),
    ],
)
def test_what_its_nodes_are_is_said_to_be_unknown_rather_than_guessed(fields: dict[str, Any], words: str) -> None:
    found = bill(**fields)
    assert found.running == ()
    assert words in found.running_unknown
