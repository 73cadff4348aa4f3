"""Which resource a person means, by ARN and by place: ids may hold what their separators are made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.cli.naming import Named, arns_of, named_by
from orchestrator.core.model import AccountId, Region, ResourceKey
from orchestrator.core.report.document import report_document
from orchestrator.errors import SettingsError
from orchestrator.sweep.stored_look import near_id
from tests.support.builders import a_decision, a_report, a_resource

ACCOUNT, REGION = "111122223333", "eu-central-1"
IDS = ("web", "a#b", "team/web *", "with spaces", "x?y&z|[a]", "a/b/c/d")
UUID = "930d940e-891e-4781-a11a-7b0acd480f03"


@pytest.mark.parametrize("name", IDS)
def test_a_group_is_named_by_its_arn_whatever_its_name(name: str) -> None:
    arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:{UUID}:autoScalingGroupName/{name}"
    assert named_by(arn, "", "", "") == Named(name, ACCOUNT, REGION, "asg")


@pytest.mark.parametrize(("kind", "near"), [("ecs", "ecs_service"), ("eks", "eks_nodegroup"), ("asgs", "asg")])
def test_a_kind_that_is_none_leads_to_the_nearest(kind: str, near: str) -> None:
    with pytest.raises(SettingsError, match=f"'{kind}' is no kind .did you mean {near}..; kinds are"):
        named_by("web", "", "", kind)


def test_an_id_that_a_report_does_not_have_leads_to_the_nearest() -> None:
    group = replace(a_resource("apps/checkout"), kind="ecs_service")
    document = report_document(a_report(decisions=(a_decision(group), a_decision(a_resource("i-1")))))
    assert near_id(document, "checkout") == " (did you mean apps/checkout?)"
    assert near_id(document, "apps/checkout") == near_id(document, "something-else") == ""


@pytest.mark.parametrize("name", IDS)
def test_a_place_ends_in_the_whole_id(name: str) -> None:
    assert named_by(f"{ACCOUNT}/{REGION}/{name}", "", "", "asg") == Named(name, ACCOUNT, REGION, "asg")
    assert named_by(name, ACCOUNT, REGION, "asg") == Named(name, ACCOUNT, REGION, "asg")


def test_an_arn_that_holds_more_than_the_id_tells_is_not_made_up() -> None:
    assert arns_of(Named("web", ACCOUNT, REGION, "asg")) == ()
    assert f"arn:aws:rds:{REGION}:{ACCOUNT}:db:web" in arns_of(Named("web", ACCOUNT, REGION, "rds"))


GROUP = ResourceKey(AccountId(ACCOUNT), Region(REGION), "eks_nodegroup", "shop/web")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"{ACCOUNT}/{REGION}/shop/web", "eks_nodegroup"),
        (f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/shop/web/0a1b2c3d", ""),
    ],
)
def test_an_id_with_a_slash_is_told_by_its_place_or_its_arn(text: str, kind: str) -> None:
    assert named_by(text, "", "", kind).key == GROUP


def test_its_id_and_place_do_not_tell_an_arn_that_has_more_than_these() -> None:
    assert arns_of(named_by("shop/web", ACCOUNT, REGION, "eks_nodegroup")) == ()
