"""Which resource a person means, where its id has a slash."""

from __future__ import annotations

import pytest

from orchestrator.cli.naming import arns_of, named_by
from orchestrator.core.model import AccountId, Region, ResourceKey

GROUP = ResourceKey(AccountId("111111111111"), Region("eu-central-1"), "eks_nodegroup", "shop/web")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("111111111111/eu-central-1/shop/web", "eks_nodegroup"),
        ("arn:aws:eks:eu-central-1:111111111111:nodegroup/shop/web/0a1b2c3d", ""),
    ],
)
def test_an_id_with_a_slash_is_told_by_its_place_or_its_arn(text: str, kind: str) -> None:
    assert named_by(text, "", "", kind).key == GROUP


def test_its_id_and_place_do_not_tell_an_arn_that_has_more_than_these() -> None:
    assert arns_of(named_by("shop/web", "111111111111", "eu-central-1", "eks_nodegroup")) == ()
